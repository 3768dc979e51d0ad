/* A log that is silent, old or too fast for us is a condition that people see: log.stale, log.unreachable, log.behind. */
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "steps/follow_steps.h"

#define STALE_MARGIN_MS ((int64_t) 15 * 60 * 1000) /* DESIGN: How a log is followed, 7 */
#define STALE_POLLS 3
#define UNREACHABLE_AFTER_MS ((int64_t) 60 * 60 * 1000)
#define BEHIND_AFTER_MS ((int64_t) 15 * 60 * 1000)
#define BEHIND_ENTRIES_MIN 10000
#define STUCK_AFTER_MS ((int64_t) 60 * 60 * 1000)
#define RATE_LEAST 1e-6 /* entries a second; less is none */
#define ETA_MOST_S 1e9

static void tell_stale(struct followed_log *log, int64_t age_ms) {
    char when[RFC3339_SIZE];
    text_of_time_ms((int64_t) log->best.head.timestamp_ms, when);
    json_t *evidence = json_pack("{s:s, s:I, s:I, s:I}", "head_time", when, "tree_size", (json_int_t) log->best.head.size, "age_seconds",
                                 (json_int_t) (age_ms / 1000), "mmd_seconds", (json_int_t) log->identity.log.mmd_seconds);
    if (follow_tell(log, "log.stale", false, evidence))
        log->told_stale = TOLD_OPEN;
}

static void check_stale(struct followed_log *log, int64_t wall_ms) {
    if (!log->has_best)
        return;
    bool is_checked = log->identity.is_stale_checked && log->identity.log.mmd_seconds > 0;
    int64_t age_ms = wall_ms - (int64_t) log->best.head.timestamp_ms;
    bool is_old = is_checked && age_ms > (int64_t) log->identity.log.mmd_seconds * 1000 + STALE_MARGIN_MS;
    if (!is_old) {
        follow_tell_over(log, "log.stale", &log->told_stale);
        log->stale_polls = 0;
    } else if (log->head_polls != log->stale_seen_poll) { /* counted once per answered poll */
        log->stale_seen_poll = log->head_polls;
        if (++log->stale_polls >= STALE_POLLS && log->told_stale != TOLD_OPEN)
            tell_stale(log, age_ms);
    }
}

/* By monotonic time: neither a clock that is set nor a machine that slept makes a log silent. */
static void check_reachable(struct followed_log *log, int64_t now_ms) {
    if (log->watched_since_ms == 0)
        log->watched_since_ms = now_ms;
    int64_t last = log->answered_ms > 0 ? log->answered_ms : log->watched_since_ms;
    bool is_answering = log->told_bad_head == TOLD_OPEN; /* what it answers is another finding */
    bool is_silent = now_ms - last > UNREACHABLE_AFTER_MS && !log->identity.is_unreachable_a_note && !is_answering;
    if (!is_silent && (log->answered_ms > 0 || log->identity.is_unreachable_a_note || is_answering))
        follow_tell_over(log, "log.unreachable", &log->told_unreachable);
    if (!is_silent || log->told_unreachable == TOLD_OPEN)
        return;
    json_t *evidence = json_pack("{s:I, s:s}", "silent_seconds", (json_int_t) ((now_ms - last) / 1000), "last_error", log->last_error.text);
    if (follow_tell(log, "log.unreachable", false, evidence))
        log->told_unreachable = TOLD_OPEN;
}

/* Nobody knows when a log is caught up with of which as good as nothing could be read lately. PostgreSQL writes large numbers out as whole ones, which JSON
 * readers refuse, and the alert with them. */
static json_t *eta_json(double lag, double rate) {
    return rate >= RATE_LEAST && lag / rate <= ETA_MOST_S ? json_real(lag / rate) : json_null();
}

static void tell_behind(struct followed_log *log, uint64_t lag, bool is_stuck) {
    char detail[sizeof log->last_error.text + 100];
    double rate = log->rate < RATE_LEAST ? 0 : log->rate;
    json_t *evidence = json_pack("{s:I, s:f, s:o}", "lag_entries", (json_int_t) lag, "entries_per_second", rate, "eta_seconds", eta_json((double) lag, rate));
    if (is_stuck) {
        snprintf(detail, sizeof detail, "nothing more could be read and verified for an hour; newest error: %s",
                 log->last_error.text[0] == '\0' ? "none" : log->last_error.text);
        json_object_set_new(evidence, "detail", json_string(detail));
    }
    if (follow_tell(log, "log.behind", false, evidence)) {
        log->told_behind = TOLD_OPEN;
        log->is_seen_moving = false;
    }
}

/* However little there is to read: has the position stood still for too long with something behind it? A fork is told as such. */
static bool is_stuck(struct followed_log *log, int64_t now_ms) {
    bool has_nothing_to_do = (log->has_start && log->best.head.size <= log->verified.end) || log->state == FOLLOW_FORKED ||
                             log->identity.is_unreachable_a_note;
    bool has_moved = log->unmoved_since_ms != 0 && log->unmoved_end != log->verified.end;
    log->is_seen_moving |= has_nothing_to_do || has_moved;
    if (has_nothing_to_do || log->unmoved_since_ms == 0 || has_moved) {
        log->unmoved_since_ms = now_ms;
        log->unmoved_end = log->verified.end;
    }
    return now_ms - log->unmoved_since_ms >= STUCK_AFTER_MS;
}

/* Behind: for a quarter of an hour there was more to read than a moment's work, or nothing was got hold of for an hour. */
static void check_behind(struct followed_log *log, int64_t now_ms) {
    if (!log->has_best)
        return;
    uint64_t lag = log->best.head.size > log->frontier.end ? log->best.head.size - log->frontier.end : 0;
    bool stands_still = is_stuck(log, now_ms);
    if (!log->has_start || lag < BEHIND_ENTRIES_MIN)
        log->behind_since_ms = 0;
    else if (log->behind_since_ms == 0)
        log->behind_since_ms = now_ms;
    bool is_slow = log->behind_since_ms != 0 && now_ms - log->behind_since_ms >= BEHIND_AFTER_MS;
    if (!stands_still && log->behind_since_ms == 0 && log->is_seen_moving)
        follow_tell_over(log, "log.behind", &log->told_behind);
    else if ((is_slow || stands_still) && log->told_behind != TOLD_OPEN)
        tell_behind(log, stands_still ? log->best.head.size - log->verified.end : lag, stands_still);
}

void watchdog_step(struct followed_log *log, int64_t now_ms) {
    if (log->options.is_one_shot || now_ms < log->watchdog_due_ms)
        return;
    log->watchdog_due_ms = now_ms + 1000;
    int64_t wall_ms = clock_wall_ms();
    check_stale(log, world_clock_time(log->world->clock, wall_ms));
    check_reachable(log, now_ms);
    check_behind(log, now_ms);
}
