#include "steps/follow.h"

#include <openssl/rand.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "steps/follow_steps.h"

#define ARENA_LIMIT ((size_t) 1024 * 1024)
#define WAIT_MS 60000
#define LOG_KEY_SIZE_MAX 1024 /* DER; an RSA-4096 key has 550 bytes */
#define ONE_SHOT_WAIT_MS 5000 /* somebody is waiting for the answer */

const char *follow_state_name(enum follow_state state) {
    static const char *const names[] = {
        [FOLLOW_STARTING] = "starting", [FOLLOW_READING] = "catching-up", [FOLLOW_WAITING] = "following",
        [FOLLOW_FAILING] = "failing",   [FOLLOW_FORKED] = "forked",       [FOLLOW_FINISHED] = "finished",
        [FOLLOW_STALE] = "stale",
    };
    return names[state];
}

bool follow_is_static(const struct followed_log *log) {
    return log->identity.log.protocol == LOG_STATIC_CT;
}

uint64_t follow_target(const struct followed_log *log) {
    uint64_t target = log->head_count > 0 ? log->heads[log->head_count - 1].head.size : log->frontier.end;
    const struct listed_log *listed = &log->identity.log;
    if (listed->has_final_head && target > listed->final_size)
        target = listed->final_size;
    if (log->options.is_one_shot && log->options.end < target)
        target = log->options.end;
    return target;
}

int64_t follow_backoff_ms(const struct followed_log *log, unsigned failures) {
    uint64_t random = 0;
    if (RAND_bytes((unsigned char *) &random, sizeof random) != 1)
        random = (uint64_t) clock_monotonic_ms();
    return log->options.is_one_shot ? backoff_ms(failures, 100, ONE_SHOT_WAIT_MS, random) : backoff_ms(failures, 1000, WAIT_MS, random);
}

void follow_error(struct followed_log *log, result fault, const char *what) {
    log->last_error_ms = clock_wall_ms();
    reason_set(&log->last_error, fault, "%s", what);
    log_say(LOG_INFO, "log.trouble", LOG_TEXT("log", log->identity.log.description), LOG_TEXT("what", log->last_error.text),
            LOG_FAULT(fault));
}

void follow_success(struct followed_log *log) {
    log->last_success_ms = clock_wall_ms();
    log->answered_ms = clock_monotonic_ms();
    if (log->failures == 0 && log->head_failures == 0 && log->commit_failures == 0 && log->state != FOLLOW_FORKED)
        log->last_error.text[0] = '\0';
}

bool follow_is_sink_paused(const struct followed_log *log) {
    const struct sink *sink = &log->world->sink;
    return sink->is_paused != NULL && sink->is_paused(sink->context);
}

bool follow_tell(struct followed_log *log, const char *rule, bool is_over, json_t *evidence) {
    if (follow_is_sink_paused(log)) { /* whoever has something to tell comes again */
        json_decref(evidence);
        return false;
    }
    char *dumped = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    if (dumped == NULL && !is_over) { /* no memory: told later, with its evidence, or not at all */
        json_decref(evidence);
        log_say(LOG_WARNING, "finding.not-recorded", LOG_TEXT("log", log->identity.log.description), LOG_TEXT("rule", rule),
                LOG_FAULT(&fault_no_memory));
        return false;
    }
    struct log_event event = {.rule = rule, .is_over = is_over, .detail = "", .evidence = dumped != NULL ? dumped : "{}",
                              .now_ms = clock_wall_ms()};
    result fault = log->world->sink.tell(log->world->sink.context, log, &event);
    if (fault != OK)
        log_say(LOG_WARNING, "finding.not-recorded", LOG_TEXT("log", log->identity.log.description), LOG_TEXT("rule", rule),
                LOG_FAULT(fault));
    memory_free_foreign(dumped);
    json_decref(evidence);
    return fault == OK;
}

void follow_tell_over(struct followed_log *log, const char *rule, enum told *told) {
    if (*told != TOLD_OVER && follow_tell(log, rule, true, NULL))
        *told = TOLD_OVER;
}

/* All that a third party needs to check the signature (RFC 6962 3.5), but for the key. */
static json_t *head_evidence(const struct tree_head *head) {
    char root[HASH_HEX_SIZE], when[RFC3339_SIZE];
    char signature[TREE_HEAD_SIGNATURE_MAX * 4 / 3 + 8];
    hash_to_hex(&head->root, root);
    text_of_time_ms((int64_t) head->timestamp_ms, when);
    text_of_base64(span_of(head->signature, head->signature_size), signature);
    return json_pack("{s:I, s:s, s:s, s:I, s:s}", "tree_size", (json_int_t) head->size, "signed_root", root, "signed_at", when, "timestamp",
                     (json_int_t) head->timestamp_ms, "signature", signature);
}

static json_t *fork_evidence(const struct followed_log *log, const struct tree_head *head, const struct tree_head *other,
                             const struct hash *computed, const char *how) {
    char root[HASH_HEX_SIZE], key[LOG_KEY_SIZE_MAX * 4 / 3 + 8];
    struct span spki = log->identity.log.key;
    hash_to_hex(computed, root);
    text_of_base64(spki.size <= LOG_KEY_SIZE_MAX ? spki : span_of(NULL, 0), key);
    json_t *evidence = head_evidence(head);
    json_t *more = json_pack("{s:s, s:s, s:I, s:s, s:o}", "how", how, "computed_root", root, "verified_size",
                             (json_int_t) log->verified.end, "key", key, "other_head",
                             other != NULL && other->signature_size > 0 ? head_evidence(other) : json_null());
    json_object_update(evidence, more);
    json_decref(more);
    return evidence;
}

void follow_fork(struct followed_log *log, const struct tree_head *head, const struct tree_head *other, const struct hash *computed,
                 const char *how) {
    follow_error(log, &fault_merkle_root, how);
    if (!log->is_told_forked || log->state != FOLLOW_FORKED)
        log->is_told_forked = follow_tell(log, "log.fork", false, fork_evidence(log, head, other, computed, how));
    log->state = FOLLOW_FORKED;
    if (log->options.is_one_shot)
        follow_end(log, &fault_merkle_root);
}

void follow_end(struct followed_log *log, result fault) {
    if (log->is_finished)
        return;
    log->is_finished = true;
    log->fault = fault;
    log->state = FOLLOW_FINISHED;
    log->is_done_due = true;
}

static bool copy_texts(struct arena *arena, struct chosen_log *chosen) {
    struct listed_log *listed = &chosen->log;
    listed->description = arena_copy_text(arena, listed->description);
    listed->operator_name = arena_copy_text(arena, listed->operator_name);
    listed->url = arena_copy_text(arena, listed->url);
    listed->monitoring_url = arena_copy_text(arena, listed->monitoring_url);
    listed->log_type = arena_copy_text(arena, listed->log_type == NULL ? "" : listed->log_type);
    listed->key.bytes = arena_copy(arena, listed->key);
    chosen->origin = arena_copy_text(arena, chosen->origin == NULL ? "" : chosen->origin);
    chosen->reason = arena_copy_text(arena, chosen->reason == NULL ? "" : chosen->reason);
    return listed->description && listed->operator_name && listed->url && listed->monitoring_url && listed->log_type &&
           listed->key.bytes && chosen->origin && chosen->reason;
}

static void take_position(struct followed_log *log, const struct follow_position *position) {
    log->first_index = position->first_index;
    follow_begin_at(log, &position->frontier);
    log->verified_head = position->head;
    head_remember_verified(log, &position->head);
    for (size_t i = 0; i < position->head_count; i++)
        head_keep_known(log, &position->heads[i]);
}

result followed_log_new(const struct follow_world *world, const struct chosen_log *chosen, const struct follow_options *options,
                        const struct follow_position *position, struct followed_log **ret_log) {
    struct followed_log *log = memory_new(sizeof *log);
    if (log == NULL)
        return &fault_no_memory;
    log->world = world;
    log->options = *options;
    log->identity = *chosen;
    log->arena = arena_new(ARENA_LIMIT);
    log->head_body = memory_new(CHECKPOINT_SIZE_MAX);
    log->report_end = options->end;
    log->batch_size = chosen->log.protocol == LOG_STATIC_CT ? TILE_WIDTH : BATCH_SIZE_FIRST;
    log->is_batch_size_known = chosen->log.protocol == LOG_STATIC_CT;
    log->parallel = 1;
    log->grow_after = GROW_AFTER_FIRST;
    result fault = log->arena == NULL || log->head_body == NULL || !copy_texts(log->arena, &log->identity) ? &fault_no_memory : OK;
    if (fault == OK)
        fault = signature_key_new(log->identity.log.key, &log->key);
    if (fault != OK) {
        followed_log_free(log);
        return fault;
    }
    if (position != NULL)
        take_position(log, position);
    if (!options->is_one_shot)
        head_expect_final(log);
    *ret_log = log;
    return OK;
}

result followed_log_update(struct followed_log *log, const struct chosen_log *chosen) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct chosen_log copy = *chosen;
    if (arena == NULL || !copy_texts(arena, &copy)) {
        arena_free(arena);
        return &fault_no_memory;
    }
    bool is_final_news = copy.log.has_final_head && !log->identity.log.has_final_head;
    arena_free(log->arena);
    log->arena = arena;
    log->identity = copy;
    if (is_final_news)
        head_expect_final(log);
    bool has_more = !copy.log.has_final_head || copy.log.final_size > log->verified.end;
    if (log->is_finished && !log->options.is_one_shot && has_more) { /* it was readonly, and is not any more */
        log->is_finished = log->is_done_due = false;
        log->state = FOLLOW_READING;
        log->fault = OK;
    }
    return OK;
}

void followed_log_on_done(struct followed_log *log, follow_done done, void *context) {
    log->done = done;
    log->done_context = context;
}

void followed_log_free(struct followed_log *log) {
    if (log == NULL)
        return;
    head_cancel(log);
    proof_fetch_cancel(log->start_proof);
    proof_fetch_cancel(log->commit_proof);
    batches_drop(log);
    pending_drop(log);
    delivered_done(&log->delivered);
    for (size_t i = 0; i < log->head_count; i++)
        kept_head_done(&log->heads[i]);
    kept_head_done(&log->best);
    kept_head_done(&log->late);
    kept_head_done(&log->full);
    signature_key_free(log->key);
    arena_free(log->arena);
    memory_free(log->head_body);
    memory_free(log);
}

const struct chosen_log *followed_log_identity(const struct followed_log *log) {
    return &log->identity;
}

void followed_log_reread(struct followed_log *log) {
    if (log->has_start)
        sequence_rewind(log);
}

void followed_log_hold(struct followed_log *log, bool is_held) {
    log->is_held = is_held;
}

void followed_log_set_mark(struct followed_log *log, void *mark) {
    log->mark = mark;
}

void *followed_log_mark(const struct followed_log *log) {
    return log->mark;
}

bool followed_log_waits_for_sink(const struct followed_log *log) {
    return log->commit_failures > 0;
}

static enum follow_state state_now(const struct followed_log *log) {
    if (log->is_finished)
        return FOLLOW_FINISHED;
    if (log->state == FOLLOW_FORKED)
        return FOLLOW_FORKED;
    if (log->failures > 0 || log->head_failures > 0 || log->commit_failures > 0)
        return FOLLOW_FAILING;
    if (!log->has_start)
        return FOLLOW_STARTING;
    if (log->frontier.end < follow_target(log))
        return FOLLOW_READING;
    return log->told_stale == TOLD_OPEN ? FOLLOW_STALE : FOLLOW_WAITING;
}

int64_t followed_log_answered_ms(const struct followed_log *log) {
    return log->answered_ms;
}

void followed_log_figures(const struct followed_log *log, struct follow_figures *ret_figures) {
    *ret_figures = (struct follow_figures){
        .state = state_now(log), .first_index = log->first_index, .position = log->verified.end, .read_to = log->frontier.end,
        .entries_per_second = log->rate, .eta_seconds = -1, .batch_size = (unsigned) log->batch_size, .parallel = log->parallel,
        .stale_views = log->stale_views, .entries = log->entries, .matches = log->matches, .unreadable = log->unreadable,
        .last_success_ms = log->last_success_ms, .last_error_ms = log->last_error_ms, .last_error = log->last_error,
        .fault = log->fault,
    };
    if (log->has_best) {
        ret_figures->head_size = log->best.head.size;
        ret_figures->head_time_ms = log->best.head.timestamp_ms;
        ret_figures->head_root = log->best.head.root;
    }
    uint64_t lag = ret_figures->head_size > log->frontier.end ? ret_figures->head_size - log->frontier.end : 0;
    if (lag == 0)
        ret_figures->eta_seconds = 0;
    else if (log->rate > 0)
        ret_figures->eta_seconds = (double) lag / log->rate;
    ret_figures->is_verified = log->is_finished && log->fault == OK && log->is_all_verified;
}

static int64_t earliest(int64_t a, int64_t b) {
    return a < b ? a : b;
}

int64_t followed_log_step(struct followed_log *log) {
    int64_t now_ms = clock_monotonic_ms();
    if (!log->is_finished) {
        head_step(log, now_ms);
        start_step(log, now_ms);
        sequence_step(log, now_ms);
        batch_step(log, now_ms);
        watchdog_step(log, now_ms);
    }
    if (log->is_done_due) {
        log->is_done_due = false;
        if (log->done != NULL)
            log->done(log->done_context, log);
        return now_ms + WAIT_MS;
    }
    int64_t due = now_ms + (log->batch_count > 0 || log->has_commit ? 50 : 1000);
    if (log->head_transfer == NULL && !log->is_finished)
        due = earliest(due, log->head_due_ms > now_ms ? log->head_due_ms : now_ms + 10);
    return due;
}
