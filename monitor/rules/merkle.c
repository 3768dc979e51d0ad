#include "rules/merkle.h"

#include "base/digest.h"

FAULT(fault_merkle_shape, FAULT_LOG, "merkle.shape", "Merkle tree piece", "RFC 9162 2.1.3, 2.1.4",
      "pieces that do not fit the tree's shape", "exactly the nodes that this index and size ask for");
FAULT(fault_merkle_root, FAULT_LOG, "merkle.root", "Merkle tree root", "RFC 9162 2.1.3.2, 2.1.4.2",
      "the nodes lead to another root", "the root of the signed tree head");

void merkle_leaf_hash(struct span leaf, struct hash *ret_hash) {
    static const uint8_t prefix = 0;
    digest_of_parts((const struct span[]){span_of(&prefix, 1), leaf}, 2, ret_hash);
}

void merkle_node_hash(const struct hash *left, const struct hash *right, struct hash *ret_hash) {
    uint8_t message[1 + 2 * HASH_SIZE] = {1};
    memcpy(message + 1, left->bytes, HASH_SIZE);
    memcpy(message + 1 + HASH_SIZE, right->bytes, HASH_SIZE);
    digest_of(span_of(message, sizeof message), ret_hash);
}

void merkle_empty_root(struct hash *ret_hash) {
    digest_of(span_of(NULL, 0), ret_hash);
}

/* One step of the walk from a leaf to the root: `node` and `last` are the indexes of the node and of the level's last node. */
enum sibling { SIBLING_NONE, SIBLING_LEFT, SIBLING_RIGHT };

static enum sibling sibling_of(uint64_t node, uint64_t last) {
    if (node & 1)
        return SIBLING_LEFT;
    return node < last ? SIBLING_RIGHT : SIBLING_NONE;
}

size_t merkle_path_coordinates(uint64_t index, uint64_t size, struct merkle_coordinate ret_nodes[MERKLE_HEIGHT_MAX]) {
    if (index >= size)
        return 0;
    size_t count = 0;
    uint64_t node = index, last = size - 1;
    for (unsigned level = 0; last > 0; level++, node >>= 1, last >>= 1)
        if (sibling_of(node, last) != SIBLING_NONE)
            ret_nodes[count++] = (struct merkle_coordinate){.level = level, .index = node ^ 1};
    return count;
}

size_t merkle_consistency_coordinates(uint64_t first, uint64_t second,
                                      struct merkle_coordinate ret_nodes[MERKLE_HEIGHT_MAX + 1]) {
    if (first == 0 || first >= second)
        return 0;
    size_t count = 0;
    unsigned level = 0;
    uint64_t node = first - 1, last = second - 1;
    for (; node & 1; level++, node >>= 1)
        last >>= 1;
    if (node != 0)
        ret_nodes[count++] = (struct merkle_coordinate){.level = level, .index = node};
    for (; last > 0; level++, node >>= 1, last >>= 1)
        if (sibling_of(node, last) != SIBLING_NONE)
            ret_nodes[count++] = (struct merkle_coordinate){.level = level, .index = node ^ 1};
    return count;
}

unsigned merkle_path_length(uint64_t index, uint64_t size) {
    struct merkle_coordinate nodes[MERKLE_HEIGHT_MAX];
    return (unsigned) merkle_path_coordinates(index, size, nodes);
}

result merkle_check_inclusion(uint64_t index, uint64_t size, const struct hash *leaf_hash, const struct hash *path,
                              size_t count, const struct hash *root) {
    if (index >= size || count != merkle_path_length(index, size))
        return &fault_merkle_shape;
    struct hash hash = *leaf_hash;
    uint64_t node = index, last = size - 1;
    for (size_t used = 0; last > 0; node >>= 1, last >>= 1) {
        enum sibling sibling = sibling_of(node, last);
        if (sibling == SIBLING_LEFT)
            merkle_node_hash(&path[used++], &hash, &hash);
        else if (sibling == SIBLING_RIGHT)
            merkle_node_hash(&hash, &path[used++], &hash);
    }
    return hash_equal(&hash, root) ? OK : &fault_merkle_root;
}

/* A subtree may start only where its width, rounded up to a power of two, divides the place (MTC, Subtrees). */
static bool is_subtree(uint64_t begin, uint64_t end, uint64_t size) {
    if (begin >= end || end > size)
        return false;
    uint64_t span = end - begin - 1; /* all bits below the rounded width, once filled up */
    for (unsigned shift = 1; shift < 64; shift *= 2)
        span |= span >> shift;
    return (begin & span) == 0;
}

static result check_empty_subtree(const struct merkle_subtree *subtree, size_t count) {
    struct hash empty;
    merkle_empty_root(&empty);
    if (count != 0)
        return &fault_merkle_shape;
    return hash_equal(&subtree->hash, &empty) ? OK : &fault_merkle_root;
}

/* Where a walk over a subtree proof stands: the first, the last node of the subtree and the last of the level, and the two
 * hashes that the proof leads to. */
struct subtree_walk {
    uint64_t first, node, last;
    struct hash old_hash, new_hash;
};

/* Climbs to the largest complete node that ends where the subtree ends. */
static struct subtree_walk subtree_walk_begin(const struct merkle_subtree *subtree, uint64_t size) {
    struct subtree_walk walk = {.first = subtree->begin, .node = subtree->end - 1, .last = size - 1};
    bool reaches_edge = walk.node == walk.last;
    for (; walk.first != walk.node && (reaches_edge || (walk.node & 1)); walk.first >>= 1, walk.node >>= 1)
        walk.last >>= 1;
    return walk;
}

static void subtree_walk_join(struct subtree_walk *walk, enum sibling sibling, const struct hash *hash) {
    if (sibling == SIBLING_RIGHT) {
        merkle_node_hash(&walk->new_hash, hash, &walk->new_hash);
        return;
    }
    if (walk->first < walk->node)
        merkle_node_hash(hash, &walk->old_hash, &walk->old_hash);
    merkle_node_hash(hash, &walk->new_hash, &walk->new_hash);
}

result merkle_check_subtree(const struct merkle_subtree *subtree, uint64_t size, const struct hash *root,
                            const struct hash *proof, size_t count) {
    if (subtree->begin == subtree->end && subtree->end <= size)
        return check_empty_subtree(subtree, count);
    if (!is_subtree(subtree->begin, subtree->end, size))
        return &fault_merkle_shape;
    struct subtree_walk walk = subtree_walk_begin(subtree, size);
    size_t used = walk.first == walk.node ? 0 : 1;
    if (used > count)
        return &fault_merkle_shape;
    walk.old_hash = used == 0 ? subtree->hash : proof[0];
    walk.new_hash = walk.old_hash;
    for (; walk.last > 0; walk.first >>= 1, walk.node >>= 1, walk.last >>= 1) {
        enum sibling sibling = sibling_of(walk.node, walk.last);
        if (sibling == SIBLING_NONE)
            continue;
        if (used == count)
            return &fault_merkle_shape;
        subtree_walk_join(&walk, sibling, &proof[used++]);
    }
    if (used != count)
        return &fault_merkle_shape;
    bool is_consistent = hash_equal(&walk.old_hash, &subtree->hash) && hash_equal(&walk.new_hash, root);
    return is_consistent ? OK : &fault_merkle_root;
}

result merkle_check_consistency(uint64_t first, uint64_t second, const struct hash *first_root,
                                const struct hash *second_root, const struct hash *proof, size_t count) {
    if (first > second || (first == second && count != 0))
        return &fault_merkle_shape;
    if (first == second && !hash_equal(first_root, second_root))
        return &fault_merkle_root;
    if (first == second && first > 0)
        return OK;
    struct merkle_subtree subtree = {.end = first, .hash = *first_root};
    return merkle_check_subtree(&subtree, second, second_root, proof, count);
}

/* Lowest first, both lists; each has MERKLE_HEIGHT_MAX places. */
struct split_path {
    struct hash left[MERKLE_HEIGHT_MAX], right[MERKLE_HEIGHT_MAX];
    size_t left_count, right_count;
};

static result split_path(uint64_t index, uint64_t size, const struct hash *path, size_t count, struct split_path *ret_split) {
    struct merkle_coordinate nodes[MERKLE_HEIGHT_MAX];
    if (index >= size || count != merkle_path_coordinates(index, size, nodes))
        return &fault_merkle_shape;
    ret_split->left_count = 0;
    ret_split->right_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].index & 1)
            ret_split->right[ret_split->right_count++] = path[i];
        else
            ret_split->left[ret_split->left_count++] = path[i];
    }
    return OK;
}

result merkle_frontier_from_path(uint64_t index, uint64_t size, const struct hash *path, size_t count,
                                 struct compact_range *ret_frontier) {
    struct split_path split;
    TRY(split_path(index, size, path, count, &split));
    *ret_frontier = (struct compact_range){.end = index, .count = (uint32_t) split.left_count};
    for (size_t i = 0; i < split.left_count; i++)
        ret_frontier->hashes[i] = split.left[split.left_count - 1 - i];
    return OK;
}

result merkle_right_of_path(uint64_t index, uint64_t size, const struct hash *path, size_t count, struct hash *ret_right,
                            size_t *ret_count) {
    struct split_path split;
    TRY(split_path(index, size, path, count, &split));
    for (size_t i = 0; i < split.right_count; i++)
        ret_right[i] = split.right[i];
    *ret_count = split.right_count;
    return OK;
}

static size_t right_siblings(uint64_t index, uint64_t size) {
    struct merkle_coordinate nodes[MERKLE_HEIGHT_MAX];
    size_t count = merkle_path_coordinates(index, size, nodes), rights = 0;
    for (size_t i = 0; i < count; i++)
        rights += nodes[i].index & 1;
    return rights;
}

result merkle_root_with_right(const struct compact_range *frontier, uint64_t size, const struct hash *right, size_t count,
                              struct hash *ret_root) {
    if (frontier->begin != 0 || frontier->end == 0 || frontier->end > size ||
        count != right_siblings(frontier->end - 1, size))
        return &fault_merkle_shape;
    size_t used = 0, left = frontier->count - 1;
    struct hash hash = frontier->hashes[left];
    uint64_t node = frontier->end - 1, last = size - 1;
    /* The last perfect subtree already holds the leaf's lowest left siblings. */
    for (; node & 1; node >>= 1)
        last >>= 1;
    for (; last > 0; node >>= 1, last >>= 1) {
        enum sibling sibling = sibling_of(node, last);
        if (sibling == SIBLING_LEFT)
            merkle_node_hash(&frontier->hashes[--left], &hash, &hash);
        else if (sibling == SIBLING_RIGHT)
            merkle_node_hash(&hash, &right[used++], &hash);
    }
    *ret_root = hash;
    return OK;
}
