/* The only place that allocates from the heap, and the cleanup idiom of the whole tree:
 *
 *     CLEANUP(buffer_done) struct buffer text = buffer_with_limit(1000);
 *     AUTO_FREE char *name = text_copy(input);
 *     ...
 *     *ret_name = TAKE(name);   // success: the caller owns it now */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLEANUP(function) __attribute__((cleanup(function)))
#define AUTO_FREE CLEANUP(memory_free_at)

/* Moves a pointer out of a variable that would otherwise free it. */
#define TAKE(pointer) \
    __extension__({ \
        __typeof__(pointer) taken_ = (pointer); \
        (pointer) = NULL; \
        taken_; \
    })

/* Defines `name_at`, the cleanup form of a free function that takes a pointer. */
#define CLEANUP_OF_POINTER(type, free_function) \
    static inline void free_function##_at(type **pointer) { \
        free_function(*pointer); \
    }

/* Zeroed memory, NULL when there is none. Release with memory_free. */
void *memory_new(size_t size) __attribute__((malloc));
/* Zeroed memory for count elements; NULL also when the product would wrap. */
void *memory_new_array(size_t count, size_t element_size) __attribute__((malloc));
/* As realloc; on failure the old block stays valid and NULL is returned. New bytes are not zeroed. */
void *memory_resize(void *block, size_t size) __attribute__((warn_unused_result));
/* Room for one element more in an array of `count`, doubled when it is full: the block, perhaps moved, and *room, how many it holds now
 * (both 0 at first). NULL when there is no memory; the old block and *room then stay as they were. */
void *memory_grow(void *block, size_t count, size_t *room, size_t element_size) __attribute__((warn_unused_result));
void memory_free(void *block);
/* From here on Jansson's and OpenSSL's refusals are counted as well. To be called before OpenSSL is used; digest_init does. */
void memory_count_libraries(void);
/* How often this process was refused memory, by us, by Jansson or by OpenSSL, which hides that it was. What was built between two equal marks lacks nothing. For builders of
 * many small pieces (JSON, texts) that look once, at the end. */
uint64_t memory_mark(void);
/* Cleanup form: `pointer` is the address of a pointer variable of any type. */
void memory_free_at(void *pointer);
/* Releases memory that a library allocated with malloc. */
void memory_free_foreign(void *block);
