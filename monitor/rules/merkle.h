/* The Merkle tree of RFC 6962 2.1 (= RFC 9162 2.1), as pure arithmetic over hashes. */
#pragma once

#include "base/result.h"
#include "base/span.h"

#define MERKLE_HEIGHT_MAX 64 /* nodes in any audit path or frontier */

/* The perfect subtrees that cover leaves [begin, end), left to right. With begin 0 it is the frontier of a tree of
 * size `end`: enough to append to it and to know its root. */
struct compact_range {
    uint64_t begin;
    uint64_t end;
    uint32_t count;
    struct hash hashes[2 * MERKLE_HEIGHT_MAX];
};

extern const struct fault fault_merkle_shape; /* pieces that do not fit together; too few or too many proof nodes */
extern const struct fault fault_merkle_root;  /* they fit, but the root is another one */

void merkle_leaf_hash(struct span leaf, struct hash *ret_hash);                                        /* 0x00 || leaf */
void merkle_node_hash(const struct hash *left, const struct hash *right, struct hash *ret_hash);       /* 0x01 || l || r */
void merkle_empty_root(struct hash *ret_hash);

static inline void compact_range_init(struct compact_range *range, uint64_t begin) {
    range->begin = begin;
    range->end = begin;
    range->count = 0;
}

MUST_CHECK result compact_range_append_leaf(struct compact_range *range, const struct hash *leaf_hash);
/* Appends the perfect subtree of 2^height leaves that starts at range->end, which must be a multiple of 2^height. */
MUST_CHECK result compact_range_append_subtree(struct compact_range *range, unsigned height, const struct hash *hash);
/* Joins two neighbours; right->begin must be range->end. */
MUST_CHECK result compact_range_append_range(struct compact_range *range, const struct compact_range *right);
/* begin, height of the node at position `at`. */
void compact_range_node(const struct compact_range *range, uint32_t at, uint64_t *ret_begin, unsigned *ret_height);
/* Root of a range that begins at 0 (the empty tree's root for end 0). */
MUST_CHECK result compact_range_root(const struct compact_range *frontier, struct hash *ret_root);
/* A frontier as bytes for the database: 32 bytes per node. `size` is the tree size that fixes the shape. */
MUST_CHECK result compact_range_from_bytes(uint64_t size, struct span bytes, struct compact_range *ret_frontier);

/* How many nodes an audit path of leaf `index` in a tree of `size` has (RFC 6962 2.1.1); 0 for a bad index. */
unsigned merkle_path_length(uint64_t index, uint64_t size);
/* RFC 9162 2.1.3.2 */
MUST_CHECK result merkle_check_inclusion(uint64_t index, uint64_t size, const struct hash *leaf_hash, const struct hash *path,
                                         size_t count, const struct hash *root);
/* RFC 9162 2.1.4.2. Equal sizes need an empty proof and equal roots; first size 0 proves nothing and needs the
 * empty tree's root and an empty proof. */
MUST_CHECK result merkle_check_consistency(uint64_t first, uint64_t second, const struct hash *first_root,
                                           const struct hash *second_root, const struct hash *proof, size_t count);
/* The leaves [begin, end) of a tree, as one hash; the width rounded up to a power of two divides `begin` (Merkle Tree
 * Certificates, Subtrees). */
struct merkle_subtree {
    uint64_t begin, end;
    struct hash hash;
};
/* That the tree of `size` with `root` holds the subtree; with begin 0 this is RFC 9162 2.1.4.2. An empty subtree is in every tree. */
MUST_CHECK result merkle_check_subtree(const struct merkle_subtree *subtree, uint64_t size, const struct hash *root,
                                       const struct hash *proof, size_t count);
/* The frontier of [0, index) that an audit path of leaf `index` carries: its left siblings. Trust it only after
 * merkle_check_inclusion of the same path. */
MUST_CHECK result merkle_frontier_from_path(uint64_t index, uint64_t size, const struct hash *path, size_t count,
                                            struct compact_range *ret_frontier);
/* Root of a tree of `size`, from the frontier of [0, n), n > 0, and the right siblings (lowest first) of leaf n - 1, as its
 * audit path in that tree holds them. */
MUST_CHECK result merkle_root_with_right(const struct compact_range *frontier, uint64_t size, const struct hash *right,
                                         size_t count, struct hash *ret_root);
/* Splits an audit path of leaf `index` into its right siblings; ret_right has MERKLE_HEIGHT_MAX places. */
MUST_CHECK result merkle_right_of_path(uint64_t index, uint64_t size, const struct hash *path, size_t count,
                                       struct hash *ret_right, size_t *ret_count);

/* The nodes that an audit path consists of, as (level, index) with level 0 the leaves; a node may be ragged on the right edge:
 * it then covers [index << level, min((index + 1) << level, size)). Lowest first. Returns how many. */
struct merkle_coordinate {
    unsigned level;
    uint64_t index;
};
size_t merkle_path_coordinates(uint64_t index, uint64_t size, struct merkle_coordinate ret_nodes[MERKLE_HEIGHT_MAX]);
/* The same for a consistency proof between 0 < first < second (RFC 6962 2.1.2), in proof order. */
size_t merkle_consistency_coordinates(uint64_t first, uint64_t second,
                                      struct merkle_coordinate ret_nodes[MERKLE_HEIGHT_MAX + 1]);
