#include "base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static uint64_t refusals;

static void *counted(void *block) {
    refusals += block == NULL;
    return block;
}

static void *allocate_for_jansson(size_t size) {
    return counted(malloc(size));
}

uint64_t memory_mark(void) {
    static bool is_installed;
    if (!is_installed)
        json_set_alloc_funcs(allocate_for_jansson, free);
    is_installed = true;
    return refusals;
}

void *memory_new(size_t size) {
    return counted(calloc(1, size == 0 ? 1 : size));
}

void *memory_new_array(size_t count, size_t element_size) {
    return counted(calloc(count == 0 ? 1 : count, element_size == 0 ? 1 : element_size));
}

void *memory_resize(void *block, size_t size) {
    return counted(realloc(block, size == 0 ? 1 : size));
}

void memory_free(void *block) {
    free(block);
}

void memory_free_at(void *pointer) {
    void *block;
    memcpy(&block, pointer, sizeof block);
    free(block);
}

void memory_free_foreign(void *block) {
    free(block);
}
