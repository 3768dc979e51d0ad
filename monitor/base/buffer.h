/* A growing run of bytes with a ceiling set at birth and an error that sticks.
 *
 * Appending past the ceiling, or without memory, changes nothing and makes `failed` true for good; callers may
 * check once at the end. The bytes are always followed by a NUL that does not count. */
#pragma once

#include <stdarg.h>

#include "base/result.h"
#include "base/span.h"

struct buffer {
    uint8_t *bytes; /* owned */
    size_t size;
    size_t capacity;
    size_t limit;
    bool failed;
    bool has_no_memory; /* that is why it failed */
};

static inline struct buffer buffer_with_limit(size_t limit) {
    return (struct buffer){.limit = limit};
}

void buffer_done(struct buffer *buffer);
/* Forgets the contents and a failure, keeps the memory. */
void buffer_reset(struct buffer *buffer);
bool buffer_add(struct buffer *buffer, struct span bytes);
bool buffer_add_text(struct buffer *buffer, const char *text);
/* Appends `number` as `width` bytes, big endian. */
bool buffer_add_number(struct buffer *buffer, size_t width, uint64_t number);
/* Appends `bytes` after their length in `width` bytes. */
bool buffer_add_vector(struct buffer *buffer, size_t width, struct span bytes);
bool buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for `count` more bytes and returns where they go; NULL when it fails. Follow with buffer_grew. */
uint8_t *buffer_reserve(struct buffer *buffer, size_t count);
void buffer_grew(struct buffer *buffer, size_t count);

static inline struct span buffer_span(const struct buffer *buffer) {
    return span_of(buffer->bytes, buffer->size);
}
/* The contents as a text; "" when nothing was ever added. */
const char *buffer_text(const struct buffer *buffer);
/* OK, or why something could not be appended. */
MUST_CHECK result buffer_check(const struct buffer *buffer);
/* Hands the text over to the caller (memory_free); NULL when the buffer failed. */
char *buffer_take_text(struct buffer *buffer);
