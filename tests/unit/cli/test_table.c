#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <math.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/exit_code.h"
#include "cli/table.h"

static char printed[4000];
static int saved_output;
static FILE *capture;

static void begin_capture(void) {
    fflush(stdout);
    saved_output = dup(STDOUT_FILENO);
    capture = tmpfile();
    assert_true(dup2(fileno(capture), STDOUT_FILENO) >= 0);
}

static void end_capture(void) {
    fflush(stdout);
    dup2(saved_output, STDOUT_FILENO);
    close(saved_output);
    rewind(capture);
    printed[fread(printed, 1, sizeof printed - 1, capture)] = '\0';
    fclose(capture);
}

static const struct table_column columns[] = {
    {"NAME", "name", false, true, false}, {"COUNT", "count", true, false, false}, {NULL, "seen_at", false, false, false}, {"NOTE", NULL, false, false, false}};

static int print_rows(bool as_json) {
    begin_capture();
    struct table *table = table_new(columns, 4, as_json);
    table_text(table, 0, "a\033[31m\"b");
    table_number(table, 1, 17);
    table_time_ms(table, 2, 1764000000250);
    table_text(table, 3, "first");
    table_end_row(table);
    table_text(table, 0, "žluťoučký");
    table_number(table, 1, -12345);
    table_end_row(table);
    int code = table_print(table, "nothing");
    table_free(table);
    end_capture();
    return code;
}

static void rows_for_people_are_aligned_by_characters_and_harmless(void **state) {
    (void) state;
    assert_int_equal(print_rows(false), EXIT_OK);
    assert_string_equal(printed, "NAME          COUNT  NOTE\n"
                                 "a\\x1b[31m\"b      17  first\n"
                                 "žluťoučký    -12345  -\n");
}

static void rows_for_scripts_are_one_json_object_a_line_with_every_field(void **state) {
    (void) state;
    assert_int_equal(print_rows(true), EXIT_OK);
    assert_string_equal(printed, "{\"name\":\"a\\u001B[31m\\\"b\",\"count\":17,\"seen_at\":\"2025-11-24T16:00:00.250Z\"}\n"
                                 "{\"name\":\"\\u017Elu\\u0165ou\\u010Dk\\u00FD\",\"count\":-12345,\"seen_at\":null}\n");
}

static void an_empty_table_says_so_to_people_and_nothing_to_scripts(void **state) {
    (void) state;
    for (int as_json = 0; as_json < 2; as_json++) {
        begin_capture();
        struct table *table = table_new(columns, 4, as_json);
        assert_int_equal(table_print(table, "nothing was found"), EXIT_OK);
        table_free(table);
        end_capture();
        assert_string_equal(printed, as_json ? "" : "nothing was found\n");
    }
}

static void text_that_is_no_utf8_still_makes_valid_json(void **state) {
    (void) state;
    begin_capture();
    struct table *table = table_new(columns, 4, true);
    table_span(table, 0, span_of("a\xff", 2));
    table_end_row(table);
    assert_int_equal(table_print(table, NULL), EXIT_OK);
    table_free(table);
    end_capture();
    assert_string_equal(printed, "{\"name\":\"a\\\\xff\",\"count\":null,\"seen_at\":null}\n");
}

static void a_number_that_json_cannot_hold_is_null(void **state) {
    (void) state;
    begin_capture();
    struct table *table = table_new(columns, 4, true);
    table_real(table, 1, (double) INFINITY, 1);
    table_end_row(table);
    assert_int_equal(table_print(table, NULL), EXIT_OK);
    table_free(table);
    end_capture();
    assert_string_equal(printed, "{\"name\":null,\"count\":null,\"seen_at\":null}\n");
}

static void many_rows_are_kept_until_they_are_printed(void **state) {
    (void) state;
    begin_capture();
    struct table *table = table_new(columns, 4, false);
    for (int i = 0; i < 100; i++) {
        table_number(table, 1, i);
        table_end_row(table);
    }
    assert_int_equal(table_print(table, NULL), EXIT_OK);
    table_free(table);
    end_capture();
    assert_non_null(strstr(printed, "-        99  -\n"));
}

/* As print_rows, on a terminal of so many columns. */
static void print_folded(unsigned short width) {
    static const struct table_column three[] = {{"HOST", "host", false, false, false}, {"KEYS", "keys", false, true, false}, {"MODE", "mode", false, false, false}};
    int screen, terminal;
    struct winsize size = {.ws_row = 24, .ws_col = width};
    assert_int_equal(openpty(&screen, &terminal, NULL, NULL, &size), 0);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(terminal, STDOUT_FILENO);
    setenv("NO_COLOR", "1", 1);
    struct table *table = table_new(three, 3, false);
    table_fold(table, 1);
    table_text(table, 0, "a.example");
    table_text(table, 1, "One Root X1, Another Root ž2, AVeryLongNameWithoutAnyGap, Last");
    table_text(table, 2, "on");
    table_end_row(table);
    table_text(table, 0, "b.example");
    table_text(table, 1, "One Root X1");
    table_end_row(table);
    assert_int_equal(table_print(table, NULL), EXIT_OK);
    table_free(table);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    ssize_t read_size = read(screen, printed, sizeof printed - 1);
    assert_true(read_size > 0);
    printed[read_size] = '\0';
    close(screen);
    close(terminal);
}

static void a_folded_column_goes_on_below_at_the_ends_of_items_then_words(void **state) {
    (void) state;
    print_folded(34);
    assert_string_equal(printed, "HOST       KEYS               MODE\r\n"
                                 "a.example  One Root X1,       on\r\n"
                                 "           Another Root ž2,\r\n"
                                 "           AVeryLongNameWith\r\n"
                                 "           outAnyGap, Last\r\n"
                                 "b.example  One Root X1        -\r\n");
    print_folded(27);
    assert_string_equal(printed, "HOST       KEYS        MODE\r\n"
                                 "a.example  One Root    on\r\n"
                                 "           X1,\r\n"
                                 "           Another\r\n"
                                 "           Root ž2,\r\n"
                                 "           AVeryLongN\r\n"
                                 "           ameWithout\r\n"
                                 "           AnyGap,\r\n"
                                 "           Last\r\n"
                                 "b.example  One Root    -\r\n"
                                 "           X1\r\n");
    print_folded(100);
    assert_non_null(strstr(printed, "Another Root ž2, AVeryLongNameWithoutAnyGap, Last  on\r\n"));
}

static void each_family_of_faults_has_its_exit_code(void **state) {
    (void) state;
    static const struct {
        enum fault_family family;
        int code;
    } rows[] = {{FAULT_RETRY, 69}, {FAULT_INPUT, 65}, {FAULT_LOG, 1}, {FAULT_SETTINGS, 78}, {FAULT_BUG, 70}};
    assert_int_equal(exit_code_of(OK), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct fault fault = {.family = rows[i].family};
        assert_int_equal(exit_code_of(&fault), rows[i].code);
    }
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_for_people_are_aligned_by_characters_and_harmless),
        cmocka_unit_test(rows_for_scripts_are_one_json_object_a_line_with_every_field),
        cmocka_unit_test(an_empty_table_says_so_to_people_and_nothing_to_scripts),
        cmocka_unit_test(text_that_is_no_utf8_still_makes_valid_json),
        cmocka_unit_test(a_number_that_json_cannot_hold_is_null),
        cmocka_unit_test(many_rows_are_kept_until_they_are_printed),
        cmocka_unit_test(a_folded_column_goes_on_below_at_the_ends_of_items_then_words),
        cmocka_unit_test(each_family_of_faults_has_its_exit_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
