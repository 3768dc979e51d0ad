#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/budget.h"

static struct budget budget_of(unsigned most, unsigned first, unsigned rate, unsigned burst) {
    struct budget budget;
    budget_init(&budget, &(struct budget_options){most, first, rate, burst}, 7, 1000);
    return budget;
}

static void a_full_operator_lets_a_log_with_nothing_under_way_start_one(void **state) {
    (void) state;
    struct budget budget = budget_of(4, 2, 0, 0);
    budget_started(&budget, 1000);
    budget_started(&budget, 1000);
    assert_int_equal(budget_may_start(&budget, 2, 1000), BUDGET_FULL);
    assert_int_equal(budget_may_start(&budget, 0, 1000), 0);
}

static void good_answers_grow_parallelism_by_one_per_round_up_to_the_ceiling(void **state) {
    (void) state;
    struct budget budget = budget_of(3, 1, 0, 0);
    budget_started(&budget, 1000);
    budget_finished(&budget, BUDGET_GOOD, -1, 1001);
    assert_int_equal(budget_parallel(&budget), 2);
    for (int round = 0; round < 20; round++) {
        while (budget_may_start(&budget, 1, 1002) == 0)
            budget_started(&budget, 1002);
        while (budget.in_flight > 0)
            budget_finished(&budget, BUDGET_GOOD, -1, 1003);
    }
    assert_int_equal(budget_parallel(&budget), 3);
}

static void parallelism_that_is_not_used_does_not_grow(void **state) {
    (void) state;
    struct budget budget = budget_of(8, 4, 0, 0);
    for (int i = 0; i < 100; i++) {
        budget_started(&budget, 1000);
        budget_finished(&budget, BUDGET_GOOD, -1, 1000);
    }
    assert_int_equal(budget_parallel(&budget), 4);
}

static void failures_that_come_together_halve_once_and_never_below_one(void **state) {
    (void) state;
    struct budget budget = budget_of(8, 8, 0, 0);
    for (int i = 0; i < 8; i++)
        budget_started(&budget, 1000);
    for (int i = 0; i < 8; i++)
        budget_finished(&budget, BUDGET_FAILED, -1, 2000 + i);
    assert_int_equal(budget_parallel(&budget), 4);
    assert_int_equal(budget_may_start(&budget, 1, 2010), 0);
    for (int i = 0; i < 10; i++) {
        budget_started(&budget, 4000 + i * 1000);
        budget_finished(&budget, BUDGET_FAILED, -1, 4000 + i * 1000);
    }
    assert_int_equal(budget_parallel(&budget), 1);
}

static void retry_after_pauses_even_a_log_with_nothing_under_way(void **state) {
    (void) state;
    struct budget budget = budget_of(2, 2, 0, 0);
    budget_started(&budget, 1000);
    budget_finished(&budget, BUDGET_THROTTLED, 30000, 2000);
    assert_int_equal(budget_may_start(&budget, 0, 2000), 30000);
    assert_int_equal(budget_may_start(&budget, 0, 31999), 1);
    assert_int_equal(budget_may_start(&budget, 0, 32000), 0);
}

static void throttling_without_retry_after_backs_off_longer_each_time(void **state) {
    (void) state;
    struct budget budget = budget_of(1, 1, 0, 0);
    int64_t now = 1000;
    for (int64_t most = 1000; most <= 64000; most *= 2) {
        budget_started(&budget, now);
        budget_finished(&budget, BUDGET_THROTTLED, -1, now);
        int64_t wait = budget_may_start(&budget, 0, now);
        assert_in_range(wait, most / 2, most);
        now += 100000;
    }
    budget_started(&budget, now);
    budget_finished(&budget, BUDGET_GOOD, -1, now);
    budget_started(&budget, now);
    budget_finished(&budget, BUDGET_THROTTLED, -1, now + 2000);
    assert_in_range(budget_may_start(&budget, 0, now + 2000), 500, 1000);
}

static void a_rate_allows_its_burst_and_then_one_token_at_a_time(void **state) {
    (void) state;
    struct budget budget = budget_of(100, 100, 10, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(budget_may_start(&budget, 0, 1000), 0);
        budget_started(&budget, 1000);
    }
    assert_int_equal(budget_may_start(&budget, 0, 1000), 100);
    assert_int_equal(budget_may_start(&budget, 0, 1060), 40);
    assert_int_equal(budget_may_start(&budget, 0, 1100), 0);
    budget_started(&budget, 1100);
    assert_int_equal(budget_may_start(&budget, 0, INT64_MAX), 0);
    assert_int_equal(budget.tokens_milli, 3000);
}

static void a_whole_second_never_passes_more_than_rate_plus_burst(void **state) {
    (void) state;
    struct budget budget = budget_of(1000, 1000, 50, 5);
    unsigned started = 0;
    for (int64_t now = 1000; now < 2000; now++)
        while (budget_may_start(&budget, 0, now) == 0) {
            budget_started(&budget, now);
            started++;
        }
    assert_in_range(started, 54, 55);
}

static void a_clock_that_stands_still_or_a_late_report_breaks_nothing(void **state) {
    (void) state;
    struct budget budget = budget_of(2, 1, 5, 1);
    budget_started(&budget, 1000);
    assert_true(budget_may_start(&budget, 0, 900) > 0);
    budget_finished(&budget, BUDGET_NEUTRAL, -1, 900);
    budget_finished(&budget, BUDGET_NEUTRAL, -1, 900);
    assert_int_equal(budget.in_flight, 0);
    assert_int_equal(budget_parallel(&budget), 1);
}

static void outcomes_follow_from_the_status(void **state) {
    (void) state;
    assert_int_equal(budget_outcome_of(200, false), BUDGET_GOOD);
    assert_int_equal(budget_outcome_of(304, false), BUDGET_GOOD);
    assert_int_equal(budget_outcome_of(404, false), BUDGET_NEUTRAL);
    assert_int_equal(budget_outcome_of(429, false), BUDGET_THROTTLED);
    assert_int_equal(budget_outcome_of(503, false), BUDGET_THROTTLED);
    assert_int_equal(budget_outcome_of(502, false), BUDGET_FAILED);
    assert_int_equal(budget_outcome_of(0, true), BUDGET_FAILED);
    assert_int_equal(budget_outcome_of(200, true), BUDGET_FAILED);
}

static void back_off_doubles_up_to_its_cap_with_jitter_of_half(void **state) {
    (void) state;
    assert_int_equal(backoff_ms(1, 100, 30000, 0), 100);
    assert_int_equal(backoff_ms(3, 100, 30000, 0), 400);
    assert_int_equal(backoff_ms(3, 100, 30000, 200), 200);
    assert_int_equal(backoff_ms(4000000000u, 100, 30000, 0), 30000);
    for (uint64_t random = 0; random < 1000; random++)
        assert_in_range(backoff_ms(9, 100, 30000, random * 0x123456789u), 12800, 25600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_operator_lets_a_log_with_nothing_under_way_start_one),
        cmocka_unit_test(good_answers_grow_parallelism_by_one_per_round_up_to_the_ceiling),
        cmocka_unit_test(parallelism_that_is_not_used_does_not_grow),
        cmocka_unit_test(failures_that_come_together_halve_once_and_never_below_one),
        cmocka_unit_test(retry_after_pauses_even_a_log_with_nothing_under_way),
        cmocka_unit_test(throttling_without_retry_after_backs_off_longer_each_time),
        cmocka_unit_test(a_rate_allows_its_burst_and_then_one_token_at_a_time),
        cmocka_unit_test(a_whole_second_never_passes_more_than_rate_plus_burst),
        cmocka_unit_test(a_clock_that_stands_still_or_a_late_report_breaks_nothing),
        cmocka_unit_test(outcomes_follow_from_the_status),
        cmocka_unit_test(back_off_doubles_up_to_its_cap_with_jitter_of_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
