#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reports/examined.h"

static bool is_object(const char *text) {
    return examined_is_object(span_of_text(text));
}

static void an_examiner_says_one_thing_about_one_report(void **state) {
    (void) state;
    static const char *const good[] = {"{\"a\":1}", "{\"a\":{\"b\":[{}]},\"c\":\"}{\"}", "{\"a\":\"\\\"},{\\\\\"}", "{\"a\\\"}\":1}"};
    static const char *const bad[] = {"", "{", "{}", "[1]", "1", "\"{}\"", "x{\"a\":1}", "{\"a\":1},{\"b\":2}", "{\"a\":1},2,{\"b\":2}", "{\"a\":1} ", "{\"a\":1}}", "{{\"a\":1}", "{\"a\":\"}",
                                      "{\"a\":\"\\\"}", "{\"a\":\"\\\\\"},{\"b\":\"}"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(is_object(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(is_object(bad[i]) ? (int) i : -1, -1);
    assert_false(examined_is_object(span_of("{\"a\":\"\0\"}", 9)));
    assert_false(examined_is_object(span_of("{\"a\":\"\\\0\"}", 10)));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_examiner_says_one_thing_about_one_report)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
