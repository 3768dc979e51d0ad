/* Leaf hashes of entries that no reader can read: from the level 0 tile of a static log, or from the entry fetched alone. The
 * root that they must lead to proves them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "formats/entry_report.h"
#include "formats/single_entry.h"
#include "steps/follow_steps.h"
#include "steps/log_request.h"
#include "steps/tile_nodes.h"

#define SINGLE_ENTRY_SIZE_MAX ((size_t) 48 * 1024 * 1024)

static const struct fault *reason_of(const struct batch *batch) {
    return batch->hash_reason != NULL ? batch->hash_reason : &fault_reader_died;
}

static result report_unreadable(struct batch *batch, uint64_t index, const struct hash *leaf_hash, struct span raw) {
    struct reason words;
    reason_of_fault(reason_of(batch), &words);
    struct entry_report report = {
        .index = index, .leaf_hash = *leaf_hash, .is_unreadable = true, .reason = reason_of(batch)->name,
        .reason_text = words.text, .raw = raw, .broad_suffix = "", .serial = "", .issuer = "", .subject = "", .key_type = "",
    };
    batch->unreadable++;
    return entry_report_encode(&report, &batch->reports);
}

static result keep_leaf(struct batch *batch, uint64_t index, const struct hash *leaf_hash, struct span raw) {
    batch->nodes[batch->node_count++] = (struct reader_node){.begin = index, .hash = *leaf_hash};
    batch->last_leaf = *leaf_hash;
    return report_unreadable(batch, index, leaf_hash, raw);
}

static void finish(struct batch *batch, result fault, const char *what) {
    memory_free(batch->body);
    batch->body = NULL;
    if (fault == OK) {
        batch_ready(batch);
        return;
    }
    buffer_reset(&batch->reports);
    batch->node_count = 0;
    batch_failed(batch, fault, what, 0);
}

static result leaves_from_tile(struct batch *batch) {
    for (uint64_t index = batch->begin; index < batch->end; index++) {
        struct hash hash;
        memcpy(hash.bytes, batch->body + index % TILE_WIDTH * HASH_SIZE, HASH_SIZE);
        TRY(keep_leaf(batch, index, &hash, span_of(NULL, 0)));
    }
    return OK;
}

static void tile_done(void *context, const struct transfer_answer *answer) {
    struct batch *batch = context;
    batch->transfer = NULL;
    size_t needed = (size_t) ((batch->end - 1) % TILE_WIDTH + 1) * HASH_SIZE;
    result fault = answer->fault;
    char what[REASON_SIZE];
    snprintf(what, sizeof what, "the level 0 tile with entry %" PRIu64 ": %zu bytes, wanted at least %zu, 32 for each entry up to %" PRIu64,
             batch->begin, answer->body_size, needed, batch->end - 1);
    if (fault == OK && answer->body_size < needed)
        fault = &fault_reader_refused;
    if (fault == &fault_transfer_status && answer->status == 404)
        batch->wants_full_tile = !batch->wants_full_tile;
    if (fault == OK)
        fault = leaves_from_tile(batch);
    finish(batch, fault, answer->fault != OK ? answer->reason.text : what);
}

static void entry_done(void *context, const struct transfer_answer *answer) {
    struct batch *batch = context;
    batch->transfer = NULL;
    result fault = answer->fault;
    CLEANUP(buffer_done) struct buffer leaf = buffer_with_limit(SINGLE_ENTRY_SIZE_MAX);
    if (fault == OK)
        fault = single_entry_leaf(span_of(batch->body, answer->body_size), &leaf);
    if (fault == OK) {
        struct hash hash;
        merkle_leaf_hash(buffer_span(&leaf), &hash);
        size_t kept = leaf.size < 65536 ? leaf.size : 65536;
        fault = keep_leaf(batch, batch->begin, &hash, span_of(leaf.bytes, kept));
    }
    finish(batch, fault, answer->fault != OK ? answer->reason.text : "a single entry cannot be decoded");
}

void batch_hash(struct batch *batch) {
    struct followed_log *log = batch->log;
    bool is_static = follow_is_static(log);
    char path[256];
    size_t room = is_static ? TILE_SIZE : SINGLE_ENTRY_SIZE_MAX;
    batch->state = BATCH_HASHING;
    log->active_count++;
    batch->body = memory_new(room);
    struct reader_node *nodes = memory_resize(batch->nodes, (batch->end - batch->begin) * sizeof *nodes);
    if (batch->body == NULL || nodes == NULL) {
        finish(batch, &fault_no_memory, "no memory for leaf hashes");
        return;
    }
    batch->nodes = nodes;
    if (is_static) {
        uint64_t number = batch->begin / TILE_WIDTH;
        uint64_t width = log->best.head.size - number * TILE_WIDTH;
        tile_path_hashes(0, number, batch->wants_full_tile || width > TILE_WIDTH ? TILE_WIDTH : (unsigned) width, path);
    } else {
        snprintf(path, sizeof path, "ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64, batch->begin, batch->begin);
    }
    struct log_request request = {.path = path, .body = batch->body, .body_room = room};
    result fault = log_request_start(log, &request, is_static ? tile_done : entry_done, batch, &batch->transfer);
    if (fault != OK)
        finish(batch, fault, fault->wrong);
}
