/* Batches in order: the tree grows, every kept head's root must be reproduced, and what is proven is handed to the sink. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/follow_steps.h"

#define PAUSED_LOOK_MS 250
#define COMMIT_ARENA_LIMIT ((size_t) 512 * 1024 * 1024)
#define RATE_INTERVAL_MS 5000
#define FORKED_AFTER_MISMATCHES 2

void pending_drop(struct followed_log *log) {
    while (log->pending_first != NULL) {
        struct pending_reports *next = log->pending_first->next;
        buffer_done(&log->pending_first->reports);
        memory_free(log->pending_first);
        log->pending_first = next;
    }
    log->pending_last = NULL;
    log->pending_size = 0;
}

/* ---- a root that is not reproduced */

void sequence_rewind(struct followed_log *log) {
    batches_drop(log);
    pending_drop(log);
    proof_fetch_cancel(log->commit_proof);
    log->commit_proof = NULL;
    log->has_commit = log->has_commit && log->commit_frontier.end == log->verified.end;
    log->frontier = log->verified;
    log->next_begin = log->verified.end;
    if (log->has_best && log->best.head.size > log->frontier.end)
        head_keep_best(log);
    if (!log->options.is_one_shot)
        head_expect_final(log);
}

static void on_mismatch(struct followed_log *log, const struct tree_head *head, const struct hash *computed) {
    bool is_by_tiles = !follow_is_static(log) && log->tiles == TILES_SERVED;
    if (is_by_tiles)
        batch_no_tiles(log); /* before the log is accused, its get-entries are asked */
    log->mismatches += !is_by_tiles;
    reader_pool_renew(log->world->readers); /* one that was taken over must not make the log look false a second time */
    bool is_fork = log->mismatches >= FORKED_AFTER_MISMATCHES;
    bool is_only_one = is_fork && !head_refuse(log, head); /* else other heads may be true */
    sequence_rewind(log);
    int64_t pause_ms = is_only_one && !log->options.is_one_shot ? FORK_PAUSE_MS : log->options.is_one_shot ? 100 : MISMATCH_PAUSE_MS;
    log->pause_until_ms = clock_monotonic_ms() + pause_ms;
    if (is_fork)
        follow_fork(log, head, &log->verified_head, computed, "the entries do not lead to the signed root, read twice");
    else
        follow_error(log, &fault_merkle_root, "the entries do not lead to the signed root; reading them again");
}

/* ---- commits */

struct decoded {
    struct entry_report *reports; /* owned */
    size_t count, room;
};

static bool is_due(const struct followed_log *log, uint64_t index) {
    return index < log->commit_frontier.end && index >= log->verified.end && index >= log->report_begin && index < log->report_end;
}

static result decode_pending(struct followed_log *log, struct arena *arena, struct decoded *decoded) {
    for (struct pending_reports *pending = log->pending_first; pending != NULL; pending = pending->next) {
        struct cursor cursor = cursor_of(buffer_span(&pending->reports));
        while (cursor_remaining(&cursor) > 0) {
            struct entry_report *reports = memory_grow(decoded->reports, decoded->count, &decoded->room, sizeof *reports);
            if (reports == NULL)
                return &fault_no_memory;
            decoded->reports = reports;
            TRY(entry_report_decode(&cursor, arena, &reports[decoded->count]));
            decoded->count += is_due(log, reports[decoded->count].index);
        }
    }
    return OK;
}

static void pending_release(struct followed_log *log, uint64_t end) {
    while (log->pending_first != NULL && log->pending_first->end <= end) {
        struct pending_reports *next = log->pending_first->next;
        log->pending_size -= log->pending_first->reports.capacity;
        buffer_done(&log->pending_first->reports);
        memory_free(log->pending_first);
        log->pending_first = next;
    }
    if (log->pending_first == NULL)
        log->pending_last = NULL;
}

static void heads_for_sink(struct followed_log *log, struct sink_head *heads, size_t *ret_count) {
    for (size_t i = 0; i < log->head_count; i++) {
        const struct kept_head *kept = &log->heads[i];
        if (kept->is_stored || kept->head.signature_size == 0 || *ret_count == HEADS_KEPT_MAX)
            continue;
        heads[(*ret_count)++] = (struct sink_head){
            .size = kept->head.size, .timestamp_ms = kept->head.timestamp_ms, .root = kept->head.root,
            .signature = span_of(kept->head.signature, kept->head.signature_size), .raw = span_of(kept->raw, kept->raw_size),
            .state = HEAD_PENDING, .received_ms = kept->received_ms,
        };
    }
}

static void commit_succeeded(struct followed_log *log) {
    pending_release(log, log->commit_frontier.end);
    for (size_t i = 0; i < log->head_count; i++)
        log->heads[i].is_stored = true;
    log->verified = log->commit_frontier;
    log->verified_head = log->commit_head;
    log->has_commit = false;
    log->committed_ms = clock_monotonic_ms();
    log->mismatches = 0;
    if (log->state == FOLLOW_FORKED)
        log->state = FOLLOW_READING; /* the finding stays open: a person has to look at the evidence */
    head_check_late(log);
}

/* Who reads messages is told by the sink, once for all logs. */
static void commit_failed(struct followed_log *log, result fault) {
    log->last_error_ms = clock_wall_ms();
    reason_set(&log->last_error, fault, "what was verified could not be recorded and is tried again: %s: %s", fault->object, fault->wrong);
    log->commit_failures++;
    bool is_paused = follow_is_sink_paused(log);
    log->commit_not_before_ms = clock_monotonic_ms() + (is_paused ? PAUSED_LOOK_MS : follow_backoff_ms(log, log->commit_failures));
}

/* Shown as failing as well: it waits for the same thing. */
static void commit_later(struct followed_log *log) {
    if (log->commit_failures == 0) {
        log->commit_failures = 1;
        log->last_error_ms = clock_wall_ms();
        snprintf(log->last_error.text, sizeof log->last_error.text, "what was verified cannot be recorded yet: the database refuses others");
    }
    log->commit_not_before_ms = clock_monotonic_ms() + PAUSED_LOOK_MS;
}

static void commit(struct followed_log *log) {
    if (follow_is_sink_paused(log)) {
        commit_later(log);
        return;
    }
    struct sink_head heads[HEADS_KEPT_MAX + 1];
    size_t head_count = 0;
    struct decoded decoded = {0};
    CLEANUP(arena_free_at) struct arena *arena = arena_new(COMMIT_ARENA_LIMIT);
    result fault = arena == NULL ? &fault_no_memory : decode_pending(log, arena, &decoded);
    struct sink_head against = {
        .size = log->commit_head.size, .timestamp_ms = log->commit_head.timestamp_ms, .root = log->commit_head.root,
        .signature = span_of(log->commit_head.signature, log->commit_head.signature_size), .state = HEAD_VERIFIED,
        .received_ms = clock_wall_ms(),
    };
    heads_for_sink(log, heads, &head_count);
    struct verified_range range = {
        .first_index = log->first_index, .begin = log->verified.end, .end = log->commit_frontier.end,
        .frontier = &log->commit_frontier, .heads = heads, .head_count = head_count, .against = &against,
        .reports = decoded.reports, .report_count = decoded.count, .now_ms = clock_wall_ms(),
    };
    if (fault == OK)
        fault = log->world->sink.commit(log->world->sink.context, log, &range);
    memory_free(decoded.reports);
    if (fault == OK) {
        commit_succeeded(log);
    } else {
        commit_failed(log, fault);
        return;
    }
    log->commit_failures = 0;
}

/* A signed root covers everything up to `frontier`: the next commit goes that far. */
static void set_commit(struct followed_log *log, const struct compact_range *frontier, const struct tree_head *head) {
    log->commit_frontier = *frontier;
    log->commit_head = *head;
    log->has_commit = true;
}

/* ---- heads reached */

static void heads_drop_first(struct followed_log *log) {
    kept_head_done(&log->heads[0]);
    log->head_count--;
    memmove(&log->heads[0], &log->heads[1], log->head_count * sizeof log->heads[0]);
    log->heads[log->head_count] = (struct kept_head){0};
}

void sequence_pass_heads(struct followed_log *log) {
    while (log->head_count > 0 && log->heads[0].head.size <= log->frontier.end) {
        if (log->heads[0].head.size < log->frontier.end && !log->has_late) {
            log->late = log->heads[0];
            log->has_late = true;
            log->heads[0] = (struct kept_head){0};
        }
        heads_drop_first(log);
    }
}

/* False when the frontier has reached a head whose root it does not have. */
static bool compare_heads(struct followed_log *log) {
    if (log->head_count == 0 || log->heads[0].head.size > log->frontier.end)
        return true;
    struct tree_head head = log->heads[0].head;
    struct hash root = {0};
    if (head.size == log->frontier.end) {
        if (compact_range_root(&log->frontier, &root) != OK || !hash_equal(&root, &head.root)) {
            on_mismatch(log, &head, &root);
            return false;
        }
        head_remember_verified(log, &head);
        if (head.signature_size > 0 || log->identity.log.has_final_head)
            set_commit(log, &log->frontier, &head);
    }
    sequence_pass_heads(log);
    return true;
}

/* ---- batches in order */

static result append_batch(struct followed_log *log, const struct batch *batch, bool *ret_is_good) {
    for (size_t i = 0; i < batch->node_count; i++) {
        const struct reader_node *node = &batch->nodes[i];
        if (node->begin != log->frontier.end)
            return &fault_merkle_shape;
        TRY(compact_range_append_subtree(&log->frontier, node->height, &node->hash));
        *ret_is_good = compare_heads(log);
        if (!*ret_is_good)
            return OK;
    }
    return log->frontier.end == batch->end ? OK : &fault_merkle_shape;
}

static result keep_reports(struct followed_log *log, struct batch *batch) {
    if (batch->reports.size == 0)
        return OK;
    struct pending_reports *pending = memory_new(sizeof *pending);
    if (pending == NULL)
        return &fault_no_memory;
    pending->begin = batch->begin;
    pending->end = batch->end;
    pending->reports = batch->reports;
    batch->reports = buffer_with_limit(0);
    if (log->pending_last != NULL)
        log->pending_last->next = pending;
    else
        log->pending_first = pending;
    log->pending_last = pending;
    log->pending_size += pending->reports.capacity;
    return OK;
}

/* Counts an entry once, however often it is read. */
static void count_delivery(struct followed_log *log, const struct entry_report *report, enum delivery_news news) {
    bool was_unreadable = news == DELIVERY_OTHER && !report->is_unreadable;
    bool was_match = news == DELIVERY_OTHER && report->is_unreadable;
    if (news == DELIVERY_AGAIN)
        return;
    log->matches += !report->is_unreadable;
    log->matches -= was_match && log->matches > 0;
    log->unreadable += report->is_unreadable;
    log->unreadable -= was_unreadable && log->unreadable > 0;
}

/* Scans print in order as entries come; a second reading after a mismatch tells only what it reads otherwise than the first. */
static result deliver_early(struct followed_log *log, const struct batch *batch) {
    if (batch->reports.size == 0)
        return OK;
    CLEANUP(arena_free_at) struct arena *arena = arena_new(COMMIT_ARENA_LIMIT);
    struct cursor cursor = cursor_of(buffer_span(&batch->reports));
    if (arena == NULL)
        return &fault_no_memory;
    while (cursor_remaining(&cursor) > 0) {
        struct entry_report report;
        enum delivery_news news;
        arena_reset(arena);
        TRY(entry_report_decode(&cursor, arena, &report));
        if (report.index < log->report_begin || report.index >= log->report_end)
            continue;
        TRY(delivered_note(&log->delivered, &report, &news));
        if (news == DELIVERY_KNOWN)
            continue;
        struct verified_range range = {.begin = report.index, .end = report.index + 1, .reports = &report, .report_count = 1,
                                       .now_ms = clock_wall_ms()};
        TRY(log->world->sink.commit(log->world->sink.context, log, &range));
        count_delivery(log, &report, news);
    }
    return OK;
}

/* What was read could not be kept or told: our own trouble, and no word about the log. */
static void on_own_trouble(struct followed_log *log, result fault) {
    sequence_rewind(log);
    follow_error(log, fault, "what was read could not be kept; reading it again");
    log->pause_until_ms = clock_monotonic_ms() + MISMATCH_PAUSE_MS;
    if (log->options.is_one_shot)
        follow_end(log, fault);
}

static bool take_batch(struct followed_log *log, struct batch *batch) {
    bool is_good = true;
    result fault = append_batch(log, batch, &is_good);
    if (!is_good)
        return false; /* the batch is gone */
    if (fault != OK) {
        struct hash nothing = {0};
        on_mismatch(log, &log->verified_head, &nothing);
        return false;
    }
    fault = log->options.delivers_early ? deliver_early(log, batch) : keep_reports(log, batch);
    if (fault != OK) {
        on_own_trouble(log, fault);
        return false;
    }
    log->last_leaf = batch->last_leaf;
    log->entries += batch->end - batch->begin;
    if (!log->options.delivers_early) {
        log->matches += batch->matches;
        log->unreadable += batch->unreadable;
    }
    log->batches = batch->next;
    log->batch_count--;
    batch_free(batch);
    return true;
}

/* ---- proofs between heads, so that a long way is recorded piece by piece */

/* Does what was read, continued by the proof's right side, have the signed root? */
static result continue_to_root(const struct followed_log *log, const struct fetched_proof *proof, struct hash *ret_root) {
    struct hash right[MERKLE_HEIGHT_MAX];
    size_t count = 0;
    const struct compact_range *frontier = &log->proof_frontier;
    TRY(merkle_right_of_path(frontier->end - 1, log->proof_head.size, proof->nodes, proof->count, right, &count));
    TRY(merkle_root_with_right(frontier, log->proof_head.size, right, count, ret_root));
    return hash_equal(ret_root, &log->proof_head.root) ? OK : &fault_merkle_root;
}

/* No proof, or a wrong one, accuses nobody: the next head decides. A scan that ends inside the tree reads on to the head instead. */
static void go_on_without_proof(struct followed_log *log, result fault, const char *detail) {
    bool is_one_shot = log->options.is_one_shot;
    bool is_no_proof = fault == &fault_proof_unavailable || fault == &fault_merkle_root;
    bool reads_all = is_one_shot && is_no_proof && log->best.head.size - log->frontier.end <= READ_ALL_INSTEAD_MAX;
    follow_error(log, fault, detail);
    log->proof_failures++;
    if (reads_all)
        log->options.end = UINT64_MAX; /* for the root alone: report_end stays */
    else if (is_one_shot && log->proof_failures >= ONE_SHOT_TRIES)
        follow_end(log, fault);
    int64_t pause_ms = is_one_shot ? follow_backoff_ms(log, log->proof_failures) : PROOF_PAUSE_MS;
    log->proof_not_before_ms = clock_monotonic_ms() + pause_ms;
}

/* While the proof was under way, a head was reached that covers as much: nothing is left to prove. */
static bool is_overtaken(const struct followed_log *log) {
    return log->proof_frontier.end <= log->verified.end || (log->has_commit && log->proof_frontier.end <= log->commit_frontier.end);
}

static void commit_proof_done(struct followed_log *log, const struct fetched_proof *proof) {
    struct hash root = {0};
    log->commit_proof = NULL;
    if (is_overtaken(log))
        return;
    if (proof->fault != OK) {
        go_on_without_proof(log, proof->fault, proof->detail);
        return;
    }
    result fault = continue_to_root(log, proof, &root);
    if (fault == OK)
        set_commit(log, &log->proof_frontier, &log->proof_head);
    else if (fault == &fault_merkle_root)
        on_mismatch(log, &log->proof_head, &root);
    else
        go_on_without_proof(log, fault, fault->wrong);
}

static bool wants_proof(const struct followed_log *log, int64_t now_ms) {
    if (log->commit_proof != NULL || log->has_commit || log->frontier.end <= log->verified.end || now_ms < log->proof_not_before_ms)
        return false;
    if (log->head_count == 0 || log->frontier.end >= log->heads[log->head_count - 1].head.size || log->entries == 0)
        return false;
    if (log->options.is_one_shot)
        return log->frontier.end == log->options.end;
    return now_ms - log->committed_ms > COMMIT_INTERVAL_MS || log->frontier.end - log->verified.end > COMMIT_ENTRIES_MAX ||
           log->pending_size > PENDING_REPORTS_MAX / 4;
}

static void ask_proof(struct followed_log *log) {
    const struct kept_head *newest = &log->heads[log->head_count - 1];
    log->proof_frontier = log->frontier;
    log->proof_head = newest->head;
    result fault = proof_fetch_inclusion(log, log->frontier.end - 1, &newest->head, &log->last_leaf, commit_proof_done, &log->commit_proof);
    if (fault != OK) {
        log->commit_proof = NULL;
        log->proof_not_before_ms = clock_monotonic_ms() + PROOF_PAUSE_MS;
        follow_error(log, fault, fault->wrong);
    }
}

static void measure_rate(struct followed_log *log, int64_t now_ms) {
    int64_t passed = now_ms - log->rate_mark_ms;
    if (passed < RATE_INTERVAL_MS)
        return;
    double now_rate = (double) (log->entries - log->rate_mark_entries) * 1000.0 / (double) passed;
    log->rate = log->rate <= 0 ? now_rate : log->rate * 0.7 + now_rate * 0.3;
    log->rate_mark_ms = now_ms;
    log->rate_mark_entries = log->entries;
}

static void end_when_complete(struct followed_log *log) {
    bool is_settled = !log->has_commit && log->commit_proof == NULL && log->verified.end == log->frontier.end;
    if (!is_settled)
        return;
    const struct listed_log *listed = &log->identity.log;
    bool is_final = !log->options.is_one_shot && listed->has_final_head && log->verified.end >= listed->final_size;
    if (is_final || (log->options.is_one_shot && log->frontier.end >= follow_target(log))) {
        log->is_all_verified = true;
        follow_end(log, OK);
    }
}

void sequence_step(struct followed_log *log, int64_t now_ms) {
    if (!log->has_start)
        return;
    if (!compare_heads(log)) /* a head of just the size that is read already, the empty tree included */
        return;
    if (log->frontier.end == log->verified.end)
        log->committed_ms = now_ms; /* nothing waits: the time without entries is not a long way between heads */
    while (log->batches != NULL && log->batches->state == BATCH_READY)
        if (!take_batch(log, log->batches))
            return;
    measure_rate(log, now_ms);
    if (log->has_commit && now_ms >= log->commit_not_before_ms)
        commit(log);
    if (wants_proof(log, now_ms))
        ask_proof(log);
    end_when_complete(log);
}
