#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rules/caa_timeline.h"

#define SECOND_MS ((int64_t) 1000)
#define NOW_MS (100000 * SECOND_MS)

enum { NAME, PARENT, TOP, OWNERS };
static struct caa_run runs[OWNERS][8];
static struct caa_owner_history owners[OWNERS];
static struct arena *arena;
static const struct caa_record one = {.tag = {(const uint8_t *) "issue", 5}, .value = {(const uint8_t *) "one.example", 11}};
static const struct caa_record two = {.tag = {(const uint8_t *) "issue", 5}, .value = {(const uint8_t *) "two.example", 11}};

static int set_up(void **state) {
    (void) state;
    static const char *const names[] = {"www.example.com", "example.com", "com"};
    memset(runs, 0, sizeof runs);
    for (int i = 0; i < OWNERS; i++)
        owners[i] = (struct caa_owner_history){.owner = names[i], .runs = runs[i]};
    arena = arena_new(1 << 20);
    return arena == NULL;
}

static int tear_down(void **state) {
    (void) state;
    arena_free(arena);
    return 0;
}

/* Asked every 100 s. */
static struct caa_run *says(int owner, int64_t from_s, int64_t to_s, const struct caa_record *record) {
    struct caa_run *run = &runs[owner][owners[owner].count++];
    *run = (struct caa_run){.first_answered_ms = from_s * SECOND_MS, .last_answered_ms = to_s * SECOND_MS, .first_true_ms = from_s * SECOND_MS,
                            .last_true_ms = to_s * SECOND_MS, .interval_s = 100, .answer = {.outcome = CAA_EMPTY, .why = "", .detail = ""}};
    if (record != NULL) {
        run->answer.outcome = CAA_RECORDS;
        run->answer.records = record;
        run->answer.record_count = 1;
    }
    return run;
}

static void fails(int owner, int64_t from_s, int64_t to_s, const char *why) {
    struct caa_run *run = says(owner, from_s, to_s, NULL);
    run->answer.outcome = CAA_FAILED;
    run->answer.why = why;
}

/* "records www.example.com 10-20, …" */
static const char *timeline(void) {
    static const char *const words[] = {"records", "empty", "failed", "unrecorded"};
    struct caa_resolver_history resolver = {.resolver = "192.0.2.1:53", .owners = owners, .owner_count = OWNERS};
    struct caa_period *periods;
    size_t count;
    const char *text = "";
    assert_ptr_equal(caa_timeline(&resolver, NOW_MS, arena, &periods, &count), OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(periods[i].answer != NULL, periods[i].kind == CAA_PERIOD_RECORDS || periods[i].kind == CAA_PERIOD_FAILED);
        assert_true(periods[i].begin_ms < periods[i].end_ms);
        assert_true(i == 0 || periods[i].begin_ms == periods[i - 1].end_ms);
        text = arena_printf(arena, "%s%s%s %s %g-%g", text, i == 0 ? "" : ", ", words[periods[i].kind], periods[i].owner, (double) periods[i].begin_ms / 1000,
                            (double) periods[i].end_ms / 1000);
    }
    return text;
}

static void nothing_recorded_has_no_period(void **state) {
    (void) state;
    assert_string_equal(timeline(), "");
}

static void the_name_s_records_count_until_twice_the_interval_after_the_last_answer(void **state) {
    (void) state;
    says(NAME, 1000, 2000, &one);
    assert_string_equal(timeline(), "records www.example.com 1000-2222");
}

static void what_holds_now_ends_now(void **state) {
    (void) state;
    says(NAME, 1000, 99950, &one);
    assert_string_equal(timeline(), "records www.example.com 1000-100000");
}

static void what_a_clock_that_was_ahead_wrote_down_is_not_yet_past(void **state) {
    (void) state;
    says(NAME, 1000, 99950, &one);
    says(NAME, 150000, 160000, &two);
    assert_string_equal(timeline(), "records www.example.com 1000-100000");
}

static void a_parent_counts_while_the_name_has_no_records(void **state) {
    (void) state;
    says(NAME, 1000, 5000, NULL);
    says(NAME, 5050, 99950, &two);
    says(PARENT, 1000, 99950, &one);
    assert_string_equal(timeline(), "records example.com 1000-5050, records www.example.com 5050-100000");
}

static void no_records_up_to_the_top_are_a_period_of_their_own(void **state) {
    (void) state;
    for (int i = 0; i < OWNERS; i++)
        says(i, 1000 + i, 99950, NULL);
    assert_string_equal(timeline(), "empty  1002-100000");
}

static void a_short_gap_belongs_to_what_was_before_and_a_long_one_to_nobody(void **state) {
    (void) state;
    says(NAME, 1000, 2000, &one);
    says(NAME, 2200, 3000, &two);
    says(NAME, 3223, 4000, &one);
    assert_string_equal(timeline(), "records www.example.com 1000-2200, records www.example.com 2200-3000, unrecorded www.example.com 3000-3223, "
                                    "records www.example.com 3223-4222");
}

static void how_often_the_next_run_is_asked_for_closes_no_gap_before_it(void **state) {
    (void) state;
    says(NAME, 1000, 2000, &one);
    says(NAME, 2600, 3000, &two)->interval_s = 300;
    assert_string_equal(timeline(), "records www.example.com 1000-2000, unrecorded www.example.com 2000-2600, records www.example.com 2600-3662");
}

static void a_failure_hides_what_is_above(void **state) {
    (void) state;
    says(NAME, 1000, 2000, NULL);
    fails(NAME, 2050, 3000, "timeout");
    fails(NAME, 3050, 4000, "servfail");
    says(NAME, 4050, 5000, NULL);
    says(PARENT, 1000, 5000, &one);
    assert_string_equal(timeline(), "records example.com 1000-2050, failed www.example.com 2050-3050, failed www.example.com 3050-4050, records example.com 4050-5222");
}

static void the_same_set_in_two_runs_is_one_period(void **state) {
    (void) state;
    says(NAME, 1000, 2000, &one);
    says(NAME, 2050, 3000, &one)->answer.is_authenticated = true;
    assert_string_equal(timeline(), "records www.example.com 1000-3222");
}

static void a_single_answer_before_a_long_gap_is_shown(void **state) {
    (void) state;
    says(NAME, 1000, 1000, &one);
    says(NAME, 5000, 6000, &two);
    assert_string_equal(timeline(), "records www.example.com 1000-1000, unrecorded www.example.com 1000-5000, records www.example.com 5000-6222");
}

static void an_answer_that_was_true_before_the_last_one_ended_cuts_it(void **state) {
    (void) state;
    says(NAME, 1000, 3000, &one);
    says(NAME, 2000, 4000, &two);
    assert_string_equal(timeline(), "records www.example.com 1000-2000, records www.example.com 2000-4222");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_recorded_has_no_period, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_name_s_records_count_until_twice_the_interval_after_the_last_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_holds_now_ends_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_clock_that_was_ahead_wrote_down_is_not_yet_past, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_parent_counts_while_the_name_has_no_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_records_up_to_the_top_are_a_period_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_short_gap_belongs_to_what_was_before_and_a_long_one_to_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(how_often_the_next_run_is_asked_for_closes_no_gap_before_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_hides_what_is_above, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_set_in_two_runs_is_one_period, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_single_answer_before_a_long_gap_is_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_was_true_before_the_last_one_ended_cuts_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
