/* The sink of the service: judged and recorded in one transaction. */
#include "base/log.h"
#include "base/memory.h"
#include "steps/caa_verdict.h"
#include "steps/judge.h"
#include "steps/monitor.h"

#define HEADS_SINK_MAX 65
#define JUDGE_ARENA_LIMIT ((size_t) 512 * 1024 * 1024)

result monitor_judge(struct monitor *monitor, struct followed_log *log, const struct verified_range *range, struct arena *arena,
                     struct store_judgement *judgements) {
    for (size_t i = 0; i < range->report_count; i++) {
        struct judge_input input = {.watches = monitor->watches, .extra = &monitor->extra, .log = followed_log_identity(log),
                                    .report = &range->reports[i], .now_ms = world_clock_time(&monitor->clock, range->now_ms), .ask_caa = caa_allowance_of, .caa_context = monitor};
        TRY(judge_report(&input, arena, &judgements[i]));
    }
    return OK;
}

static struct store_head store_head_of(const struct sink_head *head) {
    static const enum store_head_state states[] = {
        [HEAD_PENDING] = STORE_HEAD_PENDING, [HEAD_VERIFIED] = STORE_HEAD_VERIFIED, [HEAD_CONTRADICTS] = STORE_HEAD_CONTRADICTS};
    return (struct store_head){.size = head->size, .timestamp_ms = head->timestamp_ms, .root = head->root,
                               .signature = head->signature, .raw = head->raw, .state = states[head->state],
                               .received_ms = head->received_ms};
}

static result record(struct monitor *monitor, struct monitor_log *entry, const struct verified_range *range,
                     const struct store_judgement *judgements) {
    struct store_head heads[HEADS_SINK_MAX], against;
    size_t head_count = range->head_count < HEADS_SINK_MAX ? range->head_count : HEADS_SINK_MAX;
    for (size_t i = 0; i < head_count; i++)
        heads[i] = store_head_of(&range->heads[i]);
    against = store_head_of(range->against);
    struct store_range stored = {
        .log_id = entry->log_id, .lease = {.holder = monitor->holder, .fencing = entry->fencing}, .first_index = range->first_index,
        .begin = range->begin, .end = range->end, .frontier = range->frontier, .heads = heads, .head_count = head_count,
        .against = &against, .judgements = judgements, .judgement_count = range->report_count, .now_ms = range->now_ms,
    };
    return store_record_range(monitor->store, &stored);
}

static result commit(void *context, struct followed_log *log, const struct verified_range *range) {
    struct monitor *monitor = context;
    struct monitor_log *entry = followed_log_mark(log);
    CLEANUP(arena_free_at) struct arena *arena = arena_new(JUDGE_ARENA_LIMIT);
    struct store_judgement *judgements = arena == NULL ? NULL : arena_take_array(arena, range->report_count + 1, sizeof *judgements);
    if (judgements == NULL)
        return &fault_no_memory;
    TRY(monitor_judge(monitor, log, range, arena, judgements));
    result fault = record(monitor, entry, range, judgements);
    if (fault == OK)
        store_commit_worked(monitor);
    if (fault == OK)
        return OK;
    const char *name = followed_log_identity(log)->log.description;
    bool is_elsewhere = fault == &fault_store_lease_lost || fault == &fault_store_position;
    if (is_elsewhere) {
        entry->is_lost = true;
        log_say(LOG_WARNING, "range.not-recorded", LOG_TEXT("log", name), LOG_NUMBER("begin", range->begin), LOG_NUMBER("end", range->end),
                LOG_TEXT("why", store_why(monitor->store)->text), LOG_FAULT(fault));
    } else {
        store_commit_failed(monitor, name, fault);
    }
    return fault;
}

static bool is_paused(void *context) {
    return store_is_paused(context);
}

/* How grave an event about a log is; docs/findings.md says why. */
static const char *severity_of(const char *rule) {
    static const struct {
        const char *rule, *severity;
    } table[] = {
        {"log.fork", "critical"},        {"log.bad-head", "critical"},      {"log.stale", "warning"},
        {"log.unreachable", "warning"},  {"log.behind", "notice"},          {"log.list-stale", "warning"},
        {"log.list-refused", "warning"}, {"log.not-followed", "warning"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].rule, rule) == 0)
            return table[i].severity;
    return "warning";
}

result monitor_tell(struct monitor *monitor, const struct hash *log_id, const struct log_event *event) {
    struct store_event stored = {.log_id = log_id, .rule = event->rule, .severity = severity_of(event->rule), .detail = event->detail,
                                 .body = event->evidence, .is_over = event->is_over, .now_ms = event->now_ms};
    return store_tell(monitor->store, &stored);
}

static result tell(void *context, struct followed_log *log, const struct log_event *event) {
    result fault = monitor_tell(context, &followed_log_identity(log)->log.log_id, event);
    if (fault != OK)
        store_tell_failed(context, event->rule, fault);
    return fault;
}

struct sink store_sink_of(struct monitor *monitor) {
    return (struct sink){.context = monitor, .commit = commit, .tell = tell, .is_paused = is_paused};
}
