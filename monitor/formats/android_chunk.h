/* Chunks and string pools of Android's compiled files, shared by their two readers. */
#pragma once

#include "base/arena.h"
#include "formats/little_endian.h"

enum {
    ANDROID_STRING_POOL = 0x0001,
    ANDROID_TABLE = 0x0002,
    ANDROID_XML = 0x0003,
};

enum { ANDROID_VALUE_REFERENCE = 0x01, ANDROID_VALUE_STRING = 0x03, ANDROID_VALUE_DYNAMIC_REFERENCE = 0x07, ANDROID_VALUE_FIRST_INT = 0x10,
       ANDROID_VALUE_HEX = 0x11, ANDROID_VALUE_BOOLEAN = 0x12, ANDROID_VALUE_LAST_INT = 0x1f };

#define ANDROID_NO_STRING UINT32_MAX

struct android_chunk {
    uint32_t type;
    struct span header; /* with type and sizes */
    struct span body;
    struct span whole;
};

struct android_value {
    uint8_t type;
    uint32_t data;
};

struct android_pool {
    struct span offsets;  /* 4 bytes each */
    struct span strings;
    uint32_t count;
    bool is_utf8;
};

/* The chunk at the cursor; false where none fits. */
bool android_chunk_take(struct cursor *cursor, struct android_chunk *ret_chunk);
bool android_value_take(struct cursor *cursor, struct android_value *ret_value);
bool android_pool_of(const struct android_chunk *chunk, struct android_pool *ret_pool);
/* UTF-8 without NUL, from the arena; what is no text becomes "?". NULL in *ret_text: the pool has no such string. False: no memory. */
bool android_pool_text(const struct android_pool *pool, uint32_t number, struct arena *arena, const char **ret_text);
