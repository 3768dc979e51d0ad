/* Certificates that wait for their issuer: who is asked when, what is told of an issuer that a log withholds, and what when more wait than
 * can be looked at. Store, readers and logs are played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "steps/judge.h"
#include "steps/monitor.h"

#define SECOND_MS ((int64_t) 1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define ROWS_MAX 2000
#define LOGS 2

static int64_t monotonic_ms, wall_ahead_ms;
static int64_t answered_ms; /* the logs, to anything else */
static struct monitor *monitor;
static struct chosen_log chosen[LOGS];

static struct row {
    uint8_t log, issuer;
    int64_t first_seen_ms;
    bool is_resolved;
    unsigned told, asked;
} rows[ROWS_MAX + 1]; /* by number */
static size_t row_count;

static struct question {
    issuer_done done;
    void *context;
    int64_t id;
} questions[MONITOR_ISSUERS_MAX];
static size_t question_count;
static unsigned opened, ended;
static bool is_store_down;

int64_t clock_wall_ms(void) {
    return INT64_C(1795262400000) + wall_ahead_ms + monotonic_ms;
}

int64_t clock_monotonic_ms(void) {
    return monotonic_ms;
}

int64_t followed_log_answered_ms(const struct followed_log *unused_log) {
    (void) unused_log;
    return answered_ms;
}

const struct monitor_step monitor_steps[] = {{"resolve issuers", 500, step_resolve_issuers}, {"tell", 1000, step_tell_unjudged}};
const size_t monitor_step_count = 2;

result store_pending_issuers(struct store *unused_store, int64_t after_id, unsigned unused_limit, struct arena *arena,
                             struct store_pending_issuer **ret_rows, size_t *ret_count) {
    static struct store_pending_issuer pending;
    (void) unused_store;
    (void) unused_limit;
    *ret_count = 0;
    for (size_t i = (size_t) after_id + 1; i <= row_count && *ret_count == 0; i++) {
        if (rows[i].is_resolved)
            continue;
        struct hash *issuer = arena_take(arena, sizeof *issuer);
        issuer->bytes[0] = 7; /* all have the first byte in common */
        issuer->bytes[1] = rows[i].issuer;
        issuer->bytes[2] = (uint8_t) (rows[i].issuer == 255 ? i : 0); /* 255: one of its own */
        issuer->bytes[3] = (uint8_t) (rows[i].issuer == 255 ? i >> 8 : 0);
        pending = (struct store_pending_issuer){.certificate_id = (int64_t) i, .log_id.bytes = {rows[i].log}, .chain = issuer, .chain_count = 1,
                                                .first_seen_ms = rows[i].first_seen_ms, .timestamp_ms = (uint64_t) rows[i].first_seen_ms};
        *ret_rows = &pending;
        *ret_count = 1;
    }
    return OK;
}

result judge_known(const struct judge_input *unused_input, const struct store_match *unused_matches, size_t unused_count, struct arena *unused_arena,
                   struct store_judgement *ret_judgement) {
    (void) unused_input;
    (void) unused_matches;
    (void) unused_count;
    (void) unused_arena;
    *ret_judgement = (struct store_judgement){0};
    return OK;
}

result store_issuer_withheld(struct store *unused_store, const struct store_resolution *resolution) {
    (void) unused_store;
    if (is_store_down)
        return &fault_limit_reached;
    rows[resolution->certificate_id].told++;
    return OK;
}

result store_resolve_issuer(struct store *unused_store, const struct store_resolution *resolution, int64_t *unused_id) {
    (void) unused_store;
    (void) unused_id;
    rows[resolution->certificate_id].is_resolved = true;
    return OK;
}

result issuer_fetch_ask(struct issuer_fetch *unused_fetch, const struct issuer_query *unused_query, issuer_done done, void *context) {
    (void) unused_fetch;
    (void) unused_query;
    assert_true(question_count < MONITOR_ISSUERS_MAX);
    questions[question_count++] = (struct question){.done = done, .context = context, .id = monitor->issuer_round.after_id};
    rows[monitor->issuer_round.after_id].asked++;
    return OK;
}

result monitor_tell(struct monitor *unused_monitor, const struct hash *log_id, const struct log_event *event) {
    (void) unused_monitor;
    assert_null(log_id);
    assert_string_equal(event->rule, "service.behind");
    *(event->is_over ? &ended : &opened) += 1;
    return OK;
}

static int set_up(void **state) {
    (void) state;
    monotonic_ms = 100 * HOUR_MS;
    wall_ahead_ms = answered_ms = 0;
    memset(rows, 0, sizeof rows);
    row_count = question_count = 0;
    opened = 0;
    is_store_down = false;
    monitor = calloc(1, sizeof *monitor);
    monitor->watches = (struct watch_set *) &rows; /* never looked into */
    monitor->chosen = chosen;
    monitor->chosen_count = monitor->log_count = LOGS;
    for (uint8_t i = 0; i < LOGS; i++) {
        chosen[i] = (struct chosen_log){.log = {.log_id.bytes = {i}, .url = "", .monitoring_url = "https://log.example/"}};
        monitor->logs[i] = (struct monitor_log){.log_id.bytes = {i}, .follow = (struct followed_log *) &rows};
    }
    assert_ptr_equal(step_resolve_issuers(monitor, monotonic_ms), OK);
    assert_ptr_equal(step_tell_unjudged(monitor, monotonic_ms), OK);
    ended = 0; /* what a process before may have left open */
    return 0;
}

static int tear_down(void **state) {
    (void) state;
    issuer_jobs_free(monitor);
    free(monitor);
    return 0;
}

static size_t add(uint8_t log, uint8_t issuer) {
    assert_true(row_count < ROWS_MAX);
    rows[++row_count] = (struct row){.log = log, .issuer = issuer, .first_seen_ms = clock_wall_ms()};
    return row_count;
}

/* What comes of every question that is open; `log` alone answers well (LOGS: none). */
static void answer_all(result fault, uint8_t good_log) {
    size_t count = question_count;
    struct question asked[MONITOR_ISSUERS_MAX];
    memcpy(asked, questions, sizeof asked);
    question_count = 0;
    for (size_t i = count; i-- > 0;) /* the newest first, as issuer_fetch does */
        asked[i].done(asked[i].context, &(struct issuer_answer){.fault = rows[asked[i].id].log == good_log ? OK : fault});
}

/* Time passes as the table of steps lets it. */
static void pass(int64_t ms, result fault, bool is_answering) {
    for (int64_t end = monotonic_ms + ms; monotonic_ms < end; monotonic_ms += 500) {
        if (is_answering)
            answered_ms = monotonic_ms;
        assert_ptr_equal(step_resolve_issuers(monitor, monotonic_ms), OK);
        answer_all(fault, LOGS);
        assert_ptr_equal(step_tell_unjudged(monitor, monotonic_ms), OK);
    }
}

/* ---- withheld issuers */

static void an_hour_without_network_withholds_nothing(void **state) {
    (void) state;
    size_t mine = add(0, 1);
    pass(3 * HOUR_MS, &fault_transfer_connect, false);
    assert_true(rows[mine].asked > 10);
    assert_int_equal(rows[mine].told, 0);
    pass(50 * MINUTE_MS, &fault_transfer_connect, true); /* the network is back, and the log's issuers are not */
    assert_int_equal(rows[mine].told, 0);
    pass(30 * MINUTE_MS, &fault_transfer_connect, true);
    assert_int_equal(rows[mine].told, 1);
}

static void one_failure_after_a_pause_of_hours_withholds_nothing(void **state) {
    (void) state;
    size_t mine = add(0, 1);
    wall_ahead_ms = 5 * HOUR_MS; /* the machine slept, or was off: by the wall clock it has waited for hours */
    pass(5 * MINUTE_MS, &fault_transfer_status, true);
    assert_true(rows[mine].asked > 0);
    assert_int_equal(rows[mine].told, 0);
}

static void what_a_log_refuses_for_an_hour_is_told_once_of_every_certificate_that_waits_for_it(void **state) {
    (void) state;
    for (size_t i = 0; i < 300; i++)
        add(0, 1);
    pass(55 * MINUTE_MS, &fault_transfer_status, false);
    for (size_t i = 1; i <= 300; i++)
        assert_int_equal(rows[i].told, 0);
    pass(20 * MINUTE_MS, &fault_transfer_status, false);
    size_t late = add(0, 1);
    pass(10 * HOUR_MS, &fault_transfer_status, false);
    for (size_t i = 1; i <= late; i++)
        assert_int_equal(rows[i].told, 1);
}

static void what_the_database_did_not_take_is_told_later(void **state) {
    (void) state;
    for (size_t i = 0; i < 100; i++)
        add(0, 1);
    is_store_down = true;
    pass(2 * HOUR_MS, &fault_transfer_status, true);
    is_store_down = false;
    pass(MINUTE_MS, &fault_transfer_status, true);
    for (size_t i = 1; i <= 100; i++)
        assert_int_equal(rows[i].told, 1);
}

static void a_silent_log_that_nobody_follows_is_told_after_a_day(void **state) {
    (void) state;
    monitor->log_count = 0;
    size_t mine = add(0, 1);
    pass(23 * HOUR_MS, &fault_transfer_connect, false);
    assert_int_equal(rows[mine].told, 0);
    pass(2 * HOUR_MS, &fault_transfer_connect, false);
    assert_int_equal(rows[mine].told, 1);
}

static void what_waited_for_a_day_needs_no_whole_hour_after_a_start(void **state) {
    (void) state;
    size_t mine = add(0, 1);
    rows[mine].first_seen_ms -= 25 * HOUR_MS;
    pass(5 * MINUTE_MS, &fault_transfer_status, true);
    assert_int_equal(rows[mine].told, 0);
    pass(20 * MINUTE_MS, &fault_transfer_status, true);
    assert_int_equal(rows[mine].told, 1);
}

static void want_of_memory_or_readers_accuses_no_log(void **state) {
    (void) state;
    size_t mine = add(0, 1);
    pass(MINUTE_MS, &fault_no_memory, true);
    assert_true(rows[mine].asked > 100); /* nor is it paused */
    pass(3 * HOUR_MS, &fault_reader_starved, true);
    assert_int_equal(rows[mine].told, 0);
}

/* ---- pauses */

static void no_issuer_is_paused_for_another_one(void **state) {
    (void) state;
    for (uint8_t issuer = 0; issuer < 60; issuer++)
        add(0, issuer);
    pass(10 * MINUTE_MS, &fault_transfer_status, true);
    unsigned paused = rows[1].asked;
    assert_in_range(paused, 5, 8); /* after 10, 20, 40, 80, 160, 320 s */
    for (size_t i = 1; i <= 60; i++)
        assert_int_equal(rows[i].asked, paused);
    size_t other = add(1, 1); /* the same issuer at another log */
    pass(1000, &fault_transfer_status, true);
    assert_true(rows[other].asked > 0);
}

static void a_log_that_withholds_more_issuers_than_it_has_places_for_is_told_of_all_and_harms_no_other(void **state) {
    (void) state;
    for (size_t i = 0; i < 200; i++)
        add(0, 255);
    size_t other = add(1, 1);
    pass(10 * MINUTE_MS, &fault_transfer_status, true);
    assert_in_range(rows[other].asked, 5, 8);
    pass(90 * MINUTE_MS, &fault_transfer_status, true);
    for (size_t i = 1; i <= row_count; i++)
        assert_true(rows[i].told >= 1); /* the database takes it once: sql/0006, issuer_withheld */
    assert_int_equal(rows[other].told, 1);
}

/* ---- more than can be looked at */

static void a_flood_is_worked_off_by_the_hundred_a_second_and_is_no_finding(void **state) {
    (void) state;
    for (size_t i = 0; i < ROWS_MAX; i++)
        add(0, 255);
    int64_t begun_ms = monotonic_ms;
    for (size_t done = 0; done < ROWS_MAX;) {
        monitor->step_due_ms[0] = monotonic_ms + 500;
        assert_ptr_equal(step_resolve_issuers(monitor, monotonic_ms), OK);
        done += question_count;
        answer_all(OK, 0);
        assert_ptr_equal(step_tell_unjudged(monitor, monotonic_ms), OK);
        monotonic_ms = monitor->step_due_ms[0];
    }
    assert_in_range(monotonic_ms - begun_ms, 1, ROWS_MAX * 1000 / 100);
    assert_int_equal(opened, 0);
}

static void certificates_that_nobody_can_look_at_are_a_finding_after_five_minutes_until_all_were(void **state) {
    (void) state;
    for (size_t i = 0; i < 100; i++)
        add(0, 255);
    for (int64_t end = monotonic_ms + 20 * MINUTE_MS; monotonic_ms < end; monotonic_ms += 500) { /* its server hangs */
        assert_ptr_equal(step_resolve_issuers(monitor, monotonic_ms), OK);
        assert_ptr_equal(step_tell_unjudged(monitor, monotonic_ms), OK);
        assert_int_equal(opened, monotonic_ms > end - 15 * MINUTE_MS);
    }
    assert_int_equal(ended, 0);
    size_t other = add(1, 1);
    for (size_t i = 0; i < 8; i++, monotonic_ms += 500)
        assert_ptr_equal(step_resolve_issuers(monitor, monotonic_ms), OK);
    assert_int_equal(rows[other].asked, 1); /* which holds up no other log */
    for (size_t i = 0; i < 20; i++) {
        answer_all(OK, 0);
        pass(500, OK, true);
    }
    pass(5 * SECOND_MS, OK, true);
    assert_int_equal(opened, 1);
    assert_int_equal(ended, 1);
}

static void a_database_that_was_away_for_an_hour_is_no_flood(void **state) {
    (void) state;
    add(0, 1);
    monotonic_ms += HOUR_MS;
    pass(10 * MINUTE_MS, &fault_transfer_status, true);
    assert_int_equal(opened, 0);
}

#define A(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        A(an_hour_without_network_withholds_nothing),
        A(one_failure_after_a_pause_of_hours_withholds_nothing),
        A(what_a_log_refuses_for_an_hour_is_told_once_of_every_certificate_that_waits_for_it),
        A(what_the_database_did_not_take_is_told_later),
        A(a_silent_log_that_nobody_follows_is_told_after_a_day),
        A(what_waited_for_a_day_needs_no_whole_hour_after_a_start),
        A(want_of_memory_or_readers_accuses_no_log),
        A(no_issuer_is_paused_for_another_one),
        A(a_log_that_withholds_more_issuers_than_it_has_places_for_is_told_of_all_and_harms_no_other),
        A(a_flood_is_worked_off_by_the_hundred_a_second_and_is_no_finding),
        A(certificates_that_nobody_can_look_at_are_a_finding_after_five_minutes_until_all_were),
        A(a_database_that_was_away_for_an_hour_is_no_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
