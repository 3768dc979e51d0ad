#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

#define BLOCK_SIZE ((size_t) 16 * 1024)

struct block {
    struct block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) uint8_t bytes[];
};

struct arena {
    struct block *blocks; /* newest first */
    size_t limit;
    size_t taken;
};

struct arena *arena_new(size_t limit) {
    struct arena *arena = memory_new(sizeof *arena);
    if (arena != NULL)
        arena->limit = limit;
    return arena;
}

static void blocks_free(struct block *block) {
    while (block != NULL) {
        struct block *next = block->next;
        memory_free(block);
        block = next;
    }
}

void arena_free(struct arena *arena) {
    if (arena == NULL)
        return;
    blocks_free(arena->blocks);
    memory_free(arena);
}

void arena_free_at(struct arena **arena) {
    arena_free(*arena);
}

void arena_reset(struct arena *arena) {
    struct block *kept = arena->blocks;
    arena->taken = 0;
    if (kept == NULL)
        return;
    blocks_free(kept->next);
    kept->next = NULL;
    if (kept->size > BLOCK_SIZE) {
        memory_free(kept);
        arena->blocks = NULL;
        return;
    }
    memset(kept->bytes, 0, kept->used);
    kept->used = 0;
}

static struct block *arena_add_block(struct arena *arena, size_t size) {
    size_t wanted = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    struct block *block = memory_new(sizeof *block + wanted);
    if (block == NULL)
        return NULL;
    block->size = wanted;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_take(struct arena *arena, size_t size) {
    const size_t alignment = alignof(max_align_t);
    if (size > arena->limit || arena->limit - size < arena->taken || size > SIZE_MAX - alignment)
        return NULL;
    size_t padded = (size + alignment - 1) / alignment * alignment;
    struct block *block = arena->blocks;
    if (block == NULL || padded > block->size - block->used) {
        block = arena_add_block(arena, padded);
        if (block == NULL)
            return NULL;
    }
    void *place = block->bytes + block->used;
    block->used += padded;
    arena->taken += size;
    return place;
}

void *arena_take_array(struct arena *arena, size_t count, size_t element_size) {
    if (element_size != 0 && count > SIZE_MAX / element_size)
        return NULL;
    return arena_take(arena, count * element_size);
}

uint8_t *arena_copy(struct arena *arena, struct span bytes) {
    uint8_t *copy = arena_take(arena, bytes.size == 0 ? 1 : bytes.size);
    if (copy != NULL && bytes.size > 0)
        memcpy(copy, bytes.bytes, bytes.size);
    return copy;
}

char *arena_copy_span_as_text(struct arena *arena, struct span bytes) {
    if (bytes.size == SIZE_MAX)
        return NULL;
    char *copy = arena_take(arena, bytes.size + 1);
    if (copy != NULL && bytes.size > 0)
        memcpy(copy, bytes.bytes, bytes.size);
    return copy;
}

char *arena_copy_text(struct arena *arena, const char *text) {
    return arena_copy_span_as_text(arena, span_of_text(text));
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *place = length < 0 ? NULL : arena_take(arena, (size_t) length + 1);
    if (place == NULL)
        return NULL;
    va_start(arguments, format);
    vsnprintf(place, (size_t) length + 1, format, arguments);
    va_end(arguments);
    return place;
}
