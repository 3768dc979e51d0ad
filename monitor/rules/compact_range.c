#include "base/digest.h"
#include "rules/merkle.h"

result compact_range_append_leaf(struct compact_range *range, const struct hash *leaf_hash) {
    return compact_range_append_subtree(range, 0, leaf_hash);
}

result compact_range_append_subtree(struct compact_range *range, unsigned height, const struct hash *hash) {
    if (height >= MERKLE_HEIGHT_MAX)
        return &fault_merkle_shape;
    uint64_t width = (uint64_t) 1 << height;
    if ((range->end & (width - 1)) != 0 || width > UINT64_MAX - range->end)
        return &fault_merkle_shape;
    uint64_t end = range->end + width;
    struct hash node = *hash;
    /* As long as the node is a right child whose left sibling is in the range, the two become their parent. */
    for (; (end & (2 * width - 1)) == 0 && end - range->begin >= 2 * width && width <= UINT64_MAX / 4; width *= 2)
        merkle_node_hash(&range->hashes[--range->count], &node, &node);
    range->hashes[range->count++] = node;
    range->end = end;
    return OK;
}

/* Height of the largest perfect subtree that starts at `begin` and does not pass `end`; begin < end. */
static unsigned height_at(uint64_t begin, uint64_t end) {
    unsigned fits = 63 - (unsigned) __builtin_clzll(end - begin);
    unsigned aligned = begin == 0 ? 63 : (unsigned) __builtin_ctzll(begin);
    return fits < aligned ? fits : aligned;
}

static uint32_t count_of(uint64_t begin, uint64_t end) {
    uint32_t count = 0;
    for (; begin < end; count++)
        begin += (uint64_t) 1 << height_at(begin, end);
    return count;
}

void compact_range_node(const struct compact_range *range, uint32_t at, uint64_t *ret_begin, unsigned *ret_height) {
    uint64_t begin = range->begin;
    for (uint32_t i = 0; i < at && begin < range->end; i++)
        begin += (uint64_t) 1 << height_at(begin, range->end);
    *ret_begin = begin;
    *ret_height = begin < range->end ? height_at(begin, range->end) : 0;
}

result compact_range_append_range(struct compact_range *range, const struct compact_range *right) {
    if (right->begin != range->end || right->end < right->begin || right->count != count_of(right->begin, right->end))
        return &fault_merkle_shape;
    struct compact_range joined = *range;
    for (uint32_t i = 0; i < right->count; i++)
        TRY(compact_range_append_subtree(&joined, height_at(joined.end, right->end), &right->hashes[i]));
    *range = joined;
    return OK;
}

result compact_range_root(const struct compact_range *frontier, struct hash *ret_root) {
    if (frontier->begin != 0 || frontier->count != (uint32_t) __builtin_popcountll(frontier->end))
        return &fault_merkle_shape;
    if (frontier->count == 0) {
        merkle_empty_root(ret_root);
        return OK;
    }
    struct hash root = frontier->hashes[frontier->count - 1];
    for (uint32_t i = frontier->count - 1; i > 0; i--)
        merkle_node_hash(&frontier->hashes[i - 1], &root, &root);
    *ret_root = root;
    return OK;
}

result compact_range_from_bytes(uint64_t size, struct span bytes, struct compact_range *ret_frontier) {
    uint32_t count = (uint32_t) __builtin_popcountll(size);
    if (bytes.size != (size_t) count * HASH_SIZE)
        return &fault_merkle_shape;
    *ret_frontier = (struct compact_range){.end = size, .count = count};
    if (count > 0)
        memcpy(ret_frontier->hashes, bytes.bytes, bytes.size);
    return OK;
}
