/* Tree nodes out of level tiles: which tiles a node needs, and the node from them. Pure. */
#pragma once

#include "formats/tile_path.h"
#include "rules/merkle.h"

#define TILE_SIZE ((size_t) TILE_WIDTH * HASH_SIZE)
#define TILES_MAX 48

struct level_tile {
    unsigned level;
    uint64_t number;
    unsigned width;     /* hashes that the tree of that size has in it, 1 to 256 */
    const uint8_t *hashes; /* width * 32 bytes once fetched */
};

struct tile_set {
    uint64_t tree_size;
    size_t count;
    struct level_tile tiles[TILES_MAX];
};

extern const struct fault fault_tile_set; /* more tiles than any proof needs, or a node outside the tree */

/* Adds the tiles that `node` (merkle.h: possibly ragged) of the tree consists of; each tile once. */
MUST_CHECK result tile_set_add(struct tile_set *set, const struct merkle_coordinate *node);
/* The node's hash; every tile that tile_set_add named must have its hashes. */
MUST_CHECK result tile_set_node(const struct tile_set *set, const struct merkle_coordinate *node, struct hash *ret_hash);
