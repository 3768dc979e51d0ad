#include "steps/tile_nodes.h"

#define TILE_HEIGHT 8

FAULT(fault_tile_set, FAULT_BUG, "tile.set", "set of tiles", "C2SP tlog-tiles", "a node outside the tree or too many tiles",
      "a node of the tree");

static uint64_t node_end(const struct tile_set *set, const struct merkle_coordinate *node) {
    uint64_t end = (node->index + 1) << node->level;
    return end > set->tree_size || end == 0 ? set->tree_size : end;
}

/* The perfect subtrees of a possibly ragged node are those of the compact range over its leaves: the largest first. */
static unsigned piece_level(uint64_t begin, uint64_t end, unsigned highest) {
    unsigned level = highest;
    while (((uint64_t) 1 << level) > end - begin)
        level--;
    return level;
}

static struct level_tile *tile_find(const struct tile_set *set, unsigned level, uint64_t number) {
    for (size_t i = 0; i < set->count; i++)
        if (set->tiles[i].level == level && set->tiles[i].number == number)
            return (struct level_tile *) (uintptr_t) &set->tiles[i];
    return NULL;
}

static result tile_add(struct tile_set *set, unsigned level, uint64_t number) {
    if (tile_find(set, level, number) != NULL)
        return OK;
    uint64_t hashes = set->tree_size >> (TILE_HEIGHT * level);
    if (set->count == TILES_MAX || hashes <= number * TILE_WIDTH)
        return &fault_tile_set;
    uint64_t width = hashes - number * TILE_WIDTH;
    set->tiles[set->count++] = (struct level_tile){
        .level = level, .number = number, .width = width > TILE_WIDTH ? TILE_WIDTH : (unsigned) width};
    return OK;
}

static bool node_is_in_tree(const struct tile_set *set, const struct merkle_coordinate *node) {
    return node->level < 63 && node->index < ((uint64_t) 1 << (63 - node->level)) &&
           node->index << node->level < set->tree_size;
}

result tile_set_add(struct tile_set *set, const struct merkle_coordinate *node) {
    if (!node_is_in_tree(set, node))
        return &fault_tile_set;
    uint64_t begin = node->index << node->level, end = node_end(set, node);
    unsigned level = node->level;
    while (begin < end) {
        level = piece_level(begin, end, level);
        unsigned tile_level = level / TILE_HEIGHT;
        TRY(tile_add(set, tile_level, begin >> (TILE_HEIGHT * tile_level) >> TILE_HEIGHT));
        begin += (uint64_t) 1 << level;
    }
    return OK;
}

/* Hash of the perfect subtree of 2^level leaves at `begin`, joined from the hashes of one tile. */
static result perfect_node(const struct tile_set *set, uint64_t begin, unsigned level, struct hash *ret_hash) {
    unsigned tile_level = level / TILE_HEIGHT;
    uint64_t first = begin >> (TILE_HEIGHT * tile_level);
    size_t offset = first % TILE_WIDTH, count = (size_t) 1 << (level % TILE_HEIGHT);
    const struct level_tile *tile = tile_find(set, tile_level, first / TILE_WIDTH);
    if (tile == NULL || tile->hashes == NULL || offset + count > tile->width)
        return &fault_tile_set;
    struct compact_range range;
    compact_range_init(&range, 0);
    for (size_t i = 0; i < count; i++) {
        struct hash hash;
        memcpy(hash.bytes, tile->hashes + (offset + i) * HASH_SIZE, HASH_SIZE);
        TRY(compact_range_append_leaf(&range, &hash));
    }
    return compact_range_root(&range, ret_hash);
}

result tile_set_node(const struct tile_set *set, const struct merkle_coordinate *node, struct hash *ret_hash) {
    if (!node_is_in_tree(set, node))
        return &fault_tile_set;
    uint64_t begin = node->index << node->level, end = node_end(set, node);
    struct hash pieces[MERKLE_HEIGHT_MAX];
    size_t count = 0;
    unsigned level = node->level;
    while (begin < end) {
        level = piece_level(begin, end, level);
        TRY(perfect_node(set, begin, level, &pieces[count++]));
        begin += (uint64_t) 1 << level;
    }
    struct hash joined = pieces[count - 1];
    for (size_t i = count - 1; i > 0; i--)
        merkle_node_hash(&pieces[i - 1], &joined, &joined);
    *ret_hash = joined;
    return OK;
}
