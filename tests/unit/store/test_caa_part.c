/* A commit about CAA that goes in parts: everything about one owner in one of them, nothing lost, nothing twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/caa_poll.h"

#define OWNERS 50

static char names[OWNERS][40], subjects[OWNERS][44];
static const struct caa_answer answer = {.outcome = CAA_EMPTY, .why = "", .detail = ""};

static struct store_caa_commit *whole(void) {
    struct store_caa_commit *commit;
    assert_ptr_equal(store_caa_commit_new(&commit), OK);
    for (unsigned i = 0; i < OWNERS; i++) {
        snprintf(names[i], sizeof names[i], "n%u.example.com", i);
        snprintf(subjects[i], sizeof subjects[i], "caa:n%u.example.com", i);
        struct store_caa_answer row = {.owner = names[i], .resolver = "192.0.2.1:53", .begins = i % 2 == 0, .answer = &answer, .records = span_of_text("x")};
        store_caa_add_answer(commit, &row);
        store_caa_add_accepted(commit, &row);
        struct store_caa_condition_item item = {.rule = "caa.lint", .subject = subjects[i], .fingerprint = "", .note = ""};
        store_caa_add_condition(commit, &item);
    }
    return commit;
}

static void the_halves_of_each_part_hold_together_what_it_holds_and_the_last_one_is_about_one_owner(void **state) {
    (void) state;
    struct store_caa_commit *commit = whole(), *part;
    struct store_caa_part todo[66] = {{0}};
    size_t count = 1;
    unsigned seen[OWNERS] = {0};
    while (count > 0) {
        struct store_caa_part at = todo[--count];
        const char *owner;
        assert_true(at.depth < 64);
        assert_ptr_equal(store_caa_commit_part(commit, at, &part), OK);
        unsigned owners = store_caa_commit_owners(part, &owner);
        for (unsigned i = 0; i < OWNERS && owners == 1; i++)
            seen[i] += strcmp(owner, names[i]) == 0;
        for (unsigned i = 0; i < 2 && owners > 1; i++)
            todo[count++] = (struct store_caa_part){.depth = at.depth + 1, .bits = at.bits | (uint64_t) i << at.depth};
        assert_int_equal(owners == 0, store_caa_commit_is_empty(part));
        store_caa_commit_free(part);
    }
    for (unsigned i = 0; i < OWNERS; i++)
        assert_int_equal(seen[i], 1);
    store_caa_commit_free(commit);
}

static void what_is_dropped_of_an_owner_is_all_of_it_and_nothing_else(void **state) {
    (void) state;
    struct store_caa_commit *commit = whole();
    assert_true(store_caa_commit_is_about(commit, names[7]));
    store_caa_commit_drop(commit, names[7]);
    assert_false(store_caa_commit_is_about(commit, names[7]));
    for (unsigned i = 0; i < OWNERS; i++) {
        assert_int_equal(store_caa_commit_is_about(commit, names[i]), i != 7);
        if (i != 7)
            store_caa_commit_drop(commit, names[i]);
    }
    assert_true(store_caa_commit_is_empty(commit));
    store_caa_commit_free(commit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_halves_of_each_part_hold_together_what_it_holds_and_the_last_one_is_about_one_owner),
        cmocka_unit_test(what_is_dropped_of_an_owner_is_all_of_it_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
