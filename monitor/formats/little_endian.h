/* Numbers in the byte order of ZIP and of Android's resources, through the one cursor. */
#pragma once

#include "base/cursor.h"

/* Reads an unsigned number of `width` bytes, 1 to 4. */
static inline bool cursor_little(struct cursor *cursor, size_t width, uint32_t *ret_number) {
    struct span raw;
    if (!cursor_take(cursor, width, &raw))
        return false;
    uint32_t number = 0;
    for (size_t i = width; i > 0; i--)
        number = number << 8 | raw.bytes[i - 1];
    *ret_number = number;
    return true;
}
