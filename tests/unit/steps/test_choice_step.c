/* More logs than one monitor follows: what has no place is told, gets one as soon as there is one, and then that is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "steps/monitor.h"

#define LISTED_MAX (MONITOR_LOGS_MAX + 8)

static struct listed_log listed[LISTED_MAX];
static struct log_list chrome;
static uint64_t version;
static struct settings settings;
static struct monitor *monitor;
static bool is_open[LISTED_MAX]; /* log.not-followed */
static unsigned told[LISTED_MAX];
static bool is_store_down;
static struct chosen_log saved[LISTED_MAX];
static size_t saved_count;
static char followed[1]; /* stands for every follower, never looked into */

int64_t clock_wall_ms(void) {
    return INT64_C(1795262400000);
}

int64_t clock_monotonic_ms(void) {
    return 1000000;
}

uint64_t list_step_version(const struct list_step *unused_step) {
    (void) unused_step;
    return version;
}

const struct log_list *list_step_chrome(const struct list_step *unused_step) {
    (void) unused_step;
    return &chrome;
}

const struct log_list *list_step_apple(const struct list_step *unused_step) {
    (void) unused_step;
    return NULL;
}

/* Those that were followed, as the database would. */
result store_logs_load(struct store *unused_store, struct arena *arena, struct chosen_log **ret_logs, size_t *ret_count) {
    (void) unused_store;
    (void) arena;
    *ret_logs = saved;
    *ret_count = saved_count;
    return OK;
}

result store_logs_save(struct store *unused_store, const struct chosen_log *logs, size_t count, int64_t unused_now_ms) {
    (void) unused_store;
    (void) unused_now_ms;
    saved_count = 0;
    for (size_t i = 0; i < count; i++)
        if (logs[i].is_followed) {
            saved[saved_count] = logs[i];
            saved[saved_count].origin = saved[saved_count].reason = ""; /* those were the caller's */
            saved_count++;
        }
    return OK;
}

static size_t number_of(const struct hash *log_id) {
    return (size_t) log_id->bytes[0] << 8 | log_id->bytes[1];
}

result monitor_tell(struct monitor *unused_monitor, const struct hash *log_id, const struct log_event *event) {
    (void) unused_monitor;
    assert_string_equal(event->rule, "log.not-followed");
    if (is_store_down)
        return &fault_limit_reached;
    is_open[number_of(log_id)] = !event->is_over;
    told[number_of(log_id)]++;
    return OK;
}

result monitor_end_conditions(struct monitor *unused_monitor, const struct hash *unused_log_id) {
    (void) unused_monitor;
    (void) unused_log_id;
    return OK;
}

const struct chosen_log *followed_log_identity(const struct followed_log *unused_log) {
    static const struct chosen_log any = {.log = {.protocol = LOG_RFC6962}};
    (void) unused_log;
    return &any;
}

result followed_log_update(struct followed_log *unused_log, const struct chosen_log *unused_chosen) {
    (void) unused_log;
    (void) unused_chosen;
    return OK;
}

static int set_up(void **state) {
    (void) state;
    static char names[LISTED_MAX][20];
    for (size_t i = 0; i < LISTED_MAX; i++) {
        snprintf(names[i], sizeof names[i], "log %03zu", i);
        listed[i] = (struct listed_log){.log_id.bytes = {(uint8_t) (i >> 8), (uint8_t) i}, .description = names[i], .operator_name = "Example",
                                        .url = "https://log.example/", .state = LOG_USABLE};
        is_open[i] = false;
    }
    chrome = (struct log_list){.version = "1", .logs = listed, .count = MONITOR_LOGS_MAX + 1};
    settings = (struct settings){.follows_public_logs = true, .chrome_list_url = "https://list.example/", .apple_list_url = ""};
    memset(told, 0, sizeof told);
    version = 0;
    saved_count = 0;
    is_store_down = false;
    monitor = calloc(1, sizeof *monitor);
    monitor->settings = &settings;
    return 0;
}

static int tear_down(void **state) {
    (void) state;
    arena_free(monitor->chosen_arena);
    free(monitor);
    return 0;
}

static void choose(void) {
    assert_ptr_equal(step_choose_logs(monitor, 0), OK);
}

static void new_list(void) {
    version++;
    choose();
}

/* What hold_leases does. */
static void follow_all(void) {
    for (size_t i = 0; i < monitor->log_count; i++)
        monitor->logs[i].follow = monitor->logs[i].is_wanted ? (struct followed_log *) &followed : NULL;
}

static bool is_wanted(size_t number) {
    for (size_t i = 0; i < monitor->log_count; i++)
        if (number_of(&monitor->logs[i].log_id) == number)
            return monitor->logs[i].is_wanted;
    return false;
}

static size_t wanted_count(void) {
    size_t count = 0;
    for (size_t i = 0; i < monitor->log_count; i++)
        count += monitor->logs[i].is_wanted;
    return count;
}

/* ---- tests */

static void the_log_that_has_no_place_is_told_and_the_others_are_followed(void **state) {
    (void) state;
    choose();
    assert_int_equal(wanted_count(), MONITOR_LOGS_MAX);
    assert_true(is_open[MONITOR_LOGS_MAX]);
    for (size_t i = 0; i < MONITOR_LOGS_MAX; i++)
        assert_false(is_open[i]);
}

static void a_log_that_retires_makes_room_and_the_finding_ends(void **state) {
    (void) state;
    choose();
    follow_all();
    listed[7].state = LOG_RETIRED;
    new_list();
    assert_false(is_wanted(MONITOR_LOGS_MAX)); /* the retired one has not been let go of yet */
    follow_all();
    choose(); /* though no list has changed */
    assert_true(is_wanted(MONITOR_LOGS_MAX));
    assert_false(is_open[MONITOR_LOGS_MAX]);
    unsigned before = told[MONITOR_LOGS_MAX];
    follow_all();
    choose();
    new_list();
    assert_int_equal(told[MONITOR_LOGS_MAX], before); /* its end is told once */
}

static void a_log_that_no_list_names_any_more_makes_room_as_well(void **state) {
    (void) state;
    choose();
    follow_all();
    listed[0] = listed[MONITOR_LOGS_MAX];
    chrome.count--;
    new_list();
    follow_all();
    choose();
    assert_int_equal(wanted_count(), MONITOR_LOGS_MAX);
    assert_true(is_wanted(MONITOR_LOGS_MAX));
    assert_false(is_open[MONITOR_LOGS_MAX]);
    assert_true(is_open[0]); /* it was followed, and nobody said that it retired */
}

static void a_log_without_a_place_that_retires_is_missed_by_nobody(void **state) {
    (void) state;
    choose();
    assert_true(is_open[MONITOR_LOGS_MAX]);
    listed[MONITOR_LOGS_MAX].state = LOG_RETIRED;
    new_list();
    assert_false(is_open[MONITOR_LOGS_MAX]);
}

static void what_could_not_be_recorded_is_told_later_also_by_the_process_that_comes_next(void **state) {
    (void) state;
    choose();
    chrome.count = 3;
    listed[2] = listed[MONITOR_LOGS_MAX];
    arena_free(monitor->chosen_arena);
    *monitor = (struct monitor){.settings = &settings}; /* another process, which has told nothing */
    is_store_down = true;
    assert_ptr_not_equal(step_choose_logs(monitor, 0), OK);
    is_store_down = false;
    choose();
    assert_false(is_open[MONITOR_LOGS_MAX]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_log_that_has_no_place_is_told_and_the_others_are_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_retires_makes_room_and_the_finding_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_no_list_names_any_more_makes_room_as_well, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_without_a_place_that_retires_is_missed_by_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_could_not_be_recorded_is_told_later_also_by_the_process_that_comes_next, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
