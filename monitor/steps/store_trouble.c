/* The database refuses or is away: how long to leave it alone, what is said of it and how often, and the finding when nothing could be
 * recorded for long. */
#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "steps/monitor.h"

#define PAUSE_FIRST_MS 500
#define PAUSE_CAP_MS 10000
#define LOCK_PAUSE_MS 500 /* its wait has cost 5 s already; others get their turn, and this one does not wait for long */
#define SAY_AGAIN_MS 60000
#define SETTLED_MS 5000 /* well for so long: over. A server that answers every second question is not back */
#define TELL_AFTER_MS ((int64_t) 5 * 60 * 1000)
#define RULE "service.not-recording"

static int64_t pause_of(unsigned failures, int64_t now_ms) {
    return backoff_ms(failures, PAUSE_FIRST_MS, PAUSE_CAP_MS, (uint64_t) now_ms * 2654435761u);
}

/* Said when it begins, when the reason changes, and once a minute while it lasts. */
static void note(struct store_trouble *trouble, const char *event, const struct store_complaint *complaint, int64_t now_ms) {
    bool is_news = trouble->failures == 0 || trouble->fault != complaint->fault || now_ms - trouble->said_ms >= SAY_AGAIN_MS;
    if (trouble->failures++ == 0)
        trouble->since_ms = now_ms;
    trouble->fault = complaint->fault;
    trouble->failed_ms = now_ms;
    if (!is_news)
        return;
    trouble->said_ms = now_ms;
    log_say(LOG_WARNING, event, LOG_TEXT("what", complaint->what), LOG_TEXT("why", complaint->why), LOG_NUMBER("failures", trouble->failures),
            LOG_NUMBER("for_ms", now_ms - trouble->since_ms), LOG_FAULT(complaint->fault));
}

static void note_blind(struct monitor *monitor, const struct store_complaint *complaint, int64_t now_ms) {
    if (monitor->blind_since_ms != 0)
        return;
    monitor->blind_since_ms = now_ms;
    monitor->blind_since_wall_ms = clock_wall_ms();
    snprintf(monitor->blind_why.text, sizeof monitor->blind_why.text, "%s", complaint->why);
}

/* Without a connection nothing else needs to be tried: each try may cost the whole time-out, and the logs wait meanwhile. */
static bool is_away(const struct monitor *monitor, result fault) {
    return store_descriptor(monitor->store) < 0 && fault != &fault_no_memory;
}

static void note_away(struct monitor *monitor, const struct store_complaint *complaint, int64_t now_ms) {
    note(&monitor->away, "database.away", complaint, now_ms);
    note_blind(monitor, complaint, now_ms);
    monitor->store_pause_until_ms = now_ms + pause_of(monitor->away.failures, now_ms);
}

static struct store_complaint complaint_of(const struct monitor *monitor, const char *what, result fault) {
    const char *why = store_why(monitor->store)->text;
    return (struct store_complaint){.what = what, .why = why[0] != '\0' ? why : fault->wrong, .fault = fault};
}

void store_step_failed(struct monitor *monitor, size_t step, result fault) {
    int64_t now_ms = clock_monotonic_ms(); /* after the wait that the failure may have cost */
    struct store_complaint complaint = complaint_of(monitor, monitor_steps[step].name, fault);
    if (is_away(monitor, fault)) {
        note_away(monitor, &complaint, now_ms);
        return;
    }
    note(&monitor->step_trouble[step], "step.failed", &complaint, now_ms);
    monitor->step_due_ms[step] = now_ms + pause_of(monitor->step_trouble[step].failures, now_ms);
}

void store_commit_failed(struct monitor *monitor, const char *log, result fault) {
    int64_t now_ms = clock_monotonic_ms();
    struct store_complaint complaint = complaint_of(monitor, log, fault);
    if (is_away(monitor, fault)) {
        note_away(monitor, &complaint, now_ms);
        return;
    }
    note(&monitor->commit_trouble, "range.not-recorded", &complaint, now_ms);
    note_blind(monitor, &complaint, now_ms);
    monitor->commit_pause_until_ms = now_ms + (fault == &fault_store_busy ? LOCK_PAUSE_MS : pause_of(monitor->commit_trouble.failures, now_ms));
}

void store_tell_failed(struct monitor *monitor, const char *rule, result fault) {
    struct store_complaint complaint = complaint_of(monitor, rule, fault);
    if (is_away(monitor, fault))
        note_away(monitor, &complaint, clock_monotonic_ms());
}

static void over(struct store_trouble *trouble, const char *event, const char *what, int64_t now_ms) {
    if (trouble->failures > 0 && now_ms - trouble->failed_ms < SETTLED_MS)
        return;
    if (trouble->failures > 0)
        log_say(LOG_NOTICE, event, LOG_TEXT("what", what), LOG_NUMBER("failures", trouble->failures),
                LOG_NUMBER("after_ms", now_ms - trouble->since_ms));
    trouble->failures = 0;
}

void store_step_worked(struct monitor *monitor, size_t step) {
    if (store_descriptor(monitor->store) < 0) /* it had nothing to ask */
        return;
    int64_t now_ms = clock_monotonic_ms();
    over(&monitor->away, "database.back", "work goes on where it stopped", now_ms);
    over(&monitor->step_trouble[step], "step.works", monitor_steps[step].name, now_ms);
}

void store_commit_worked(struct monitor *monitor) {
    int64_t now_ms = clock_monotonic_ms();
    over(&monitor->away, "database.back", "work goes on where it stopped", now_ms);
    monitor->commit_pause_until_ms = 0;
    over(&monitor->commit_trouble, "range.recorded", "what had waited is recorded", now_ms);
}

bool store_is_paused(const struct monitor *monitor) {
    int64_t now_ms = clock_monotonic_ms();
    return now_ms < monitor->store_pause_until_ms || now_ms < monitor->commit_pause_until_ms;
}

static result tell(struct monitor *monitor, bool is_over, int64_t now_ms) {
    char since[RFC3339_SIZE];
    text_of_time_ms(monitor->blind_since_wall_ms, since);
    json_t *evidence = is_over ? json_object() : json_pack("{s:s, s:I, s:s}", "since", since, "seconds",
                                                           (json_int_t) ((now_ms - monitor->blind_since_ms) / 1000), "why", monitor->blind_why.text);
    char *dumped = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    json_decref(evidence);
    if (dumped == NULL)
        return &fault_no_memory;
    struct log_event event = {.rule = RULE, .is_over = is_over, .detail = "", .evidence = dumped, .now_ms = clock_wall_ms()};
    result fault = monitor_tell(monitor, NULL, &event);
    memory_free_foreign(dumped);
    return fault;
}

static bool has_waiting_log(const struct monitor *monitor) {
    for (size_t i = 0; i < monitor->log_count; i++)
        if (monitor->logs[i].follow != NULL && followed_log_waits_for_sink(monitor->logs[i].follow))
            return true;
    return false;
}

/* The commit that worked may have come too soon after the last failure to be believed, or the log went to another holder: where nothing
 * waits, no other commit may come for hours to say that it is over. */
static void end_commit_trouble(struct monitor *monitor, int64_t now_ms) {
    if (monitor->commit_trouble.failures > 0 && !has_waiting_log(monitor))
        over(&monitor->commit_trouble, "range.recorded", "nothing waits to be recorded any more", now_ms);
}

/* A finding needs the database: after an absence it is told when that is over, and ends at once. */
result step_tell_blindness(struct monitor *monitor, int64_t now_ms) {
    end_commit_trouble(monitor, now_ms);
    bool is_blind = monitor->away.failures > 0 || monitor->commit_trouble.failures > 0;
    bool is_long = monitor->blind_since_ms != 0 && now_ms - monitor->blind_since_ms >= TELL_AFTER_MS;
    if (is_long && monitor->told_blind != TOLD_OPEN) {
        TRY(tell(monitor, false, now_ms));
        monitor->told_blind = TOLD_OPEN;
    }
    if (is_blind)
        return OK;
    if (monitor->told_blind != TOLD_OVER)
        TRY(tell(monitor, true, now_ms));
    monitor->told_blind = TOLD_OVER;
    monitor->blind_since_ms = 0;
    return OK;
}
