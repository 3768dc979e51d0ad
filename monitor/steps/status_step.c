/* What `pinwatch logs` shows: one statement for all logs. */
#include "base/clock.h"
#include "steps/monitor.h"

static struct store_log_status status_of(const struct monitor_log *entry, const struct follow_figures *figures) {
    return (struct store_log_status){
        .log_id = entry->log_id, .state = follow_state_name(figures->state), .head_size = figures->head_size,
        .head_time_ms = (int64_t) figures->head_time_ms, .entries_per_second = figures->entries_per_second,
        .eta_seconds = figures->eta_seconds, .batch_size = figures->batch_size, .parallel = figures->parallel,
        .stale_views = figures->stale_views, .last_error = figures->last_error.text, .last_error_ms = figures->last_error_ms,
        .last_success_ms = figures->last_success_ms,
    };
}

result step_save_status(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    struct store_log_status rows[MONITOR_LOGS_MAX];
    static struct follow_figures figures[MONITOR_LOGS_MAX]; /* the texts of the rows live in it */
    size_t count = 0;
    for (size_t i = 0; i < monitor->log_count; i++) {
        if (monitor->logs[i].follow == NULL)
            continue;
        followed_log_figures(monitor->logs[i].follow, &figures[count]);
        rows[count] = status_of(&monitor->logs[i], &figures[count]);
        count++;
    }
    return count == 0 ? OK : store_status_save(monitor->store, rows, count, clock_wall_ms());
}
