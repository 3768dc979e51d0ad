#include "steps/proof_fetch.h"

#include <inttypes.h>

#include "base/memory.h"
#include "base/text.h"
#include "steps/follow_steps.h"
#include "steps/log_request.h"
#include "steps/tile_nodes.h"

#define ENTRY_AND_PROOF_SIZE_MAX ((size_t) 32 * 1024 * 1024)
#define PATH_SIZE 256
#define ESCAPED_HASH_SIZE (3 * HASH_BASE64_SIZE)

FAULT(fault_proof_unavailable, FAULT_RETRY, "proof.unavailable", "proof", "RFC 6962 4", "the log gave none",
      "a proof in a signed head");

enum proof_stage { STAGE_ENTRY_AND_PROOF, STAGE_PROOF_BY_HASH, STAGE_CONSISTENCY, STAGE_TILES };

struct proof_fetch {
    struct followed_log *log;
    proof_done done;
    bool is_consistency;
    enum proof_stage stage;
    uint64_t index; /* inclusion: of the leaf; consistency: first size */
    struct tree_head head;
    struct hash first_root;
    bool has_leaf;
    struct hash leaf;
    uint8_t *body; /* owned; tiles: TILE_SIZE each */
    size_t body_room;
    struct transfer *transfer;
    struct merkle_coordinate nodes[MERKLE_HEIGHT_MAX + 2];
    size_t node_count;
    struct tile_set tiles;
    size_t tile_at;
    bool wants_full_tile;
    struct event *later; /* a fetch that ends before it could start reports from the loop */
};

static result stage_start(struct proof_fetch *fetch);

static void fetch_free(struct proof_fetch *fetch) {
    if (fetch == NULL)
        return;
    if (fetch->later != NULL)
        event_free(fetch->later);
    memory_free(fetch->body);
    memory_free(fetch);
}

void proof_fetch_cancel(struct proof_fetch *fetch) {
    if (fetch == NULL)
        return;
    if (fetch->transfer != NULL)
        transfer_cancel(fetch->transfer);
    fetch_free(fetch);
}

/* Tells the outcome and ends. `fetch` is gone afterwards. */
static void fetch_end(struct proof_fetch *fetch, const struct fetched_proof *proof) {
    struct followed_log *log = fetch->log;
    proof_done done = fetch->done;
    struct fetched_proof copy = *proof;
    copy.leaf_hash = fetch->leaf;
    fetch_free(fetch);
    done(log, &copy);
}

static void fetch_fail(struct proof_fetch *fetch, result fault, const char *detail) {
    struct fetched_proof proof = {.fault = fault, .detail = detail};
    fetch_end(fetch, &proof);
}

static void fetch_check(struct proof_fetch *fetch, const struct hash *nodes, size_t count) {
    struct fetched_proof proof = {.detail = "", .count = count};
    if (count > sizeof proof.nodes / sizeof proof.nodes[0]) {
        fetch_fail(fetch, &fault_merkle_shape, "more proof nodes than any tree has");
        return;
    }
    memcpy(proof.nodes, nodes, count * sizeof *nodes);
    if (fetch->is_consistency)
        proof.fault = merkle_check_consistency(fetch->index, fetch->head.size, &fetch->first_root, &fetch->head.root, nodes, count);
    else
        proof.fault = merkle_check_inclusion(fetch->index, fetch->head.size, &fetch->leaf, nodes, count, &fetch->head.root);
    if (proof.fault != OK)
        proof.detail = "the proof does not lead to the signed root";
    fetch_end(fetch, &proof);
}

/* ---- RFC 6962 */

static result parse_answer(struct proof_fetch *fetch, struct span json, struct proof *ret_proof) {
    if (fetch->stage == STAGE_CONSISTENCY)
        return proof_from_consistency_json(json, ret_proof);
    if (fetch->stage == STAGE_PROOF_BY_HASH) {
        TRY(proof_from_inclusion_json(json, ret_proof));
        /* Equal leaves may stand at several places; the log chose another one. */
        return ret_proof->leaf_index == fetch->index ? OK : &fault_proof_unavailable;
    }
    struct hash leaf;
    TRY(proof_from_entry_and_proof_json(json, fetch->index, &leaf, ret_proof));
    if (fetch->has_leaf && !hash_equal(&leaf, &fetch->leaf))
        return &fault_merkle_root;
    fetch->leaf = leaf;
    return OK;
}

/* Does the log refuse, rather than fail for a while? */
static bool is_refusal(result fault, long status) {
    bool is_passing = status >= 500 || status == 408 || status == 429;
    return fault->family == FAULT_INPUT || (fault == &fault_transfer_status && !is_passing);
}

static void json_done(void *context, const struct transfer_answer *answer) {
    struct proof_fetch *fetch = context;
    fetch->transfer = NULL;
    struct proof proof;
    result fault = answer->fault;
    if (fault == OK)
        fault = parse_answer(fetch, span_of(fetch->body, answer->body_size), &proof);
    if (fault == OK) {
        fetch_check(fetch, proof.nodes, proof.count);
        return;
    }
    if (fetch->stage == STAGE_ENTRY_AND_PROOF && fetch->has_leaf && fault != &fault_merkle_root) {
        fetch->stage = STAGE_PROOF_BY_HASH;
        fault = stage_start(fetch);
        if (fault == OK)
            return;
    }
    fetch_fail(fetch, is_refusal(fault, answer->status) ? &fault_proof_unavailable : fault, answer->fault != OK ? answer->reason.text : fault->wrong);
}

static void escape_hash(const struct hash *hash, char ret_text[ESCAPED_HASH_SIZE]) {
    char plain[HASH_BASE64_SIZE];
    hash_to_base64(hash, plain);
    for (const char *at = plain; *at != '\0'; at++) {
        const char *escaped = *at == '+' ? "%2B" : *at == '/' ? "%2F" : *at == '=' ? "%3D" : NULL;
        if (escaped == NULL) {
            *ret_text++ = *at;
            continue;
        }
        memcpy(ret_text, escaped, 3);
        ret_text += 3;
    }
    *ret_text = '\0';
}

static void json_path(const struct proof_fetch *fetch, struct buffer *path) {
    if (fetch->stage == STAGE_CONSISTENCY) {
        buffer_printf(path, "ct/v1/get-sth-consistency?first=%" PRIu64 "&second=%" PRIu64, fetch->index, fetch->head.size);
    } else if (fetch->stage == STAGE_ENTRY_AND_PROOF) {
        buffer_printf(path, "ct/v1/get-entry-and-proof?leaf_index=%" PRIu64 "&tree_size=%" PRIu64, fetch->index, fetch->head.size);
    } else {
        char hash[ESCAPED_HASH_SIZE];
        escape_hash(&fetch->leaf, hash);
        buffer_printf(path, "ct/v1/get-proof-by-hash?hash=%s&tree_size=%" PRIu64, hash, fetch->head.size);
    }
}

/* ---- tiles */

static void tile_done(void *context, const struct transfer_answer *answer);

static result tile_start(struct proof_fetch *fetch) {
    const struct level_tile *tile = &fetch->tiles.tiles[fetch->tile_at];
    char path[TILE_PATH_SIZE];
    tile_path_hashes(tile->level, tile->number, fetch->wants_full_tile ? TILE_WIDTH : tile->width, path);
    struct log_request request = {.path = path, .body = fetch->body + fetch->tile_at * TILE_SIZE, .body_room = TILE_SIZE};
    return log_request_start(fetch->log, &request, tile_done, fetch, &fetch->transfer);
}

static void tiles_complete(struct proof_fetch *fetch) {
    struct hash nodes[MERKLE_HEIGHT_MAX + 2];
    for (size_t i = 0; i < fetch->node_count; i++) {
        result fault = tile_set_node(&fetch->tiles, &fetch->nodes[i], &nodes[i]);
        if (fault != OK) {
            fetch_fail(fetch, fault, fault->wrong);
            return;
        }
    }
    size_t count = fetch->node_count;
    if (!fetch->is_consistency) {
        struct hash leaf = nodes[--count];
        if (fetch->has_leaf && !hash_equal(&leaf, &fetch->leaf)) {
            fetch_fail(fetch, &fault_merkle_root, "the level 0 tile holds another leaf hash");
            return;
        }
        fetch->leaf = leaf;
    }
    fetch_check(fetch, nodes, count);
}

static void tile_done(void *context, const struct transfer_answer *answer) {
    struct proof_fetch *fetch = context;
    struct level_tile *tile = &fetch->tiles.tiles[fetch->tile_at];
    fetch->transfer = NULL;
    result fault = answer->fault;
    size_t wanted = (fetch->wants_full_tile ? TILE_WIDTH : tile->width) * HASH_SIZE;
    if (fault == &fault_transfer_status && answer->status == 404 && !fetch->wants_full_tile && tile->width < TILE_WIDTH) {
        fetch->wants_full_tile = true; /* partial tiles vanish once the full one exists */
        fault = tile_start(fetch);
        if (fault == OK)
            return;
    } else if (fault == OK && answer->body_size != wanted) {
        fault = &fault_proof_unavailable;
    } else if (fault == OK) {
        tile->hashes = fetch->body + fetch->tile_at * TILE_SIZE;
        fetch->wants_full_tile = false;
        if (++fetch->tile_at == fetch->tiles.count) {
            tiles_complete(fetch);
            return;
        }
        fault = tile_start(fetch);
        if (fault == OK)
            return;
    }
    fetch_fail(fetch, is_refusal(fault, answer->status) ? &fault_proof_unavailable : fault,
               answer->fault != OK ? answer->reason.text : "a level tile has another length than its width asks for");
}

static void nothing_to_fetch(int unused_descriptor, short unused_events, void *context) {
    (void) unused_descriptor;
    (void) unused_events;
    tiles_complete(context);
}

static result tiles_plan(struct proof_fetch *fetch) {
    fetch->tiles.tree_size = fetch->head.size;
    if (fetch->is_consistency) {
        fetch->node_count = merkle_consistency_coordinates(fetch->index, fetch->head.size, fetch->nodes);
    } else {
        fetch->node_count = merkle_path_coordinates(fetch->index, fetch->head.size, fetch->nodes);
        fetch->nodes[fetch->node_count++] = (struct merkle_coordinate){.level = 0, .index = fetch->index};
    }
    for (size_t i = 0; i < fetch->node_count; i++)
        TRY(tile_set_add(&fetch->tiles, &fetch->nodes[i]));
    fetch->body_room = (fetch->tiles.count + 1) * TILE_SIZE;
    return OK;
}

/* ---- both */

static result stage_start(struct proof_fetch *fetch) {
    if (fetch->stage == STAGE_TILES && fetch->tiles.count > 0)
        return tile_start(fetch);
    if (fetch->stage == STAGE_TILES) { /* equal sizes: the empty proof */
        fetch->later = evtimer_new(fetch->log->world->loop, nothing_to_fetch, fetch);
        return fetch->later != NULL && evtimer_add(fetch->later, &(struct timeval){0}) == 0 ? OK : &fault_no_memory;
    }
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(PATH_SIZE);
    json_path(fetch, &path);
    TRY(buffer_check(&path));
    struct log_request request = {.path = buffer_text(&path), .body = fetch->body, .body_room = fetch->body_room, .accepts_gzip = false};
    return log_request_start(fetch->log, &request, json_done, fetch, &fetch->transfer);
}

static result fetch_start(struct proof_fetch *fetch, struct proof_fetch **ret_fetch) {
    result fault = OK;
    if (follow_is_static(fetch->log)) {
        fetch->stage = STAGE_TILES;
        fault = tiles_plan(fetch);
    } else {
        fetch->stage = fetch->is_consistency ? STAGE_CONSISTENCY : STAGE_ENTRY_AND_PROOF;
        fetch->body_room = fetch->is_consistency ? PROOF_JSON_SIZE_MAX : ENTRY_AND_PROOF_SIZE_MAX;
    }
    if (fault == OK) {
        fetch->body = memory_new(fetch->body_room);
        fault = fetch->body == NULL ? &fault_no_memory : stage_start(fetch);
    }
    if (fault != OK) {
        fetch_free(fetch);
        return fault;
    }
    *ret_fetch = fetch;
    return OK;
}

result proof_fetch_inclusion(struct followed_log *log, uint64_t index, const struct tree_head *head, const struct hash *leaf_hash,
                             proof_done done, struct proof_fetch **ret_fetch) {
    struct proof_fetch *fetch = memory_new(sizeof *fetch);
    if (fetch == NULL)
        return &fault_no_memory;
    fetch->log = log;
    fetch->done = done;
    fetch->index = index;
    fetch->head = *head;
    fetch->has_leaf = leaf_hash != NULL;
    if (leaf_hash != NULL)
        fetch->leaf = *leaf_hash;
    return fetch_start(fetch, ret_fetch);
}

result proof_fetch_consistency(struct followed_log *log, uint64_t first_size, const struct hash *first_root,
                               const struct tree_head *head, proof_done done, struct proof_fetch **ret_fetch) {
    struct proof_fetch *fetch = memory_new(sizeof *fetch);
    if (fetch == NULL)
        return &fault_no_memory;
    fetch->log = log;
    fetch->done = done;
    fetch->is_consistency = true;
    fetch->index = first_size;
    fetch->head = *head;
    fetch->first_root = *first_root;
    return fetch_start(fetch, ret_fetch);
}
