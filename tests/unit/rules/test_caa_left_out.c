/* How many names there was no room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "rules/caa_left_out.h"

static void add(struct caa_left_out *left_out, unsigned from, unsigned to) {
    char name[40];
    for (unsigned i = from; i < to; i++) {
        snprintf(name, sizeof name, "n%u.example.com", i);
        caa_left_out_add(left_out, name);
    }
}

static void each_name_counts_once_however_often_it_comes(void **state) {
    (void) state;
    struct caa_left_out left_out = {0};
    add(&left_out, 0, 20000);
    add(&left_out, 10000, 30000);
    assert_int_equal(left_out.count, 30000);
    assert_false(left_out.is_cut);
    caa_left_out_forget(&left_out);
    assert_int_equal(left_out.count, 0);
    add(&left_out, 0, 3);
    assert_int_equal(left_out.count, 3);
    caa_left_out_forget(&left_out);
}

static void beyond_a_million_there_are_at_least_so_many(void **state) {
    (void) state;
    struct caa_left_out left_out = {0};
    add(&left_out, 0, 1000000);
    assert_false(left_out.is_cut);
    add(&left_out, 1000000, 1000100);
    assert_int_equal(left_out.count, 1000000);
    assert_true(left_out.is_cut);
    caa_left_out_forget(&left_out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_counts_once_however_often_it_comes),
        cmocka_unit_test(beyond_a_million_there_are_at_least_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
