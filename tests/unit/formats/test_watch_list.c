/* Watch lists as certspotter writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "formats/watch_list.h"

static void expect_item(struct watch_list_reader *reader, const char *item, size_t line) {
    struct span found;
    assert_true(watch_list_next(reader, &found));
    assert_true(span_equal(found, span_of_text(item)));
    assert_int_equal(reader->line, line);
}

static void expect_end(struct watch_list_reader *reader) {
    struct span found = {0};
    assert_false(watch_list_next(reader, &found));
    assert_null(found.bytes);
}

static void names_subtrees_and_everything_come_back_as_written(void **state) {
    (void) state;
    struct watch_list_reader reader = watch_list_reader_of(span_of_text("example.com\n.example.org\n.\n"));
    expect_item(&reader, "example.com", 1);
    expect_item(&reader, ".example.org", 2);
    expect_item(&reader, ".", 3);
    expect_end(&reader);
}

static void comments_blank_lines_and_line_ends_of_dos_are_nothing(void **state) {
    (void) state;
    struct watch_list_reader reader = watch_list_reader_of(span_of_text("\xef\xbb\xbf# all\r\n\r\n   \n\texample.com # ours\r\nlast.example"));
    expect_item(&reader, "example.com", 4);
    expect_item(&reader, "last.example", 5);
    expect_end(&reader);
}

static void valid_at_is_ignored(void **state) {
    (void) state;
    struct watch_list_reader reader = watch_list_reader_of(span_of_text("example.com valid_at:2020-01-01\n"));
    expect_item(&reader, "example.com", 1);
}

static void a_line_with_anything_else_comes_back_whole(void **state) {
    (void) state;
    struct watch_list_reader reader = watch_list_reader_of(span_of_text("example.com example.org\nexample.com valid_at:1 x\na#b\n"));
    expect_item(&reader, "example.com example.org", 1);
    expect_item(&reader, "example.com valid_at:1 x", 2);
    expect_item(&reader, "a#b", 3);
}

static void an_empty_list_has_no_items(void **state) {
    (void) state;
    struct watch_list_reader reader = watch_list_reader_of(span_of(NULL, 0));
    expect_end(&reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_subtrees_and_everything_come_back_as_written),
        cmocka_unit_test(comments_blank_lines_and_line_ends_of_dos_are_nothing),
        cmocka_unit_test(valid_at_is_ignored),
        cmocka_unit_test(a_line_with_anything_else_comes_back_whole),
        cmocka_unit_test(an_empty_list_has_no_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
