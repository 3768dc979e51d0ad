/* What is said, and told, while the database refuses what is to be recorded, and when that is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "steps/monitor.h"

#define SECOND_MS 1000
#define MINUTE_MS (60 * SECOND_MS)

static int64_t monotonic_ms;
static bool is_connected, is_waiting;
static unsigned opened, ended;
static const struct fault refused = {.name = "test.refused", .family = FAULT_RETRY, .object = "", .clause = "", .wrong = "refused", .wanted = ""};
static struct monitor monitor;

int64_t clock_wall_ms(void) {
    return INT64_C(1795262400000) + monotonic_ms;
}

int64_t clock_monotonic_ms(void) {
    return monotonic_ms;
}

int store_descriptor(const struct store *unused_store) {
    (void) unused_store;
    return is_connected ? 3 : -1;
}

const struct reason *store_why(const struct store *unused_store) {
    static const struct reason why = {"database: a constraint"};
    (void) unused_store;
    return &why;
}

bool followed_log_waits_for_sink(const struct followed_log *unused_log) {
    (void) unused_log;
    return is_waiting;
}

static result nothing(struct monitor *unused_monitor, int64_t unused_now_ms) {
    (void) unused_monitor;
    (void) unused_now_ms;
    return OK;
}

const struct monitor_step monitor_steps[] = {{"a step", SECOND_MS, nothing}};
const size_t monitor_step_count = 1;

result monitor_tell(struct monitor *unused_monitor, const struct hash *log_id, const struct log_event *event) {
    (void) unused_monitor;
    assert_null(log_id);
    assert_string_equal(event->rule, "service.not-recording");
    *(event->is_over ? &ended : &opened) += 1;
    return OK;
}

static int set_up(void **state) {
    (void) state;
    monotonic_ms = 1000000;
    is_connected = true;
    is_waiting = false;
    opened = 0;
    monitor = (struct monitor){.log_count = 1};
    monitor.logs[0].follow = (struct followed_log *) &is_waiting; /* never looked into */
    assert_ptr_equal(step_tell_blindness(&monitor, monotonic_ms), OK);
    ended = 0; /* what an earlier process may have left open */
    return 0;
}

static void pass(int64_t ms) {
    for (int64_t end = monotonic_ms + ms; monotonic_ms < end; monotonic_ms += SECOND_MS)
        assert_ptr_equal(step_tell_blindness(&monitor, monotonic_ms), OK);
}

static void commit_fails(void) {
    is_waiting = true;
    store_commit_failed(&monitor, "a log", &refused);
}

static void commit_works(void) {
    is_waiting = false;
    store_commit_worked(&monitor);
}

static void a_commit_that_works_at_the_second_try_is_no_trouble_though_no_other_follows_for_hours(void **state) {
    (void) state;
    commit_fails();
    monotonic_ms += 600;
    commit_works();
    pass(3 * 60 * MINUTE_MS);
    assert_int_equal(opened, 0);
    assert_int_equal(monitor.commit_trouble.failures, 0);
}

static void a_commit_that_another_holder_has_to_make_is_no_trouble_of_ours(void **state) {
    (void) state;
    commit_fails();
    monitor.logs[0].follow = NULL;
    pass(10 * MINUTE_MS);
    assert_int_equal(opened, 0);
    assert_int_equal(monitor.commit_trouble.failures, 0);
}

static void a_commit_that_is_refused_for_five_minutes_is_told_once_and_is_over_when_it_works(void **state) {
    (void) state;
    for (unsigned i = 0; i < 40; i++) {
        commit_fails();
        pass(10 * SECOND_MS);
        assert_int_equal(opened, i * 10 + 10 > 300);
    }
    assert_int_equal(ended, 0);
    commit_works();
    pass(10 * SECOND_MS);
    assert_int_equal(opened, 1);
    assert_int_equal(ended, 1);
}

static void a_server_that_answers_every_second_question_is_not_back(void **state) {
    (void) state;
    for (unsigned i = 0; i < 100; i++) {
        commit_fails();
        pass(2 * SECOND_MS);
        commit_works();
        pass(2 * SECOND_MS);
    }
    assert_int_equal(opened, 1);
    assert_int_equal(ended, 0);
}

static void a_database_that_is_away_for_five_minutes_is_told_and_over_when_it_is_back(void **state) {
    (void) state;
    is_connected = false;
    store_step_failed(&monitor, 0, &refused);
    assert_true(store_is_paused(&monitor));
    pass(6 * MINUTE_MS);
    assert_int_equal(opened, 1);
    is_connected = true;
    store_step_worked(&monitor, 0);
    assert_false(store_is_paused(&monitor));
    pass(2 * SECOND_MS);
    assert_int_equal(ended, 1);
}

int main(void) {
#define A(test) cmocka_unit_test_setup(test, set_up)
    const struct CMUnitTest tests[] = {
        A(a_commit_that_works_at_the_second_try_is_no_trouble_though_no_other_follows_for_hours),
        A(a_commit_that_another_holder_has_to_make_is_no_trouble_of_ours),
        A(a_commit_that_is_refused_for_five_minutes_is_told_once_and_is_over_when_it_works),
        A(a_server_that_answers_every_second_question_is_not_back),
        A(a_database_that_is_away_for_five_minutes_is_told_and_over_when_it_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
