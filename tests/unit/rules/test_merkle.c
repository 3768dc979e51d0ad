#include "vector_files.h"

#include <jansson.h>

#include "base/text.h"
#include "rules/merkle.h"

#define MODEL_SIZE 70

/* The model: RFC 6962 2.1 word for word, recursive and slow. It shares nothing with the code under test but SHA-256. */
static struct hash leaves[MODEL_SIZE];

static uint64_t split(uint64_t size) {
    uint64_t half = 1;
    while (half * 2 < size)
        half *= 2;
    return half;
}

static struct hash model_root(uint64_t begin, uint64_t end) {
    struct hash root;
    if (begin == end)
        merkle_empty_root(&root);
    else if (end - begin == 1)
        root = leaves[begin];
    else {
        uint64_t middle = begin + split(end - begin);
        struct hash left = model_root(begin, middle), right = model_root(middle, end);
        merkle_node_hash(&left, &right, &root);
    }
    return root;
}

struct model_proof {
    size_t count;
    struct hash nodes[20];
};

static void model_path(uint64_t index, uint64_t begin, uint64_t end, struct model_proof *proof) {
    if (end - begin == 1)
        return;
    uint64_t middle = begin + split(end - begin);
    if (index < middle) {
        model_path(index, begin, middle, proof);
        proof->nodes[proof->count++] = model_root(middle, end);
    } else {
        model_path(index, middle, end, proof);
        proof->nodes[proof->count++] = model_root(begin, middle);
    }
}

/* SUBPROOF of RFC 6962 2.1.2 */
static void model_subproof(uint64_t first, uint64_t begin, uint64_t end, bool is_whole, struct model_proof *proof) {
    if (first == end) {
        if (!is_whole)
            proof->nodes[proof->count++] = model_root(begin, end);
        return;
    }
    uint64_t middle = begin + split(end - begin);
    if (first <= middle) {
        model_subproof(first, begin, middle, is_whole, proof);
        proof->nodes[proof->count++] = model_root(middle, end);
    } else {
        model_subproof(first, middle, end, false, proof);
        proof->nodes[proof->count++] = model_root(begin, middle);
    }
}

static int set_up_leaves(void **state) {
    (void) state;
    for (size_t i = 0; i < MODEL_SIZE; i++) {
        uint8_t leaf = (uint8_t) i;
        merkle_leaf_hash(span_of(&leaf, 1), &leaves[i]);
    }
    return 0;
}

static struct compact_range range_of_leaves(uint64_t begin, uint64_t end) {
    struct compact_range range;
    compact_range_init(&range, begin);
    for (uint64_t i = begin; i < end; i++)
        assert_ptr_equal(compact_range_append_leaf(&range, &leaves[i]), OK);
    return range;
}

static void assert_ranges_equal(const struct compact_range *a, const struct compact_range *b) {
    assert_int_equal(a->begin, b->begin);
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hashes, b->hashes, a->count * sizeof a->hashes[0]);
}

static void assert_hashes_equal(const struct hash *a, const struct hash *b) {
    assert_memory_equal(a->bytes, b->bytes, HASH_SIZE);
}

static void leaf_node_and_empty_hashes_are_those_of_rfc_6962(void **state) {
    (void) state;
    struct hash hash;
    char hex[HASH_HEX_SIZE];
    merkle_empty_root(&hash);
    hash_to_hex(&hash, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    merkle_leaf_hash(span_of(NULL, 0), &hash);
    hash_to_hex(&hash, hex);
    assert_string_equal(hex, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    struct hash zero = {{0}};
    merkle_node_hash(&zero, &zero, &hash); /* SHA-256 of 01 and 64 zero bytes */
    hash_to_hex(&hash, hex);
    assert_string_equal(hex, "ae0798d0ecaed2b778eddebf18f071a561c53658c05e76cedecc27cafbdbc577");
}

static void the_frontier_of_every_size_leads_to_the_model_s_root(void **state) {
    (void) state;
    for (uint64_t size = 0; size <= MODEL_SIZE; size++) {
        struct compact_range range = range_of_leaves(0, size), copy;
        struct hash root, wanted = model_root(0, size);
        assert_ptr_equal(compact_range_root(&range, &root), OK);
        assert_hashes_equal(&root, &wanted);
        assert_int_equal(range.count, __builtin_popcountll(size));
        assert_ptr_equal(compact_range_from_bytes(size, span_of(range.hashes, range.count * HASH_SIZE), &copy), OK);
        assert_ranges_equal(&range, &copy);
        assert_ptr_equal(compact_range_from_bytes(size, span_of(range.hashes, range.count * HASH_SIZE + 1), &copy),
                         &fault_merkle_shape);
    }
}

static void every_node_of_every_range_is_the_model_s_root_of_its_leaves(void **state) {
    (void) state;
    for (uint64_t begin = 0; begin <= MODEL_SIZE; begin++)
        for (uint64_t end = begin; end <= MODEL_SIZE; end++) {
            struct compact_range range = range_of_leaves(begin, end);
            uint64_t reached = begin;
            for (uint32_t i = 0; i < range.count; i++) {
                uint64_t at;
                unsigned height;
                compact_range_node(&range, i, &at, &height);
                assert_int_equal(at, reached);
                reached = at + ((uint64_t) 1 << height);
                struct hash wanted = model_root(at, reached);
                assert_hashes_equal(&range.hashes[i], &wanted);
            }
            assert_int_equal(reached, end);
        }
}

static void neighbours_join_to_the_range_of_all_their_leaves(void **state) {
    (void) state;
    for (uint64_t begin = 0; begin <= 40; begin++)
        for (uint64_t middle = begin; middle <= 40; middle++)
            for (uint64_t end = middle; end <= 40; end += 3) {
                struct compact_range left = range_of_leaves(begin, middle), right = range_of_leaves(middle, end);
                struct compact_range whole = range_of_leaves(begin, end);
                assert_ptr_equal(compact_range_append_range(&left, &right), OK);
                assert_ranges_equal(&left, &whole);
            }
}

static void pieces_that_do_not_touch_or_are_not_aligned_are_refused_and_change_nothing(void **state) {
    (void) state;
    struct compact_range left = range_of_leaves(0, 5), before = left, right = range_of_leaves(6, 9);
    assert_ptr_equal(compact_range_append_range(&left, &right), &fault_merkle_shape);
    assert_ptr_equal(compact_range_append_subtree(&left, 1, &leaves[0]), &fault_merkle_shape);
    assert_ptr_equal(compact_range_append_subtree(&left, 64, &leaves[0]), &fault_merkle_shape);
    right = range_of_leaves(5, 9);
    right.count--;
    assert_ptr_equal(compact_range_append_range(&left, &right), &fault_merkle_shape);
    assert_ranges_equal(&left, &before);
    struct hash root;
    assert_ptr_equal(compact_range_root(&right, &root), &fault_merkle_shape);
}

static void a_range_does_not_pass_the_last_number(void **state) {
    (void) state;
    struct compact_range range;
    compact_range_init(&range, 0);
    assert_ptr_equal(compact_range_append_subtree(&range, 63, &leaves[0]), OK);
    assert_ptr_equal(compact_range_append_subtree(&range, 63, &leaves[1]), &fault_merkle_shape);
    compact_range_init(&range, UINT64_MAX);
    assert_ptr_equal(compact_range_append_leaf(&range, &leaves[0]), &fault_merkle_shape);
}

static void aligned_subtrees_may_replace_their_leaves(void **state) {
    (void) state;
    for (unsigned height = 0; height <= 5; height++) {
        struct compact_range range = range_of_leaves(0, 32), whole = range_of_leaves(0, 64);
        for (uint64_t at = 32, width = (uint64_t) 1 << height; at < 64; at += width) {
            struct hash hash = model_root(at, at + width);
            assert_ptr_equal(compact_range_append_subtree(&range, height, &hash), OK);
        }
        assert_ranges_equal(&range, &whole);
    }
}

static void every_model_path_proves_its_leaf_and_nothing_else(void **state) {
    (void) state;
    for (uint64_t size = 1; size <= MODEL_SIZE; size++)
        for (uint64_t index = 0; index < size; index++) {
            struct model_proof proof = {0};
            struct hash root = model_root(0, size);
            model_path(index, 0, size, &proof);
            assert_int_equal(merkle_path_length(index, size), proof.count);
            assert_ptr_equal(merkle_check_inclusion(index, size, &leaves[index], proof.nodes, proof.count, &root), OK);
            assert_ptr_equal(merkle_check_inclusion(index, size, &leaves[index], proof.nodes, proof.count + 1, &root),
                             &fault_merkle_shape);
            if (size > 1)
                assert_ptr_not_equal(
                    merkle_check_inclusion(index ^ 1, size, &leaves[index], proof.nodes, proof.count, &root), OK);
            for (size_t i = 0; i < proof.count; i++) {
                proof.nodes[i].bytes[7] ^= 0x10;
                assert_ptr_equal(merkle_check_inclusion(index, size, &leaves[index], proof.nodes, proof.count, &root),
                                 &fault_merkle_root);
                proof.nodes[i].bytes[7] ^= 0x10;
            }
        }
    assert_int_equal(merkle_path_length(5, 5), 0);
    assert_int_equal(merkle_path_length(0, UINT64_MAX), MERKLE_HEIGHT_MAX);
}

static void every_model_consistency_proof_holds_and_no_spoiled_one(void **state) {
    (void) state;
    for (uint64_t second = 1; second <= MODEL_SIZE; second++)
        for (uint64_t first = 1; first <= second; first++) {
            struct model_proof proof = {0};
            struct hash first_root = model_root(0, first), second_root = model_root(0, second);
            model_subproof(first, 0, second, true, &proof);
            assert_ptr_equal(merkle_check_consistency(first, second, &first_root, &second_root, proof.nodes, proof.count), OK);
            assert_ptr_equal(merkle_check_consistency(first, second, &first_root, &second_root, proof.nodes, proof.count + 1),
                             &fault_merkle_shape);
            if (proof.count > 0)
                assert_ptr_equal(
                    merkle_check_consistency(first, second, &first_root, &second_root, proof.nodes, proof.count - 1),
                    &fault_merkle_shape);
            for (size_t i = 0; i < proof.count; i++) {
                proof.nodes[i].bytes[0] ^= 1;
                assert_ptr_equal(merkle_check_consistency(first, second, &first_root, &second_root, proof.nodes, proof.count),
                                 &fault_merkle_root);
                proof.nodes[i].bytes[0] ^= 1;
            }
            first_root.bytes[0] ^= 1;
            assert_ptr_equal(merkle_check_consistency(first, second, &first_root, &second_root, proof.nodes, proof.count),
                             &fault_merkle_root);
        }
}

static void an_empty_first_tree_needs_the_empty_root_and_no_nodes(void **state) {
    (void) state;
    struct hash empty, root = model_root(0, 5);
    merkle_empty_root(&empty);
    assert_ptr_equal(merkle_check_consistency(0, 5, &empty, &root, NULL, 0), OK);
    assert_ptr_equal(merkle_check_consistency(0, 0, &empty, &empty, NULL, 0), OK);
    assert_ptr_equal(merkle_check_consistency(0, 5, &root, &root, NULL, 0), &fault_merkle_root);
    assert_ptr_equal(merkle_check_consistency(0, 0, &empty, &root, NULL, 0), &fault_merkle_root);
    assert_ptr_equal(merkle_check_consistency(0, 5, &empty, &root, leaves, 1), &fault_merkle_shape);
    assert_ptr_equal(merkle_check_consistency(5, 4, &root, &root, NULL, 0), &fault_merkle_shape);
}

/* The hash of a coordinate, ragged on the right edge. */
static struct hash model_node(struct merkle_coordinate node, uint64_t size) {
    uint64_t begin = node.index << node.level, end = (node.index + 1) << node.level;
    return model_root(begin, end < size ? end : size);
}

static void coordinates_name_the_nodes_of_paths_and_consistency_proofs_in_order(void **state) {
    (void) state;
    for (uint64_t size = 1; size <= MODEL_SIZE; size++)
        for (uint64_t index = 0; index < size; index++) {
            struct merkle_coordinate nodes[MERKLE_HEIGHT_MAX + 1];
            struct model_proof path = {0}, growth = {0};
            model_path(index, 0, size, &path);
            assert_int_equal(merkle_path_coordinates(index, size, nodes), path.count);
            for (size_t i = 0; i < path.count; i++) {
                struct hash hash = model_node(nodes[i], size);
                assert_hashes_equal(&hash, &path.nodes[i]);
            }
            if (index == 0)
                continue;
            model_subproof(index, 0, size, true, &growth);
            assert_int_equal(merkle_consistency_coordinates(index, size, nodes), growth.count);
            for (size_t i = 0; i < growth.count; i++) {
                struct hash hash = model_node(nodes[i], size);
                assert_hashes_equal(&hash, &growth.nodes[i]);
            }
        }
}

static void a_path_carries_the_frontier_before_its_leaf_and_the_siblings_after_it(void **state) {
    (void) state;
    for (uint64_t size = 1; size <= MODEL_SIZE; size++)
        for (uint64_t index = 0; index < size; index++) {
            struct model_proof path = {0};
            struct compact_range frontier, wanted = range_of_leaves(0, index);
            struct hash right[MERKLE_HEIGHT_MAX], root, wanted_root = model_root(0, size);
            size_t count;
            model_path(index, 0, size, &path);
            assert_ptr_equal(merkle_frontier_from_path(index, size, path.nodes, path.count, &frontier), OK);
            assert_ranges_equal(&frontier, &wanted);
            assert_ptr_equal(merkle_right_of_path(index, size, path.nodes, path.count, right, &count), OK);
            assert_ptr_equal(compact_range_append_leaf(&frontier, &leaves[index]), OK);
            assert_ptr_equal(merkle_root_with_right(&frontier, size, right, count, &root), OK);
            assert_hashes_equal(&root, &wanted_root);
            assert_ptr_equal(merkle_root_with_right(&frontier, size, right, count + 1, &root), &fault_merkle_shape);
            assert_ptr_equal(merkle_frontier_from_path(index, size, path.nodes, path.count + 1, &frontier),
                             &fault_merkle_shape);
        }
}

/* Probes: JSON files with a proof and whether it is to be refused. */
struct probe {
    uint64_t index, start, end, size;
    struct hash first, second;
    struct hash nodes[200];
    size_t count;
    bool is_malformed; /* a hash of another length: refused before any arithmetic */
    bool is_refused;
};

/* Roots that do not matter are short texts; they are compared all the same. */
static bool probe_root(const json_t *value, struct hash *ret_hash) {
    const char *text = json_string_value(value);
    uint8_t bytes[64];
    size_t size;
    if (text == NULL || strlen(text) > 44 || text_to_base64(span_of_text(text), bytes, &size) != OK || size > HASH_SIZE)
        return false;
    memcpy(ret_hash->bytes, bytes, size);
    return true;
}

static bool probe_hash(const json_t *value, struct hash *ret_hash) {
    const char *text = json_string_value(value);
    return text != NULL && hash_from_base64(span_of_text(text), ret_hash) == OK;
}

/* Some probes hold 2^64 - 1, which Jansson reads as a real at best. */
static uint64_t probe_number(const char *text, const char *name) {
    char member[40];
    snprintf(member, sizeof member, "\"%s\": ", name);
    const char *at = strstr(text, member);
    uint64_t number = 0;
    if (at != NULL)
        for (at += strlen(member); *at >= '0' && *at <= '9'; at++)
            number = number * 10 + (uint64_t) (*at - '0');
    return number;
}

static struct probe read_probe(const char *path) {
    struct probe probe = {0};
    struct buffer file;
    assert_true(file_read(path, &file));
    const char *text = buffer_text(&file);
    json_t *json = json_loads(text, JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(json);
    bool is_inclusion = json_object_get(json, "leafHash") != NULL;
    bool is_subtree = json_object_get(json, "start") != NULL || json_object_get(json, "end") != NULL;
    probe.index = probe_number(text, "leafIdx");
    probe.start = probe_number(text, "start");
    probe.end = probe_number(text, is_subtree ? "end" : "size1");
    probe.size = probe_number(text, is_inclusion && !is_subtree ? "treeSize" : is_subtree ? "size" : "size2");
    if (is_inclusion)
        probe.is_malformed = !probe_hash(json_object_get(json, "leafHash"), &probe.first) ||
                             !probe_hash(json_object_get(json, "root"), &probe.second);
    else
        probe.is_malformed = !probe_root(json_object_get(json, "root1"), &probe.first) ||
                             !probe_root(json_object_get(json, "root2"), &probe.second);
    json_t *nodes = json_object_get(json, "proof");
    for (size_t i = 0; i < json_array_size(nodes); i++)
        probe.is_malformed |= !probe_hash(json_array_get(nodes, i), &probe.nodes[probe.count++]);
    probe.is_refused = json_is_true(json_object_get(json, "wantErr"));
    json_decref(json);
    buffer_done(&file);
    return probe;
}

static bool inclusion_is_proved(const struct probe *probe) {
    return merkle_check_inclusion(probe->index, probe->size, &probe->first, probe->nodes, probe->count, &probe->second) == OK;
}

/* A proof that starts at the empty tree proves nothing, so it counts as none. */
static bool consistency_is_proved(const struct probe *probe) {
    return probe->end > 0 && merkle_check_consistency(probe->end, probe->size, &probe->first, &probe->second, probe->nodes,
                                                      probe->count) == OK;
}

static bool subtree_consistency_is_proved(const struct probe *probe) {
    struct merkle_subtree subtree = {.begin = probe->start, .end = probe->end, .hash = probe->first};
    return merkle_check_subtree(&subtree, probe->size, &probe->second, probe->nodes, probe->count) == OK;
}

/* Inclusion in a subtree is inclusion in a tree of its width, once the subtree itself is one. */
static bool subtree_inclusion_is_proved(const struct probe *probe) {
    uint64_t width = 1;
    while (width < probe->end - probe->start && width < (uint64_t) 1 << 62)
        width *= 2;
    if (probe->start >= probe->end || probe->start % width != 0 || probe->index < probe->start)
        return false;
    return merkle_check_inclusion(probe->index - probe->start, probe->end - probe->start, &probe->first, probe->nodes,
                                  probe->count, &probe->second) == OK;
}

static unsigned check_probes(const char *folder, bool (*is_proved)(const struct probe *), unsigned *ret_wrong) {
    char command[400], path[1000];
    unsigned count = 0;
    snprintf(command, sizeof command, "find %s/merkle-probes/%s -name '*.json'", BUILD_FOLDER, folder);
    FILE *names = popen(command, "r");
    assert_non_null(names);
    while (fgets(path, sizeof path, names) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        struct probe probe = read_probe(path);
        bool is_accepted = !probe.is_malformed && is_proved(&probe);
        if (is_accepted == probe.is_refused) {
            print_error("%s: wanted %s\n", path, probe.is_refused ? "a refusal" : "acceptance");
            ++*ret_wrong;
        }
        count++;
    }
    pclose(names);
    return count;
}

static void every_probe_of_the_corpora_gives_the_expected_answer(void **state) {
    (void) state;
    struct buffer archive = corpus_read("a-ct/proofs/merkle-testdata.tar.xz");
    buffer_done(&archive);
    assert_int_equal(system("mkdir -p " BUILD_FOLDER "/merkle-probes && tar -xJf " CORPORA_FOLDER
                            "/a-ct/proofs/merkle-testdata.tar.xz -C " BUILD_FOLDER "/merkle-probes"),
                     0);
    unsigned wrong = 0, count = 0;
    count += check_probes("inclusion", inclusion_is_proved, &wrong);
    count += check_probes("consistency", consistency_is_proved, &wrong);
    count += check_probes("subtreeinclusion", subtree_inclusion_is_proved, &wrong);
    count += check_probes("subtreeconsistency", subtree_consistency_is_proved, &wrong);
    assert_int_equal(wrong, 0);
    assert_int_equal(count, 518);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaf_node_and_empty_hashes_are_those_of_rfc_6962),
        cmocka_unit_test(the_frontier_of_every_size_leads_to_the_model_s_root),
        cmocka_unit_test(every_node_of_every_range_is_the_model_s_root_of_its_leaves),
        cmocka_unit_test(neighbours_join_to_the_range_of_all_their_leaves),
        cmocka_unit_test(pieces_that_do_not_touch_or_are_not_aligned_are_refused_and_change_nothing),
        cmocka_unit_test(a_range_does_not_pass_the_last_number),
        cmocka_unit_test(aligned_subtrees_may_replace_their_leaves),
        cmocka_unit_test(every_model_path_proves_its_leaf_and_nothing_else),
        cmocka_unit_test(every_model_consistency_proof_holds_and_no_spoiled_one),
        cmocka_unit_test(an_empty_first_tree_needs_the_empty_root_and_no_nodes),
        cmocka_unit_test(coordinates_name_the_nodes_of_paths_and_consistency_proofs_in_order),
        cmocka_unit_test(a_path_carries_the_frontier_before_its_leaf_and_the_siblings_after_it),
        cmocka_unit_test(every_probe_of_the_corpora_gives_the_expected_answer),
    };
    return cmocka_run_group_tests(tests, set_up_leaves, NULL);
}
