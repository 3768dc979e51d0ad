/* Certificates whose issuer was not at hand when their entry was read: asked for, checked, judged, recorded. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "steps/caa_verdict.h"
#include "steps/judge.h"
#include "steps/monitor.h"

#define ISSUERS_PER_LOG 32
#define ISSUERS_SHARED 64 /* under way at once; beyond that each log may still have one, so that logs that hang hold up no other */
#define ROWS_PER_STEP 64
#define CROWDED_AGAIN_MS 200 /* while more wait than a step looks at: others want this process as well */
#define RESTING_MS 60000
#define BEHIND_MS ((int64_t) 5 * 60 * 1000)
#define CAUGHT_UP_MS 60000
#define RULE "service.behind"
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
                                .report = &report, .now_ms = world_clock_time(&monitor->clock, now_ms), .ask_caa = caa_allowance_of, .caa_context = monitor};
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
                           &fault_reader_killed, &fault_reader_stalled, &fault_reader_lied};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (fault == ours[i])
            return false;
    return fault->family != FAULT_BUG;
}

/* An answer of its server, whatever it says, shows that the log can be reached. */
static bool is_answer(result fault) {
    return fault == &fault_transfer_status || fault == &fault_transfer_too_large || fault->family == FAULT_LOG;
}

/* When the log last answered this process anything; 0: never. */
static int64_t answered_ms(const struct monitor *monitor, const struct hash *log_id, result fault) {
    if (is_answer(fault))
        return clock_monotonic_ms();
    for (size_t i = 0; i < monitor->log_count; i++)
        if (monitor->logs[i].follow != NULL && hash_equal(&monitor->logs[i].log_id, log_id))
            return followed_log_answered_ms(monitor->logs[i].follow);
    return 0;
}

static int64_t waited_ms(const struct issuer_job *job) {
    return world_clock_time(&job->monitor->clock, clock_wall_ms()) - job->row.first_seen_ms;
}

static bool say_withheld(struct issuer_job *job) {
    bool is_told = resolve(job, &(struct issuer_answer){.fault = OK}, true) == OK;
    if (!is_told)
        log_say(LOG_WARNING, "issuer.not-told", LOG_NUMBER("certificate_id", job->row.certificate_id));
    return is_told;
}

/* Whatever waits for an issuer that its log withholds is told, once: a round comes by all of it in the order of its numbers. */
static void tell_withheld(struct issuer_job *job, struct issuer_series *series) {
    uint64_t round = job->monitor->issuer_round.number;
    if (!issuer_is_withheld(series, clock_monotonic_ms()))
        return;
    if (series->told_in == 0)
        series->told_in = round + 1;
    if (round < series->told_in || job->row.certificate_id <= series->told_id)
        return;
    if (say_withheld(job))
        series->told_id = job->row.certificate_id;
    else
        series->told_in = round + 1; /* from this one on */
}

/* What a log did not serve is asked for later and later; many certificates may wait for the same. */
static void note_failure(struct issuer_job *job, result fault) {
    struct monitor *monitor = job->monitor;
    int64_t now_ms = clock_monotonic_ms();
    const struct issuer_try failed = {.log_id = &job->row.log_id, .issuer = &job->row.chain[0], .waited_ms = waited_ms(job),
                                      .answered_ms = answered_ms(monitor, &job->row.log_id, fault)};
    const struct issuer_series *series = issuer_series_failed(&monitor->issuer_pauses, &failed, now_ms);
    bool is_of_rest = series == &monitor->issuer_pauses.rest;
    if (is_of_rest && failed.waited_ms >= ISSUER_WITHHELD_AFTER_MS && issuer_is_withheld(series, now_ms))
        (void) say_withheld(job);
}

static void issuer_known(void *context, const struct issuer_answer *answer) {
    struct issuer_job *job = context;
    struct monitor *monitor = job->monitor;
    result fault = answer->fault;
    if (fault == OK)
        fault = resolve(job, answer, false);
    if (is_log_at_fault(answer->fault))
        note_failure(job, answer->fault);
    else if (answer->fault == OK && job->row.chain_count > 0)
        issuer_series_end(&monitor->issuer_pauses, &job->row.log_id, &job->row.chain[0]);
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
                                      : store_pending_issuers(monitor->store, monitor->issuer_round.after_id, 1, job->arena, &rows, &count);
    if (fault == OK && count == 1) {
        job->row = rows[0];
        *ret_job = job;
        return OK;
    }
    job_free(job);
    *ret_job = NULL;
    return fault;
}

static bool is_under_way(const struct monitor *monitor, const struct issuer_job *job) {
    for (size_t i = 0; i < MONITOR_ISSUERS_MAX; i++)
        if (monitor->issuer_jobs[i] != NULL && monitor->issuer_jobs[i]->row.certificate_id == job->row.certificate_id)
            return true;
    return false;
}

/* A free place for this job, so that no log holds up the others; MONITOR_ISSUERS_MAX when it has to wait. */
static size_t place_of(const struct monitor *monitor, const struct issuer_job *job) {
    size_t free_place = MONITOR_ISSUERS_MAX, of_log = 0, of_all = 0;
    for (size_t i = 0; i < MONITOR_ISSUERS_MAX; i++) {
        const struct issuer_job *other = monitor->issuer_jobs[i];
        if (other == NULL) {
            free_place = i;
            continue;
        }
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

/* One that waits: told about, left alone, or asked for; without a place for that it waits for the next round. */
static result look_at(struct issuer_job *job) {
    struct monitor *monitor = job->monitor;
    bool is_fetched = job->row.known_issuer.size > 0 || job->row.chain_count == 0;
    struct issuer_series *series = is_fetched ? NULL : issuer_series_find(&monitor->issuer_pauses, &job->row.log_id, &job->row.chain[0]);
    if (series != NULL)
        tell_withheld(job, series);
    bool is_left = is_under_way(monitor, job) || (series != NULL && clock_monotonic_ms() < series->until_ms);
    size_t place = is_left ? MONITOR_ISSUERS_MAX : place_of(monitor, job);
    if (place != MONITOR_ISSUERS_MAX)
        return ask(job, place);
    if (!is_left && monitor->issuer_round.skipped_id == 0)
        monitor->issuer_round.skipped_id = job->row.certificate_id;
    job_free(job);
    return OK;
}

/* What found no place is not always the same, and what failed is not forgotten for it: the two take turns. */
static void begin_pass(struct issuer_round *round, int64_t now_ms) {
    round->is_for_left = round->left_id != 0 && !round->is_for_left;
    round->is_open = true;
    round->skipped_id = 0;
    round->after_id = round->is_for_left ? round->left_id - 1 : 0;
    if (round->is_for_left)
        return;
    round->number++;
    round->begun_ms = now_ms;
}

/* A pass that left nothing out shows that whatever waited at its begin was looked at. */
static void end_pass(struct issuer_round *round) {
    round->is_open = false;
    if (!round->is_for_left && round->skipped_id != 0 && round->left_id != 0)
        return;
    if (!round->is_for_left)
        round->left_ms = round->begun_ms;
    round->left_id = round->skipped_id;
    if (round->left_id == 0)
        round->seen_ms = round->left_ms;
}

static void hurry(struct monitor *monitor, int64_t now_ms) {
    for (size_t i = 0; i < monitor_step_count; i++)
        if (monitor_steps[i].run == step_resolve_issuers)
            monitor->step_due_ms[i] = now_ms + CROWDED_AGAIN_MS;
}

result step_resolve_issuers(struct monitor *monitor, int64_t now_ms) {
    if (monitor->watches == NULL)
        return OK;
    struct issuer_round *round = &monitor->issuer_round;
    if (now_ms - round->ran_ms > RESTING_MS)
        round->seen_ms = round->left_ms = now_ms; /* at the start, or after the database was away: that is told elsewhere */
    round->ran_ms = now_ms;
    if (!round->is_open)
        begin_pass(round, now_ms);
    for (size_t i = 0; i < ROWS_PER_STEP; i++) {
        struct issuer_job *job;
        TRY(next_pending(monitor, &job));
        if (job == NULL) {
            end_pass(round);
            return OK;
        }
        round->after_id = job->row.certificate_id;
        TRY(look_at(job));
    }
    hurry(monitor, now_ms);
    return OK;
}

static result tell_behind(struct monitor *monitor, bool is_over, int64_t late_ms) {
    CLEANUP(buffer_done) struct buffer evidence = buffer_with_limit(256);
    char since[RFC3339_SIZE];
    text_of_time_ms(clock_wall_ms() - late_ms, since);
    buffer_printf(&evidence, is_over ? "{}" : "{\"since\":\"%s\",\"seconds\":%lld}", since, (long long) (late_ms / 1000));
    TRY(buffer_check(&evidence));
    struct log_event event = {.rule = RULE, .is_over = is_over, .detail = "", .evidence = buffer_text(&evidence), .now_ms = clock_wall_ms()};
    return monitor_tell(monitor, NULL, &event);
}

/* More certificates wait for their issuer than are judged: alerts about them come late. */
result step_tell_unjudged(struct monitor *monitor, int64_t now_ms) {
    const struct issuer_round *round = &monitor->issuer_round;
    int64_t late_ms = now_ms - round->seen_ms;
    if (round->number == 0 || now_ms - round->ran_ms > RESTING_MS)
        return OK; /* nobody looks now, so nothing is known */
    bool is_behind = late_ms > (monitor->told_unjudged == TOLD_OPEN ? CAUGHT_UP_MS : BEHIND_MS);
    enum told wanted = is_behind ? TOLD_OPEN : TOLD_OVER;
    if (monitor->told_unjudged == wanted)
        return OK;
    TRY(tell_behind(monitor, !is_behind, late_ms));
    if (is_behind || monitor->told_unjudged == TOLD_OPEN)
        log_say(is_behind ? LOG_WARNING : LOG_NOTICE, is_behind ? "issuers.behind" : "issuers.caught-up", LOG_NUMBER("for_ms", late_ms));
    monitor->told_unjudged = wanted;
    return OK;
}

void issuer_jobs_free(struct monitor *monitor) {
    for (size_t i = 0; i < MONITOR_ISSUERS_MAX; i++) {
        job_free(monitor->issuer_jobs[i]);
        monitor->issuer_jobs[i] = NULL;
    }
}
