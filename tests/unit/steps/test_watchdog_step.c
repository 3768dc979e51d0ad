/* What people hear of a log's condition: when, in which fields, and that it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "steps/follow_steps.h"

#define MINUTE_MS ((int64_t) 60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define MMD_SECONDS 86400u

static int64_t wall_ms, monotonic_ms;

int64_t clock_wall_ms(void) {
    return wall_ms;
}

int64_t clock_monotonic_ms(void) {
    return monotonic_ms;
}

struct told_event {
    char rule[40], evidence[2000];
    bool is_over;
};

static struct told_event events[50];
static size_t event_count;
static bool is_store_down;
static struct follow_world world;
static struct followed_log watched;

static result tell(void *unused_context, struct followed_log *log, const struct log_event *event) {
    (void) unused_context;
    assert_ptr_equal(log, &watched);
    assert_true(event_count < 50);
    if (is_store_down)
        return &fault_limit_reached;
    struct told_event *told = &events[event_count++];
    snprintf(told->rule, sizeof told->rule, "%s", event->rule);
    snprintf(told->evidence, sizeof told->evidence, "%s", event->evidence);
    told->is_over = event->is_over;
    return OK;
}

static int set_up(void **state) {
    (void) state;
    wall_ms = INT64_C(1795262400000);
    monotonic_ms = 1000000;
    event_count = 0;
    is_store_down = false;
    world = (struct follow_world){.sink = {.tell = tell}};
    watched = (struct followed_log){
        .world = &world, .has_best = true, .has_start = true, .last_success_ms = wall_ms, .answered_ms = monotonic_ms,
        .best.head = {.size = 1000000, .timestamp_ms = (uint64_t) wall_ms}, .frontier.end = 1000000, .verified.end = 1000000,
        .identity = {.is_stale_checked = true, .log = {.description = "Example log", .mmd_seconds = MMD_SECONDS}}};
    return 0;
}

static void step(int64_t later_ms) {
    wall_ms += later_ms;
    monotonic_ms += later_ms;
    watchdog_step(&watched, monotonic_ms);
}

/* A poll that was answered, with the head as it is. */
static void poll(int64_t later_ms) {
    watched.head_polls++;
    watched.last_success_ms = wall_ms + later_ms;
    watched.answered_ms = monotonic_ms + later_ms;
    step(later_ms);
}

static size_t count_of(const char *rule, bool is_over) {
    size_t count = 0;
    for (size_t i = 0; i < event_count; i++)
        count += strcmp(events[i].rule, rule) == 0 && events[i].is_over == is_over;
    return count;
}

static void assert_evidence(const char *wanted) {
    assert_true(event_count > 0);
    assert_string_equal(events[event_count - 1].evidence, wanted);
}

static void a_healthy_log_tells_once_that_nothing_is_open(void **state) {
    (void) state;
    for (unsigned i = 0; i < 20; i++)
        poll(10000);
    assert_int_equal(event_count, 3);
    assert_int_equal(count_of("log.stale", true), 1);
    assert_int_equal(count_of("log.unreachable", true), 1);
    assert_int_equal(count_of("log.behind", true), 1);
}

static void an_old_head_is_stale_at_the_third_poll_and_over_with_a_new_one(void **state) {
    (void) state;
    poll(0);
    poll((int64_t) MMD_SECONDS * 1000 + 15 * MINUTE_MS);
    assert_int_equal(watched.stale_polls, 0); /* just not too old */
    poll(10000);
    poll(10000);
    for (unsigned i = 0; i < 10; i++)
        step(2000); /* the same poll does not count twice */
    assert_int_equal(count_of("log.stale", false), 0);
    poll(10000);
    assert_int_equal(count_of("log.stale", false), 1);
    assert_evidence("{\"head_time\":\"2026-11-21T12:00:00.000Z\",\"tree_size\":1000000,\"age_seconds\":87350,\"mmd_seconds\":86400}");
    poll(10000);
    assert_int_equal(count_of("log.stale", false), 1);
    watched.best.head.timestamp_ms = (uint64_t) wall_ms;
    poll(10000);
    assert_int_equal(count_of("log.stale", true), 2);
}

static void a_log_whose_age_counts_no_more_is_not_stale(void **state) {
    (void) state;
    for (unsigned i = 0; i < 3; i++)
        poll(2 * (int64_t) MMD_SECONDS * 1000);
    assert_int_equal(count_of("log.stale", false), 1);
    watched.identity.is_stale_checked = false; /* its interval has ended */
    poll(10000);
    assert_string_equal(events[event_count - 1].rule, "log.stale");
    assert_true(events[event_count - 1].is_over);
}

static void an_hour_of_silence_is_told_once_and_ends_with_an_answer(void **state) {
    (void) state;
    snprintf(watched.last_error.text, sizeof watched.last_error.text, "cannot be reached: \"refused\"");
    step(HOUR_MS);
    assert_int_equal(count_of("log.unreachable", false), 0);
    step(1000);
    assert_int_equal(count_of("log.unreachable", false), 1);
    assert_evidence("{\"silent_seconds\":3601,\"last_error\":\"cannot be reached: \\\"refused\\\"\"}");
    step(HOUR_MS);
    assert_int_equal(count_of("log.unreachable", false), 1);
    poll(1000);
    assert_int_equal(count_of("log.unreachable", true), 2); /* at the first step, and now */
}

static void silence_after_a_restart_ends_nothing_before_the_log_answers(void **state) {
    (void) state;
    watched.last_success_ms = watched.answered_ms = 0;
    watched.has_best = false;
    step(1000);
    step(MINUTE_MS);
    assert_int_equal(event_count, 0);
    step(HOUR_MS);
    assert_int_equal(count_of("log.unreachable", false), 1);
}

static void silence_of_a_log_that_the_other_list_rejects_is_no_finding(void **state) {
    (void) state;
    watched.identity.is_unreachable_a_note = true;
    step(5 * HOUR_MS);
    assert_int_equal(count_of("log.unreachable", false), 0);
}

static void a_quarter_of_an_hour_behind_is_told_with_an_estimate(void **state) {
    (void) state;
    watched.frontier.end = 900000;
    watched.rate = 50;
    poll(0);
    poll(14 * MINUTE_MS);
    assert_int_equal(count_of("log.behind", false), 0);
    poll(MINUTE_MS);
    assert_int_equal(count_of("log.behind", false), 1);
    assert_evidence("{\"lag_entries\":100000,\"entries_per_second\":50.0,\"eta_seconds\":2000.0}");
    watched.frontier.end = 995000;
    poll(MINUTE_MS);
    assert_true(events[event_count - 1].is_over);
}

/* Its rate fades while nothing can be read, and the estimate grows beyond 2^63, which no reader of JSON takes. */
static void when_a_log_that_hardly_moves_is_caught_up_with_is_not_known(void **state) {
    static const struct {
        double rate;
        const char *wanted;
    } cases[] = {{1e-9, "{\"lag_entries\":100000,\"entries_per_second\":0.0,\"eta_seconds\":null}"},
                 {1e-5, "{\"lag_entries\":100000,\"entries_per_second\":1.0000000000000001e-5,\"eta_seconds\":null}"},
                 {0.5, "{\"lag_entries\":100000,\"entries_per_second\":0.5,\"eta_seconds\":200000.0}"}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_up(state);
        watched.frontier.end = 900000;
        watched.rate = cases[i].rate;
        poll(0);
        poll(15 * MINUTE_MS);
        assert_evidence(cases[i].wanted);
    }
}

/* Heads are answered, entries are not: nobody else would say so. */
static void a_position_that_stands_still_for_an_hour_is_told_however_little_is_behind_it(void **state) {
    (void) state;
    watched.frontier.end = watched.verified.end = 999999;
    snprintf(watched.last_error.text, sizeof watched.last_error.text, "no reader process stays alive");
    poll(0);
    for (unsigned i = 0; i < 59; i++)
        poll(MINUTE_MS);
    assert_int_equal(count_of("log.behind", false), 0);
    poll(MINUTE_MS);
    poll(MINUTE_MS);
    assert_int_equal(count_of("log.behind", false), 1);
    assert_evidence("{\"lag_entries\":1,\"entries_per_second\":0.0,\"eta_seconds\":null,"
                    "\"detail\":\"nothing more could be read and verified for an hour; newest error: no reader process stays alive\"}");
    watched.frontier.end = watched.verified.end = 1000000;
    poll(MINUTE_MS);
    assert_true(events[event_count - 1].is_over);
}

static void a_log_that_gives_no_place_to_begin_at_is_told_after_an_hour(void **state) {
    (void) state;
    watched.has_start = false;
    watched.frontier.end = watched.verified.end = 0;
    for (unsigned i = 0; i < 62; i++)
        poll(MINUTE_MS);
    assert_int_equal(count_of("log.behind", false), 1);
}

/* A restart forgets what was told: an hour must not pass before an open finding is true again. */
static void standing_still_after_a_restart_ends_nothing_before_something_moves(void **state) {
    (void) state;
    watched.frontier.end = watched.verified.end = 999999;
    for (unsigned i = 0; i < 30; i++)
        poll(MINUTE_MS);
    assert_int_equal(count_of("log.behind", true), 0);
    watched.frontier.end = watched.verified.end = 1000000;
    poll(MINUTE_MS);
    assert_int_equal(count_of("log.behind", true), 1);
}

static void a_log_whose_heads_nobody_signed_is_not_called_unreachable_as_well(void **state) {
    (void) state;
    poll(0);
    watched.told_bad_head = TOLD_OPEN;
    step(3 * HOUR_MS);
    assert_int_equal(count_of("log.unreachable", false), 0);
}

static void a_position_that_moves_is_not_told_however_slowly(void **state) {
    (void) state;
    watched.frontier.end = watched.verified.end = 999900;
    for (unsigned i = 0; i < 90; i++) {
        poll(50 * MINUTE_MS);
        watched.verified.end++;
    }
    assert_int_equal(count_of("log.behind", false), 0);
}

static void what_could_not_be_recorded_is_told_again(void **state) {
    (void) state;
    is_store_down = true;
    step(2 * HOUR_MS);
    step(1000);
    assert_int_equal(event_count, 0);
    is_store_down = false;
    step(1000);
    assert_int_equal(count_of("log.unreachable", false), 1);
    assert_int_equal(count_of("log.stale", true), 1);
}

static void hear(const char *operator_name, int64_t true_ms) {
    const struct world_clock_answer answer = {operator_name, true_ms, wall_ms, monotonic_ms};
    world_clock_hear(world.clock, &answer);
}

static void a_clock_that_is_set_makes_no_log_silent_and_none_stale_once_the_servers_have_said_what_time_it_is(void **state) {
    (void) state;
    struct world_clock clock = {.asked = 1};
    world.clock = &clock;
    poll(1000);
    event_count = 0;
    int64_t true_ms = wall_ms;
    wall_ms += 30 * 24 * HOUR_MS;
    for (unsigned i = 0; i < 10; i++) {
        hear("Example operator", true_ms += 1000);
        poll(1000);
        assert_int_equal(world_clock_time(&clock, wall_ms), true_ms + 1000);
    }
    wall_ms -= 60 * 24 * HOUR_MS;
    step(1000);
    assert_int_equal(event_count, 0);
}

static void one_wrong_clock_among_three_or_two_moves_nothing_and_an_old_opinion_is_forgotten(void **state) {
    (void) state;
    struct world_clock clock = {0};
    const char *const names[] = {"A", "B", "C", "A", "C"};
    world.clock = &clock;
    world_clock_set_asked(&clock, names, 5);
    assert_int_equal(clock.asked, 3);
    hear("A", wall_ms - 24 * HOUR_MS);
    assert_int_equal(world_clock_time(&clock, wall_ms), wall_ms); /* its word alone, while others are asked as well */
    assert_false(world_clock_is_known(&clock));
    hear("A", wall_ms - 24 * HOUR_MS);
    assert_int_equal(world_clock_time(&clock, wall_ms), wall_ms); /* however often */
    hear("B", wall_ms + 1000);
    assert_int_equal(world_clock_time(&clock, wall_ms), wall_ms);
    hear("C", wall_ms - 25 * HOUR_MS);
    assert_int_equal(world_clock_time(&clock, wall_ms), wall_ms - 24 * HOUR_MS);
    hear("C", wall_ms - 4 * MINUTE_MS);
    assert_int_equal(world_clock_time(&clock, wall_ms), wall_ms);
    assert_true(world_clock_is_known(&clock));
    monotonic_ms += 121 * MINUTE_MS;
    wall_ms += 121 * MINUTE_MS;
    hear("D", wall_ms + 10 * MINUTE_MS);
    assert_int_equal(clock.count, 1);
    assert_false(world_clock_is_known(&clock));
    world_clock_set_asked(&clock, &names[1], 1);
    hear("D", wall_ms + 10 * MINUTE_MS); /* where nobody else is asked, the only one is believed */
    assert_int_equal(world_clock_time(&clock, wall_ms), wall_ms + 10 * MINUTE_MS);
}

static void a_scan_has_no_watchdog(void **state) {
    (void) state;
    watched.options.is_one_shot = true;
    step(1000 * HOUR_MS);
    assert_int_equal(event_count, 0);
}

static void a_fork_names_the_head_and_what_the_entries_give(void **state) {
    (void) state;
    struct tree_head head = {.size = 1000, .timestamp_ms = 1795262400000u, .root = {{0xaa}}, .signature = {1, 2, 3}, .signature_size = 3};
    struct tree_head other = {.size = 1000, .timestamp_ms = 1795262400001u, .root = {{0xbb}}, .signature = {4, 5, 6}, .signature_size = 3};
    struct hash computed = {{0xbb}};
    watched.verified.end = 700;
    watched.identity.log.key = span_of("key", 3);
    is_store_down = true;
    follow_fork(&watched, &head, &other, &computed, "two roots for one size");
    assert_false(watched.is_told_forked);
    is_store_down = false;
    follow_fork(&watched, &head, &other, &computed, "two roots for one size");
    follow_fork(&watched, &head, &other, &computed, "two roots for one size");
    assert_int_equal(event_count, 1);
    assert_string_equal(events[0].rule, "log.fork");
    assert_evidence("{\"tree_size\":1000,\"signed_root\":\"aa00000000000000000000000000000000000000000000000000000000000000\","
                    "\"signed_at\":\"2026-11-21T12:00:00.000Z\",\"timestamp\":1795262400000,\"signature\":\"AQID\","
                    "\"how\":\"two roots for one size\","
                    "\"computed_root\":\"bb00000000000000000000000000000000000000000000000000000000000000\",\"verified_size\":700,"
                    "\"key\":\"a2V5\",\"other_head\":{\"tree_size\":1000,"
                    "\"signed_root\":\"bb00000000000000000000000000000000000000000000000000000000000000\","
                    "\"signed_at\":\"2026-11-21T12:00:00.001Z\",\"timestamp\":1795262400001,\"signature\":\"BAUG\"}}");
}

#define A(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        A(a_healthy_log_tells_once_that_nothing_is_open),
        A(an_old_head_is_stale_at_the_third_poll_and_over_with_a_new_one),
        A(a_log_whose_age_counts_no_more_is_not_stale),
        A(an_hour_of_silence_is_told_once_and_ends_with_an_answer),
        A(silence_after_a_restart_ends_nothing_before_the_log_answers),
        A(silence_of_a_log_that_the_other_list_rejects_is_no_finding),
        A(a_quarter_of_an_hour_behind_is_told_with_an_estimate),
        A(when_a_log_that_hardly_moves_is_caught_up_with_is_not_known),
        A(a_position_that_stands_still_for_an_hour_is_told_however_little_is_behind_it),
        A(a_log_that_gives_no_place_to_begin_at_is_told_after_an_hour),
        A(standing_still_after_a_restart_ends_nothing_before_something_moves),
        A(a_log_whose_heads_nobody_signed_is_not_called_unreachable_as_well),
        A(a_position_that_moves_is_not_told_however_slowly),
        A(what_could_not_be_recorded_is_told_again),
        A(a_clock_that_is_set_makes_no_log_silent_and_none_stale_once_the_servers_have_said_what_time_it_is),
        A(one_wrong_clock_among_three_or_two_moves_nothing_and_an_old_opinion_is_forgotten),
        A(a_scan_has_no_watchdog),
        A(a_fork_names_the_head_and_what_the_entries_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
