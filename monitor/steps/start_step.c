/* Where reading begins: at zero, at a stored position, or at a place whose frontier the log proves in a signed head. */
#include "base/clock.h"
#include "base/log.h"
#include "steps/follow_steps.h"

void follow_begin_at(struct followed_log *log, const struct compact_range *frontier) {
    log->has_start = true;
    log->verified = *frontier;
    log->frontier = *frontier;
    if (frontier->end == 0) /* nobody needs to sign the empty tree to be held against its root */
        merkle_empty_root(&log->verified_head.root);
    log->next_begin = frontier->end;
    log->committed_ms = clock_monotonic_ms();
    log->rate_mark_ms = log->committed_ms;
}

/* Without a proof the tree is read from its beginning, when that is not too much. */
static void begin_without_proof(struct followed_log *log, const struct fetched_proof *proof) {
    bool is_refused = proof->fault == &fault_proof_unavailable && log->best.head.size <= READ_ALL_INSTEAD_MAX;
    follow_error(log, proof->fault, proof->detail);
    if (is_refused) {
        struct compact_range empty;
        compact_range_init(&empty, 0);
        log_say(LOG_NOTICE, "log.read-from-zero", LOG_TEXT("log", log->identity.log.description),
                LOG_TEXT("why", "the log gave no proof for the place to begin at"));
        if (!log->options.is_one_shot)
            log->first_index = log->report_begin = 0; /* what is read is recorded */
        follow_begin_at(log, &empty);
        return;
    }
    log->failures++;
    if (log->options.is_one_shot && (proof->fault == &fault_merkle_root || log->failures >= ONE_SHOT_TRIES))
        follow_end(log, proof->fault);
    log->pause_until_ms = clock_monotonic_ms() + follow_backoff_ms(log, log->failures);
}

/* The proof is of leaf `first_index` (a place inside) or of the last leaf (the head itself). */
static void start_done(struct followed_log *log, const struct fetched_proof *proof) {
    log->start_proof = NULL;
    struct compact_range frontier;
    struct fetched_proof checked = *proof;
    const struct tree_head *head = &log->proof_head;
    bool is_at_head = log->first_index == head->size;
    uint64_t index = is_at_head ? head->size - 1 : log->first_index;
    if (checked.fault == OK)
        checked.fault = merkle_frontier_from_path(index, head->size, checked.nodes, checked.count, &frontier);
    if (checked.fault == OK && is_at_head)
        checked.fault = compact_range_append_leaf(&frontier, &checked.leaf_hash);
    if (checked.fault != OK) {
        begin_without_proof(log, &checked);
        return;
    }
    log->failures = 0;
    follow_begin_at(log, &frontier);
    log->verified_head = *head;
    if (is_at_head) {
        head_remember_verified(log, head);
        sequence_pass_heads(log);
        log->commit_frontier = frontier;
        log->commit_head = *head;
        log->has_commit = !log->options.is_one_shot;
    }
}

void start_step(struct followed_log *log, int64_t now_ms) {
    if (log->has_start || log->start_proof != NULL || !log->has_best || now_ms < log->pause_until_ms)
        return;
    const struct tree_head *head = &log->best.head;
    if (!log->is_start_known) /* of the first head: what is logged while its proof fails is not passed over */
        log->first_index = log->options.starts_at_head ? head->size : log->options.first_index;
    log->is_start_known = true;
    log->report_begin = log->first_index;
    if (log->first_index > head->size) {
        follow_error(log, &fault_limit_reached, "the place to begin at lies beyond the log's head");
        if (log->options.is_one_shot)
            follow_end(log, &fault_limit_reached);
        log->pause_until_ms = now_ms + follow_backoff_ms(log, 6);
        return;
    }
    if (log->first_index == 0) {
        struct compact_range start;
        compact_range_init(&start, 0);
        follow_begin_at(log, &start);
        return;
    }
    bool is_at_head = log->first_index == head->size;
    log->proof_head = *head;
    result fault = proof_fetch_inclusion(log, is_at_head ? head->size - 1 : log->first_index, head, NULL, start_done, &log->start_proof);
    if (fault != OK) {
        struct fetched_proof failed = {.fault = fault, .detail = fault->wrong};
        log->start_proof = NULL;
        begin_without_proof(log, &failed);
    }
}
