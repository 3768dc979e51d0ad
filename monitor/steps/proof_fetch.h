/* Getting tree nodes and proofs from a log, by RFC 6962 answers or from tiles; checked against a signed head before anyone sees them. */
#pragma once

#include "formats/proof_json.h"
#include "formats/tree_head.h"
#include "rules/merkle.h"

struct followed_log;
struct proof_fetch;

extern const struct fault fault_proof_unavailable; /* the log gives no such proof (now) */

struct fetched_proof {
    result fault;            /* OK; fault_proof_unavailable; transport faults; fault_merkle_root when it proves the contrary */
    const char *detail;      /* sentence, valid during the call */
    struct hash leaf_hash;   /* inclusion: of the leaf in question */
    size_t count;
    struct hash nodes[PROOF_NODES_MAX + 1];
};

typedef void (*proof_done)(struct followed_log *log, const struct fetched_proof *proof);

/* Audit path of leaf `index` in `head`, checked against its root. `leaf_hash` may be NULL: then the log's answer names it. */
MUST_CHECK result proof_fetch_inclusion(struct followed_log *log, uint64_t index, const struct tree_head *head,
                                        const struct hash *leaf_hash, proof_done done, struct proof_fetch **ret_fetch);
/* Is the tree (first_size, first_root) a prefix of `head`? fault OK: yes, proven. */
MUST_CHECK result proof_fetch_consistency(struct followed_log *log, uint64_t first_size, const struct hash *first_root,
                                          const struct tree_head *head, proof_done done, struct proof_fetch **ret_fetch);
void proof_fetch_cancel(struct proof_fetch *fetch);
