/* The loop that steps logs; the logs and the clock are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <time.h>

#include "base/clock.h"
#include "steps/drive.h"

#define LOGS 40

struct followed_log {
    unsigned stepped;
    int64_t wanted_ms;
};

static int64_t real_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_ms(void) {
    return real_ms();
}

int64_t clock_wall_ms(void) {
    return 0;
}

int64_t followed_log_step(struct followed_log *log) {
    log->stepped++;
    return log->wanted_ms;
}

struct rounds {
    unsigned count, wanted;
    int64_t due_ms, begun_ms[100];
    bool should_stop;
};

static int64_t count_round(void *context, int64_t now_ms) {
    struct rounds *rounds = context;
    rounds->begun_ms[rounds->count++] = now_ms;
    rounds->should_stop = rounds->count == rounds->wanted;
    return rounds->due_ms;
}

static struct event_base *loop;
static struct drive *drive;
static struct followed_log logs[LOGS];

static int set_up(void **state) {
    (void) state;
    memset(logs, 0, sizeof logs);
    for (size_t i = 0; i < LOGS; i++)
        logs[i].wanted_ms = INT64_MAX;
    loop = event_base_new();
    return loop == NULL || drive_new(loop, &drive) != OK;
}

static int tear_down(void **state) {
    (void) state;
    drive_free(drive);
    event_base_free(loop);
    return 0;
}

static void every_log_is_stepped_in_every_round(void **state) {
    (void) state;
    struct rounds rounds = {.wanted = 5};
    for (size_t i = 0; i < LOGS; i++)
        assert_null(drive_add(drive, &logs[i]));
    assert_int_equal(drive_count(drive), LOGS);
    drive_set_extra(drive, count_round, &rounds);
    assert_null(drive_run(drive, &rounds.should_stop));
    for (size_t i = 0; i < LOGS; i++)
        assert_int_equal(logs[i].stepped, 5);
}

static void a_removed_log_is_stepped_no_more_and_the_others_are(void **state) {
    (void) state;
    struct rounds rounds = {.wanted = 2};
    for (size_t i = 0; i < 3; i++)
        assert_null(drive_add(drive, &logs[i]));
    drive_remove(drive, &logs[1]);
    drive_remove(drive, &logs[7]); /* never added */
    assert_int_equal(drive_count(drive), 2);
    assert_ptr_equal(drive_log(drive, 0), &logs[0]);
    assert_ptr_equal(drive_log(drive, 1), &logs[2]);
    drive_set_extra(drive, count_round, &rounds);
    assert_null(drive_run(drive, &rounds.should_stop));
    assert_int_equal(logs[0].stepped, 2);
    assert_int_equal(logs[1].stepped, 0);
    assert_int_equal(logs[2].stepped, 2);
}

static void the_earliest_wish_decides_when_the_next_round_begins(void **state) {
    (void) state;
    struct rounds rounds = {.wanted = 2, .due_ms = INT64_MAX};
    assert_null(drive_add(drive, &logs[0]));
    assert_null(drive_add(drive, &logs[1]));
    logs[1].wanted_ms = real_ms() + 150;
    drive_set_extra(drive, count_round, &rounds);
    assert_null(drive_run(drive, &rounds.should_stop));
    int64_t waited = rounds.begun_ms[1] - rounds.begun_ms[0];
    assert_in_range(waited, 10, 600); /* a build for a fake clock looks sooner */
}

static void whoever_wants_nothing_is_asked_within_a_second(void **state) {
    (void) state;
    struct rounds rounds = {.wanted = 2, .due_ms = INT64_MAX};
    drive_set_extra(drive, count_round, &rounds);
    assert_null(drive_run(drive, &rounds.should_stop));
    assert_in_range(rounds.begun_ms[1] - rounds.begun_ms[0], 10, 2000);
}

static void a_wish_in_the_past_does_not_spin_without_looking_at_events(void **state) {
    (void) state;
    struct rounds rounds = {.wanted = 30, .due_ms = INT64_MIN / 2};
    drive_set_extra(drive, count_round, &rounds);
    assert_null(drive_run(drive, &rounds.should_stop));
    assert_true(rounds.begun_ms[29] - rounds.begun_ms[0] >= 15); /* a millisecond each, as the loop measures it */
}

static void count_event(int unused_descriptor, short unused_events, void *context) {
    (void) unused_descriptor;
    (void) unused_events;
    ++*(unsigned *) context;
}

static void an_event_begins_a_round_at_once(void **state) {
    (void) state;
    struct rounds rounds = {.wanted = 2, .due_ms = INT64_MAX};
    struct timeval soon = {.tv_usec = 5000};
    unsigned events = 0;
    struct event *event = evtimer_new(loop, count_event, &events);
    assert_int_equal(evtimer_add(event, &soon), 0);
    drive_set_extra(drive, count_round, &rounds);
    assert_null(drive_run(drive, &rounds.should_stop));
    assert_int_equal(events, 1);
    assert_true(rounds.begun_ms[1] - rounds.begun_ms[0] < 900);
    event_free(event);
}

#define A(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        A(every_log_is_stepped_in_every_round),
        A(a_removed_log_is_stepped_no_more_and_the_others_are),
        A(the_earliest_wish_decides_when_the_next_round_begins),
        A(whoever_wants_nothing_is_asked_within_a_second),
        A(a_wish_in_the_past_does_not_spin_without_looking_at_events),
        A(an_event_begins_a_round_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
