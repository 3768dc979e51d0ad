/* When it is told that CAA records are not polled, and when that is over. What tells is played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "steps/monitor.h"

#define SECOND_MS 1000
#define MINUTE_MS (60 * SECOND_MS)

static struct monitor *monitor;
static int64_t now_ms;
static unsigned opened, ended;
static bool is_refused;
static char evidence[512];

int64_t clock_wall_ms(void) {
    return INT64_C(1795262400000) + now_ms;
}

int64_t clock_monotonic_ms(void) {
    return now_ms;
}

result monitor_tell(struct monitor *unused_monitor, const struct hash *log_id, const struct log_event *event) {
    (void) unused_monitor;
    if (is_refused)
        return &fault_limit_reached;
    assert_null(log_id);
    assert_string_equal(event->rule, "caa.not-polled");
    snprintf(evidence, sizeof evidence, "%s", event->evidence);
    *(event->is_over ? &ended : &opened) += 1;
    return OK;
}

static int set_up(void **state) {
    (void) state;
    monitor = calloc(1, sizeof *monitor);
    now_ms = 100 * MINUTE_MS;
    opened = ended = 0;
    is_refused = false;
    return monitor == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void) state;
    free(monitor);
    return 0;
}

static void look(enum caa_standing standing) {
    result fault = caa_trouble_look(monitor, standing, now_ms);
    assert_true(is_refused || fault == OK);
}

static void pass(int64_t ms, enum caa_standing standing) {
    for (int64_t end = now_ms + ms; now_ms < end; now_ms += SECOND_MS)
        look(standing);
}

/* What fails is tried again once a minute, as a client is. */
static void fail_for(int64_t ms, enum caa_standing standing) {
    for (int64_t end = now_ms + ms; now_ms < end;) {
        caa_trouble_note(monitor, "no resolver can be asked");
        pass(MINUTE_MS, standing);
    }
}

static void what_an_earlier_process_told_ends_once_names_are_polled(void **state) {
    (void) state;
    pass(MINUTE_MS, CAA_STANDS_STILL);
    assert_int_equal(ended, 0);
    pass(MINUTE_MS, CAA_STANDS_WELL);
    assert_int_equal(ended, 1);
}

static void five_minutes_are_told_once_with_the_reason_and_end_after_a_minute_of_polling(void **state) {
    (void) state;
    pass(MINUTE_MS, CAA_STANDS_STILL);
    fail_for(5 * MINUTE_MS, CAA_STANDS_STILL);
    assert_int_equal(opened, 0);
    fail_for(MINUTE_MS, CAA_STANDS_STILL);
    assert_int_equal(opened, 1);
    assert_non_null(strstr(evidence, "\"reasons\":[\"no resolver can be asked\"]"));
    assert_non_null(strstr(evidence, "\"seconds\":300"));
    fail_for(60 * MINUTE_MS, CAA_STANDS_STILL);
    assert_int_equal(opened, 1);
    caa_trouble_note(monitor, "once more");
    pass(MINUTE_MS, CAA_STANDS_WELL);
    assert_int_equal(ended, 0);
    pass(2 * SECOND_MS, CAA_STANDS_WELL);
    assert_int_equal(ended, 1);
    pass(60 * MINUTE_MS, CAA_STANDS_WELL);
    assert_int_equal(ended, 1);
}

/* Names are read, the commit is refused, everything begins anew. */
static void a_commit_that_is_refused_again_and_again_is_told_although_names_are_read_between(void **state) {
    (void) state;
    pass(MINUTE_MS, CAA_STANDS_WELL);
    for (unsigned i = 0; i < 40; i++) {
        pass(5 * SECOND_MS, CAA_STANDS_STILL);
        pass(5 * SECOND_MS, CAA_STANDS_WELL);
        caa_trouble_note(monitor, "refused");
    }
    assert_int_equal(opened, 1);
}

static void what_passes_within_five_minutes_is_not_told(void **state) {
    (void) state;
    for (unsigned i = 0; i < 20; i++) {
        fail_for(4 * MINUTE_MS, CAA_STANDS_STILL);
        pass(2 * MINUTE_MS, CAA_STANDS_WELL);
    }
    assert_int_equal(opened, 0);
}

static void while_another_monitor_polls_it_is_no_trouble_and_who_takes_over_says_what_is_over(void **state) {
    (void) state;
    pass(MINUTE_MS, CAA_STANDS_WELL);
    fail_for(30 * MINUTE_MS, CAA_STANDS_ELSEWHERE);
    assert_int_equal(opened, 0);
    assert_int_equal(ended, 1);
    pass(MINUTE_MS, CAA_STANDS_WELL);
    assert_int_equal(ended, 2); /* the other may have told it */
}

static void time_in_which_nobody_looked_does_not_count(void **state) {
    (void) state;
    look(CAA_STANDS_STILL);
    caa_trouble_note(monitor, "the database is away");
    now_ms += 30 * MINUTE_MS; /* that is told elsewhere */
    look(CAA_STANDS_STILL);
    assert_int_equal(opened, 0);
    fail_for(5 * MINUTE_MS + SECOND_MS, CAA_STANDS_STILL);
    assert_int_equal(opened, 1);
}

static void what_cannot_be_told_is_told_later(void **state) {
    (void) state;
    is_refused = true;
    fail_for(10 * MINUTE_MS, CAA_STANDS_STILL);
    is_refused = false;
    look(CAA_STANDS_STILL);
    assert_int_equal(opened, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_an_earlier_process_told_ends_once_names_are_polled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(five_minutes_are_told_once_with_the_reason_and_end_after_a_minute_of_polling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_that_is_refused_again_and_again_is_told_although_names_are_read_between, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_passes_within_five_minutes_is_not_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_another_monitor_polls_it_is_no_trouble_and_who_takes_over_says_what_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(time_in_which_nobody_looked_does_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_told_is_told_later, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
