/* Which certificates are judged by the recorded CAA history, how many at once, and what becomes of a verdict while clocks differ. The store is played:
 * one owner whose records always forbade. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "settings/settings.h"
#include "steps/caa_verdict.h"
#include "store/caa_history.h"
#include "store/caa_verdicts.h"

#define WALL_MS INT64_C(1795262400000)
#define HOUR_MS ((int64_t) 3600 * 1000)
#define ISSUED_MS (WALL_MS - HOUR_MS / 60)

static struct monitor *monitor;
static struct settings settings;
static int64_t monotonic_ms;
static int64_t passes_ms; /* with every look for cases */
static unsigned due;      /* cases left */
static unsigned looks, saved;
static struct {
    enum caa_verdict verdict;
    char reason[200];
    bool has_finding;
    int64_t due_ms;
} last;

static const char *const good[] = {"good.example", NULL};
static const struct ca_owner owner = {.name = "Good CA", .caa_domains = good, .problem_report = ""};
static const struct ca_row row = {.spki_sha256.bytes = {1}, .owner = &owner, .kind = CA_ROOT, .is_path_complete = true, .is_certain = true};

int64_t clock_wall_ms(void) {
    return WALL_MS + monotonic_ms;
}

int64_t clock_monotonic_ms(void) {
    return monotonic_ms;
}

result store_caa_cases_take(struct store *unused_store, const struct store_caa_taking *taking, struct arena *arena, struct store_caa_case **ret_cases,
                            size_t *ret_count) {
    static const struct store_caa_case_name name = {.value = "example"};
    (void) unused_store;
    assert_true(taking->now_ms <= clock_wall_ms() && taking->until_ms > taking->now_ms);
    looks++;
    monotonic_ms += passes_ms;
    *ret_count = due < taking->limit ? due : taking->limit;
    *ret_cases = arena_take_array(arena, *ret_count + 1, sizeof **ret_cases);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_cases)[i] = (struct store_caa_case){.certificate_id = due--, .issued_ms = ISSUED_MS, .issuer_state = "verified",
                                                  .issuer_spki_sha256 = {.is_known = true, .hash = row.spki_sha256}, .names = &name, .name_count = 1};
    return OK;
}

result store_caa_history_load(struct store *unused_store, const struct store_caa_wish *wish, struct arena *unused_arena,
                              struct caa_resolver_history **ret_resolvers, size_t *ret_count) {
    static struct caa_record record;
    static struct caa_run run;
    static struct caa_owner_history history;
    static struct caa_resolver_history resolver;
    (void) unused_store;
    (void) unused_arena;
    assert_int_equal(wish->owner_count, 1);
    record = (struct caa_record){.tag = span_of_text("issue"), .value = span_of_text("other.example")};
    run = (struct caa_run){.first_answered_ms = WALL_MS - 100 * HOUR_MS, .last_answered_ms = WALL_MS, .first_true_ms = WALL_MS - 100 * HOUR_MS, .last_true_ms = WALL_MS,
                           .interval_s = 300, .ttl_max_s = 60, .answer = {.outcome = CAA_RECORDS, .why = "", .detail = "", .records = &record, .record_count = 1}};
    history = (struct caa_owner_history){.owner = wish->owners[0], .runs = &run, .count = 1};
    resolver = (struct caa_resolver_history){.resolver = "192.0.2.1:53", .owners = &history, .owner_count = 1};
    *ret_resolvers = &resolver;
    *ret_count = 1;
    return OK;
}

result store_caa_verdicts_save(struct store *unused_store, const struct store_caa_verdicts *verdicts, bool *ret_is_saved) {
    (void) unused_store;
    assert_int_equal(verdicts->count, 1);
    last.verdict = verdicts->verdicts[0].judgement.verdict;
    snprintf(last.reason, sizeof last.reason, "%s", verdicts->verdicts[0].judgement.reason);
    last.has_finding = verdicts->finding != NULL;
    last.due_ms = verdicts->due_ms;
    saved++;
    *ret_is_saved = true;
    return OK;
}

result store_caa_case_put_off(struct store *unused_store, int64_t unused_id, int64_t unused_until_ms) {
    (void) unused_store;
    (void) unused_id;
    (void) unused_until_ms;
    fail();
    return OK;
}

static int set_up(void **state) {
    (void) state;
    monotonic_ms = passes_ms = 0;
    looks = saved = 0;
    due = 1;
    settings = (struct settings){.follows_caa = true};
    monitor = calloc(1, sizeof *monitor);
    if (monitor == NULL)
        return -1;
    monitor->settings = &settings;
    monitor->watches = (struct watch_set *) &settings; /* never looked into */
    monitor->extra = (struct ca_extra_rows){.rows = &row, .count = 1};
    return 0;
}

static int tear_down(void **state) {
    (void) state;
    free(monitor);
    return 0;
}

static void judge(void) {
    assert_ptr_equal(step_judge_caa(monitor, monotonic_ms), OK);
}

static void records_that_always_forbade_accuse_while_clocks_agree(void **state) {
    (void) state;
    judge();
    assert_int_equal(last.verdict, CAA_INCONSISTENT);
    assert_true(last.has_finding);
    assert_int_equal(last.due_ms, 0);
}

static void while_this_clock_differs_from_the_logs_nobody_is_accused(void **state) {
    (void) state;
    static const int64_t differences_ms[] = {10 * HOUR_MS, -10 * HOUR_MS};
    for (size_t i = 0; i < 2; i++) {
        due = 1;
        monitor->clock.ahead_ms = differences_ms[i];
        judge();
        assert_int_equal(last.verdict, CAA_UNKNOWN);
        assert_string_equal(last.reason,
                            "the records do not permit the issuer, but this machine's clock, by which they were recorded, differs from those of the logs");
        assert_false(last.has_finding);
        assert_int_equal(last.due_ms, WALL_MS + 30000); /* judged again, once the clock is right */
    }
    due = 1;
    monitor->clock.ahead_ms = 0;
    judge();
    assert_int_equal(last.verdict, CAA_INCONSISTENT);
}

static void at_most_128_certificates_are_judged_at_once(void **state) {
    (void) state;
    due = 1000;
    judge();
    assert_int_equal(saved, 128);
    assert_int_equal(due, 1000 - 128);
    judge();
    assert_int_equal(saved, 256);
}

static void nor_does_another_turn_begin_after_a_tenth_of_a_second(void **state) {
    (void) state;
    due = 1000;
    passes_ms = 40;
    judge();
    assert_int_equal(looks, 3);
    assert_int_equal(saved, 24);
}

static void when_no_more_are_due_nobody_looks_again(void **state) {
    (void) state;
    due = 20;
    judge();
    assert_int_equal(saved, 20);
    assert_int_equal(looks, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_that_always_forbade_accuse_while_clocks_agree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_this_clock_differs_from_the_logs_nobody_is_accused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_most_128_certificates_are_judged_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nor_does_another_turn_begin_after_a_tenth_of_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(when_no_more_are_due_nobody_looks_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
