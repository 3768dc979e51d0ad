#include "vector_files.h"

#include "base/text.h"
#include "formats/tree_head.h"

/* The log id of the vectors is 32 bytes 0x01; their origin is log.example/2026. */
#define ORIGIN "log.example/2026"

static struct hash vector_log_id(void) {
    struct hash id;
    memset(id.bytes, 1, sizeof id.bytes);
    return id;
}

static void describe(result outcome, const struct tree_head *head, char *line, size_t size) {
    char root[HASH_HEX_SIZE];
    if (outcome != OK) {
        snprintf(line, size, "%s", outcome->name);
        return;
    }
    hash_to_hex(&head->root, root);
    snprintf(line, size, "size=%llu timestamp=%llu root=%s signature=%zu", (unsigned long long) head->size,
             (unsigned long long) head->timestamp_ms, root, head->signature_size);
}

static void judge_sth(struct span input, char *line, size_t size) {
    struct tree_head head;
    describe(tree_head_from_json(input, &head), &head, line, size);
}

static void judge_checkpoint(struct span input, char *line, size_t size) {
    struct tree_head head;
    struct hash id = vector_log_id();
    describe(tree_head_from_checkpoint(input, ORIGIN, &id, &head), &head, line, size);
}

static void every_sth_vector_gives_its_value_or_exact_error(void **state) {
    (void) state;
    vectors_check("sth", judge_sth);
}

static void every_checkpoint_vector_gives_its_value_or_exact_error(void **state) {
    (void) state;
    vectors_check("checkpoint", judge_checkpoint);
}

static void a_refused_head_leaves_the_output_as_it_was(void **state) {
    (void) state;
    struct tree_head head, before;
    memset(&head, 0xa5, sizeof head);
    before = head;
    struct hash id = vector_log_id();
    assert_ptr_equal(tree_head_from_json(span_of_text("{}"), &head), &fault_sth_json);
    assert_ptr_equal(tree_head_from_checkpoint(span_of_text(ORIGIN "\n1\n"), ORIGIN, &id, &head), &fault_checkpoint_form);
    assert_memory_equal(&head, &before, sizeof head);
}

static void the_signed_bytes_are_version_type_timestamp_size_and_root(void **state) {
    (void) state;
    struct tree_head head = {.size = 0x0102030405060708, .timestamp_ms = 0x1112131415161718};
    memset(head.root.bytes, 0xee, HASH_SIZE);
    uint8_t bytes[TREE_HEAD_SIGNED_SIZE];
    tree_head_signed_bytes(&head, bytes);
    static const uint8_t wanted[] = {0,    1,                                                  /* v1, tree_hash */
                                     0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,           /* timestamp */
                                     0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,           /* tree_size */
                                     0xee, 0xee};
    assert_memory_equal(bytes, wanted, sizeof wanted);
    assert_int_equal(bytes[TREE_HEAD_SIGNED_SIZE - 1], 0xee);
}

static void a_checkpoint_cut_anywhere_is_refused(void **state) {
    (void) state;
    struct buffer note = corpus_read("a-ct/checkpoints/willow2025h1b.checkpoint");
    struct hash id = vector_log_id();
    for (size_t size = 0; size < note.size; size++) {
        struct tree_head head;
        assert_ptr_not_equal(
            tree_head_from_checkpoint(span_of(note.bytes, size), "willow.ct.letsencrypt.org/2025h1b", &id, &head), OK);
    }
    buffer_done(&note);
}

static void a_checkpoint_longer_than_the_ceiling_is_refused(void **state) {
    (void) state;
    struct buffer note = buffer_with_limit(CHECKPOINT_SIZE_MAX * 2);
    struct hash id = vector_log_id();
    struct tree_head head;
    buffer_add_text(&note, ORIGIN "\n1\n" "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n");
    while (note.size <= CHECKPOINT_SIZE_MAX - 20)
        buffer_add_text(&note, "\xe2\x80\x94 other AAAAAAAA\n");
    assert_ptr_equal(tree_head_from_checkpoint(buffer_span(&note), ORIGIN, &id, &head), &fault_checkpoint_unsigned);
    while (note.size <= CHECKPOINT_SIZE_MAX)
        buffer_add_text(&note, "\xe2\x80\x94 other AAAAAAAA\n");
    assert_ptr_equal(tree_head_from_checkpoint(buffer_span(&note), ORIGIN, &id, &head), &fault_checkpoint_form);
    buffer_done(&note);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sth_vector_gives_its_value_or_exact_error),
        cmocka_unit_test(every_checkpoint_vector_gives_its_value_or_exact_error),
        cmocka_unit_test(a_refused_head_leaves_the_output_as_it_was),
        cmocka_unit_test(the_signed_bytes_are_version_type_timestamp_size_and_root),
        cmocka_unit_test(a_checkpoint_cut_anywhere_is_refused),
        cmocka_unit_test(a_checkpoint_longer_than_the_ceiling_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
