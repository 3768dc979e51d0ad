#include "drill/tree.h"

#include "base/memory.h"

void tree_done(struct tree *tree) {
    for (unsigned level = 0; level < TREE_LEVELS; level++)
        memory_free(tree->levels[level].hashes);
    *tree = (struct tree){0};
}

static result make_room(struct tree_level *level) {
    struct hash *hashes = memory_grow(level->hashes, level->count, &level->capacity, sizeof *hashes);
    if (hashes == NULL)
        return &fault_no_memory;
    level->hashes = hashes;
    return OK;
}

result tree_append(struct tree *tree, const struct hash *leaf_hash) {
    /* All the room first: a leaf without the nodes above it would stay and make every later root wrong. */
    unsigned top = 0;
    while (top + 1 < TREE_LEVELS && tree->levels[top].count % 2 == 1)
        top++;
    for (unsigned at = 0; at <= top; at++)
        TRY(make_room(&tree->levels[at]));
    tree->levels[0].hashes[tree->levels[0].count++] = *leaf_hash;
    for (unsigned at = 0; at < top; at++) {
        const struct tree_level *below = &tree->levels[at];
        struct tree_level *above = &tree->levels[at + 1];
        merkle_node_hash(&below->hashes[below->count - 2], &below->hashes[below->count - 1], &above->hashes[above->count]);
        above->count++;
    }
    return OK;
}

void tree_node(const struct tree *tree, unsigned level, uint64_t index, uint64_t size, struct hash *ret_hash) {
    uint64_t begin = index << level;
    uint64_t width = size - begin;
    if (width >= (uint64_t) 1 << level) {
        *ret_hash = tree->levels[level].hashes[index];
        return;
    }
    /* Ragged: the perfect subtrees below, joined from the right, lowest first. */
    bool has_any = false;
    uint64_t end = size;
    for (unsigned height = 0; width >> height != 0; height++) {
        if ((width >> height & 1) == 0)
            continue;
        const struct hash *piece = &tree->levels[height].hashes[(end >> height) - 1];
        if (has_any)
            merkle_node_hash(piece, ret_hash, ret_hash);
        else
            *ret_hash = *piece;
        has_any = true;
        end -= (uint64_t) 1 << height;
    }
}

void tree_root(const struct tree *tree, uint64_t size, struct hash *ret_root) {
    if (size == 0)
        merkle_empty_root(ret_root);
    else
        tree_node(tree, TREE_LEVELS - 1, 0, size, ret_root);
}

static size_t nodes_at(const struct tree *tree, const struct merkle_coordinate *places, size_t count, uint64_t size,
                       struct hash *ret_nodes) {
    for (size_t i = 0; i < count; i++)
        tree_node(tree, places[i].level, places[i].index, size, &ret_nodes[i]);
    return count;
}

size_t tree_inclusion(const struct tree *tree, uint64_t index, uint64_t size, struct hash ret_nodes[MERKLE_HEIGHT_MAX]) {
    struct merkle_coordinate places[MERKLE_HEIGHT_MAX];
    if (index >= size)
        return 0;
    return nodes_at(tree, places, merkle_path_coordinates(index, size, places), size, ret_nodes);
}

size_t tree_consistency(const struct tree *tree, uint64_t first, uint64_t second, struct hash ret_nodes[MERKLE_HEIGHT_MAX + 1]) {
    struct merkle_coordinate places[MERKLE_HEIGHT_MAX + 1];
    if (first == 0 || first >= second)
        return 0;
    return nodes_at(tree, places, merkle_consistency_coordinates(first, second, places), second, ret_nodes);
}
