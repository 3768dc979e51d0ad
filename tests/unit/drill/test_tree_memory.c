/* The drill's tree when there is no memory for a node: a leaf is in it with all that hangs on it, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"

static void *grow_or_refuse(void *block, size_t count, size_t *room, size_t element_size);

/* The tree's own source, with memory that can be refused. */
#define memory_grow grow_or_refuse
#include "drill/tree.c"
#undef memory_grow

#define LEAVES 300

static unsigned growths, refused; /* counted from 1; 0: none is refused */

static void *grow_or_refuse(void *block, size_t count, size_t *room, size_t element_size) {
    if (count == *room && ++growths == refused)
        return NULL;
    return memory_grow(block, count, room, element_size);
}

static struct hash leaf_of(unsigned i) {
    struct hash leaf = {{(uint8_t) i, (uint8_t) (i >> 8), 1}};
    return leaf;
}

/* Root of a tree of LEAVES whose growth number `at` is refused once; *ret_refusals says whether that happened. */
static struct hash root_with_refusal(unsigned at, unsigned *ret_refusals) {
    struct tree tree = {0};
    struct hash root;
    growths = 0;
    refused = at;
    *ret_refusals = 0;
    for (unsigned i = 0; i < LEAVES; i++) {
        struct hash leaf = leaf_of(i);
        result outcome = tree_append(&tree, &leaf);
        if (outcome != OK) {
            ++*ret_refusals;
            assert_ptr_equal(outcome, &fault_no_memory);
            assert_int_equal(tree.levels[0].count, i);
            outcome = tree_append(&tree, &leaf);
        }
        assert_ptr_equal(outcome, OK);
    }
    tree_root(&tree, LEAVES, &root);
    tree_done(&tree);
    return root;
}

static void a_leaf_without_memory_for_the_nodes_above_it_is_not_in_the_tree(void **state) {
    (void) state;
    unsigned refusals, tried = 0;
    struct hash wanted = root_with_refusal(0, &refusals);
    assert_int_equal(refusals, 0);
    do {
        struct hash root = root_with_refusal(++tried, &refusals);
        assert_memory_equal(&root, &wanted, sizeof root);
    } while (refusals > 0);
    assert_true(tried > 9); /* LEAVES make nodes on nine levels */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_leaf_without_memory_for_the_nodes_above_it_is_not_in_the_tree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
