#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drill/tile_request.h"

static void each_tile_has_one_spelling(void **state) {
    (void) state;
    static const struct {
        const char *path;
        struct tile_request wanted;
    } cases[] = {
        {"0/000", {false, 0, 0, 256}},
        {"1/067.p/12", {false, 1, 67, 12}},
        {"data/x001/x234/067", {true, 0, 1234067, 256}},
        {"data/x001/000.p/255", {true, 0, 1000, 255}},
        {"5/999", {false, 5, 999, 256}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tile_request tile;
        if (!tile_request_parse(span_of_text(cases[i].path), &tile))
            fail_msg("'%s' is refused", cases[i].path);
        assert_int_equal(tile.is_data, cases[i].wanted.is_data);
        assert_int_equal(tile.level, cases[i].wanted.level);
        assert_int_equal(tile.number, cases[i].wanted.number);
        assert_int_equal(tile.width, cases[i].wanted.width);
    }
}

static void any_other_spelling_is_refused(void **state) {
    (void) state;
    static const char *const bad[] = {"",       "0",         "0/",        "0/0",        "0/0000",       "0/x000/000", "6/000", "00/000",
                                      "-1/000", "0/000.p/0", "0/000.p/",  "0/000.p/01", "0/000.p/256",  "0/000.p/1x", "data/", "data/000/",
                                      "0/000/", "0/001/002", "0/x001/02", "names/000",  "0/000.p/1/2", "0/x001",     "/000",
                                      "0/x999/x999/x999/x999/999", "0/x999/x999/x999/x999/x999/x999/x999/999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tile_request tile;
        if (tile_request_parse(span_of_text(bad[i]), &tile))
            fail_msg("'%s' is taken", bad[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tile_has_one_spelling),
        cmocka_unit_test(any_other_spelling_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
