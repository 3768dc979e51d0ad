#include "rules/caa_track.h"

#define FAILURES_MAX UINT16_MAX
#define TTL_KEPT_MS ((int64_t) 24 * 3600 * 1000) /* beside itself: so long that many caches, asked in turn, show it again */
#define CLOCK_STEP_MS ((int64_t) 3600 * 1000) /* back by more: the clock was wrong before, and what it said is history */

uint32_t caa_wait_s(const struct caa_answer *answer, unsigned failures, const struct caa_bounds *bounds) {
    bool is_good = answer->outcome == CAA_RECORDS || answer->outcome == CAA_EMPTY;
    if (is_good)
        return answer->ttl_s < bounds->least_s ? bounds->least_s : answer->ttl_s > bounds->most_s ? bounds->most_s : answer->ttl_s;
    uint64_t wait_s = CAA_RETRY_FIRST_S;
    for (unsigned i = 1; i < failures && wait_s < bounds->least_s; i++)
        wait_s *= 2;
    return wait_s > bounds->least_s ? bounds->least_s : (uint32_t) wait_s;
}

int64_t caa_wait_ms(uint32_t wait_s, uint64_t random) {
    int64_t wait_ms = (int64_t) wait_s * 1000, more_ms = wait_ms / 10 < 1000 ? wait_ms / 10 : 1000;
    return wait_ms - wait_ms / 10 + (int64_t) (random % (uint64_t) (wait_ms / 5 + 1)) + more_ms;
}

static int64_t less_age(int64_t answered_ms, uint32_t ttl_max_s, uint32_t ttl_s) {
    return answered_ms - (int64_t) (ttl_max_s - ttl_s) * 1000;
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static bool is_same_run(const struct caa_track *track, const struct caa_heard *heard, int64_t answered_ms, const struct caa_bounds *bounds) {
    const struct caa_answer *answer = heard->answer;
    if (!track->has_run || track->outcome != answer->outcome || track->is_authenticated != answer->is_authenticated)
        return false;
    if (heard->set != NULL && heard->set != track->good)
        return false;
    uint32_t wait_s = larger(track->wait_s, bounds->least_s); /* retries come sooner, and may take as long as a deadline */
    if (answered_ms - track->last_answered_ms > 2 * (int64_t) wait_s * 1000)
        return false;
    uint32_t interval_s = larger(track->interval_s, heard->set == NULL ? bounds->least_s : caa_wait_s(answer, 0, bounds));
    int64_t true_ms = less_age(answered_ms, larger(track->ttl_max_s, answer->ttl_s), answer->ttl_s);
    return true_ms - track->last_true_ms <= caa_gap_ms(interval_s); /* what a cache repeats says nothing about the time since it asked */
}

/* The largest TTL seen of the same set; true where that is no longer the TTL of today. */
static bool learn_ttl(struct caa_track *track, uint32_t ttl_s, int64_t answered_ms, bool is_same_set) {
    bool is_seen = !is_same_set || ttl_s >= track->ttl_good_s || answered_ms < track->recent_since_ms;
    track->ttl_good_s = is_same_set ? larger(track->ttl_good_s, ttl_s) : ttl_s;
    track->ttl_recent_s = is_seen ? 0 : larger(track->ttl_recent_s, ttl_s);
    track->recent_since_ms = is_seen ? answered_ms : track->recent_since_ms;
    if (answered_ms - track->recent_since_ms <= (int64_t) track->ttl_good_s * 1000 + TTL_KEPT_MS)
        return false;
    bool was_lowered = track->ttl_recent_s < track->ttl_good_s / 2; /* caches that are asked now and then show less than all of it */
    track->ttl_good_s = was_lowered ? track->ttl_recent_s : track->ttl_good_s;
    track->ttl_recent_s = 0;
    track->recent_since_ms = answered_ms;
    return was_lowered;
}

static void begin_run(struct caa_track *track, const struct caa_answer *answer, int64_t answered_ms, bool is_good) {
    uint32_t ttl_max_s = is_good ? track->ttl_good_s : answer->ttl_s;
    track->before_ms = track->has_run ? track->last_answered_ms : 0;
    track->outcome = (uint8_t) answer->outcome;
    track->first_answered_ms = answered_ms;
    track->first_true_ms = track->last_true_ms = later(less_age(answered_ms, ttl_max_s, answer->ttl_s), track->before_ms);
    track->ttl_max_s = ttl_max_s;
    track->ttl_first_s = answer->ttl_s;
    track->interval_s = 0;
}

static void continue_run(struct caa_track *track, const struct caa_answer *answer, int64_t answered_ms) {
    if (answer->ttl_s > track->ttl_max_s) { /* the first answer was older than it seemed */
        int64_t first_ms = later(less_age(track->first_answered_ms, answer->ttl_s, track->ttl_first_s), track->before_ms);
        track->first_true_ms = first_ms < track->first_true_ms ? first_ms : track->first_true_ms;
        track->ttl_max_s = answer->ttl_s;
    }
    track->last_true_ms = later(track->last_true_ms, less_age(answered_ms, track->ttl_max_s, answer->ttl_s));
}

/* Times do not go back, unless the clock was wrong: then all that went before it is over. */
static int64_t settle_time(struct caa_track *track, int64_t answered_ms) {
    if (track->has_run && answered_ms < track->last_answered_ms - CLOCK_STEP_MS)
        track->has_run = false;
    return track->has_run ? later(answered_ms, track->last_answered_ms) : answered_ms;
}

/* When it is asked next, and how long at most nobody asked. */
static void settle_pace(struct caa_track *track, const struct caa_answer *answer, bool is_good, const struct caa_bounds *bounds) {
    track->failures = is_good ? 0 : track->failures < FAILURES_MAX ? (uint16_t) (track->failures + 1) : FAILURES_MAX;
    track->wait_s = caa_wait_s(answer, track->failures, bounds);
    track->interval_s = larger(track->interval_s, is_good ? track->wait_s : bounds->least_s);
}

struct caa_step_taken caa_track_take(struct caa_track *track, struct caa_heard heard, const struct caa_bounds *bounds) {
    const struct caa_answer *answer = heard.answer;
    int64_t answered_ms = settle_time(track, answer->answered_ms);
    bool is_good = heard.set != NULL, is_same_set = is_good && heard.set == track->good;
    bool is_ttl_lowered = is_good && learn_ttl(track, answer->ttl_s, answered_ms, is_same_set);
    struct caa_step_taken taken = {.begins = is_ttl_lowered || !is_same_run(track, &heard, answered_ms, bounds), .is_other = is_good && !is_same_set};
    answered_ms += taken.begins && track->has_run && answered_ms == track->last_answered_ms; /* while the clock catches up: runs are told apart by their times */
    if (taken.begins)
        begin_run(track, answer, answered_ms, is_good);
    else
        continue_run(track, answer, answered_ms);
    settle_pace(track, answer, is_good, bounds);
    track->last_answered_ms = answered_ms;
    track->ttl_last_s = answer->ttl_s;
    track->is_authenticated = answer->is_authenticated;
    track->has_run = true;
    if (is_good) {
        taken.good_before = track->good;
        track->good = heard.set;
        track->good_ms = answered_ms;
    }
    return taken;
}

struct caa_track caa_track_of_record(const struct caa_recorded *run) {
    bool is_good = run->outcome == CAA_RECORDS || run->outcome == CAA_EMPTY;
    return (struct caa_track){
        .good = run->good, .first_answered_ms = run->first_answered_ms, .last_answered_ms = run->last_answered_ms, .first_true_ms = run->first_true_ms,
        .last_true_ms = run->last_true_ms, .before_ms = run->first_true_ms, .good_ms = run->last_answered_ms, .interval_s = run->interval_s,
        .ttl_max_s = run->ttl_max_s, .ttl_first_s = run->ttl_first_s, .ttl_last_s = run->ttl_max_s, .wait_s = run->interval_s, .failures = is_good ? 0 : 1,
        .outcome = (uint8_t) run->outcome, .is_authenticated = run->is_authenticated, .has_run = true,
        .ttl_good_s = is_good ? run->ttl_max_s : 0, .recent_since_ms = run->last_answered_ms};
}
