/* The small JSON answers of RFC 6962 4: proofs. Capped, strict, through Jansson. */
#pragma once

#include "base/arena.h"
#include "base/result.h"
#include "base/span.h"

#define PROOF_NODES_MAX 64
#define PROOF_JSON_SIZE_MAX ((size_t) 64 * 1024)
#define ENTRY_AND_PROOF_JSON_SIZE_MAX ((size_t) 4 * 1024 * 1024) /* holds an entry with its chain */

struct proof {
    uint64_t leaf_index; /* get-proof-by-hash only */
    size_t count;
    struct hash nodes[PROOF_NODES_MAX];
};

extern const struct fault fault_proof_json;

MUST_CHECK result proof_from_consistency_json(struct span json, struct proof *ret_proof);  /* RFC 6962 4.4 */
MUST_CHECK result proof_from_inclusion_json(struct span json, struct proof *ret_proof);    /* RFC 6962 4.5 */
/* RFC 6962 4.8; the leaf hash is computed from leaf_input. */
MUST_CHECK result proof_from_entry_and_proof_json(struct span json, uint64_t leaf_index, struct hash *ret_leaf_hash,
                                                  struct proof *ret_proof);
