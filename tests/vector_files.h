/* Vectors: <name>.in holds the raw input (and seeds the fuzzers), <name>.out one line: the value, or the name of the error.
 * Lines of <name>.out that start with # say what the vector shows. */
#pragma once

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buffer.h"

#define FILE_LIMIT ((size_t) 32 * 1024 * 1024)

/* The whole file; an unopened file gives false and an empty buffer. Release with buffer_done. */
bool file_read(const char *path, struct buffer *ret_bytes);
/* A file of the corpora; skips the test when they are not there. Release with buffer_done. */
struct buffer corpus_read(const char *name);

/* Writes the value of `input`, or the name of the error, to `ret_line`. */
typedef void vector_judge(struct span input, char *ret_line, size_t size);

/* Every vector <name>.in of tests/vectors/<folder>; fails when there are none. */
void vectors_check(const char *folder, vector_judge *judge);

struct vector_count {
    unsigned checked, wrong;
};

/* Checks the vectors of one file, and says on standard error which are wrong. */
typedef void vector_checker(const char *path, vector_judge *judge, struct vector_count *count);

/* Every file of tests/vectors/<folder> whose name ends with `ending`; fails when one is wrong, or none was checked. */
void vector_folder_check(const char *folder, const char *ending, vector_checker *check, vector_judge *judge);
