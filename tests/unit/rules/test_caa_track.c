/* docs/caa.md, History: which run an answer belongs to, since when it was true, when it is asked for again; disagreements and resolvers that are down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rules/caa_dispute.h"
#include "rules/caa_health.h"
#include "rules/caa_track.h"

#define T INT64_C(1795262400000)
#define S INT64_C(1000)

static const struct caa_bounds bounds = {.least_s = 300, .most_s = 3600};
static struct caa_sets *sets;

static int set_up(void **state) {
    (void) state;
    return caa_sets_new(&sets) != OK;
}

static int tear_down(void **state) {
    (void) state;
    caa_sets_free(sets);
    return 0;
}

static struct caa_set *set_of(const char *bytes) {
    struct caa_set *set = caa_set_ref(sets, span_of_text(bytes));
    assert_non_null(set);
    return set;
}

/* `said` NULL: a failure; "": no records. Returns whether a run began. */
static bool hear(struct caa_track *track, const char *said, uint32_t ttl_s, int64_t at_ms) {
    struct caa_answer answer = {.outcome = said == NULL ? CAA_FAILED : said[0] == '\0' ? CAA_EMPTY : CAA_RECORDS, .ttl_s = ttl_s, .answered_ms = at_ms};
    struct caa_step_taken taken = caa_track_take(track, (struct caa_heard){.answer = &answer, .set = said == NULL ? NULL : set_of(said)}, &bounds);
    caa_set_unref(sets, taken.good_before);
    return taken.begins;
}

static void the_wait_is_the_ttl_within_the_bounds(void **state) {
    (void) state;
    const struct {
        uint32_t ttl_s, wait_s;
    } cases[] = {{0, 300}, {299, 300}, {300, 300}, {900, 900}, {3600, 3600}, {86400, 3600}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct caa_answer answer = {.outcome = i % 2 == 0 ? CAA_RECORDS : CAA_EMPTY, .ttl_s = cases[i].ttl_s};
        assert_int_equal(caa_wait_s(&answer, 0, &bounds), cases[i].wait_s);
    }
}

static void failures_are_tried_again_after_10_seconds_doubling_to_the_lower_bound(void **state) {
    (void) state;
    static const uint32_t waits[] = {10, 20, 40, 80, 160, 300, 300};
    struct caa_answer failed = {.outcome = CAA_FAILED}, bogus = {.outcome = CAA_BOGUS};
    for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++)
        assert_int_equal(caa_wait_s(&failed, i + 1, &bounds), waits[i]);
    assert_int_equal(caa_wait_s(&bogus, 3, &bounds), 40);
    assert_int_equal(caa_wait_s(&failed, 60000, &bounds), 300);
    struct caa_bounds quick = {.least_s = 2, .most_s = 4};
    assert_int_equal(caa_wait_s(&failed, 1, &quick), 2);
}

static void jitter_is_a_tenth_and_lets_a_cache_run_out(void **state) {
    (void) state;
    for (uint64_t random = 0; random < 100000; random += 7) {
        int64_t wait_ms = caa_wait_ms(300, random);
        assert_true(wait_ms >= 271 * S && wait_ms <= 331 * S);
    }
    assert_int_equal(caa_wait_ms(300, 0), 271 * S);
    assert_int_equal(caa_wait_ms(300, 60000), 331 * S);
    assert_int_equal(caa_wait_ms(1, 200), 1200); /* always less than the gap that would begin a run */
}

static void the_same_set_goes_on_and_another_one_begins(void **state) {
    (void) state;
    struct caa_track track = {0};
    assert_true(hear(&track, "a", 300, T));
    assert_false(hear(&track, "a", 300, T + 300 * S));
    assert_true(hear(&track, "b", 300, T + 600 * S));
    assert_true(hear(&track, "", 300, T + 900 * S));
    assert_true(hear(&track, NULL, 0, T + 1200 * S));
    assert_false(hear(&track, NULL, 0, T + 1210 * S));
    assert_true(hear(&track, "", 300, T + 1230 * S));
    assert_int_equal(track.first_answered_ms, T + 1230 * S);
}

static void a_gap_over_twice_the_wait_begins_a_run_with_the_same_content(void **state) {
    (void) state;
    struct caa_track track = {0};
    assert_true(hear(&track, "a", 900, T));
    assert_false(hear(&track, "a", 900, T + 1800 * S));
    assert_true(hear(&track, "a", 900, T + 3601 * S));
    assert_int_equal(track.first_answered_ms, T + 3601 * S);
    assert_true(track.first_true_ms >= T + 1800 * S);
}

static void what_a_cache_repeats_all_day_hides_that_day(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 86400, T);
    for (uint32_t hour = 1; hour < 24; hour++)
        assert_false(hear(&track, "a", 86400 - hour * 3600, T + hour * 3600 * S));
    assert_int_equal(track.last_true_ms, T);
    assert_true(hear(&track, "a", 86400, T + 86400 * S));
    assert_int_equal(track.first_true_ms, T + 86400 * S);
}

static void a_cache_that_others_ask_too_breaks_no_run(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 300, T);
    assert_false(hear(&track, "a", 0, T + 300 * S)); /* as old as may be */
    assert_false(hear(&track, "a", 300, T + 631 * S)); /* and then a fresh one, as late as may be */
    assert_int_equal(track.last_true_ms, T + 631 * S);
}

static void ad_that_comes_or_goes_begins_a_run(void **state) {
    (void) state;
    struct caa_track track = {0};
    struct caa_answer answer = {.outcome = CAA_EMPTY, .ttl_s = 300, .answered_ms = T, .is_authenticated = true};
    (void) caa_track_take(&track, (struct caa_heard){&answer, set_of("")}, &bounds);
    assert_true(hear(&track, "", 300, T + 300 * S));
}

static void a_set_was_true_since_its_ttl_began_to_count(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 1000, T);
    assert_int_equal(track.first_true_ms, T);
    hear(&track, "a", 400, T + 600 * S); /* the same answer, out of the cache */
    assert_int_equal(track.last_true_ms, T);
    hear(&track, "a", 1000, T + 1000 * S);
    assert_int_equal(track.last_true_ms, T + 1000 * S);
    assert_int_equal(track.first_true_ms, T);
}

static void a_larger_ttl_later_shows_how_old_the_first_answer_was(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 100, T);
    assert_int_equal(track.first_true_ms, T);
    hear(&track, "a", 1000, T + 101 * S);
    assert_int_equal(track.first_true_ms, T - 900 * S);
}

static void nothing_is_true_before_something_else_was_heard_last(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 300, T);
    hear(&track, "b", 100, T + 300 * S);
    hear(&track, "b", 3600, T + 400 * S);
    assert_int_equal(track.first_true_ms, T);
    assert_int_equal(track.last_true_ms, T + 400 * S);
}

static void a_clock_that_goes_back_moves_no_time_back(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 300, T);
    assert_false(hear(&track, "a", 300, T - 3600 * S));
    assert_int_equal(track.last_answered_ms, T);
    assert_true(hear(&track, "b", 300, T - 3000 * S));
    assert_int_equal(track.first_true_ms, T + 1);
}

static void runs_that_begin_while_the_clock_catches_up_are_told_apart_by_their_times(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 300, T);
    static const char *const said[] = {"b", NULL, "c", "b"};
    for (int i = 0; i < 4; i++) {
        assert_true(hear(&track, said[i], 300, T - 3000 * S + i * 300 * S));
        assert_int_equal(track.first_answered_ms, T + i + 1);
    }
}

static void a_ttl_that_was_lowered_is_forgotten_when_it_was_not_seen_for_itself_and_a_day(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 172800, T);
    int64_t at_s = 172800; /* nobody's cache holds it any more */
    while (at_s <= 2 * 172800 + 86400) {
        hear(&track, "a", 300, T + at_s * S);
        at_s += 300;
    }
    assert_int_equal(track.ttl_max_s, 300);
    assert_int_equal(track.last_true_ms, T + (at_s - 300) * S);
    assert_true(track.first_true_ms >= T + 172800 * S);
}

static void a_ttl_that_caches_show_now_and_then_is_kept(void **state) {
    (void) state;
    struct caa_track track = {0};
    for (int64_t at_s = 0; at_s < 10 * 86400; at_s += 1800) /* of two caches in turn */
        hear(&track, "a", (uint32_t) (86400 - at_s * 7 % 86400), T + at_s * S);
    assert_int_equal(track.ttl_max_s, 86400);
}

static void the_largest_ttl_of_a_set_outlives_a_failure(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 3600, T);
    hear(&track, NULL, 0, T + 3000 * S);
    assert_true(hear(&track, "a", 590, T + 3010 * S)); /* what a cache had all the time */
    assert_int_equal(track.first_true_ms, T + 3000 * S); /* not before the failure, which says something else */
    hear(&track, "a", 290, T + 3310 * S);
    assert_int_equal(track.last_true_ms, T + 3000 * S);
}

static void a_clock_that_was_far_ahead_holds_up_no_history(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 300, T + 86400 * S);
    assert_true(hear(&track, "a", 300, T));
    assert_int_equal(track.last_answered_ms, T);
    assert_int_equal(track.first_true_ms, T);
}

static void failures_count_in_a_row_and_keep_what_was_said_before(void **state) {
    (void) state;
    struct caa_track track = {0};
    hear(&track, "a", 300, T);
    for (int i = 1; i <= 3; i++) {
        hear(&track, NULL, 0, T + 300 * S + i * 10 * S);
        assert_int_equal(track.failures, i);
    }
    assert_ptr_equal(track.good, set_of("a"));
    assert_false(caa_track_is_good(&track));
    assert_true(track.interval_s >= bounds.least_s);
    hear(&track, "a", 300, T + 400 * S);
    assert_int_equal(track.failures, 0);
}

/* ---- disagreement */

static struct caa_track tracks[2];
static const struct caa_track *const both[] = {&tracks[0], &tracks[1]};

static bool says(struct caa_dispute *dispute, size_t resolver, const char *said, uint32_t ttl_s, int64_t at_s) {
    hear(&tracks[resolver], said, ttl_s, T + at_s * S);
    return caa_dispute_look(dispute, both, 2, 600);
}

static void a_disagreement_is_one_when_it_outlasts_the_older_answers_ttl(void **state) {
    (void) state;
    memset(tracks, 0, sizeof tracks);
    struct caa_dispute dispute = {0};
    assert_false(says(&dispute, 0, "a", 900, 0));
    assert_false(says(&dispute, 1, "a", 900, 1));
    assert_false(says(&dispute, 0, "b", 900, 500));  /* until 901 s the other may have it from its cache */
    assert_false(says(&dispute, 1, "a", 301, 600));
    assert_false(says(&dispute, 0, "b", 900, 890));
    assert_false(says(&dispute, 1, "a", 900, 950));  /* asked again; the other not yet */
    assert_true(says(&dispute, 0, "b", 900, 1400));
    assert_true(dispute.is_open);
}

static void a_second_resolver_that_follows_in_time_is_none(void **state) {
    (void) state;
    memset(tracks, 0, sizeof tracks);
    struct caa_dispute dispute = {0};
    says(&dispute, 0, "a", 300, 0);
    says(&dispute, 1, "a", 300, 1);
    says(&dispute, 0, "b", 300, 300);
    assert_false(says(&dispute, 1, "b", 300, 302));
    assert_false(says(&dispute, 0, "b", 300, 900));
    assert_false(says(&dispute, 1, "b", 300, 902));
    assert_false(dispute.is_open);
}

static void it_ends_when_they_have_agreed_for_a_while_and_not_at_each_flicker(void **state) {
    (void) state;
    memset(tracks, 0, sizeof tracks);
    struct caa_dispute dispute = {.is_open = true};
    says(&dispute, 0, "a", 300, 0);
    assert_false(says(&dispute, 1, "a", 300, 1)); /* from here on 600 s */
    assert_false(says(&dispute, 1, "b", 300, 301));
    assert_false(says(&dispute, 1, "a", 300, 602));
    assert_false(says(&dispute, 0, "a", 300, 800));
    assert_false(says(&dispute, 1, "a", 300, 1203));
    assert_true(says(&dispute, 0, "a", 300, 1204));
    assert_false(dispute.is_open);
}

static void who_fails_has_no_say(void **state) {
    (void) state;
    memset(tracks, 0, sizeof tracks);
    struct caa_dispute dispute = {0};
    says(&dispute, 0, "a", 300, 0);
    says(&dispute, 1, NULL, 0, 1);
    for (int64_t at = 300; at < 6000; at += 300) {
        assert_false(says(&dispute, 0, "a", 300, at));
        assert_false(says(&dispute, 1, NULL, 0, at + 1));
    }
}

/* ---- resolvers */

static void a_dead_resolver_is_known_after_three_names_and_a_probe(void **state) {
    (void) state;
    struct caa_health health = {0};
    for (int i = 0; i < 20; i++)
        assert_false(caa_health_take(&health, CAA_SAMPLE_GOOD, false, i));
    for (int i = 0; i < 3; i++)
        assert_false(caa_health_take(&health, CAA_SAMPLE_FAILED, false, 100));
    assert_true(caa_health_is_doubtful(&health));
    assert_true(caa_health_take(&health, CAA_SAMPLE_FAILED, true, 200));
    assert_true(health.is_down);
    assert_int_equal(health.down_since_ms, 200);
}

static void a_probe_that_is_answered_clears_it(void **state) {
    (void) state;
    struct caa_health health = {0};
    for (int i = 0; i < 3; i++)
        caa_health_take(&health, CAA_SAMPLE_FAILED, false, 100);
    assert_false(caa_health_take(&health, CAA_SAMPLE_GOOD, true, 200));
    assert_false(health.is_down);
    assert_false(caa_health_is_doubtful(&health));
}

static void nothing_that_it_ever_answered_is_as_bad_as_a_failed_probe(void **state) {
    (void) state;
    struct caa_health health = {0};
    for (int i = 0; i < 3; i++)
        caa_health_take(&health, CAA_SAMPLE_FAILED, false, 100);
    assert_true(caa_health_nothing_to_probe(&health, 300));
    assert_true(health.is_down);
}

static void names_that_stay_broken_say_nothing_about_a_resolver(void **state) {
    (void) state;
    struct caa_health health = {0};
    for (int i = 0; i < 1000; i++)
        assert_false(caa_health_take(&health, CAA_SAMPLE_NONE, false, i));
    assert_false(caa_health_is_doubtful(&health));
}

static void eight_new_failures_in_a_row_need_no_probe_and_three_answers_bring_it_back(void **state) {
    (void) state;
    struct caa_health health = {0};
    int needed = 0;
    while (!caa_health_take(&health, CAA_SAMPLE_FAILED, false, needed))
        needed++;
    assert_in_range(needed, 6, 9);
    assert_false(caa_health_take(&health, CAA_SAMPLE_GOOD, false, 100));
    assert_false(caa_health_take(&health, CAA_SAMPLE_GOOD, false, 101));
    assert_true(caa_health_take(&health, CAA_SAMPLE_GOOD, false, 102));
    assert_false(health.is_down);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_is_the_ttl_within_the_bounds),
        cmocka_unit_test(failures_are_tried_again_after_10_seconds_doubling_to_the_lower_bound),
        cmocka_unit_test(jitter_is_a_tenth_and_lets_a_cache_run_out),
        cmocka_unit_test(the_same_set_goes_on_and_another_one_begins),
        cmocka_unit_test(a_gap_over_twice_the_wait_begins_a_run_with_the_same_content),
        cmocka_unit_test(what_a_cache_repeats_all_day_hides_that_day),
        cmocka_unit_test(a_cache_that_others_ask_too_breaks_no_run),
        cmocka_unit_test(ad_that_comes_or_goes_begins_a_run),
        cmocka_unit_test(a_set_was_true_since_its_ttl_began_to_count),
        cmocka_unit_test(a_larger_ttl_later_shows_how_old_the_first_answer_was),
        cmocka_unit_test(nothing_is_true_before_something_else_was_heard_last),
        cmocka_unit_test(a_clock_that_goes_back_moves_no_time_back),
        cmocka_unit_test(runs_that_begin_while_the_clock_catches_up_are_told_apart_by_their_times),
        cmocka_unit_test(a_ttl_that_was_lowered_is_forgotten_when_it_was_not_seen_for_itself_and_a_day),
        cmocka_unit_test(a_ttl_that_caches_show_now_and_then_is_kept),
        cmocka_unit_test(the_largest_ttl_of_a_set_outlives_a_failure),
        cmocka_unit_test(a_clock_that_was_far_ahead_holds_up_no_history),
        cmocka_unit_test(failures_count_in_a_row_and_keep_what_was_said_before),
        cmocka_unit_test(a_disagreement_is_one_when_it_outlasts_the_older_answers_ttl),
        cmocka_unit_test(a_second_resolver_that_follows_in_time_is_none),
        cmocka_unit_test(it_ends_when_they_have_agreed_for_a_while_and_not_at_each_flicker),
        cmocka_unit_test(who_fails_has_no_say),
        cmocka_unit_test(a_dead_resolver_is_known_after_three_names_and_a_probe),
        cmocka_unit_test(a_probe_that_is_answered_clears_it),
        cmocka_unit_test(nothing_that_it_ever_answered_is_as_bad_as_a_failed_probe),
        cmocka_unit_test(names_that_stay_broken_say_nothing_about_a_resolver),
        cmocka_unit_test(eight_new_failures_in_a_row_need_no_probe_and_three_answers_bring_it_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
