/* "Did you mean …?": the known word nearest to a misspelt one. Pure. */
#pragma once

#include <stddef.h>

/* The nearest of `count` words, `stride` bytes apart from each other (each a const char *); NULL when none is near. */
const char *spelling_nearest(const char *word, const void *words, size_t count, size_t stride);
