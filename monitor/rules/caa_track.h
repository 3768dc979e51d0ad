/* One owner as one resolver sees it: which run an answer belongs to, since when it was true, and when to ask again. Pure. */
#pragma once

#include "rules/caa_answer.h"
#include "rules/caa_set.h"

#define CAA_RETRY_FIRST_S 10 /* after a failure, doubling up to the lower bound */

struct caa_bounds {
    uint32_t least_s, most_s; /* of the poll interval */
};

struct caa_track {
    struct caa_set *good;  /* what it last said; NULL: it never did. A reference of the pool */
    int64_t first_answered_ms, last_answered_ms, first_true_ms, last_true_ms; /* of the run that goes on */
    int64_t before_ms;     /* last answer of the run before this one: nothing is known to have been true longer; 0: there was none */
    int64_t good_ms;       /* when it last said `good` */
    uint32_t interval_s;   /* the longest in the run */
    uint32_t ttl_max_s, ttl_first_s, ttl_last_s;
    uint32_t ttl_good_s;   /* largest TTL seen with `good` ... */
    uint32_t ttl_recent_s; /* ... and since recent_since_ms: one that is seen no longer was lowered */
    int64_t recent_since_ms;
    uint32_t wait_s;       /* until the next question */
    uint16_t failures;     /* in a row */
    uint8_t outcome;       /* enum caa_outcome of the run */
    bool is_authenticated, has_run;
};

struct caa_heard {
    const struct caa_answer *answer;
    struct caa_set *set; /* RECORDS, EMPTY: what it says; else NULL. The track takes its reference over */
};

struct caa_step_taken {
    bool begins;                 /* a new run */
    struct caa_set *good_before; /* what it said before; NULL: nothing. A reference that the caller gives back */
    bool is_other;               /* it says something else than good_before (also where that is NULL) */
};

/* A run as it is written down, of which the poller that comes next goes on. */
struct caa_recorded {
    enum caa_outcome outcome;
    bool is_authenticated;
    int64_t first_answered_ms, last_answered_ms, first_true_ms, last_true_ms;
    uint32_t interval_s, ttl_max_s, ttl_first_s;
    struct caa_set *good; /* what it says, or said before it failed; NULL: it never said anything. The track takes the reference over */
};
/* Nothing that was claimed before is claimed of an earlier time. */
struct caa_track caa_track_of_record(const struct caa_recorded *run);

/* How far apart two answers may have been true, so that nothing but the one or the other stood in between: twice the poll interval as it comes with its
 * jitter. Between polls a cache that others ask, too, shows an answer as old as its TTL, and then one that is fresh. */
static inline int64_t caa_gap_ms(uint32_t interval_s) {
    int64_t interval_ms = (int64_t) interval_s * 1000;
    return 2 * (interval_ms + interval_ms / 10 + 1000);
}

static inline bool caa_track_is_good(const struct caa_track *track) {
    return track->has_run && (track->outcome == CAA_RECORDS || track->outcome == CAA_EMPTY);
}

/* Seconds until the next question: the TTL within the bounds; after failures sooner. */
uint32_t caa_wait_s(const struct caa_answer *answer, unsigned failures, const struct caa_bounds *bounds);
/* That wait give or take a tenth, in milliseconds, and up to a second more, so that what a cache holds has run out. */
int64_t caa_wait_ms(uint32_t wait_s, uint64_t random);

/* Takes an answer in. A run goes on while outcome, set and AD are the same, no answer came later than twice the wait, and none was true later
 * than caa_gap_ms of the longest wait after the one before (a cache may hold for a day what it was told once); a run begins after the one before has ended; times never go back, also where the clock did by less than an hour; by more begins a new run. A TTL that is not seen again
 * for as long as itself and a day begins a run, too: it was lowered, and says nothing about the age of answers any more. True since: the answer's time less what its TTL lacks to the largest TTL of the same set, and never
 * before the last answer that said something else. */
struct caa_step_taken caa_track_take(struct caa_track *track, struct caa_heard heard, const struct caa_bounds *bounds);
