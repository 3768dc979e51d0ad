/* Certificates whose issuer was not at hand when their entry was read: asked for, checked, judged, recorded. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/judge.h"
#include "steps/monitor.h"

#define ISSUERS_PER_LOG 8
#define ISSUERS_SHARED 16 /* under way at once; beyond that each log may still have one, so that logs that hang hold up no other */
#define ROWS_PER_STEP 16
#define PAUSE_FIRST_MS 10000 /* after an issuer was not to be had, doubling to the cap */
#define PAUSE_CAP_MS ((int64_t) 10 * 60 * 1000)
#define WITHHELD_AFTER_MS ((int64_t) 3600 * 1000)
#define UNLISTED_WAIT_MS ((int64_t) 7 * 24 * 3600 * 1000) /* a log missing from all lists may only be missing for now */
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

/* What can be said of a certificate that no reader could look at: that nobody can prove who issued it. */
static struct entry_report bare_report(const struct store_pending_issuer *row) {
    struct entry_report report = {.reason = "", .reason_text = "", .broad_suffix = "", .serial = "", .issuer = "", .subject = "",
                                  .key_type = "", .certificate = row->certificate};
    digest_of(row->certificate, &report.cert_sha256.hash);
    report.cert_sha256.is_known = true;
    return report;
}

/* Judges with what the answer proves. Withheld: it proves nothing, and the certificate goes on waiting. */
static result resolve(struct issuer_job *job, const struct issuer_answer *answer, bool is_withheld) {
    static const struct chosen_log unlisted = {.log = {.description = "a log that no list names any more", .operator_name = "", .url = "", .monitoring_url = ""}};
    struct monitor *monitor = job->monitor;
    const struct chosen_log *log = chosen_of(monitor, &job->row.log_id);
    struct entry_report report = answer->report != NULL ? *answer->report : bare_report(&job->row);
    int64_t now_ms = clock_wall_ms();
    report.is_issuer_pending = false;
    report.index = job->row.log_index;
    report.timestamp_ms = job->row.timestamp_ms;
    struct judge_input input = {.watches = monitor->watches, .extra = &monitor->extra, .log = log == NULL ? &unlisted : log,
                                .report = &report, .now_ms = world_clock_time(&monitor->clock, now_ms)};
    struct store_judgement judgement;
    TRY(judge_known(&input, job->row.matches, job->row.match_count, job->arena, &judgement));
    struct store_resolution resolution = {.certificate_id = job->row.certificate_id, .issuer_spki_sha256 = answer->issuer_spki,
                                          .issuer_certificate = answer->issuer_certificate, .findings = judgement.findings,
                                          .finding_count = judgement.finding_count, .is_drill = judgement.is_drill, .now_ms = now_ms};
    return is_withheld ? store_issuer_withheld(monitor->store, &resolution) : store_resolve_issuer(monitor->store, &resolution, NULL);
}

static void job_free(struct issuer_job *job) {
    if (job == NULL)
        return;
    arena_free(job->arena);
    memory_free(job);
}

/* Not our memory, readers or database: what the log serves, or does not. */
static bool is_log_at_fault(result fault) {
    const result ours[] = {OK, &fault_no_memory, &fault_machine, &fault_library, &fault_limit_reached, &fault_pool_hopeless, &fault_reader_starved,
                           &fault_reader_killed, &fault_reader_lied};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (fault == ours[i])
            return false;
    return fault->family != FAULT_BUG;
}

static struct issuer_pause *pause_place(struct monitor *monitor, const struct issuer_job *job) {
    return &monitor->issuer_pauses[job->row.chain[0].bytes[0] % MONITOR_PAUSES_MAX];
}

static bool is_of_job(const struct issuer_pause *pause, const struct issuer_job *job) {
    return pause->failures > 0 && hash_equal(&pause->log_id, &job->row.log_id) && hash_equal(&pause->issuer, &job->row.chain[0]);
}

static bool is_paused(struct monitor *monitor, const struct issuer_job *job) {
    const struct issuer_pause *pause = pause_place(monitor, job);
    return job->row.known_issuer.size == 0 && is_of_job(pause, job) && clock_monotonic_ms() < pause->until_ms;
}

/* What a log did not serve is asked for later and later; many certificates may wait for the same. */
static void note_failure(struct monitor *monitor, const struct issuer_job *job) {
    struct issuer_pause *pause = pause_place(monitor, job);
    int64_t now_ms = clock_monotonic_ms();
    if (!is_of_job(pause, job))
        *pause = (struct issuer_pause){.log_id = job->row.log_id, .issuer = job->row.chain[0]};
    else if (now_ms < pause->until_ms)
        return;
    pause->failures++;
    pause->until_ms = now_ms + backoff_ms(pause->failures, PAUSE_FIRST_MS, PAUSE_CAP_MS, 0);
}

static void issuer_known(void *context, const struct issuer_answer *answer) {
    struct issuer_job *job = context;
    struct monitor *monitor = job->monitor;
    result fault = answer->fault;
    if (fault == OK)
        fault = resolve(job, answer, false);
    else if (is_log_at_fault(answer->fault) && clock_wall_ms() - job->row.first_seen_ms > WITHHELD_AFTER_MS && resolve(job, &(struct issuer_answer){.fault = OK}, true) != OK)
        log_say(LOG_WARNING, "issuer.not-told", LOG_NUMBER("certificate_id", job->row.certificate_id));
    if (is_log_at_fault(answer->fault))
        note_failure(monitor, job);
    if (fault != OK) /* it stays pending and is asked for again */
        log_say(LOG_WARNING, "issuer.not-resolved", LOG_NUMBER("certificate_id", job->row.certificate_id), LOG_FAULT(fault));
    for (size_t i = 0; i < MONITOR_ISSUERS_MAX; i++)
        if (monitor->issuer_jobs[i] == job)
            monitor->issuer_jobs[i] = NULL;
    job_free(job);
}

/* The next certificate that waits, in *ret_job; NULL at the end. */
static result next_pending(struct monitor *monitor, struct issuer_job **ret_job) {
    struct issuer_job *job = memory_new(sizeof *job);
    struct store_pending_issuer *rows = NULL;
    size_t count = 0;
    if (job == NULL)
        return &fault_no_memory;
    job->monitor = monitor;
    job->arena = arena_new(ROWS_ARENA_LIMIT);
    result fault = job->arena == NULL ? &fault_no_memory
                                      : store_pending_issuers(monitor->store, monitor->issuer_after_id, 1, job->arena, &rows, &count);
    if (fault == OK && count == 1) {
        job->row = rows[0];
        *ret_job = job;
        return OK;
    }
    job_free(job);
    *ret_job = NULL;
    return fault;
}

/* A free place for this job, so that no log holds up the others; MONITOR_ISSUERS_MAX when it has to wait, or is under way already. */
static size_t place_of(const struct monitor *monitor, const struct issuer_job *job) {
    size_t free_place = MONITOR_ISSUERS_MAX, of_log = 0, of_all = 0;
    for (size_t i = 0; i < MONITOR_ISSUERS_MAX; i++) {
        const struct issuer_job *other = monitor->issuer_jobs[i];
        if (other == NULL) {
            free_place = i;
            continue;
        }
        if (other->row.certificate_id == job->row.certificate_id)
            return MONITOR_ISSUERS_MAX;
        of_all++;
        of_log += hash_equal(&other->row.log_id, &job->row.log_id);
    }
    bool has_share = of_log == 0 || (of_log < ISSUERS_PER_LOG && of_all < ISSUERS_SHARED);
    return has_share ? free_place : MONITOR_ISSUERS_MAX;
}

static result ask(struct issuer_job *job, size_t place) {
    struct monitor *monitor = job->monitor;
    const struct chosen_log *log = chosen_of(monitor, &job->row.log_id);
    bool is_askable = log != NULL || job->row.known_issuer.size > 0;
    if (!is_askable && world_clock_time(&monitor->clock, clock_wall_ms()) - (int64_t) job->row.timestamp_ms < UNLISTED_WAIT_MS) {
        job_free(job);
        return OK;
    }
    if (!is_askable || job->row.chain_count == 0) {
        struct issuer_answer nobody = {.fault = OK};
        issuer_known(job, &nobody);
        return OK;
    }
    if (is_paused(monitor, job)) {
        job_free(job);
        return OK;
    }
    const char *url = log == NULL ? "" : log->log.monitoring_url[0] != '\0' ? log->log.monitoring_url : log->log.url;
    struct issuer_query query = {.monitoring_url = url, .fingerprint = job->row.chain[0], .certificate = job->row.certificate,
                                 .known_issuer = job->row.known_issuer};
    monitor->issuer_jobs[place] = job;
    result fault = issuer_fetch_ask(monitor->issuers, &query, issuer_known, job);
    if (fault != OK) {
        monitor->issuer_jobs[place] = NULL;
        job_free(job);
    }
    return fault;
}

result step_resolve_issuers(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    if (monitor->watches == NULL)
        return OK;
    for (size_t i = 0; i < ROWS_PER_STEP; i++) {
        struct issuer_job *job;
        TRY(next_pending(monitor, &job));
        monitor->issuer_after_id = job == NULL ? 0 : job->row.certificate_id; /* from the beginning again, for those that failed */
        if (job == NULL)
            return OK;
        size_t place = place_of(monitor, job);
        if (place == MONITOR_ISSUERS_MAX)
            job_free(job);
        else
            TRY(ask(job, place));
    }
    return OK;
}

void issuer_jobs_free(struct monitor *monitor) {
    for (size_t i = 0; i < MONITOR_ISSUERS_MAX; i++) {
        job_free(monitor->issuer_jobs[i]);
        monitor->issuer_jobs[i] = NULL;
    }
}
