#include "formats/zip_archive.h"

#include <libdeflate.h>

enum { LOCAL_HEADER = 0x04034b50, DIRECTORY_ENTRY = 0x02014b50, DIRECTORY_END = 0x06054b50, END_SIZE = 22, COMMENT_MAX = 65535, STORED = 0,
       DEFLATED = 8, RATIO_MAX = 1100 /* deflate gives 1032 bytes for one at most */ };

bool zip_is_likely(struct span bytes) {
    return bytes.size >= 4 && memcmp(bytes.bytes, "PK\3\4", 4) == 0;
}

/* The record at the end, behind which a comment may stand; its place from the start. */
static bool find_end(struct span bytes, size_t *ret_place) {
    for (size_t back = END_SIZE; back <= bytes.size && back <= END_SIZE + COMMENT_MAX; back++) {
        const uint8_t *at = bytes.bytes + bytes.size - back;
        if (memcmp(at, "PK\5\6", 4) == 0 && (size_t) (at[20] | at[21] << 8) <= back - END_SIZE) {
            *ret_place = bytes.size - back;
            return true;
        }
    }
    return false;
}

result zip_open(struct span bytes, result fault, struct zip_archive *ret_archive, struct reason *reason) {
    struct cursor end = cursor_of(bytes), directory = cursor_of(bytes);
    uint32_t size, offset;
    size_t place;
    if (!find_end(bytes, &place) || !cursor_skip(&end, place + 12) || !cursor_little(&end, 4, &size) || !cursor_little(&end, 4, &offset))
        return reason_set(reason, fault, "the ZIP has no directory at its end: it was cut off");
    *ret_archive = (struct zip_archive){.bytes = bytes, .fault = fault, .reason = reason};
    if (!cursor_skip(&directory, offset) || !cursor_take(&directory, size, &ret_archive->directory))
        return reason_set(reason, fault, "the directory of the ZIP does not fit into it");
    return OK;
}

bool zip_next(struct cursor *cursor, struct zip_member *ret_member) {
    enum { SIGNATURE, METHOD = 4, CRC = 7, COMPRESSED_SIZE, SIZE, NAME_SIZE, EXTRA_SIZE, COMMENT_SIZE, OFFSET = 16, FIELDS };
    static const uint8_t widths[FIELDS] = {4, 2, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4}; /* APPNOTE 4.3.12 */
    uint32_t fields[FIELDS];
    struct span name;
    for (size_t i = 0; i < FIELDS; i++)
        if (!cursor_little(cursor, widths[i], &fields[i]))
            return false;
    if (fields[SIGNATURE] != DIRECTORY_ENTRY || !cursor_take(cursor, fields[NAME_SIZE], &name) ||
        !cursor_skip(cursor, (size_t) fields[EXTRA_SIZE] + fields[COMMENT_SIZE]))
        return false;
    *ret_member = (struct zip_member){.name = name, .method = fields[METHOD], .crc = fields[CRC], .compressed_size = fields[COMPRESSED_SIZE],
                                      .size = fields[SIZE], .offset = fields[OFFSET]};
    return true;
}

void zip_find(const struct zip_archive *archive, const char *name, struct zip_member *ret_member, size_t *ret_count) {
    struct cursor cursor = cursor_of(archive->directory);
    struct zip_member member;
    *ret_count = 0;
    while (zip_next(&cursor, &member)) {
        if (span_equal(member.name, span_of_text(name))) {
            *ret_member = member;
            ++*ret_count;
        }
    }
}

/* What is packed, behind a second header with a name of its own, which must be the same. */
static bool find_packed(const struct zip_archive *archive, const struct zip_member *member, struct span *ret_packed) {
    struct cursor cursor = cursor_of(archive->bytes);
    uint32_t signature, name_size, extra_size;
    struct span name;
    return cursor_skip(&cursor, member->offset) && cursor_little(&cursor, 4, &signature) && signature == LOCAL_HEADER && cursor_skip(&cursor, 22) &&
           cursor_little(&cursor, 2, &name_size) && cursor_little(&cursor, 2, &extra_size) && cursor_take(&cursor, name_size, &name) &&
           span_equal(name, member->name) && cursor_skip(&cursor, extra_size) && cursor_take(&cursor, member->compressed_size, ret_packed);
}

static result inflate(struct span packed, size_t size, struct arena *arena, struct span *ret_bytes, bool *ret_is_whole) {
    uint8_t *bytes = arena_take(arena, size + 1);
    struct libdeflate_decompressor *decompressor = bytes == NULL ? NULL : libdeflate_alloc_decompressor();
    if (decompressor == NULL)
        return &fault_no_memory;
    size_t written = 0;
    enum libdeflate_result outcome = libdeflate_deflate_decompress(decompressor, packed.bytes, packed.size, bytes, size, &written);
    libdeflate_free_decompressor(decompressor);
    *ret_is_whole = outcome == LIBDEFLATE_SUCCESS && written == size;
    *ret_bytes = span_of(bytes, size);
    return OK;
}

static result refuse(const struct zip_archive *archive, const struct zip_member *member, const char *sentence) {
    int size = member->name.size < 120 ? (int) member->name.size : 120;
    return reason_set(archive->reason, archive->fault, "%.*s in the ZIP %s", size, (const char *) member->name.bytes, sentence);
}

result zip_extract(const struct zip_archive *archive, const struct zip_member *member, size_t size_max, struct arena *arena,
                   struct span *ret_bytes) {
    struct span packed;
    bool is_whole = true;
    if (member->size > size_max)
        return refuse(archive, member, "is larger than any real one");
    if (!find_packed(archive, member, &packed))
        return refuse(archive, member, "does not stand where the directory says");
    if (member->method != STORED && member->method != DEFLATED)
        return refuse(archive, member, "is packed by a method that Android does not know either, wanted stored or deflate");
    if (member->method == STORED)
        *ret_bytes = packed;
    else if (member->size / RATIO_MAX > packed.size)
        is_whole = false;
    else
        TRY(inflate(packed, member->size, arena, ret_bytes, &is_whole));
    if (!is_whole || ret_bytes->size != member->size || libdeflate_crc32(0, ret_bytes->bytes, ret_bytes->size) != member->crc)
        return refuse(archive, member, "is damaged: it does not unpack to what the directory says");
    return OK;
}
