#include "drill/tile_request.h"

#include <stdio.h>

#include "base/cursor.h"

#define GROUP_SIZE 3
#define GROUPS_MAX 4 /* 2^40 entries are fewer than 1000^4 tiles */
#define LEVELS_MAX 5 /* static-ct-api: levels 0 to 5 */

/* Three digits. */
static bool read_group(struct cursor *path, uint64_t *number) {
    struct span digits;
    if (!cursor_take(path, GROUP_SIZE, &digits))
        return false;
    for (size_t i = 0; i < GROUP_SIZE; i++) {
        if (digits.bytes[i] < '0' || digits.bytes[i] > '9')
            return false;
        *number = *number * 10 + (uint64_t) (digits.bytes[i] - '0');
    }
    return true;
}

/* "x001/x234/067" */
static bool read_number(struct cursor *path, uint64_t *ret_number) {
    uint8_t next;
    *ret_number = 0;
    for (int group = 0; group < GROUPS_MAX; group++) {
        bool is_last = !cursor_peek(path, &next) || next != 'x';
        if (!is_last && !cursor_skip(path, 1))
            return false;
        if (!read_group(path, ret_number))
            return false;
        if (is_last)
            return true;
        if (!cursor_u8(path, &next) || next != '/')
            return false;
    }
    return false;
}

/* ".p/<width>" or nothing. */
static bool read_width(struct cursor *path, unsigned *ret_width) {
    struct span mark;
    *ret_width = TILE_WIDTH;
    if (cursor_at_end(path))
        return true;
    if (!cursor_take(path, 3, &mark) || memcmp(mark.bytes, ".p/", 3) != 0)
        return false;
    *ret_width = 0;
    uint8_t digit;
    while (cursor_peek(path, &digit) && digit >= '0' && digit <= '9' && *ret_width < TILE_WIDTH && cursor_skip(path, 1))
        *ret_width = *ret_width * 10 + digit - '0';
    return cursor_at_end(path) && *ret_width > 0 && *ret_width < TILE_WIDTH;
}

bool tile_request_parse(struct span path, struct tile_request *ret_tile) {
    struct tile_request tile = {.is_data = path.size > 5 && memcmp(path.bytes, "data/", 5) == 0};
    struct cursor cursor = cursor_of(path);
    uint8_t level, slash;
    if (tile.is_data) {
        (void) cursor_skip(&cursor, 5);
    } else {
        if (!cursor_u8(&cursor, &level) || level < '0' || level > '0' + LEVELS_MAX || !cursor_u8(&cursor, &slash) || slash != '/')
            return false;
        tile.level = level - (unsigned) '0';
    }
    char canonical[TILE_PATH_SIZE];
    if (!read_number(&cursor, &tile.number) || !read_width(&cursor, &tile.width))
        return false;
    if (tile.is_data)
        tile_path_data(tile.number, tile.width, canonical);
    else
        tile_path_hashes(tile.level, tile.number, tile.width, canonical);
    if (!span_equal(span_of_text(canonical + sizeof "tile/" - 1), path))
        return false;
    *ret_tile = tile;
    return true;
}
