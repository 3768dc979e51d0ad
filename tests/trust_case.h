/* What tests of paths to roots share. */
#pragma once

#include "base/text.h"
#include "rules/ca_edges.h"
#include "rules/trust_paths.h"
#include "vector_files.h"

#define PATHS_ARENA_LIMIT ((size_t) 16 * 1024 * 1024)
#define PATHS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static struct arena *arena;

static inline int setup(void **state) {
    (void) state;
    arena = arena_new(PATHS_ARENA_LIMIT);
    return arena == NULL;
}

static inline int teardown(void **state) {
    (void) state;
    arena_free(arena);
    return 0;
}

static inline struct hash hash_of(const char *hex) {
    struct hash hash;
    assert_ptr_equal(hash_from_hex(span_of_text(hex), &hash), OK);
    return hash;
}

static inline int64_t time_of(const char *text) {
    int64_t milliseconds;
    assert_ptr_equal(text_to_time_ms(span_of_text(text), &milliseconds), OK);
    return milliseconds / 1000;
}

static inline struct trust_paths find(const struct trust_question *question) {
    struct trust_paths paths;
    assert_ptr_equal(trust_paths_find(question, arena, &paths), OK);
    assert_in_range(paths.count, 1, TRUST_PATHS_MAX);
    return paths;
}

/* "leaf E7 ISRG Root X2; leaf E7 ISRG Root X1": each path by the names of its keys; "…" where its end is not known, "!" where it is foreign. */
static inline const char *words_of(const struct trust_paths *paths) {
    struct buffer text = buffer_with_limit(10000);
    for (size_t i = 0; i < paths->count; i++) {
        const struct pin_path *path = &paths->paths[i];
        buffer_printf(&text, "%s", i == 0 ? "" : "; ");
        for (size_t place = 0; place < path->count; place++) {
            const char *name = place == 0 ? "leaf" : ca_key_name(&path->links[place].spki_sha256);
            buffer_printf(&text, "%s%s", place == 0 ? "" : " < ", name == NULL ? "?" : name);
        }
        buffer_printf(&text, "%s", path->is_complete ? "" : path->is_foreign ? " !" : " …");
    }
    const char *words = arena_copy_text(arena, buffer_text(&text));
    buffer_done(&text);
    return words;
}
