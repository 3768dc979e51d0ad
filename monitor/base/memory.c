#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void *memory_new(size_t size) {
    return calloc(1, size == 0 ? 1 : size);
}

void *memory_new_array(size_t count, size_t element_size) {
    return calloc(count == 0 ? 1 : count, element_size == 0 ? 1 : element_size);
}

void *memory_resize(void *block, size_t size) {
    return realloc(block, size == 0 ? 1 : size);
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
