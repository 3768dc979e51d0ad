/* Memory for one unit of work (a batch, an answer, a report), released in one place. */
#pragma once

#include "base/result.h"
#include "base/span.h"

struct arena;

/* An arena that never hands out more than `limit` bytes in all; NULL without memory. */
struct arena *arena_new(size_t limit);
void arena_free(struct arena *arena);
void arena_free_at(struct arena **arena);
/* Takes back everything that was handed out; keeps one block for the next unit of work. */
void arena_reset(struct arena *arena);
/* Zeroed memory, aligned for any type; NULL when the limit or memory is reached. */
void *arena_take(struct arena *arena, size_t size);
void *arena_take_array(struct arena *arena, size_t count, size_t element_size);
/* Copies; the text copy is NUL-terminated. NULL when the limit or memory is reached. */
uint8_t *arena_copy(struct arena *arena, struct span bytes);
char *arena_copy_text(struct arena *arena, const char *text);
char *arena_copy_span_as_text(struct arena *arena, struct span bytes);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
