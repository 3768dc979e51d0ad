/* How much may be asked of one operator at a time, learned from how it answers. Pure: the caller brings time and chance.
 *
 * Parallelism grows by one per round of good answers and halves on 429, 5xx, time-outs and broken connections (additive
 * increase, multiplicative decrease); requests per second are a token bucket; Retry-After, or a back-off with jitter
 * after 429 and 503, pauses everything of this operator. A log with nothing under way may start one transfer even when
 * the parallelism is used up, so that hanging logs starve nobody. Not for several threads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct budget_options {
    unsigned transfers_max;       /* ceiling of parallelism; 0 counts as 1 */
    unsigned transfers_first;     /* where it begins; 0 counts as 1 */
    unsigned requests_per_second; /* 0: no rate */
    unsigned burst;               /* tokens that may gather; 0: as many as requests_per_second */
};

enum budget_outcome {
    BUDGET_GOOD,
    BUDGET_THROTTLED, /* 429, 503: the operator says so */
    BUDGET_FAILED,    /* other 5xx, time-out, refused or broken connection */
    BUDGET_NEUTRAL,   /* says nothing about load: other 4xx, too large, cancelled, TLS */
};

struct budget {
    struct budget_options options;
    unsigned in_flight;
    uint32_t parallel_milli;   /* thousandths of a transfer, 1000 to transfers_max * 1000 */
    uint64_t tokens_milli;
    int64_t tokens_at_ms;      /* when they were last counted */
    int64_t paused_until_ms;
    int64_t cut_at_ms;         /* of the last decrease: what fails together counts once */
    unsigned throttled_in_row;
    uint64_t random_state;
};

#define BUDGET_FULL ((int64_t) -1) /* wait until a transfer of this operator finishes */

/* `seed`: any number; makes the jitter. Times are monotonic milliseconds throughout. */
void budget_init(struct budget *budget, const struct budget_options *options, uint64_t seed, int64_t now_ms);
/* 0: now; > 0: milliseconds to wait before asking again; BUDGET_FULL. `log_in_flight`: transfers of the asking log. */
int64_t budget_may_start(struct budget *budget, unsigned log_in_flight, int64_t now_ms);
/* A transfer was started (takes a token). */
void budget_started(struct budget *budget, int64_t now_ms);
/* It ended. `retry_after_ms`: as in struct transfer_answer, -1 for none. */
void budget_finished(struct budget *budget, enum budget_outcome outcome, int64_t retry_after_ms, int64_t now_ms);
/* Nothing of this operator before that; several logs may report, the latest time counts. */
void budget_pause_until(struct budget *budget, int64_t until_ms);
/* Whole transfers allowed at once now. */
unsigned budget_parallel(const struct budget *budget);
/* `status` 0: no answer; `has_failed`: no whole answer came for a reason that load may explain. */
enum budget_outcome budget_outcome_of(long status, bool has_failed);

/* Waiting time after `failures` in a row (1, 2, …): first, doubled each time up to `cap_ms`, then 50 to 100 % of it by
 * `random` (any 64 random bits). */
int64_t backoff_ms(unsigned failures, int64_t first_ms, int64_t cap_ms, uint64_t random);
