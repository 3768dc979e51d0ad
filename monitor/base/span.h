/* A run of bytes that somebody else owns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *bytes; /* may be NULL when size is 0 */
    size_t size;
};

#define HASH_SIZE 32

/* A SHA-256 value. */
struct hash {
    uint8_t bytes[HASH_SIZE];
};

static inline struct span span_of(const void *bytes, size_t size) {
    return (struct span){.bytes = bytes, .size = size};
}

static inline struct span span_of_text(const char *text) {
    return span_of(text, strlen(text));
}

static inline bool span_equal(struct span a, struct span b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

static inline bool hash_equal(const struct hash *a, const struct hash *b) {
    return memcmp(a->bytes, b->bytes, HASH_SIZE) == 0;
}
