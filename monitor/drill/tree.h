/* A whole Merkle tree in memory (RFC 6962 2.1), for the drill's logs: any root, proof or tile of any size up to now. */
#pragma once

#include "base/result.h"
#include "base/span.h"
#include "rules/merkle.h"

#define TREE_LEVELS 41 /* leaf_index has 40 bits */

/* Owned by whoever initialised it with {0}. */
struct tree {
    struct tree_level {
        struct hash *hashes; /* perfect subtrees of 2^level leaves */
        uint64_t count;
        size_t capacity;
    } levels[TREE_LEVELS];
};

void tree_done(struct tree *tree);
MUST_CHECK result tree_append(struct tree *tree, const struct hash *leaf_hash);
static inline uint64_t tree_size(const struct tree *tree) {
    return tree->levels[0].count;
}
/* Hash of the node that covers [index << level, min((index + 1) << level, size)); size <= tree_size. */
void tree_node(const struct tree *tree, unsigned level, uint64_t index, uint64_t size, struct hash *ret_hash);
void tree_root(const struct tree *tree, uint64_t size, struct hash *ret_root);
/* RFC 6962 2.1.1; 0 nodes for an index outside. */
size_t tree_inclusion(const struct tree *tree, uint64_t index, uint64_t size, struct hash ret_nodes[MERKLE_HEIGHT_MAX]);
/* RFC 6962 2.1.2; first <= second <= tree_size. */
size_t tree_consistency(const struct tree *tree, uint64_t first, uint64_t second, struct hash ret_nodes[MERKLE_HEIGHT_MAX + 1]);
