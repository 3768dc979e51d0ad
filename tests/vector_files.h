/* Vectors: <name>.in holds the raw input (and seeds the fuzzers), <name>.out one line: the value, or the name of the error.
 * Lines of <name>.out that start with # say what the vector shows. */
#pragma once

#include <dirent.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buffer.h"

#define FILE_LIMIT ((size_t) 32 * 1024 * 1024)

/* The whole file; an unopened file gives false and an empty buffer. Release with buffer_done. */
static inline bool file_read(const char *path, struct buffer *ret_bytes) {
    *ret_bytes = buffer_with_limit(FILE_LIMIT);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    uint8_t chunk[4096];
    for (size_t count; (count = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buffer_add(ret_bytes, span_of(chunk, count));
    fclose(file);
    return !ret_bytes->failed;
}

/* A file of the corpora; skips the test when the corpora are not there. */
static inline struct buffer corpus_read(const char *name) {
    char path[1000];
    struct buffer bytes;
    snprintf(path, sizeof path, "%s/%s", CORPORA_FOLDER, name);
    if (!file_read(path, &bytes)) {
        print_message("skipped: the corpora are not here: %s\n", path);
        skip();
    }
    return bytes;
}

/* Writes the value of `input`, or the name of the error, to `ret_line`. */
typedef void vector_judge(struct span input, char *ret_line, size_t size);

static inline unsigned vector_check(const char *folder, const char *name, vector_judge *judge) {
    char path[1000], got[1000] = "";
    struct buffer input, wanted;
    snprintf(path, sizeof path, "%s/vectors/%s/%s", TESTS_FOLDER, folder, name);
    assert_true(file_read(path, &input));
    memcpy(path + strlen(path) - 2, "out", 4);
    if (!file_read(path, &wanted))
        fail_msg("%s is missing", path);
    judge(buffer_span(&input), got, sizeof got);
    const char *line = buffer_text(&wanted);
    while (*line == '#')
        line = strchr(line, '\n') + 1;
    bool is_same = strlen(line) == strlen(got) + 1 && strncmp(line, got, strlen(got)) == 0;
    if (!is_same)
        print_error("%s/%s\n  wanted %s  got    %s\n", folder, name, line, got);
    buffer_done(&input);
    buffer_done(&wanted);
    return is_same ? 0 : 1;
}

/* Every vector of tests/vectors/<folder>; fails when there are none. */
static inline void vectors_check(const char *folder, vector_judge *judge) {
    char path[1000];
    unsigned checked = 0, wrong = 0;
    snprintf(path, sizeof path, "%s/vectors/%s", TESTS_FOLDER, folder);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length < 4 || strcmp(entry->d_name + length - 3, ".in") != 0)
            continue;
        wrong += vector_check(folder, entry->d_name, judge);
        checked++;
    }
    closedir(directory);
    assert_int_equal(wrong, 0);
    assert_true(checked > 0);
}
