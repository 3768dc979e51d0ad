#include "formats/android_chunk.h"

#include "base/utf8.h"

enum { CHUNK_HEADER_SIZE = 8, UTF8_FLAG = 0x100 };

bool android_chunk_take(struct cursor *cursor, struct android_chunk *ret_chunk) {
    struct cursor attempt = *cursor;
    uint32_t type, header_size, size;
    const uint8_t *begin = cursor->bytes + cursor->position;
    if (!cursor_little(&attempt, 2, &type) || !cursor_little(&attempt, 2, &header_size) || !cursor_little(&attempt, 4, &size))
        return false;
    if (header_size < CHUNK_HEADER_SIZE || size < header_size || !cursor_skip(cursor, size))
        return false;
    *ret_chunk = (struct android_chunk){.type = type, .header = span_of(begin, header_size), .body = span_of(begin + header_size, size - header_size),
                                        .whole = span_of(begin, size)};
    return true;
}

bool android_value_take(struct cursor *cursor, struct android_value *ret_value) {
    uint32_t size, reserved, type, data;
    if (!cursor_little(cursor, 2, &size) || !cursor_little(cursor, 1, &reserved) || !cursor_little(cursor, 1, &type) || !cursor_little(cursor, 4, &data))
        return false;
    *ret_value = (struct android_value){.type = (uint8_t) type, .data = data};
    return true;
}

bool android_pool_of(const struct android_chunk *chunk, struct android_pool *ret_pool) {
    struct cursor cursor = cursor_of(chunk->header), body = cursor_of(chunk->body);
    uint32_t count, styles, flags, start, style_start;
    struct span offsets;
    if (!cursor_skip(&cursor, CHUNK_HEADER_SIZE) || !cursor_little(&cursor, 4, &count) || !cursor_little(&cursor, 4, &styles) ||
        !cursor_little(&cursor, 4, &flags) || !cursor_little(&cursor, 4, &start) || !cursor_little(&cursor, 4, &style_start))
        return false;
    if (count > chunk->body.size / 4 || !cursor_take(&body, (size_t) count * 4, &offsets) || start > chunk->whole.size)
        return false;
    *ret_pool = (struct android_pool){.offsets = offsets, .strings = span_of(chunk->whole.bytes + start, chunk->whole.size - start), .count = count,
                                      .is_utf8 = (flags & UTF8_FLAG) != 0};
    return true;
}

/* One unit, or two where the highest bit of the first is set. */
static bool take_length(struct cursor *cursor, size_t width, uint32_t *ret_length) {
    uint32_t first, second, high = width == 1 ? 0x80 : 0x8000;
    if (!cursor_little(cursor, width, &first))
        return false;
    *ret_length = first;
    if ((first & high) == 0)
        return true;
    if (!cursor_little(cursor, width, &second))
        return false;
    *ret_length = (first & (high - 1)) << (8 * width) | second;
    return true;
}

/* Room for a NUL and three bytes more than `size` at ret_text. */
static void put_utf8(struct span raw, char *ret_text) {
    uint32_t point;
    for (size_t at = 0; at < raw.size;) {
        size_t size = utf8_next(raw, at, &point);
        if (size == 0 || point == 0)
            *ret_text++ = '?';
        for (size_t i = 0; i < size && point != 0; i++)
            *ret_text++ = (char) raw.bytes[at + i];
        at += size == 0 ? 1 : size;
    }
}

static uint32_t unit_at(struct span raw, size_t at) {
    return at + 1 < raw.size ? (uint32_t) raw.bytes[at] | (uint32_t) raw.bytes[at + 1] << 8 : 0;
}

/* Three bytes of UTF-8 for each two of UTF-16 at most. */
static void put_utf16(struct span raw, char *ret_text) {
    for (size_t at = 0; at + 1 < raw.size; at += 2) {
        uint32_t point = unit_at(raw, at), low = unit_at(raw, at + 2);
        uint8_t bytes[4];
        if (point >= 0xd800 && point < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
            at += 2;
        }
        size_t size = point == 0 ? 0 : utf8_put(point, bytes);
        if (size == 0)
            *ret_text++ = '?';
        for (size_t i = 0; i < size; i++)
            *ret_text++ = (char) bytes[i];
    }
}

bool android_pool_text(const struct android_pool *pool, uint32_t number, struct arena *arena, const char **ret_text) {
    struct cursor offsets = cursor_of(pool->offsets), strings = cursor_of(pool->strings);
    uint32_t offset, length;
    struct span raw;
    *ret_text = NULL;
    if (number >= pool->count || !cursor_skip(&offsets, (size_t) number * 4) || !cursor_little(&offsets, 4, &offset) || !cursor_skip(&strings, offset))
        return true;
    size_t width = pool->is_utf8 ? 1 : 2;
    if (!take_length(&strings, width, &length) || (pool->is_utf8 && !take_length(&strings, 1, &length)) ||
        !cursor_take(&strings, (size_t) length * width, &raw))
        return true;
    char *text = arena_take(arena, raw.size / width * 3 + 4);
    if (text == NULL)
        return false;
    if (pool->is_utf8)
        put_utf8(raw, text);
    else
        put_utf16(raw, text);
    *ret_text = text;
    return true;
}
