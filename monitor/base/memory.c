#include "base/memory.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64 /* elements of an array that grows */

static uint64_t refusals;

static void *counted(void *block) {
    refusals += block == NULL;
    return block;
}

/* Jansson 2.14 goes on with half a text, and aborts over it, where its parser is refused memory. It is lent some of this instead; the
 * refusal is counted, and whoever looks at the mark throws away what was built. */
static struct {
    _Alignas(16) uint8_t bytes[256 * 1024];
    size_t used;
    unsigned lent; /* blocks that are out; at 0 all is free again */
} reserve;

static void *borrow(size_t size) {
    size_t room = (size + 15) / 16 * 16;
    if (size > sizeof reserve.bytes || room > sizeof reserve.bytes - reserve.used)
        return NULL;
    void *block = reserve.bytes + reserve.used;
    reserve.used += room;
    reserve.lent++;
    return block;
}

static bool give_back(const void *block) {
    uintptr_t at = (uintptr_t) block, begin = (uintptr_t) reserve.bytes;
    if (at < begin || at >= begin + sizeof reserve.bytes)
        return false;
    if (--reserve.lent == 0)
        reserve.used = 0;
    return true;
}

static void *allocate_for_jansson(size_t size) {
    void *block = counted(malloc(size));
    return block != NULL ? block : borrow(size);
}

static void *allocate_for_openssl(size_t size, const char *unused_file, int unused_line) {
    (void) unused_file;
    (void) unused_line;
    return counted(malloc(size));
}

static void *resize_for_openssl(void *block, size_t size, const char *unused_file, int unused_line) {
    (void) unused_file;
    (void) unused_line;
    if (size > 0)
        return counted(realloc(block, size));
    free(block);
    return NULL;
}

static void free_for_openssl(void *block, const char *unused_file, int unused_line) {
    (void) unused_file;
    (void) unused_line;
    free(block);
}

void memory_count_libraries(void) {
    static bool is_installed;
    if (is_installed)
        return;
    is_installed = true;
    json_set_alloc_funcs(allocate_for_jansson, memory_free_foreign);
    /* Refused where OpenSSL has memory already; then its own words have to do. */
    (void) CRYPTO_set_mem_functions(allocate_for_openssl, resize_for_openssl, free_for_openssl);
}

uint64_t memory_mark(void) {
    memory_count_libraries();
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

void *memory_grow(void *block, size_t count, size_t *room, size_t element_size) {
    if (count < *room)
        return block;
    if (*room > SIZE_MAX / 2 / element_size)
        return counted(NULL);
    size_t wanted = *room == 0 ? FIRST_ROOM : 2 * *room;
    void *grown = memory_resize(block, wanted * element_size);
    if (grown != NULL)
        *room = wanted;
    return grown;
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
    if (!give_back(block))
        free(block);
}
