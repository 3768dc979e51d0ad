/* Entries that were recorded as unreadable because nobody ever saw their bytes: read once more, piece by piece, for as long as there
 * are any. The piece is read and proven like a range of a scan, behind the position and without touching it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/monitor.h"

#define PAUSE_MS ((int64_t) 3600 * 1000) /* between two rounds over all of them */
#define JUDGE_ARENA_LIMIT ((size_t) 512 * 1024 * 1024)

struct second_look {
    struct monitor *monitor;
    struct follow_world world; /* the monitor's, with a sink of its own */
    struct followed_log *follow; /* NULL: nothing is being read */
    struct store_unseen piece, last;
    int64_t fencing, not_before_ms;
    bool is_over;
};

static bool is_unseen(const struct entry_report *report) {
    return report->is_unreadable && report->raw.size == 0;
}

static result record_run(struct second_look *look, struct followed_log *log, const struct verified_range *run) {
    struct monitor *monitor = look->monitor;
    if (run->begin >= run->end)
        return OK;
    CLEANUP(arena_free_at) struct arena *arena = arena_new(JUDGE_ARENA_LIMIT);
    struct store_judgement *judgements = arena == NULL ? NULL : arena_take_array(arena, run->report_count + 1, sizeof *judgements);
    if (judgements == NULL)
        return &fault_no_memory;
    TRY(monitor_judge(monitor, log, run, arena, judgements));
    struct store_range stored = {
        .log_id = look->piece.log_id, .lease = {.holder = monitor->holder, .fencing = look->fencing}, .begin = run->begin, .end = run->end,
        .judgements = judgements, .judgement_count = run->report_count, .now_ms = run->now_ms,
    };
    TRY(store_second_look(monitor->store, &stored));
    log_say(LOG_NOTICE, "entries.seen", LOG_TEXT("log", followed_log_identity(log)->log.description), LOG_NUMBER("begin", run->begin),
            LOG_NUMBER("end", run->end));
    return OK;
}

/* What is still not served readably stays as it is, and holds up none of its neighbours. Where the log proves nothing within its tree the
 * range goes on to its head: what lies behind the piece was read for the root alone, and nobody looked at it. */
static result commit(void *context, struct followed_log *log, const struct verified_range *range) {
    struct second_look *look = context;
    struct verified_range run = {.begin = range->begin > look->piece.begin ? range->begin : look->piece.begin, .reports = range->reports,
                                 .now_ms = range->now_ms};
    for (size_t i = 0; i < range->report_count; i++) {
        const struct entry_report *report = &range->reports[i];
        run.end = report->index;
        if (is_unseen(report)) {
            TRY(record_run(look, log, &run));
            run.begin = report->index + 1;
            run.reports = report + 1;
            run.report_count = 0;
        } else {
            run.report_count++;
        }
    }
    run.end = range->end < look->piece.end ? range->end : look->piece.end;
    return record_run(look, log, &run);
}

/* What there is to tell about the log is told by whoever follows it. */
static result tell(void *unused_context, struct followed_log *unused_log, const struct log_event *unused_event) {
    (void) unused_context;
    (void) unused_log;
    (void) unused_event;
    return OK;
}

static void over(void *context, struct followed_log *unused_log) {
    (void) unused_log;
    ((struct second_look *) context)->is_over = true;
}

static struct monitor_log *follower_of(struct monitor *monitor, const struct hash *log_id) {
    for (size_t i = 0; i < monitor->log_count; i++) {
        struct monitor_log *entry = &monitor->logs[i];
        if (entry->follow != NULL && hash_equal(&entry->log_id, log_id))
            return entry;
    }
    return NULL;
}

static void stop(struct second_look *look) {
    if (look->follow == NULL)
        return;
    drive_remove(look->monitor->drive, look->follow);
    followed_log_free(look->follow);
    look->follow = NULL;
}

static result begin(struct second_look *look, const struct monitor_log *entry) {
    struct monitor *monitor = look->monitor;
    const struct chosen_log *chosen = &monitor->chosen[entry->chosen];
    struct follow_options options = {.is_one_shot = true, .first_index = look->piece.begin, .end = look->piece.end, .poll_ms = 1000,
                                     .parallel_max = 1, .budget = monitor_budget(monitor, chosen->log.operator_name)};
    look->world = monitor->world;
    look->world.sink = (struct sink){.context = look, .commit = commit, .tell = tell};
    look->fencing = entry->fencing;
    look->is_over = false;
    TRY(followed_log_new(&look->world, chosen, &options, NULL, &look->follow));
    followed_log_on_done(look->follow, over, look);
    result fault = drive_add(monitor->drive, look->follow);
    if (fault != OK)
        stop(look);
    return fault;
}

void second_look_free(struct second_look *look) {
    if (look == NULL)
        return;
    stop(look);
    memory_free(look);
}

static struct second_look *look_of(struct monitor *monitor) {
    if (monitor->second_look == NULL)
        monitor->second_look = memory_new(sizeof *monitor->second_look);
    if (monitor->second_look != NULL)
        monitor->second_look->monitor = monitor;
    return monitor->second_look;
}

result step_look_again(struct monitor *monitor, int64_t now_ms) {
    struct second_look *look = look_of(monitor);
    if (look == NULL || monitor->watches == NULL)
        return OK;
    if (look->is_over || (look->follow != NULL && follower_of(monitor, &look->piece.log_id) == NULL))
        stop(look);
    if (look->follow != NULL || now_ms < look->not_before_ms)
        return OK;
    TRY(store_unseen_entries(monitor->store, &look->last, &look->piece));
    look->last = look->piece;
    if (look->piece.begin == look->piece.end) {
        look->not_before_ms = now_ms + PAUSE_MS;
        return OK;
    }
    struct monitor_log *entry = follower_of(monitor, &look->piece.log_id);
    return entry == NULL ? OK : begin(look, entry);
}
