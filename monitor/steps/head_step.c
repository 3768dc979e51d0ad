/* Tree heads: fetched, signatures checked, kept until the entries have reproduced them. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "steps/follow_steps.h"
#include "steps/log_request.h"

#define FUTURE_MAX_MS ((int64_t) 24 * 3600 * 1000)
#define BAD_SIGNATURES_TOLD 3
#define POLL_WHILE_BEHIND_MS 60000
#define BEHIND_ENTRIES 10000
#define SHRUNK_TOLD_MS ((int64_t) 3600 * 1000)

FAULT(fault_head_future, FAULT_LOG, "head.future", "tree head", "RFC 6962 3.5", "a timestamp more than a day ahead of our clock",
      "the present");
FAULT(fault_head_fork, FAULT_LOG, "head.fork", "tree head", "RFC 6962 3",
      "a signed root that the log's own earlier tree contradicts", "one append-only tree");

void kept_head_done(struct kept_head *head) {
    memory_free(head->raw);
    *head = (struct kept_head){0};
}

bool kept_head_copy(struct kept_head *target, const struct kept_head *source) {
    uint8_t *raw = memory_new(source->raw_size);
    if (raw == NULL)
        return false;
    memcpy(raw, source->raw, source->raw_size);
    kept_head_done(target);
    *target = *source;
    target->raw = raw;
    return true;
}

void head_remember_verified(struct followed_log *log, const struct tree_head *head) {
    log->verified_heads[log->verified_head_next] = *head;
    log->verified_head_next = (log->verified_head_next + 1) % VERIFIED_HEADS_KEPT;
    if (log->verified_head_count < VERIFIED_HEADS_KEPT)
        log->verified_head_count++;
}

static const struct tree_head *verified_head_of_size(const struct followed_log *log, uint64_t size) {
    if (log->verified_head.size == size && log->has_start)
        return &log->verified_head;
    for (size_t i = 0; i < log->verified_head_count; i++)
        if (log->verified_heads[i].size == size)
            return &log->verified_heads[i];
    return NULL;
}

/* ---- heads smaller than what is already read: shown to be prefixes */

static void late_done(struct followed_log *log, const struct fetched_proof *proof) {
    log->late_proof = NULL;
    if (!log->has_late)
        return;
    if (proof->fault == &fault_merkle_root)
        follow_fork(log, &log->late.head, &log->verified_head, &log->verified_head.root, "a smaller head is not a prefix of the verified tree");
    else if (proof->fault != OK)
        log_say(LOG_INFO, "head.unproven", LOG_TEXT("log", log->identity.log.description),
                LOG_NUMBER("size", log->late.head.size), LOG_FAULT(proof->fault));
    else
        head_remember_verified(log, &log->late.head);
    kept_head_done(&log->late);
    log->has_late = false;
}

void head_check_late(struct followed_log *log) {
    if (!log->has_late || log->late_proof != NULL || !log->has_start || log->late.head.size > log->verified.end)
        return;
    const struct tree_head *known = verified_head_of_size(log, log->late.head.size);
    bool is_settled = known != NULL || log->late.head.size == 0;
    if (known != NULL && !hash_equal(&known->root, &log->late.head.root))
        follow_fork(log, &log->late.head, known, &known->root, "two roots for one size");
    if (is_settled) {
        kept_head_done(&log->late);
        log->has_late = false;
        return;
    }
    if (proof_fetch_consistency(log, log->late.head.size, &log->late.head.root, &log->verified_head, late_done, &log->late_proof) != OK)
        log->late_proof = NULL;
}

static void take_late(struct followed_log *log, struct kept_head *head) {
    log->stale_views++;
    if (log->has_late)
        return; /* one at a time; the next poll brings another */
    log->late = *head;
    log->has_late = true;
    *head = (struct kept_head){0};
    head_check_late(log);
}

/* ---- heads ahead: kept in order of size */

static void full_done(struct followed_log *log, const struct fetched_proof *proof) {
    log->full_proof = NULL;
    struct kept_head *last = log->head_count > 0 ? &log->heads[log->head_count - 1] : NULL;
    bool is_same = last != NULL && last->head.size == log->full_against.size && hash_equal(&last->head.root, &log->full_against.root);
    if (proof->fault == &fault_merkle_root) {
        follow_fork(log, &log->full.head, &log->full_against, &log->full_against.root, "a head does not continue the one before it");
    } else if (proof->fault == OK && is_same) {
        kept_head_done(last);
        *last = log->full;
        log->full = (struct kept_head){0};
    }
    kept_head_done(&log->full);
}

/* When all places are taken, the newest kept head makes room for a newer one that is proven to continue it. */
static void replace_newest(struct followed_log *log, struct kept_head *head) {
    const struct tree_head *last = &log->heads[log->head_count - 1].head;
    if (log->full_proof != NULL || head->head.size <= last->size)
        return;
    log->full = *head;
    log->full_against = *last;
    *head = (struct kept_head){0};
    if (proof_fetch_consistency(log, last->size, &last->root, &log->full.head, full_done, &log->full_proof) != OK)
        kept_head_done(&log->full);
}

static bool is_refused(const struct followed_log *log, const struct tree_head *head) {
    return log->has_refused && head->size == log->refused_head.size && hash_equal(&head->root, &log->refused_head.root);
}

static bool is_in_list(const struct followed_log *log, const struct tree_head *head) {
    return log->identity.log.has_final_head && head->size == log->identity.log.final_size;
}

bool head_refuse(struct followed_log *log, const struct tree_head *head) {
    if (head->size <= log->verified.end || is_in_list(log, head) || log->options.is_one_shot)
        return false;
    log->refused_head = *head;
    log->has_refused = true;
    log->refused_until_ms = clock_monotonic_ms() + FORK_PAUSE_MS;
    for (size_t i = 0; i < log->head_count; i++)
        if (is_refused(log, &log->heads[i].head)) {
            kept_head_done(&log->heads[i]);
            log->head_count--;
            memmove(&log->heads[i], &log->heads[i + 1], (log->head_count - i) * sizeof log->heads[0]);
            log->heads[log->head_count] = (struct kept_head){0};
        }
    return true;
}

static void keep_ahead(struct followed_log *log, struct kept_head *head) {
    size_t at = 0;
    if (is_refused(log, &head->head) && clock_monotonic_ms() < log->refused_until_ms)
        return;
    while (at < log->head_count && log->heads[at].head.size < head->head.size)
        at++;
    if (at < log->head_count && log->heads[at].head.size == head->head.size) {
        if (!hash_equal(&log->heads[at].head.root, &head->head.root))
            follow_fork(log, &head->head, &log->heads[at].head, &log->heads[at].head.root, "two roots for one size");
        return;
    }
    if (log->head_count == HEADS_KEPT_MAX) {
        replace_newest(log, head);
        return;
    }
    memmove(&log->heads[at + 1], &log->heads[at], (log->head_count - at) * sizeof log->heads[0]);
    log->heads[at] = *head;
    log->head_count++;
    *head = (struct kept_head){0};
}

void head_keep_known(struct followed_log *log, const struct tree_head *known) {
    if (known->size <= log->frontier.end || signature_check_tree_head(log->key, known) != OK)
        return;
    struct kept_head head = {.head = *known, .raw = memory_new(1), .is_stored = true};
    if (head.raw != NULL)
        keep_ahead(log, &head);
    kept_head_done(&head);
}

void head_keep_best(struct followed_log *log) {
    struct kept_head copy = {0};
    if (kept_head_copy(&copy, &log->best))
        keep_ahead(log, &copy);
    kept_head_done(&copy);
}

void head_expect_final(struct followed_log *log) {
    const struct listed_log *listed = &log->identity.log;
    struct kept_head head = {.head = {.size = listed->final_size, .root = listed->final_root}, .raw = memory_new(1)};
    if (head.raw != NULL && listed->has_final_head && (!log->has_start || log->frontier.end < listed->final_size))
        keep_ahead(log, &head);
    kept_head_done(&head);
}

/* Is this root for a size that is already reproduced the same as then? */
static void compare_known(struct followed_log *log, const struct tree_head *head) {
    const struct tree_head *known = verified_head_of_size(log, head->size);
    if (known != NULL && !hash_equal(&known->root, &head->root))
        follow_fork(log, head, known, &known->root, "two roots for one size");
}

/* Keeps no head larger than this one: nothing shows that there ever was such a tree. */
static void forget_larger(struct followed_log *log, const struct kept_head *head) {
    while (log->head_count > 0 && log->heads[log->head_count - 1].head.size > head->head.size)
        kept_head_done(&log->heads[--log->head_count]);
    if (!kept_head_copy(&log->best, head))
        return;
    log->failures = 0;
    log->is_start_known &= log->has_start;
    if (log->has_start)
        sequence_rewind(log);
}

/* A mirror that lags shows older heads. One that is smaller and later contradicts an append-only tree (RFC 6962 3.5): told when nothing
 * else comes for an hour. */
static void check_shrunk(struct followed_log *log, const struct kept_head *head) {
    bool is_shrunk = log->has_best && head->head.size < log->best.head.size && head->head.timestamp_ms > log->best.head.timestamp_ms;
    int64_t now_ms = clock_monotonic_ms();
    if (log->has_best && head->head.size >= log->best.head.size)
        log->shrunk_since_ms = 0;
    if (!is_shrunk)
        return;
    if (log->shrunk_since_ms == 0)
        log->shrunk_since_ms = now_ms;
    if (now_ms - log->shrunk_since_ms < SHRUNK_TOLD_MS)
        return;
    follow_fork(log, &head->head, &log->best.head, &log->best.head.root, "for an hour, later heads are smaller");
    if (!log->has_start || log->best.head.size > log->frontier.end)
        forget_larger(log, head);
}

static void take_head(struct followed_log *log, struct kept_head *head) {
    bool is_newer = !log->has_best || head->head.size > log->best.head.size ||
                    (head->head.size == log->best.head.size && head->head.timestamp_ms > log->best.head.timestamp_ms);
    if (log->has_best && head->head.size == log->best.head.size && !hash_equal(&head->head.root, &log->best.head.root)) {
        follow_fork(log, &head->head, &log->best.head, &log->best.head.root, "two roots for one size");
        if (!is_refused(log, &log->best.head))
            return;
        is_newer = true; /* the other one was none of this tree's */
    }
    check_shrunk(log, head);
    if (is_newer && !kept_head_copy(&log->best, head))
        return;
    log->has_best = true;
    if (log->has_start && head->head.size <= log->frontier.end) {
        compare_known(log, &head->head);
        if (!is_newer && head->head.size < log->frontier.end)
            take_late(log, head);
    } else {
        keep_ahead(log, head);
    }
}

/* ---- fetching */

static result head_parse(struct followed_log *log, struct span body, struct tree_head *ret_head) {
    if (follow_is_static(log))
        TRY(tree_head_from_checkpoint(body, log->identity.origin, &log->identity.log.log_id, ret_head));
    else
        TRY(tree_head_from_json(body, ret_head));
    TRY(signature_check_tree_head(log->key, ret_head));
    if (ret_head->timestamp_ms > (uint64_t) (world_clock_time(log->world->clock, clock_wall_ms()) + FUTURE_MAX_MS))
        return &fault_head_future;
    return OK;
}

/* A head of the future, while nobody knows whether the present is ours, accuses no log. */
static bool is_log_accused(const struct followed_log *log, result fault) {
    const struct world_clock *clock = log->world->clock;
    bool is_time_unknown = clock != NULL && clock->count > 0 && !world_clock_is_known(clock);
    return fault->family == FAULT_LOG && !(fault == &fault_head_future && is_time_unknown);
}

static void head_refused(struct followed_log *log, result fault) {
    struct reason reason;
    reason_of_fault(fault, &reason);
    log->head_failures++;
    if (is_log_accused(log, fault) && ++log->bad_signatures >= BAD_SIGNATURES_TOLD && log->told_bad_head != TOLD_OPEN) {
        json_t *evidence = json_pack("{s:s, s:s, s:i}", "reason", fault->name, "detail", reason.text, "times", (int) log->bad_signatures);
        if (follow_tell(log, "log.bad-head", false, evidence))
            log->told_bad_head = TOLD_OPEN;
    }
    follow_error(log, fault, reason.text);
    if (log->options.is_one_shot && (fault->family == FAULT_LOG || log->head_failures >= ONE_SHOT_TRIES))
        follow_end(log, fault);
}

static void head_taken(struct followed_log *log, struct span body, const struct tree_head *parsed) {
    struct kept_head head = {.head = *parsed, .raw = memory_new(body.size), .raw_size = body.size, .received_ms = clock_wall_ms()};
    if (head.raw == NULL)
        return;
    memcpy(head.raw, body.bytes, body.size);
    log->head_failures = 0;
    log->head_polls++;
    log->bad_signatures = 0;
    follow_tell_over(log, "log.bad-head", &log->told_bad_head);
    follow_success(log);
    take_head(log, &head);
    kept_head_done(&head);
}

static void head_schedule(struct followed_log *log, int64_t retry_after_ms) {
    int64_t pause = log->options.poll_ms;
    bool is_far_behind = log->has_start && log->has_best && log->best.head.size > log->frontier.end + BEHIND_ENTRIES;
    if (is_far_behind && pause < POLL_WHILE_BEHIND_MS)
        pause = POLL_WHILE_BEHIND_MS;
    if (log->head_failures > 0) {
        int64_t backoff = follow_backoff_ms(log, log->head_failures);
        pause = backoff > pause && !log->options.is_one_shot ? backoff : log->options.is_one_shot ? backoff : pause;
    }
    if (retry_after_ms > RETRY_AFTER_OBEYED_MS)
        retry_after_ms = RETRY_AFTER_OBEYED_MS;
    log->head_due_ms = clock_monotonic_ms() + (retry_after_ms > pause ? retry_after_ms : pause);
}

/* Not the drill's: its clock is ours. A cache tells the time of when it asked: that of a checkpoint is seconds ago. */
static void hear_clock(struct followed_log *log, const struct transfer_answer *answer) {
    bool is_drill = (log->identity.sources & SOURCE_DRILL) != 0;
    if (log->world->clock == NULL || answer->status != 200 || answer->date_ms < 0 || is_drill)
        return;
    const struct world_clock_answer heard = {.operator_name = log->identity.log.operator_name, .date_ms = answer->date_ms,
                                             .wall_ms = clock_wall_ms(), .now_ms = clock_monotonic_ms()};
    world_clock_hear(log->world->clock, &heard);
}

static void head_done(void *context, const struct transfer_answer *answer) {
    struct followed_log *log = context;
    log->head_transfer = NULL;
    hear_clock(log, answer);
    struct tree_head head;
    if (answer->fault != OK) {
        log->head_failures++;
        follow_error(log, answer->fault, answer->reason.text);
        if (log->options.is_one_shot && log->head_failures >= ONE_SHOT_TRIES)
            follow_end(log, answer->fault);
    } else {
        struct span body = span_of(log->head_body, answer->body_size);
        result fault = answer->encoding == TRANSFER_IDENTITY ? head_parse(log, body, &head) : &fault_sth_json;
        if (fault == OK)
            head_taken(log, body, &head);
        else
            head_refused(log, fault);
    }
    head_schedule(log, answer->retry_after_ms);
}

void head_step(struct followed_log *log, int64_t now_ms) {
    bool is_wanted = !log->is_finished && !(log->options.is_one_shot && log->has_best);
    if (!is_wanted || log->head_transfer != NULL || now_ms < log->head_due_ms)
        return;
    struct log_request request = {.path = follow_is_static(log) ? "checkpoint" : "ct/v1/get-sth", .body = log->head_body,
                                  .body_room = follow_is_static(log) ? CHECKPOINT_SIZE_MAX : STH_JSON_SIZE_MAX};
    result fault = log_request_start(log, &request, head_done, log, &log->head_transfer);
    if (fault != OK) {
        log->head_failures++;
        follow_error(log, fault, fault->wrong);
        if (log->options.is_one_shot && log->head_failures >= ONE_SHOT_TRIES)
            follow_end(log, fault);
        head_schedule(log, -1);
    }
}

void head_cancel(struct followed_log *log) {
    if (log->head_transfer != NULL)
        transfer_cancel(log->head_transfer);
    log->head_transfer = NULL;
    proof_fetch_cancel(log->late_proof);
    proof_fetch_cancel(log->full_proof);
    log->late_proof = log->full_proof = NULL;
}
