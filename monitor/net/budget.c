#include "net/budget.h"

#define MILLI 1000u
#define CUT_SPACING_MS 1000        /* failures closer together than this are one event */
#define THROTTLED_FIRST_MS 1000
#define THROTTLED_CAP_MS ((int64_t) 5 * 60 * 1000)
#define PAUSE_MAX_MS ((int64_t) 3600 * 1000) /* longer would be blindness at anybody's word; then one request asks again */

static unsigned at_least_one(unsigned number) {
    return number == 0 ? 1 : number;
}

static unsigned burst_of(const struct budget *budget) {
    return at_least_one(budget->options.burst != 0 ? budget->options.burst : budget->options.requests_per_second);
}

/* splitmix64: enough for jitter. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void budget_init(struct budget *budget, const struct budget_options *options, uint64_t seed, int64_t now_ms) {
    *budget = (struct budget){.options = *options, .random_state = seed, .tokens_at_ms = now_ms};
    budget->options.transfers_max = at_least_one(options->transfers_max);
    unsigned first = at_least_one(options->transfers_first);
    if (first > budget->options.transfers_max)
        first = budget->options.transfers_max;
    budget->parallel_milli = first * MILLI;
    budget->tokens_milli = (uint64_t) burst_of(budget) * MILLI;
    budget->paused_until_ms = INT64_MIN;
    budget->cut_at_ms = INT64_MIN;
}

/* `rate` tokens a second are `rate` thousandths a millisecond. */
static void refill(struct budget *budget, int64_t now_ms) {
    uint64_t full = (uint64_t) burst_of(budget) * MILLI;
    if (now_ms <= budget->tokens_at_ms)
        return;
    uint64_t elapsed_ms = (uint64_t) (now_ms - budget->tokens_at_ms);
    uint64_t rate = budget->options.requests_per_second;
    budget->tokens_at_ms = now_ms;
    uint64_t missing = full - budget->tokens_milli;
    bool is_filled = rate != 0 && elapsed_ms >= missing / rate + 1;
    budget->tokens_milli = is_filled ? full : budget->tokens_milli + elapsed_ms * rate;
    if (budget->tokens_milli > full)
        budget->tokens_milli = full;
}

unsigned budget_parallel(const struct budget *budget) {
    return budget->parallel_milli / MILLI;
}

int64_t budget_may_start(struct budget *budget, unsigned log_in_flight, int64_t now_ms) {
    if (now_ms < budget->paused_until_ms)
        return budget->paused_until_ms - now_ms;
    if (log_in_flight > 0 && budget->in_flight >= budget_parallel(budget))
        return BUDGET_FULL;
    if (budget->options.requests_per_second == 0)
        return 0;
    refill(budget, now_ms);
    if (budget->tokens_milli >= MILLI)
        return 0;
    uint64_t rate = budget->options.requests_per_second;
    return (int64_t) ((MILLI - budget->tokens_milli + rate - 1) / rate);
}

void budget_started(struct budget *budget, int64_t now_ms) {
    refill(budget, now_ms);
    budget->tokens_milli = budget->tokens_milli >= MILLI ? budget->tokens_milli - MILLI : 0;
    budget->in_flight++;
}

static void grow(struct budget *budget, bool was_used_up) {
    uint32_t most = budget->options.transfers_max * MILLI;
    budget->throttled_in_row = 0;
    if (!was_used_up)
        return; /* what was never asked for proves nothing */
    uint32_t step = MILLI * MILLI / budget->parallel_milli;
    budget->parallel_milli = most - budget->parallel_milli < step ? most : budget->parallel_milli + step;
}

/* True when this is a new event, not another victim of the last one. */
static bool shrink(struct budget *budget, int64_t now_ms) {
    if (budget->cut_at_ms != INT64_MIN && now_ms - budget->cut_at_ms < CUT_SPACING_MS)
        return false;
    budget->cut_at_ms = now_ms;
    budget->parallel_milli /= 2;
    if (budget->parallel_milli < MILLI)
        budget->parallel_milli = MILLI;
    return true;
}

void budget_pause_until(struct budget *budget, int64_t until_ms) {
    if (until_ms > budget->paused_until_ms)
        budget->paused_until_ms = until_ms;
}

void budget_finished(struct budget *budget, enum budget_outcome outcome, int64_t retry_after_ms, int64_t now_ms) {
    bool was_used_up = budget->in_flight >= budget_parallel(budget);
    if (budget->in_flight > 0)
        budget->in_flight--;
    if (outcome == BUDGET_GOOD)
        grow(budget, was_used_up);
    bool is_new = (outcome == BUDGET_THROTTLED || outcome == BUDGET_FAILED) && shrink(budget, now_ms);
    if (outcome == BUDGET_THROTTLED && is_new)
        budget->throttled_in_row++;
    if (retry_after_ms >= 0 && outcome != BUDGET_GOOD)
        budget_pause_until(budget, now_ms + (retry_after_ms < PAUSE_MAX_MS ? retry_after_ms : PAUSE_MAX_MS));
    else if (outcome == BUDGET_THROTTLED && is_new)
        budget_pause_until(budget, now_ms + backoff_ms(budget->throttled_in_row, THROTTLED_FIRST_MS, THROTTLED_CAP_MS,
                                                       next_random(&budget->random_state)));
}

enum budget_outcome budget_outcome_of(long status, bool has_failed) {
    if (status == 429 || status == 503)
        return BUDGET_THROTTLED;
    if (status >= 500 || has_failed)
        return BUDGET_FAILED;
    return status == 200 || status == 304 ? BUDGET_GOOD : BUDGET_NEUTRAL;
}

int64_t backoff_ms(unsigned failures, int64_t first_ms, int64_t cap_ms, uint64_t random) {
    int64_t wait_ms = first_ms < 1 ? 1 : first_ms;
    for (unsigned i = 1; i < failures && wait_ms < cap_ms; i++)
        wait_ms *= 2;
    if (wait_ms > cap_ms)
        wait_ms = cap_ms;
    return wait_ms - (int64_t) (random % (uint64_t) (wait_ms / 2 + 1));
}
