#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "formats/get_entries.h"

/* "leaf|extra;leaf|extra;" or the error's name, with "~" before it when Jansson had to read. */
static void expect(const char *body, const char *wanted) {
    struct get_entries list = {0};
    char text[1024] = "";
    result outcome = get_entries_read(&list, span_of_text(body));
    size_t used = (size_t) snprintf(text, sizeof text, "%s", list.tree != NULL ? "~" : "");
    for (size_t i = 0; i < list.count; i++)
        used += (size_t) snprintf(text + used, sizeof text - used, "%.*s|%.*s;", (int) list.items[i].leaf_input.size,
                                  (const char *) list.items[i].leaf_input.bytes, (int) list.items[i].extra_data.size,
                                  (const char *) list.items[i].extra_data.bytes);
    if (outcome != OK)
        snprintf(text, sizeof text, "%s", outcome->name);
    assert_string_equal(text, wanted);
    assert_true(outcome == OK || list.count == 0);
    get_entries_done(&list);
}

static void the_usual_shape_is_read_without_a_tree(void **state) {
    (void) state;
    expect("{\"entries\":[]}", "");
    expect("{\"entries\":[{\"leaf_input\":\"AAAA\",\"extra_data\":\"BBBB\"}]}", "AAAA|BBBB;");
    expect("{\"entries\":[{\"leaf_input\":\"A\",\"extra_data\":\"\"},{\"leaf_input\":\"\",\"extra_data\":\"B\"}]}", "A|;|B;");
}

static void white_space_and_order_do_not_matter(void **state) {
    (void) state;
    expect(" {\n\t\"entries\" : [ {\"extra_data\" :\"B\",\r\n\"leaf_input\": \"A\" } ] } \n", "A|B;");
}

static void whatever_the_scanner_does_not_know_is_left_to_jansson(void **state) {
    (void) state;
    expect("{\"entries\":[{\"leaf_input\":\"A\\/B\\\\\",\"extra_data\":\"\"}]}", "~A/B\\|;");
    expect("{\"entries\":[{\"leaf_input\":\"A\",\"extra_data\":\"B\",\"x\":[1]}]}", "~A|B;");
    expect("{\"x\":1,\"entries\":[{\"leaf_input\":\"A\",\"extra_data\":\"B\"}]}", "~A|B;");
    expect("{\"entries\":[{\"leaf\\u005finput\":\"A\",\"extra_data\":\"B\"}]}", "~A|B;");
    expect("{\"entries\":[{\"leaf_input\":\"A\"}]}", "~A|;");
}

static void an_escape_inside_a_text_is_seen_when_it_does_not_decode(void **state) {
    struct get_entries list = {0};
    const char *body = "{\"entries\":[{\"leaf_input\":\"A\\/BC\",\"extra_data\":\"\"}]}";
    (void) state;
    assert_null(get_entries_read(&list, span_of_text(body)));
    assert_true(get_entries_is_escaped(list.items[0].leaf_input));
    assert_null(get_entries_read_slowly(&list, span_of_text(body)));
    assert_true(span_equal(list.items[0].leaf_input, span_of_text("A/BC")));
    assert_false(get_entries_is_escaped(list.items[0].leaf_input));
    get_entries_done(&list);
}

static void other_answers_are_refused_by_name(void **state) {
    (void) state;
    expect("", "get-entries.json");
    expect("<html>", "get-entries.json");
    expect("{\"entries\":[{\"leaf_input\":\"A\",\"extra_data\":\"B\"}]", "get-entries.json");
    expect("{\"entries\":[{\"leaf_input\":\"A\",\"extra_data\":\"B\"}]}x", "get-entries.json");
    expect("{\"entries\":[{\"leaf_input\":\"A\",\"leaf_input\":\"B\"}]}", "get-entries.json");
    expect("{\"entries\":{}}", "get-entries.shape");
    expect("{\"error_message\":\"none\"}", "get-entries.shape");
    expect("[]", "get-entries.shape");
    expect("{\"entries\":[{\"leaf_input\":1,\"extra_data\":\"B\"}]}", "get-entries.shape");
    expect("{\"entries\":[[]]}", "get-entries.shape");
}

static void memory_is_reused_from_body_to_body(void **state) {
    struct get_entries list = {0};
    (void) state;
    assert_null(get_entries_read(&list, span_of_text("{\"entries\":[{\"leaf_input\":\"A\",\"extra_data\":\"B\"}]}")));
    struct get_entries_item *items = list.items;
    assert_ptr_equal(get_entries_read(&list, span_of_text("{")), &fault_get_entries_json);
    assert_null(get_entries_read(&list, span_of_text("{\"entries\":[{\"leaf_input\":\"C\",\"extra_data\":\"D\"}]}")));
    assert_ptr_equal(list.items, items);
    assert_int_equal(list.count, 1);
    get_entries_done(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_shape_is_read_without_a_tree),
        cmocka_unit_test(white_space_and_order_do_not_matter),
        cmocka_unit_test(whatever_the_scanner_does_not_know_is_left_to_jansson),
        cmocka_unit_test(an_escape_inside_a_text_is_seen_when_it_does_not_decode),
        cmocka_unit_test(other_answers_are_refused_by_name),
        cmocka_unit_test(memory_is_reused_from_body_to_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
