/* Compact ranges, proofs and coordinates against the recursive definitions of RFC 6962 2.1, written down as they stand there.
 *
 * Bytes of the input choose sizes, an index, a place of a subtree and one bit of a proof to spoil.
 *
 * parser: rules/merkle.c rules/compact_range.c
 * seeds: number */
#include "base/digest.h"
#include "fuzz/harness.h"
#include "rules/merkle.h"

enum { LEAVES_MAX = 300, PROOF_MAX = 70 };

struct tree {
    struct hash leaves[LEAVES_MAX];
    size_t size;
};

struct proof {
    struct hash nodes[PROOF_MAX];
    size_t count;
};

static size_t split_of(size_t count) {
    size_t k = 1;
    while (k * 2 < count)
        k *= 2;
    return k;
}

static void node(const struct hash *left, const struct hash *right, struct hash *ret_hash) {
    static const uint8_t prefix = 1;
    digest_of_parts((const struct span[]){span_of(&prefix, 1), span_of(left->bytes, HASH_SIZE), span_of(right->bytes, HASH_SIZE)}, 3,
                    ret_hash);
}

/* MTH(D[begin:end]) */
static struct hash root_of(const struct tree *tree, size_t begin, size_t end) {
    struct hash hash;
    if (begin == end) {
        digest_of(span_of("", 0), &hash);
        return hash;
    }
    if (end - begin == 1)
        return tree->leaves[begin];
    size_t k = split_of(end - begin);
    struct hash left = root_of(tree, begin, begin + k), right = root_of(tree, begin + k, end);
    node(&left, &right, &hash);
    return hash;
}

/* PATH(index, D[begin:end]) */
static void path_of(const struct tree *tree, size_t index, size_t begin, size_t end, struct proof *proof) {
    if (end - begin == 1)
        return;
    size_t k = split_of(end - begin);
    bool is_left = index < k;
    path_of(tree, is_left ? index : index - k, is_left ? begin : begin + k, is_left ? begin + k : end, proof);
    proof->nodes[proof->count++] = is_left ? root_of(tree, begin + k, end) : root_of(tree, begin, begin + k);
}

/* SUBPROOF(m, D[begin:end], b) */
static void subproof_of(const struct tree *tree, size_t m, size_t begin, size_t end, bool is_whole, struct proof *proof) {
    if (m == end - begin) {
        if (!is_whole)
            proof->nodes[proof->count++] = root_of(tree, begin, end);
        return;
    }
    size_t k = split_of(end - begin);
    if (m <= k) {
        subproof_of(tree, m, begin, begin + k, is_whole, proof);
        proof->nodes[proof->count++] = root_of(tree, begin + k, end);
    } else {
        subproof_of(tree, m - k, begin + k, end, false, proof);
        proof->nodes[proof->count++] = root_of(tree, begin, begin + k);
    }
}

static void grow_tree(struct tree *tree, size_t size, uint8_t salt) {
    tree->size = size;
    for (size_t i = 0; i < size; i++) {
        uint8_t leaf[3] = {salt, (uint8_t) i, (uint8_t) (i >> 8)};
        merkle_leaf_hash(span_of(leaf, 3), &tree->leaves[i]);
    }
}

static void append(struct compact_range *range, const struct tree *tree, size_t end, unsigned step) {
    while (range->end < end) {
        unsigned height = 0;
        uint64_t at = range->end;
        while (height < step && at % ((uint64_t) 2 << height) == 0 && at + ((uint64_t) 2 << height) <= end)
            height++;
        struct hash subtree = root_of(tree, at, at + ((size_t) 1 << height));
        if (height == 0)
            require(compact_range_append_leaf(range, &subtree) == OK);
        else
            require(compact_range_append_subtree(range, height, &subtree) == OK);
    }
}

static void check_ranges(const struct tree *tree, size_t first, unsigned step) {
    struct compact_range left, right, copy;
    struct hash root, wanted = root_of(tree, 0, tree->size);
    compact_range_init(&left, 0);
    append(&left, tree, first, step);
    compact_range_init(&right, first);
    append(&right, tree, tree->size, step / 2);
    require(compact_range_append_range(&left, &right) == OK && left.end == tree->size);
    require(compact_range_root(&left, &root) == OK && hash_equal(&root, &wanted));
    uint64_t at = 0;
    for (uint32_t i = 0; i < left.count; i++) {
        uint64_t begin;
        unsigned height;
        compact_range_node(&left, i, &begin, &height);
        wanted = root_of(tree, begin, begin + ((size_t) 1 << height));
        require(begin == at && hash_equal(&wanted, &left.hashes[i]));
        at += (uint64_t) 1 << height;
    }
    require(at == tree->size);
    require(compact_range_from_bytes(tree->size, span_of(left.hashes, left.count * HASH_SIZE), &copy) == OK && copy.count == left.count);
    require(compact_range_from_bytes(tree->size, span_of(left.hashes, left.count * HASH_SIZE + 1), &copy) != OK);
}

/* The node of a coordinate, ragged on the right edge. */
static struct hash node_at(const struct tree *tree, const struct merkle_coordinate *at, size_t size) {
    size_t begin = (size_t) at->index << at->level, end = begin + ((size_t) 1 << at->level);
    return root_of(tree, begin, end < size ? end : size);
}

static void check_inclusion(const struct tree *tree, size_t index, unsigned spoilt) {
    struct proof proof = {.count = 0};
    struct merkle_coordinate places[MERKLE_HEIGHT_MAX];
    struct compact_range frontier;
    struct hash root = root_of(tree, 0, tree->size), other, right[MERKLE_HEIGHT_MAX];
    size_t right_count;
    path_of(tree, index, 0, tree->size, &proof);
    require(merkle_path_length(index, tree->size) == proof.count);
    require(merkle_path_coordinates(index, tree->size, places) == proof.count);
    for (size_t i = 0; i < proof.count; i++) {
        other = node_at(tree, &places[i], tree->size);
        require(hash_equal(&other, &proof.nodes[i]));
    }
    require(merkle_check_inclusion(index, tree->size, &tree->leaves[index], proof.nodes, proof.count, &root) == OK);
    require(merkle_frontier_from_path(index, tree->size, proof.nodes, proof.count, &frontier) == OK && frontier.end == index);
    other = root_of(tree, 0, index);
    struct hash ours;
    require(compact_range_root(&frontier, &ours) == OK && hash_equal(&ours, &other));
    require(merkle_right_of_path(index, tree->size, proof.nodes, proof.count, right, &right_count) == OK);
    require(compact_range_append_leaf(&frontier, &tree->leaves[index]) == OK);
    require(merkle_root_with_right(&frontier, tree->size, right, right_count, &ours) == OK && hash_equal(&ours, &root));
    require(merkle_check_inclusion(index, tree->size, &tree->leaves[index], proof.nodes, proof.count + 1, &root) != OK);
    if (proof.count == 0)
        return;
    require(merkle_check_inclusion(index, tree->size, &tree->leaves[index], proof.nodes, proof.count - 1, &root) != OK);
    proof.nodes[spoilt / 256 % proof.count].bytes[spoilt / 8 % 32] ^= (uint8_t) (1u << spoilt % 8);
    require(merkle_check_inclusion(index, tree->size, &tree->leaves[index], proof.nodes, proof.count, &root) == &fault_merkle_root);
}

static void check_consistency(const struct tree *tree, size_t first, unsigned spoilt) {
    struct proof proof = {.count = 0};
    struct hash old = root_of(tree, 0, first), root = root_of(tree, 0, tree->size);
    if (first > 0)
        subproof_of(tree, first, 0, tree->size, true, &proof);
    require(merkle_check_consistency(first, tree->size, &old, &root, proof.nodes, proof.count) == OK);
    require(merkle_check_consistency(first, tree->size, &old, &root, proof.nodes, proof.count + 1) != OK);
    if (first > 0 && first < tree->size) {
        struct merkle_coordinate places[MERKLE_HEIGHT_MAX + 1];
        require(merkle_consistency_coordinates(first, tree->size, places) == proof.count);
        for (size_t i = 0; i < proof.count; i++) {
            struct hash other = node_at(tree, &places[i], tree->size);
            require(hash_equal(&other, &proof.nodes[i]));
        }
    }
    if (proof.count == 0)
        return;
    require(merkle_check_consistency(first, tree->size, &old, &root, proof.nodes, proof.count - 1) != OK);
    proof.nodes[spoilt / 256 % proof.count].bytes[spoilt / 8 % 32] ^= (uint8_t) (1u << spoilt % 8);
    require(merkle_check_consistency(first, tree->size, &old, &root, proof.nodes, proof.count) != OK);
}

/* Numbers near 2^64 and proofs of any length must be refused or taken without harm. */
static void check_nonsense(struct cursor *input) {
    static struct hash nodes[PROOF_MAX];
    uint64_t index = next_number(input, 8), size = next_number(input, 8);
    size_t count = next_choice(input) % PROOF_MAX;
    struct compact_range frontier;
    struct merkle_coordinate places[MERKLE_HEIGHT_MAX + 1];
    struct hash right[MERKLE_HEIGHT_MAX];
    size_t right_count;
    (void) !merkle_check_inclusion(index, size, &nodes[0], nodes, count, &nodes[1]);
    (void) !merkle_check_consistency(index, size, &nodes[0], &nodes[1], nodes, count);
    (void) !merkle_right_of_path(index, size, nodes, count, right, &right_count);
    if (index < size)
        require(merkle_path_coordinates(index, size, places) == merkle_path_length(index, size));
    if (index > 0 && index < size)
        require(merkle_consistency_coordinates(index, size, places) <= MERKLE_HEIGHT_MAX + 1);
    if (merkle_frontier_from_path(index, size, nodes, count, &frontier) == OK)
        require(frontier.end == index && frontier.count <= MERKLE_HEIGHT_MAX);
    if (compact_range_from_bytes(size, rest_of(input), &frontier) == OK)
        require(frontier.end == size && frontier.count * HASH_SIZE == cursor_remaining(input));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct tree tree;
    struct cursor input = cursor_of(span_of(bytes, size));
    size_t count = (size_t) next_number(&input, 2) % (LEAVES_MAX + 1), first = (size_t) next_number(&input, 2) % (count + 1);
    unsigned spoilt = (unsigned) next_number(&input, 2), step = next_choice(&input) % 9u;
    grow_tree(&tree, count, next_choice(&input));
    check_ranges(&tree, first, step);
    check_consistency(&tree, first, spoilt);
    if (first < count)
        check_inclusion(&tree, first, spoilt);
    check_nonsense(&input);
    return 0;
}
