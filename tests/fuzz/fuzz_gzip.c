/* Our inflating against zlib: the same bytes, or both refuse; the ceiling holds.
 *
 * library: z
 * parser: reader/inflate.c
 * seeds: gzip
 */
#include <zlib.h>

#include "base/memory.h"
#include "fuzz/harness.h"
#include "reader/inflate.h"

#define CEILING ((size_t) 1 << 21)

enum { ZLIB_GZIP = 16 + MAX_WBITS };

/* One whole member and nothing behind it. Returns the size, -1 when refused, -2 when larger than the ceiling. */
static int64_t inflate_slowly(struct span body, uint8_t *ret_plain) {
    z_stream stream = {.next_in = (Bytef *) (uintptr_t) body.bytes, .avail_in = (uInt) body.size, .next_out = ret_plain,
                       .avail_out = CEILING + 1};
    require(inflateInit2(&stream, ZLIB_GZIP) == Z_OK);
    int outcome = inflate(&stream, Z_FINISH);
    int64_t size = (int64_t) (CEILING + 1 - stream.avail_out);
    bool is_whole = outcome == Z_STREAM_END && stream.avail_in == 0;
    inflateEnd(&stream);
    if (outcome != Z_STREAM_END && size > (int64_t) CEILING)
        return -2;
    return is_whole ? size : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct inflater inflater;
    static uint8_t plain[CEILING + 1];
    struct span body = span_of(bytes, size), ours;
    require(inflater_init(&inflater) == OK);
    result outcome = inflater_read(&inflater, READER_GZIP, body, CEILING, &ours);
    int64_t wanted = inflate_slowly(body, plain);
    bool has_header_crc = size > 3 && (bytes[3] & 2) != 0; /* libdeflate steps over the CRC-16 of the header (RFC 1952 2.3.1.2) */
    if (outcome == OK && wanted == -1)
        require(has_header_crc);
    else if (outcome == OK)
        require(wanted == (int64_t) ours.size && memcmp(plain, ours.bytes, ours.size) == 0);
    else if (outcome == &fault_gzip_ceiling)
        require(wanted < 0 || wanted == (int64_t) CEILING + 1); /* of what is cut off libdeflate reads zeros first, which may be too many */
    else
        require(wanted < 0 && outcome != &fault_no_memory);
    outcome = inflater_read(&inflater, READER_SNIFF, body, CEILING, &ours);
    bool is_gzip = size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    require(is_gzip || outcome == (size > CEILING ? &fault_gzip_ceiling : OK));
    inflater_done(&inflater);
    return 0;
}
