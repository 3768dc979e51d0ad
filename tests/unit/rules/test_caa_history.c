/* docs/caa.md, Verdicts: what the recorded history says about a certificate. Times are minutes; T, the issuance, is minute 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rules/caa_history.h"

#define T_MS INT64_C(1795262400000)
#define MINUTE_MS INT64_C(60000)
#define INTERVAL_S 300u
#define LONG_AGO (-30 * 60)
#define RUNS_MAX 64

static struct arena *arena;
static const char *const good[] = {"good.example", NULL};

/* Owners of every history here: the name, its parent, the top-level domain. */
static struct caa_run runs[3][RUNS_MAX];
static struct caa_owner_history owners[3];

static int set_up(void **state) {
    (void) state;
    arena = arena_new((size_t) 4 * 1024 * 1024);
    static const char *const names[] = {"www.example.com", "example.com", "com"};
    for (size_t i = 0; i < 3; i++)
        owners[i] = (struct caa_owner_history){.owner = names[i], .runs = runs[i]};
    return arena == NULL;
}

static int tear_down(void **state) {
    (void) state;
    arena_free(arena);
    return 0;
}

enum { NAME, PARENT, TOP };

/* "good.example", ";" and so on as one issue record; "" is an empty answer. */
static struct caa_run *says(int owner, int from_minute, int to_minute, const char *issue) {
    struct caa_run *run = &runs[owner][owners[owner].count++];
    struct caa_record *record = arena_take(arena, sizeof *record);
    assert_non_null(record);
    *record = (struct caa_record){.tag = span_of_text("issue"), .value = span_of_text(issue)};
    *run = (struct caa_run){.first_answered_ms = T_MS + from_minute * MINUTE_MS, .last_answered_ms = T_MS + to_minute * MINUTE_MS,
                            .interval_s = INTERVAL_S, .ttl_max_s = 60,
                            .answer = {.outcome = issue[0] == '\0' ? CAA_EMPTY : CAA_RECORDS, .why = "", .detail = "", .ttl_s = 60, .records = record,
                                       .record_count = issue[0] != '\0'}};
    run->first_true_ms = run->first_answered_ms;
    run->last_true_ms = run->last_answered_ms;
    return run;
}

static void fails(int owner, int from_minute, int to_minute, enum caa_outcome outcome) {
    struct caa_run *run = says(owner, from_minute, to_minute, "");
    run->answer.outcome = outcome;
    run->answer.why = outcome == CAA_BOGUS ? "bogus" : "servfail";
}

/* Name and top-level domain are empty all the time: the parent decides. */
static void parent_decides(void) {
    says(NAME, LONG_AGO, 10, "");
    says(TOP, LONG_AGO, 10, "");
}

static struct caa_case issued_by_good(void) {
    return (struct caa_case){.issued_ms = T_MS, .issuer_domains = good, .is_issuer_certain = true};
}

static struct caa_judgement judge_case(const struct caa_case *question) {
    struct caa_resolver_history resolver = {.resolver = "192.0.2.1:53", .owners = owners, .owner_count = 3};
    struct caa_judgement judgement;
    assert_ptr_equal(caa_judge(question, &resolver, 1, arena, &judgement), OK);
    assert_non_null(judgement.reason);
    return judgement;
}

static struct caa_judgement judge(void) {
    struct caa_case question = issued_by_good();
    return judge_case(&question);
}

#define EXPECT(verdict_, reason_) \
    do { \
        struct caa_judgement seen_ = judge(); \
        assert_string_equal(caa_verdict_name(seen_.verdict), verdict_); \
        assert_string_equal(seen_.reason, reason_); \
    } while (0)

/* ---- the plain cases */

static void records_that_permit_all_the_time_are_consistent(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, 10, "good.example");
    struct caa_judgement judgement = judge();
    assert_int_equal(judgement.verdict, CAA_CONSISTENT);
    assert_string_equal(judgement.owner, "example.com");
    assert_string_equal(judgement.resolver, "192.0.2.1:53");
    assert_ptr_equal(judgement.answer, &runs[PARENT][0].answer);
    assert_int_equal(judgement.now, CAA_NOW_PERMITS);
}

static void records_that_forbid_all_the_time_are_inconsistent(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, 10, "other.example");
    struct caa_judgement judgement = judge();
    assert_int_equal(judgement.verdict, CAA_INCONSISTENT);
    assert_string_equal(judgement.owner, "example.com");
    assert_string_equal(judgement.reason, "example.com: the records from 2026-11-20T06:00:00Z on do not permit this issuer");
    assert_int_equal(judgement.now, CAA_NOW_FORBIDS);
}

static void no_records_anywhere_permit_everybody_even_the_unmapped(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, 10, "");
    struct caa_case question = issued_by_good();
    question.issuer_domains = NULL;
    assert_int_equal(judge_case(&question).verdict, CAA_CONSISTENT);
}

static void the_name_s_own_records_hide_its_parent_s(void **state) {
    (void) state;
    says(NAME, LONG_AGO, 10, "other.example");
    says(PARENT, LONG_AGO, 10, "good.example");
    EXPECT("inconsistent", "www.example.com: the records from 2026-11-20T06:00:00Z on do not permit this issuer");
}

static void an_unmapped_issuer_is_unknown(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, 10, ";");
    struct caa_case question = issued_by_good();
    question.issuer_domains = NULL;
    struct caa_judgement judgement = judge_case(&question);
    assert_int_equal(judgement.verdict, CAA_UNKNOWN);
    assert_string_equal(judgement.reason, "it is not known which CAA domains the issuer recognises");
    assert_int_equal(judgement.now, CAA_NOW_UNKNOWN);
}

static void an_issuer_that_is_not_mapped_for_certain_is_never_accused(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, 10, "other.example");
    struct caa_case question = issued_by_good();
    question.is_issuer_certain = false;
    assert_int_equal(judge_case(&question).verdict, CAA_UNKNOWN);
}

static void wildcard_and_plain_names_are_judged_separately(void **state) {
    (void) state;
    parent_decides();
    struct caa_record *set = arena_take_array(arena, 2, sizeof *set);
    set[0] = (struct caa_record){.tag = span_of_text("issue"), .value = span_of_text("good.example")};
    set[1] = (struct caa_record){.tag = span_of_text("issuewild"), .value = span_of_text(";")};
    struct caa_run *run = says(PARENT, LONG_AGO, 10, "x");
    run->answer.records = set;
    run->answer.record_count = 2;
    assert_int_equal(judge().verdict, CAA_CONSISTENT);
    struct caa_case question = issued_by_good();
    question.is_wildcard = true;
    assert_int_equal(judge_case(&question).verdict, CAA_INCONSISTENT);
}

/* "good.example" and so on as one issue record beside a critical one that nobody knows. */
static void says_with_critical(int from_minute, int to_minute, const char *issue) {
    struct caa_record *set = arena_take_array(arena, 2, sizeof *set);
    assert_non_null(set);
    set[0] = (struct caa_record){.tag = span_of_text("issue"), .value = span_of_text(issue)};
    set[1] = (struct caa_record){.flags = 128, .tag = span_of_text("tbs"), .value = span_of_text("x")};
    struct caa_run *run = says(PARENT, from_minute, to_minute, issue);
    run->answer.records = set;
    run->answer.record_count = 2;
}

static void a_critical_property_that_is_not_known_here_may_be_known_to_the_ca(void **state) {
    (void) state;
    parent_decides();
    says_with_critical(LONG_AGO, 10, "good.example");
    EXPECT("unknown", "example.com: a property that is not known here is critical: a CA may issue that knows it");
    assert_int_equal(judge().now, CAA_NOW_UNKNOWN);
    assert_false(judge().is_waiting);
}

static void a_critical_property_that_stood_in_the_window_accuses_nobody_later(void **state) {
    (void) state;
    parent_decides();
    says_with_critical(LONG_AGO, -60, "good.example");
    says(PARENT, -55, 10, "other.example");
    EXPECT("unknown", "example.com: a property that is not known here is critical: a CA may issue that knows it");
    assert_int_equal(judge().now, CAA_NOW_FORBIDS);
}

static void beside_a_critical_property_issue_forbids_as_ever(void **state) {
    (void) state;
    parent_decides();
    says_with_critical(LONG_AGO, 10, "other.example");
    EXPECT("inconsistent", "example.com: the records from 2026-11-20T06:00:00Z on do not permit this issuer");
    assert_int_equal(judge().now, CAA_NOW_FORBIDS);
}

/* ---- the window */

static void the_window_is_eight_hours_a_ttl_and_an_hour(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, 10, "good.example");
    struct caa_judgement judgement = judge();
    assert_int_equal(judgement.window_end_ms, T_MS);
    assert_int_equal(judgement.window_begin_ms, T_MS - (9 * 60 + 1) * MINUTE_MS);
}

static void a_ttl_above_eight_hours_counts_twice(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, 10, "good.example")->ttl_max_s = 10 * 3600;
    assert_int_equal(judge().window_begin_ms, T_MS - 21 * 60 * MINUTE_MS);
}

static void a_set_that_was_replaced_within_the_window_still_permits(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -9 * 60, "good.example");
    says(PARENT, -9 * 60 + 5, 10, "other.example");
    assert_int_equal(judge().verdict, CAA_CONSISTENT);
}

static void a_set_that_was_replaced_before_the_window_does_not(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -9 * 60 - 10, "good.example");
    says(PARENT, -9 * 60 - 5, 10, "other.example");
    assert_int_equal(judge().verdict, CAA_INCONSISTENT);
}

static void a_set_that_was_replaced_may_have_been_cached_as_long_as_its_own_ttl(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -15 * 60, "good.example")->ttl_max_s = 10 * 3600;
    says(PARENT, -15 * 60 + 5, 10, "other.example");
    struct caa_judgement judgement = judge();
    assert_int_equal(judgement.window_begin_ms, T_MS - 21 * 60 * MINUTE_MS);
    assert_int_equal(judgement.verdict, CAA_CONSISTENT);
}

static void a_long_ttl_of_long_ago_lengthens_no_window(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -22 * 60, "good.example")->ttl_max_s = 10 * 3600;
    says(PARENT, -22 * 60 + 5, 10, "other.example");
    assert_int_equal(judge().verdict, CAA_INCONSISTENT);
}

static void a_permission_seen_seconds_after_issuance_may_be_a_matter_of_clocks(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, 0, "other.example")->last_true_ms = T_MS + 5000;
    struct caa_run *run = says(PARENT, 1, 10, "good.example");
    run->first_true_ms = run->first_answered_ms = T_MS + 20000;
    EXPECT("unknown", "example.com: records that permit this issuer were first seen after the issuance, and may have stood before");
    assert_false(judge().is_waiting);
}

static void an_emptiness_seen_seconds_after_issuance_leaves_it_to_the_parent(void **state) {
    (void) state;
    says(PARENT, LONG_AGO, 10, "good.example");
    says(NAME, LONG_AGO, 0, "other.example");
    says(NAME, 1, 10, "");
    assert_int_equal(judge().verdict, CAA_UNKNOWN);
}

static void a_gap_at_the_edge_of_the_window_may_have_permitted(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -9 * 60 - 3, "good.example");
    says(PARENT, -9 * 60 + 2, 10, "other.example");
    EXPECT("unknown", "example.com: records that permit this issuer may have stood in a gap between two answers");
}

static void a_permission_that_only_came_after_issuance_judges_nobody(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, 2, "other.example");
    says(PARENT, 5, 10, "good.example");
    struct caa_judgement judgement = judge();
    assert_int_equal(judgement.verdict, CAA_INCONSISTENT);
    assert_int_equal(judgement.now, CAA_NOW_PERMITS);
}

/* ---- what is not covered */

static void a_history_that_begins_within_the_window_is_unknown(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, -60, 10, "other.example");
    EXPECT("unknown", "example.com: nothing is recorded for 2026-11-21T02:59:00Z");
}

static void a_gap_over_twice_the_interval_is_unknown(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -120, "other.example");
    says(PARENT, -108, 10, "other.example");
    EXPECT("unknown", "example.com: nothing is recorded for 2026-11-21T10:00:00Z");
}

static void a_gap_of_twice_the_interval_with_its_jitter_is_covered(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -120, "other.example");
    says(PARENT, -109, 10, "third.example");
    assert_int_equal(judge().verdict, CAA_INCONSISTENT);
}

static void how_often_the_next_set_is_asked_for_closes_no_gap_before_it(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -240, "other.example"); /* asked for every five minutes, and then nobody asked for an hour and a half */
    says(PARENT, -150, 10, ";")->interval_s = 3600;
    EXPECT("unknown", "example.com: nothing is recorded for 2026-11-21T08:00:00Z");
}

static void a_gap_at_the_name_itself_is_unknown_although_the_parent_is_covered(void **state) {
    (void) state;
    says(NAME, -10, 10, "");
    says(PARENT, LONG_AGO, 10, "other.example");
    assert_int_equal(judge().verdict, CAA_UNKNOWN);
}

static void a_failure_is_unknown(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -120, "other.example");
    fails(PARENT, -118, -116, CAA_FAILED);
    says(PARENT, -114, 10, "other.example");
    EXPECT("unknown", "example.com: no answer at 2026-11-21T10:02:00Z (servfail)");
}

static void a_bogus_answer_is_unknown(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -120, "other.example");
    fails(PARENT, -118, -116, CAA_BOGUS);
    says(PARENT, -114, 10, "other.example");
    EXPECT("unknown", "example.com: DNSSEC validation failed at 2026-11-21T10:02:00Z");
}

static void a_failure_beside_a_permission_stays_consistent(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -120, "good.example");
    fails(PARENT, -118, 10, CAA_FAILED);
    struct caa_judgement judgement = judge();
    assert_int_equal(judgement.verdict, CAA_CONSISTENT);
    assert_int_equal(judgement.now, CAA_NOW_UNKNOWN);
}

static void a_failure_at_an_owner_above_the_records_does_not_matter(void **state) {
    (void) state;
    says(NAME, LONG_AGO, 10, "other.example");
    fails(PARENT, LONG_AGO, 10, CAA_FAILED);
    assert_int_equal(judge().verdict, CAA_INCONSISTENT);
}

static void nothing_recorded_is_unknown(void **state) {
    (void) state;
    assert_int_equal(judge().verdict, CAA_UNKNOWN);
}

/* ---- the end of the window */

static void without_an_answer_that_was_true_at_issuance_it_waits(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -3, "other.example");
    struct caa_judgement judgement = judge();
    assert_int_equal(judgement.verdict, CAA_UNKNOWN);
    assert_true(judgement.is_waiting);
    assert_string_equal(judgement.reason, "example.com: no answer is known to be true between 2026-11-21T11:57:00Z and the issuance");
}

static void a_change_between_the_last_answer_and_issuance_stays_unknown(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, -3, "other.example");
    says(PARENT, 2, 10, "good.example");
    struct caa_judgement judgement = judge();
    assert_int_equal(judgement.verdict, CAA_UNKNOWN);
    assert_false(judgement.is_waiting);
}

static void an_old_answer_from_a_cache_does_not_cover_issuance(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, LONG_AGO, 10, "other.example")->last_true_ms = T_MS - 20 * MINUTE_MS;
    struct caa_judgement judgement = judge();
    assert_int_equal(judgement.verdict, CAA_UNKNOWN);
    assert_false(judgement.is_waiting); /* twice the interval is over: nothing that comes can fill it */
}

static void a_first_answer_after_issuance_judges_nobody_however_old_it_was(void **state) {
    (void) state;
    parent_decides();
    says(PARENT, 1, 10, "good.example")->first_true_ms = T_MS - 60 * MINUTE_MS;
    struct caa_judgement judgement = judge();
    assert_int_equal(judgement.verdict, CAA_UNKNOWN);
    assert_int_equal(judgement.now, CAA_NOW_PERMITS);
}

/* ---- climbs that change */

static void single_answers_moments_apart_make_one_climb(void **state) {
    (void) state;
    says(NAME, -3, -3, "");
    says(PARENT, -2, -2, "good.example");
    assert_int_equal(judge().verdict, CAA_CONSISTENT);
}

static void records_that_came_below_leave_the_parent_s_to_the_time_before(void **state) {
    (void) state;
    says(NAME, LONG_AGO, -60, "");
    says(NAME, -58, 10, "other.example");
    says(PARENT, LONG_AGO, 10, "good.example");
    assert_int_equal(judge().verdict, CAA_CONSISTENT);
}

static void a_parent_that_permitted_only_while_the_name_had_records_is_no_permission(void **state) {
    (void) state;
    says(NAME, LONG_AGO, -60, "other.example");
    says(NAME, -55, 10, "");
    says(PARENT, LONG_AGO, -100, "good.example");
    says(PARENT, -95, 10, "other.example");
    assert_int_equal(judge().verdict, CAA_INCONSISTENT);
}

static void a_cache_may_combine_a_name_s_emptiness_of_before_with_its_parent_s_records_of_since(void **state) {
    (void) state;
    says(NAME, LONG_AGO, -120, "")->ttl_max_s = 3600; /* a CA's resolver may have held it until -60 */
    says(NAME, -115, 10, "other.example");
    says(PARENT, LONG_AGO, -110, "other.example");
    says(PARENT, -105, 10, "good.example");
    says(TOP, LONG_AGO, 10, "");
    EXPECT("unknown", "example.com: a cache may still have held what led to the records that permit this issuer");
}

static void records_that_moved_up_between_two_answers_left_no_moment_without_records(void **state) {
    (void) state;
    says(NAME, LONG_AGO, -60, "other.example");
    says(NAME, -55, 10, "");
    says(PARENT, LONG_AGO, -58, "");
    says(PARENT, -53, 10, "other.example");
    says(TOP, LONG_AGO, 10, "");
    EXPECT("unknown", "no owner up to the top-level domain may have had records in a gap between two answers, or as a cache saw them");
}

static void what_no_cache_held_any_more_is_not_combined(void **state) {
    (void) state;
    says(NAME, LONG_AGO, -120, "")->ttl_max_s = 600;
    says(NAME, -115, 10, "other.example");
    says(PARENT, LONG_AGO, -100, "other.example");
    says(PARENT, -95, 10, "good.example");
    says(TOP, LONG_AGO, 10, "");
    assert_int_equal(judge().verdict, CAA_INCONSISTENT);
}

static void an_emptiness_of_before_the_window_is_no_permission(void **state) {
    (void) state;
    says(NAME, LONG_AGO, -9 * 60 - 3, "");
    says(NAME, -9 * 60 + 2, 10, "other.example");
    says(PARENT, LONG_AGO, 10, "good.example");
    assert_int_equal(judge().verdict, CAA_UNKNOWN);
}

/* ---- several resolvers */

static struct caa_judgement judge_two(const struct caa_owner_history *first, const struct caa_owner_history *second) {
    struct caa_resolver_history both[] = {{.resolver = "192.0.2.1:53", .owners = first, .owner_count = 1},
                                          {.resolver = "192.0.2.2:53", .owners = second, .owner_count = 1}};
    struct caa_case question = issued_by_good();
    struct caa_judgement judgement;
    assert_ptr_equal(caa_judge(&question, both, 2, arena, &judgement), OK);
    return judgement;
}

static void what_one_resolver_saw_permits(void **state) {
    (void) state;
    says(NAME, LONG_AGO, 10, "other.example");
    says(PARENT, LONG_AGO, 10, "good.example");
    struct caa_judgement judgement = judge_two(&owners[NAME], &owners[PARENT]);
    assert_int_equal(judgement.verdict, CAA_CONSISTENT);
    assert_string_equal(judgement.resolver, "192.0.2.2:53");
}

static void a_change_that_one_resolver_saw_around_issuance_is_a_doubt_about_the_other(void **state) {
    (void) state;
    says(NAME, LONG_AGO, 10, "other.example");
    says(PARENT, LONG_AGO, -3, "other.example");
    says(PARENT, 2, 10, "good.example");
    assert_int_equal(judge_two(&owners[NAME], &owners[PARENT]).verdict, CAA_UNKNOWN);
}

static void one_resolver_that_covers_everything_accuses_beside_one_that_fails(void **state) {
    (void) state;
    says(NAME, LONG_AGO, 10, "other.example");
    fails(PARENT, LONG_AGO, 10, CAA_FAILED);
    assert_int_equal(judge_two(&owners[NAME], &owners[PARENT]).verdict, CAA_INCONSISTENT);
}

static void one_resolver_that_calls_it_bogus_accuses_nobody(void **state) {
    (void) state;
    says(NAME, LONG_AGO, 10, "other.example");
    fails(PARENT, LONG_AGO, 10, CAA_BOGUS);
    assert_int_equal(judge_two(&owners[NAME], &owners[PARENT]).verdict, CAA_UNKNOWN);
}

static void a_resolver_that_is_asked_no_longer_says_nothing_about_today(void **state) {
    (void) state;
    says(NAME, LONG_AGO, -600, "good.example");
    says(PARENT, LONG_AGO, 10, "other.example");
    assert_int_equal(judge_two(&owners[NAME], &owners[PARENT]).now, CAA_NOW_FORBIDS);
}

static void what_was_heard_last_counts_today_whatever_a_clock_that_was_ahead_wrote_down(void **state) {
    (void) state;
    says(NAME, -20, 90, "other.example"); /* it sorts before that other run, which ended long ago */
    says(NAME, 60, 61, "good.example");
    assert_int_equal(judge().now, CAA_NOW_FORBIDS);
}

static void without_resolvers_nothing_is_known(void **state) {
    (void) state;
    struct caa_case question = issued_by_good();
    struct caa_judgement judgement;
    assert_ptr_equal(caa_judge(&question, NULL, 0, arena, &judgement), OK);
    assert_int_equal(judgement.verdict, CAA_UNKNOWN);
    assert_string_equal(judgement.reason, "no resolver was asked");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_that_permit_all_the_time_are_consistent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_that_forbid_all_the_time_are_inconsistent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_records_anywhere_permit_everybody_even_the_unmapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_name_s_own_records_hide_its_parent_s, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unmapped_issuer_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_issuer_that_is_not_mapped_for_certain_is_never_accused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wildcard_and_plain_names_are_judged_separately, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_critical_property_that_is_not_known_here_may_be_known_to_the_ca, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_critical_property_that_stood_in_the_window_accuses_nobody_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(beside_a_critical_property_issue_forbids_as_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_window_is_eight_hours_a_ttl_and_an_hour, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_ttl_above_eight_hours_counts_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_set_that_was_replaced_within_the_window_still_permits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_set_that_was_replaced_before_the_window_does_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_set_that_was_replaced_may_have_been_cached_as_long_as_its_own_ttl, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_ttl_of_long_ago_lengthens_no_window, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_permission_seen_seconds_after_issuance_may_be_a_matter_of_clocks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_emptiness_seen_seconds_after_issuance_leaves_it_to_the_parent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gap_at_the_edge_of_the_window_may_have_permitted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_permission_that_only_came_after_issuance_judges_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_history_that_begins_within_the_window_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gap_over_twice_the_interval_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gap_of_twice_the_interval_with_its_jitter_is_covered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(how_often_the_next_set_is_asked_for_closes_no_gap_before_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gap_at_the_name_itself_is_unknown_although_the_parent_is_covered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bogus_answer_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_beside_a_permission_stays_consistent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_at_an_owner_above_the_records_does_not_matter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_recorded_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_an_answer_that_was_true_at_issuance_it_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_between_the_last_answer_and_issuance_stays_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_answer_from_a_cache_does_not_cover_issuance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_first_answer_after_issuance_judges_nobody_however_old_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(single_answers_moments_apart_make_one_climb, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_that_came_below_leave_the_parent_s_to_the_time_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_parent_that_permitted_only_while_the_name_had_records_is_no_permission, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cache_may_combine_a_name_s_emptiness_of_before_with_its_parent_s_records_of_since, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_that_moved_up_between_two_answers_left_no_moment_without_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_cache_held_any_more_is_not_combined, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_emptiness_of_before_the_window_is_no_permission, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_one_resolver_saw_permits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_that_one_resolver_saw_around_issuance_is_a_doubt_about_the_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_resolver_that_covers_everything_accuses_beside_one_that_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_resolver_that_calls_it_bogus_accuses_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_resolver_that_is_asked_no_longer_says_nothing_about_today, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_heard_last_counts_today_whatever_a_clock_that_was_ahead_wrote_down, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_resolvers_nothing_is_known, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
