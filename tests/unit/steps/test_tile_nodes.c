/* Nodes made of tiles, held against a tree that is hashed leaf by leaf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "steps/tile_nodes.h"

#define LEAVES_MAX 131328u /* 513 tiles */

static struct hash *leaves, *level_1, *level_2; /* of the leaves; hashes of the perfect subtrees of 256 and 65536 of them */

/* MTH of RFC 6962 2.1 over leaves [begin, end): neighbours are joined, an odd last one goes up as it is. */
static struct hash naive(uint64_t begin, uint64_t end) {
    size_t count = end - begin;
    struct hash *row = malloc(count * sizeof *row), root;
    memcpy(row, leaves + begin, count * sizeof *row);
    while (count > 1) {
        for (size_t i = 0; i < count / 2; i++)
            merkle_node_hash(&row[2 * i], &row[2 * i + 1], &row[i]);
        if (count % 2 == 1)
            row[count / 2] = row[count - 1];
        count = (count + 1) / 2;
    }
    root = row[0];
    free(row);
    return root;
}

static int set_up(void **state) {
    (void) state;
    leaves = malloc(LEAVES_MAX * sizeof *leaves);
    level_1 = malloc(LEAVES_MAX / 256 * sizeof *level_1);
    level_2 = malloc(LEAVES_MAX / 65536 * sizeof *level_2);
    if (leaves == NULL || level_1 == NULL || level_2 == NULL)
        return -1;
    for (uint32_t i = 0; i < LEAVES_MAX; i++)
        merkle_leaf_hash(span_of(&i, sizeof i), &leaves[i]);
    for (uint64_t i = 0; i < LEAVES_MAX / 256; i++)
        level_1[i] = naive(i * 256, (i + 1) * 256);
    for (uint64_t i = 0; i < LEAVES_MAX / 65536; i++)
        level_2[i] = naive(i * 65536, (i + 1) * 65536);
    return 0;
}

static int tear_down(void **state) {
    (void) state;
    free(leaves);
    free(level_1);
    free(level_2);
    return 0;
}

static void serve(struct tile_set *set) {
    struct hash *const levels[] = {leaves, level_1, level_2};
    for (size_t i = 0; i < set->count; i++) {
        struct level_tile *tile = &set->tiles[i];
        uint64_t hashes = set->tree_size >> (8 * tile->level), rest = hashes - tile->number * TILE_WIDTH;
        assert_true(tile->level < 3 && hashes > tile->number * TILE_WIDTH);
        assert_int_equal(tile->width, rest > TILE_WIDTH ? TILE_WIDTH : rest);
        for (size_t at = 0; at < i; at++)
            assert_false(set->tiles[at].level == tile->level && set->tiles[at].number == tile->number);
        tile->hashes = levels[tile->level][tile->number * TILE_WIDTH].bytes;
    }
}

/* The nodes by tiles; the hashes of a proof in `ret_proof`. */
static void check_nodes(uint64_t size, const struct merkle_coordinate *nodes, size_t count, struct hash *ret_proof) {
    struct tile_set set = {.tree_size = size};
    for (size_t i = 0; i < count; i++)
        assert_null(tile_set_add(&set, &nodes[i]));
    serve(&set);
    for (size_t i = 0; i < count; i++) {
        uint64_t begin = nodes[i].index << nodes[i].level, end = (nodes[i].index + 1) << nodes[i].level;
        struct hash wanted = naive(begin, end > size ? size : end);
        assert_null(tile_set_node(&set, &nodes[i], &ret_proof[i]));
        assert_memory_equal(ret_proof[i].bytes, wanted.bytes, HASH_SIZE);
    }
}

static void check_path(uint64_t index, uint64_t size, const struct hash *root) {
    struct merkle_coordinate nodes[MERKLE_HEIGHT_MAX];
    struct hash proof[MERKLE_HEIGHT_MAX];
    size_t count = merkle_path_coordinates(index, size, nodes);
    check_nodes(size, nodes, count, proof);
    assert_null(merkle_check_inclusion(index, size, &leaves[index], proof, count, root));
}

static void check_consistency(uint64_t first, uint64_t size, const struct hash *root) {
    struct merkle_coordinate nodes[MERKLE_HEIGHT_MAX + 1];
    struct hash proof[MERKLE_HEIGHT_MAX + 1], first_root = naive(0, first);
    size_t count = merkle_consistency_coordinates(first, size, nodes);
    check_nodes(size, nodes, count, proof);
    assert_null(merkle_check_consistency(first, size, &first_root, root, proof, count));
}

static const uint64_t large_sizes[] = {255,   256,   257,   512,   513,   1000,  4097,   65280,
                                       65281, 65535, 65536, 65537, 65793, 99999, 131073, LEAVES_MAX - 1};

static void every_audit_path_of_small_trees_comes_out_of_tiles(void **state) {
    (void) state;
    for (uint64_t size = 1; size <= 70; size++) {
        struct hash root = naive(0, size);
        for (uint64_t index = 0; index < size; index++)
            check_path(index, size, &root);
    }
}

static void audit_paths_at_the_edges_of_tiles_come_out_of_tiles(void **state) {
    (void) state;
    for (size_t i = 0; i < sizeof large_sizes / sizeof large_sizes[0]; i++) {
        uint64_t size = large_sizes[i];
        const uint64_t indices[] = {0, 255, 256, size / 2, size - size % 256, 65536, size - 1};
        struct hash root = naive(0, size);
        for (size_t at = 0; at < sizeof indices / sizeof indices[0]; at++)
            if (indices[at] < size)
                check_path(indices[at], size, &root);
    }
}

static void every_consistency_proof_of_small_trees_comes_out_of_tiles(void **state) {
    (void) state;
    for (uint64_t size = 2; size <= 70; size++) {
        struct hash root = naive(0, size);
        for (uint64_t first = 1; first < size; first++)
            check_consistency(first, size, &root);
    }
}

static void consistency_proofs_across_tiles_come_out_of_tiles(void **state) {
    (void) state;
    for (size_t i = 0; i < sizeof large_sizes / sizeof large_sizes[0]; i++) {
        uint64_t size = large_sizes[i];
        const uint64_t firsts[] = {1, 255, 256, 257, 65536, 65537, size - 1};
        struct hash root = naive(0, size);
        for (size_t at = 0; at < sizeof firsts / sizeof firsts[0]; at++)
            if (firsts[at] < size)
                check_consistency(firsts[at], size, &root);
    }
}

static void a_whole_tree_is_a_node_too(void **state) {
    (void) state;
    for (size_t i = 0; i < sizeof large_sizes / sizeof large_sizes[0]; i++) {
        const struct merkle_coordinate root = {.level = 18, .index = 0};
        struct hash hash;
        check_nodes(large_sizes[i], &root, 1, &hash);
    }
}

static void no_proof_needs_more_tiles_than_there_is_room_for(void **state) {
    (void) state;
    const uint64_t sizes[] = {((uint64_t) 1 << 40) - 1, (uint64_t) 0x5555555555, ((uint64_t) 1 << 62) - 1, ((uint64_t) 1 << 60) + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct merkle_coordinate nodes[MERKLE_HEIGHT_MAX + 1];
        struct tile_set path = {.tree_size = sizes[i]}, consistency = {.tree_size = sizes[i]};
        size_t count = merkle_path_coordinates(sizes[i] / 3, sizes[i], nodes);
        for (size_t at = 0; at < count; at++)
            assert_null(tile_set_add(&path, &nodes[at]));
        count = merkle_consistency_coordinates(sizes[i] / 2 + 12345, sizes[i], nodes);
        for (size_t at = 0; at < count; at++)
            assert_null(tile_set_add(&consistency, &nodes[at]));
        assert_true(path.count <= TILES_MAX && consistency.count <= TILES_MAX);
    }
}

static void a_node_outside_the_tree_is_refused(void **state) {
    (void) state;
    const struct merkle_coordinate outside[] = {{0, 300}, {1, 150}, {8, 2}, {9, 1}, {62, 4}, {63, 0}, {64, 0}, {200, 1}, {0, UINT64_MAX}};
    struct tile_set set = {.tree_size = 300};
    struct hash hash;
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        assert_ptr_equal(tile_set_add(&set, &outside[i]), &fault_tile_set);
        assert_ptr_equal(tile_set_node(&set, &outside[i], &hash), &fault_tile_set);
    }
    assert_int_equal(set.count, 0);
}

static void a_node_whose_tile_is_missing_is_refused(void **state) {
    (void) state;
    const struct merkle_coordinate here = {8, 0}, there = {0, 299};
    struct tile_set set = {.tree_size = 300};
    struct hash hash;
    assert_ptr_equal(tile_set_node(&set, &here, &hash), &fault_tile_set);
    assert_null(tile_set_add(&set, &here));
    assert_ptr_equal(tile_set_node(&set, &here, &hash), &fault_tile_set); /* named, but not fetched */
    serve(&set);
    assert_null(tile_set_node(&set, &here, &hash));
    assert_ptr_equal(tile_set_node(&set, &there, &hash), &fault_tile_set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_audit_path_of_small_trees_comes_out_of_tiles),
        cmocka_unit_test(audit_paths_at_the_edges_of_tiles_come_out_of_tiles),
        cmocka_unit_test(every_consistency_proof_of_small_trees_comes_out_of_tiles),
        cmocka_unit_test(consistency_proofs_across_tiles_come_out_of_tiles),
        cmocka_unit_test(a_whole_tree_is_a_node_too),
        cmocka_unit_test(no_proof_needs_more_tiles_than_there_is_room_for),
        cmocka_unit_test(a_node_outside_the_tree_is_refused),
        cmocka_unit_test(a_node_whose_tile_is_missing_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
