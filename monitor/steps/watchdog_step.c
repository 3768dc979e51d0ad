/* A log that is silent, old or too fast for us is a condition that people see: log.stale, log.unreachable, log.behind. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "steps/follow_steps.h"

#define STALE_MARGIN_MS ((int64_t) 15 * 60 * 1000) /* DESIGN: How a log is followed, 7 */
#define STALE_POLLS 3
#define UNREACHABLE_AFTER_MS ((int64_t) 60 * 60 * 1000)
#define BEHIND_AFTER_MS ((int64_t) 15 * 60 * 1000)
#define BEHIND_ENTRIES_MIN 10000

static void tell_stale(struct followed_log *log, int64_t age_ms) {
    char when[RFC3339_SIZE];
    text_of_time_ms((int64_t) log->best.head.timestamp_ms, when);
    CLEANUP(buffer_done) struct buffer evidence = buffer_with_limit(1024);
    buffer_printf(&evidence, "{\"head_time\":\"%s\",\"tree_size\":%" PRIu64 ",\"age_seconds\":%" PRId64 ",\"mmd_seconds\":%u}", when,
                  log->best.head.size, age_ms / 1000, log->identity.log.mmd_seconds);
    follow_tell(log, "log.stale", false, buffer_text(&evidence));
    log->is_told_stale = true;
}

static void check_stale(struct followed_log *log, int64_t wall_ms) {
    if (!log->has_best || !log->identity.is_stale_checked || log->identity.log.mmd_seconds == 0)
        return;
    int64_t age_ms = wall_ms - (int64_t) log->best.head.timestamp_ms;
    bool is_old = age_ms > (int64_t) log->identity.log.mmd_seconds * 1000 + STALE_MARGIN_MS;
    if (!is_old) {
        if (log->is_told_stale)
            follow_tell(log, "log.stale", true, "{}");
        log->is_told_stale = false;
        log->stale_polls = 0;
    } else if (log->head_polls != log->stale_seen_poll) { /* counted once per answered poll */
        log->stale_seen_poll = log->head_polls;
        if (++log->stale_polls >= STALE_POLLS && !log->is_told_stale)
            tell_stale(log, age_ms);
    }
}

static void check_reachable(struct followed_log *log, int64_t wall_ms) {
    if (log->watched_since_ms == 0)
        log->watched_since_ms = wall_ms;
    int64_t last = log->last_success_ms > 0 ? log->last_success_ms : log->watched_since_ms;
    bool is_silent = wall_ms - last > UNREACHABLE_AFTER_MS && !log->identity.is_unreachable_a_note;
    if (is_silent == log->is_told_unreachable)
        return;
    CLEANUP(buffer_done) struct buffer harmless = buffer_with_limit(4096);
    CLEANUP(buffer_done) struct buffer evidence = buffer_with_limit(8192);
    for (const char *at = log->last_error.text; *at != '\0'; at++)
        buffer_printf(&harmless, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
    buffer_printf(&evidence, "{\"silent_seconds\":%" PRId64 ",\"last_error\":\"%s\"}", (wall_ms - last) / 1000, buffer_text(&harmless));
    follow_tell(log, "log.unreachable", !is_silent, buffer_text(&evidence));
    log->is_told_unreachable = is_silent;
}

/* Behind: for a quarter of an hour there was more to read than a moment's work. */
static void check_behind(struct followed_log *log, int64_t now_ms) {
    if (!log->has_start || !log->has_best)
        return;
    uint64_t lag = log->best.head.size > log->frontier.end ? log->best.head.size - log->frontier.end : 0;
    if (lag < BEHIND_ENTRIES_MIN) {
        log->behind_since_ms = 0;
        if (log->is_told_behind)
            follow_tell(log, "log.behind", true, "{}");
        log->is_told_behind = false;
        return;
    }
    if (log->behind_since_ms == 0)
        log->behind_since_ms = now_ms;
    if (log->is_told_behind || now_ms - log->behind_since_ms < BEHIND_AFTER_MS)
        return;
    CLEANUP(buffer_done) struct buffer evidence = buffer_with_limit(1024);
    buffer_printf(&evidence, "{\"lag_entries\":%" PRIu64 ",\"entries_per_second\":%.1f,\"eta_seconds\":", lag, log->rate);
    if (log->rate > 0)
        buffer_printf(&evidence, "%.0f}", (double) lag / log->rate);
    else
        buffer_add_text(&evidence, "null}");
    follow_tell(log, "log.behind", false, buffer_text(&evidence));
    log->is_told_behind = true;
}

void watchdog_step(struct followed_log *log, int64_t now_ms) {
    if (log->options.is_one_shot || now_ms < log->watchdog_due_ms)
        return;
    log->watchdog_due_ms = now_ms + 1000;
    int64_t wall_ms = clock_wall_ms();
    check_stale(log, wall_ms);
    check_reachable(log, wall_ms);
    check_behind(log, now_ms);
}
