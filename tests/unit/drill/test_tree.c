#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drill/tree.h"

#define LEAVES 70

/* Hashes 0 to LEAVES - 1 of one-byte leaves. */
static int grow(void **state) {
    static struct tree tree;
    tree = (struct tree){0};
    for (uint8_t i = 0; i < LEAVES; i++) {
        struct hash hash;
        merkle_leaf_hash(span_of(&i, 1), &hash);
        if (tree_append(&tree, &hash) != OK)
            return -1;
    }
    *state = &tree;
    return 0;
}

static int fell(void **state) {
    tree_done(*state);
    return 0;
}

static void roots_of_all_sizes_are_those_of_a_compact_range(void **state) {
    const struct tree *tree = *state;
    struct compact_range range;
    compact_range_init(&range, 0);
    for (uint64_t size = 0; size <= LEAVES; size++) {
        struct hash root, wanted;
        tree_root(tree, size, &root);
        assert_ptr_equal(compact_range_root(&range, &wanted), OK);
        assert_memory_equal(root.bytes, wanted.bytes, HASH_SIZE);
        if (size < LEAVES)
            assert_ptr_equal(compact_range_append_leaf(&range, &tree->levels[0].hashes[size]), OK);
    }
}

static void every_inclusion_proof_checks(void **state) {
    const struct tree *tree = *state;
    struct hash nodes[MERKLE_HEIGHT_MAX], root;
    for (uint64_t size = 1; size <= LEAVES; size++) {
        tree_root(tree, size, &root);
        for (uint64_t index = 0; index < size; index++) {
            size_t count = tree_inclusion(tree, index, size, nodes);
            assert_ptr_equal(merkle_check_inclusion(index, size, &tree->levels[0].hashes[index], nodes, count, &root), OK);
        }
        assert_int_equal(tree_inclusion(tree, size, size, nodes), 0);
    }
}

static void every_consistency_proof_checks(void **state) {
    const struct tree *tree = *state;
    struct hash nodes[MERKLE_HEIGHT_MAX + 1], first_root, second_root;
    for (uint64_t second = 0; second <= LEAVES; second++)
        for (uint64_t first = 0; first <= second; first++) {
            tree_root(tree, first, &first_root);
            tree_root(tree, second, &second_root);
            size_t count = tree_consistency(tree, first, second, nodes);
            assert_ptr_equal(merkle_check_consistency(first, second, &first_root, &second_root, nodes, count), OK);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_of_all_sizes_are_those_of_a_compact_range),
        cmocka_unit_test(every_inclusion_proof_checks),
        cmocka_unit_test(every_consistency_proof_checks),
    };
    return cmocka_run_group_tests(tests, grow, fell);
}
