/* Certificates whose issuer was not at hand when their entry was read: asked for, checked, judged, recorded. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/judge.h"
#include "steps/monitor.h"

#define ISSUERS_AT_ONCE 16
#define ROWS_ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

struct issuer_job {
    struct monitor *monitor;
    struct arena *arena; /* of the row */
    struct store_pending_issuer row;
};

static const struct chosen_log *chosen_of(const struct monitor *monitor, const struct hash *log_id) {
    for (size_t i = 0; i < monitor->chosen_count; i++)
        if (hash_equal(&monitor->chosen[i].log.log_id, log_id))
            return &monitor->chosen[i];
    return NULL;
}

static result resolve(struct issuer_job *job, const struct issuer_answer *answer) {
    struct monitor *monitor = job->monitor;
    const struct chosen_log *log = chosen_of(monitor, &job->row.log_id);
    int64_t now_ms = clock_wall_ms();
    struct store_resolution resolution = {.certificate_id = job->row.certificate_id, .issuer_spki_sha256 = answer->issuer_spki,
                                          .issuer_certificate = answer->issuer_certificate, .now_ms = now_ms};
    if (answer->report != NULL && log != NULL) {
        struct entry_report report = *answer->report;
        report.is_issuer_pending = false;
        report.index = job->row.log_index;
        report.timestamp_ms = job->row.timestamp_ms;
        struct judge_input input = {.watches = monitor->watches, .extra = &monitor->extra, .log = log, .report = &report, .now_ms = now_ms};
        struct store_judgement judgement;
        TRY(judge_known(&input, job->row.matches, job->row.match_count, job->arena, &judgement));
        resolution.findings = judgement.findings;
        resolution.finding_count = judgement.finding_count;
        resolution.is_drill = judgement.is_drill;
        return store_resolve_issuer(monitor->store, &resolution, NULL);
    }
    return store_resolve_issuer(monitor->store, &resolution, NULL);
}

static void issuer_known(void *context, const struct issuer_answer *answer) {
    struct issuer_job *job = context;
    struct monitor *monitor = job->monitor;
    result fault = answer->fault;
    if (fault == OK)
        fault = resolve(job, answer);
    if (fault != OK) /* it stays pending and is asked for again with the next round */
        log_say(LOG_WARNING, "issuer.not-resolved", LOG_NUMBER("certificate_id", job->row.certificate_id), LOG_FAULT(fault));
    monitor->issuers_under_way--;
    arena_free(job->arena);
    memory_free(job);
}

static result ask(struct monitor *monitor, int64_t after_id, int64_t *ret_id) {
    struct issuer_job *job = memory_new(sizeof *job);
    struct arena *arena = arena_new(ROWS_ARENA_LIMIT);
    struct store_pending_issuer *rows = NULL;
    size_t count = 0;
    result fault = job == NULL || arena == NULL ? &fault_no_memory : store_pending_issuers(monitor->store, after_id, 1, arena, &rows, &count);
    *ret_id = -1;
    if (fault == OK && count == 1) {
        const struct chosen_log *log = chosen_of(monitor, &rows[0].log_id);
        *job = (struct issuer_job){.monitor = monitor, .arena = arena, .row = rows[0]};
        *ret_id = rows[0].certificate_id;
        struct issuer_query query = {.monitoring_url = log == NULL ? "" : log->log.monitoring_url[0] != '\0' ? log->log.monitoring_url : log->log.url, .certificate = rows[0].certificate,
                                     .known_issuer = rows[0].known_issuer};
        if (rows[0].chain_count > 0)
            query.fingerprint = rows[0].chain[0];
        fault = log == NULL || rows[0].chain_count == 0 ? OK : issuer_fetch_ask(monitor->issuers, &query, issuer_known, job);
        if (fault == OK && log != NULL && rows[0].chain_count > 0) {
            monitor->issuers_under_way++;
            return OK;
        }
    }
    arena_free(arena);
    memory_free(job);
    return fault;
}

result step_resolve_issuers(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    if (monitor->watches == NULL || monitor->issuers_under_way > 0)
        return OK;
    int64_t id = 0;
    for (unsigned i = 0; i < ISSUERS_AT_ONCE && id >= 0; i++) {
        TRY(ask(monitor, monitor->issuer_after_id, &id));
        monitor->issuer_after_id = id >= 0 ? id : 0; /* at the end: from the beginning again, for those that failed */
    }
    return OK;
}
