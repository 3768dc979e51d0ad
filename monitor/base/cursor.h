/* The one bounded reader of foreign bytes. Everything else asks it.
 *
 * A read that does not fit returns false, leaves position and output as they were, and makes every later read
 * fail too, so that a parser may check once at the end. All numbers are big endian. */
#pragma once

#include "base/span.h"

struct cursor {
    const uint8_t *bytes;
    size_t size;
    size_t position; /* always <= size */
    bool failed;
};

static inline struct cursor cursor_of(struct span input) {
    /* arithmetic on NULL is undefined, even by 0 */
    return (struct cursor){.bytes = input.bytes != NULL ? input.bytes : (const uint8_t *) "", .size = input.size};
}

static inline size_t cursor_remaining(const struct cursor *cursor) {
    return cursor->size - cursor->position;
}

static inline bool cursor_at_end(const struct cursor *cursor) {
    return !cursor->failed && cursor->position == cursor->size;
}

/* Takes the next `count` bytes, without copying them. */
static inline bool cursor_take(struct cursor *cursor, size_t count, struct span *ret_span) {
    if (cursor->failed || count > cursor->size - cursor->position) {
        cursor->failed = true;
        return false;
    }
    *ret_span = (struct span){.bytes = cursor->bytes + cursor->position, .size = count};
    cursor->position += count;
    return true;
}

static inline bool cursor_skip(struct cursor *cursor, size_t count) {
    struct span ignored;
    return cursor_take(cursor, count, &ignored);
}

/* Reads an unsigned number of `width` bytes, 1 to 8. */
static inline bool cursor_number(struct cursor *cursor, size_t width, uint64_t *ret_number) {
    struct span raw;
    if (!cursor_take(cursor, width, &raw))
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | raw.bytes[i];
    *ret_number = number;
    return true;
}

static inline bool cursor_u8(struct cursor *cursor, uint8_t *ret_number) {
    struct span raw;
    if (!cursor_take(cursor, 1, &raw))
        return false;
    *ret_number = raw.bytes[0];
    return true;
}

/* Looks at the next byte and leaves it there; does not make the cursor fail. */
static inline bool cursor_peek(const struct cursor *cursor, uint8_t *ret_byte) {
    if (cursor->failed || cursor->position == cursor->size)
        return false;
    *ret_byte = cursor->bytes[cursor->position];
    return true;
}

/* Takes a vector whose length stands before it in `width` bytes (RFC 8446 3.4). */
static inline bool cursor_vector(struct cursor *cursor, size_t width, struct span *ret_span) {
    struct cursor attempt = *cursor;
    uint64_t count;
    struct span body;
    if (!cursor_number(&attempt, width, &count) || count > SIZE_MAX || !cursor_take(&attempt, (size_t) count, &body)) {
        cursor->failed = true;
        return false;
    }
    *ret_span = body;
    cursor->position = attempt.position;
    return true;
}

/* Copies `count` bytes to `ret_bytes`. */
static inline bool cursor_copy(struct cursor *cursor, size_t count, void *ret_bytes) {
    struct span raw;
    if (!cursor_take(cursor, count, &raw))
        return false;
    if (count > 0)
        memcpy(ret_bytes, raw.bytes, count);
    return true;
}
