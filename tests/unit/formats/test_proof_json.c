#include "vector_files.h"

#include "base/text.h"
#include "formats/proof_json.h"

static size_t add_nodes(const struct proof *proof, char *line, size_t size, size_t at) {
    for (size_t i = 0; i < proof->count; i++) {
        char hex[HASH_HEX_SIZE];
        hash_to_hex(&proof->nodes[i], hex);
        at += (size_t) snprintf(line + at, size - at, " %.8s", hex);
    }
    return at;
}

static void judge_consistency(struct span input, char *line, size_t size) {
    struct proof proof;
    result outcome = proof_from_consistency_json(input, &proof);
    size_t at = (size_t) snprintf(line, size, "%s", outcome == OK ? "nodes" : outcome->name);
    if (outcome == OK)
        add_nodes(&proof, line, size, at);
}

static void judge_inclusion(struct span input, char *line, size_t size) {
    struct proof proof;
    result outcome = proof_from_inclusion_json(input, &proof);
    if (outcome != OK) {
        snprintf(line, size, "%s", outcome->name);
        return;
    }
    size_t at = (size_t) snprintf(line, size, "index=%llu nodes", (unsigned long long) proof.leaf_index);
    add_nodes(&proof, line, size, at);
}

static void judge_entry(struct span input, char *line, size_t size) {
    struct proof proof;
    struct hash leaf;
    char hex[HASH_HEX_SIZE];
    result outcome = proof_from_entry_and_proof_json(input, 7, &leaf, &proof);
    if (outcome != OK) {
        snprintf(line, size, "%s", outcome->name);
        return;
    }
    hash_to_hex(&leaf, hex);
    size_t at = (size_t) snprintf(line, size, "index=%llu leaf=%s nodes", (unsigned long long) proof.leaf_index, hex);
    add_nodes(&proof, line, size, at);
}

static void every_consistency_vector_gives_its_value_or_exact_error(void **state) {
    (void) state;
    vectors_check("proof-consistency", judge_consistency);
}

static void every_inclusion_vector_gives_its_value_or_exact_error(void **state) {
    (void) state;
    vectors_check("proof-inclusion", judge_inclusion);
}

static void every_entry_and_proof_vector_gives_its_value_or_exact_error(void **state) {
    (void) state;
    vectors_check("proof-entry", judge_entry);
}

static void nesting_beyond_the_ceiling_is_refused_before_jansson_recurses(void **state) {
    (void) state;
    char text[60000];
    struct proof proof;
    memset(text, '[', sizeof text);
    assert_ptr_equal(proof_from_consistency_json(span_of(text, sizeof text), &proof), &fault_proof_json);
}

static void more_values_than_any_real_answer_has_are_refused(void **state) {
    (void) state;
    struct buffer text = buffer_with_limit(1000000);
    struct proof proof;
    struct hash leaf;
    buffer_add_text(&text, "{\"audit_path\":[],\"leaf_input\":\"AAAA\",\"extra_data\":\"\",\"x\":[0");
    size_t start = text.size;
    while (text.size < start + 2 * 99990)
        buffer_add_text(&text, ",0");
    buffer_add_text(&text, "]}");
    assert_ptr_equal(proof_from_entry_and_proof_json(buffer_span(&text), 0, &leaf, &proof), OK);
    text.size -= 2;
    for (size_t i = 0; i < 10; i++)
        buffer_add_text(&text, ",0");
    buffer_add_text(&text, "]}");
    assert_ptr_equal(proof_from_entry_and_proof_json(buffer_span(&text), 0, &leaf, &proof), &fault_proof_json);
    buffer_done(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_consistency_vector_gives_its_value_or_exact_error),
        cmocka_unit_test(every_inclusion_vector_gives_its_value_or_exact_error),
        cmocka_unit_test(every_entry_and_proof_vector_gives_its_value_or_exact_error),
        cmocka_unit_test(nesting_beyond_the_ceiling_is_refused_before_jansson_recurses),
        cmocka_unit_test(more_values_than_any_real_answer_has_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
