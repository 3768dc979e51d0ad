#include "reader/inflate.h"

#include <libdeflate.h>

#include "base/memory.h"

FAULT(fault_gzip_format, FAULT_INPUT, "gzip.format", "gzip body", "RFC 1952 2.3", "damaged or not gzip", "one whole member");
FAULT(fault_gzip_trailing, FAULT_INPUT, "gzip.trailing", "gzip body", "RFC 1952 2.2", "more bytes behind the first member",
      "one member and nothing else");
FAULT(fault_gzip_ceiling, FAULT_INPUT, "gzip.ceiling", "gzip body", "", "it inflates to more than the ceiling",
      "a smaller batch");

#define FIRST_CAPACITY ((size_t) 1024 * 1024)
#define KEPT_CAPACITY  ((size_t) 24 * 1024 * 1024) /* a larger buffer is given back before the next body */
#define RATIO_MAX      1032                        /* deflate cannot do better (RFC 1951 3.2.5: 258 bytes in 2 bits) */
#define TRAILER_SIZE   8                           /* CRC-32 and ISIZE */

result inflater_init(struct inflater *ret_inflater) {
    *ret_inflater = (struct inflater){.decompressor = libdeflate_alloc_decompressor()};
    return ret_inflater->decompressor == NULL ? &fault_no_memory : OK;
}

void inflater_done(struct inflater *inflater) {
    libdeflate_free_decompressor(inflater->decompressor);
    memory_free(inflater->bytes);
    *inflater = (struct inflater){0};
}

static bool is_gzip(struct span body) {
    return body.size >= 2 && body.bytes[0] == 0x1f && body.bytes[1] == 0x8b;
}

/* The contents are not kept, so nothing needs to be copied when it grows. */
static result ensure_capacity(struct inflater *inflater, size_t capacity) {
    bool is_wasteful = inflater->capacity > KEPT_CAPACITY && capacity <= KEPT_CAPACITY;
    if (capacity <= inflater->capacity && !is_wasteful)
        return OK;
    memory_free(inflater->bytes);
    inflater->capacity = 0;
    inflater->bytes = memory_resize(NULL, capacity);
    if (inflater->bytes == NULL)
        return &fault_no_memory;
    inflater->capacity = capacity;
    return OK;
}

/* ISIZE is the log's word (and modulo 2^32): a hint within what deflate can do at all. */
static size_t likely_size(struct span body, size_t ceiling) {
    const uint8_t *isize = body.bytes + body.size - 4;
    size_t hint = (size_t) isize[0] | (size_t) isize[1] << 8 | (size_t) isize[2] << 16 | (size_t) isize[3] << 24;
    size_t most = body.size > ceiling / RATIO_MAX ? ceiling : body.size * RATIO_MAX;
    size_t size = hint > most ? most : hint;
    return size < FIRST_CAPACITY ? FIRST_CAPACITY : size;
}

static result inflate(struct inflater *inflater, struct span body, size_t ceiling, struct span *ret_plain) {
    if (body.size < TRAILER_SIZE + 10)
        return &fault_gzip_format;
    size_t capacity = likely_size(body, ceiling);
    for (;;) {
        TRY(ensure_capacity(inflater, capacity));
        size_t room = inflater->capacity < ceiling ? inflater->capacity : ceiling;
        size_t used, size;
        enum libdeflate_result outcome =
            libdeflate_gzip_decompress_ex(inflater->decompressor, body.bytes, body.size, inflater->bytes, room, &used, &size);
        if (outcome == LIBDEFLATE_SUCCESS) {
            *ret_plain = span_of(inflater->bytes, size);
            return used == body.size ? OK : &fault_gzip_trailing;
        }
        if (outcome != LIBDEFLATE_INSUFFICIENT_SPACE)
            return &fault_gzip_format;
        if (room == ceiling)
            return &fault_gzip_ceiling;
        capacity = room > ceiling / 2 ? ceiling : room * 2;
    }
}

result inflater_read(struct inflater *inflater, enum reader_encoding encoding, struct span body, size_t ceiling,
                     struct span *ret_plain) {
    if (encoding == READER_GZIP || (encoding == READER_SNIFF && is_gzip(body)))
        return inflate(inflater, body, ceiling, ret_plain);
    if (body.size > ceiling)
        return &fault_gzip_ceiling;
    *ret_plain = body;
    return OK;
}
