#include "vector_files.h"

#include "base/memory.h"
#include "formats/entry_report.h"

static const uint32_t terminals[] = {7, 3};
static const struct report_name names[] = {{NAME_DNS, NAME_FROM_SAN, "a.example"}, {NAME_IP, NAME_FROM_CN, "b"}};
static const struct report_sct scts[] = {{{{1}}, 5, SCT_VALID}};
static const char *const oddities[] = {"odd"};
static const struct hash chain[] = {{{2}}};

static struct entry_report sample(void) {
    return (struct entry_report){
        .index = 9, .timestamp_ms = 10, .kind = ENTRY_PRECERTIFICATE, .leaf_hash = {{3}}, .reason = "", .reason_text = "",
        .terminals = terminals, .terminal_count = 2, .terminal_total = 5, .matches_nearly_all = true,
        .broad_suffix = "com", .certificate = span_of_text("cert"), .tbs = span_of_text("tbs"),
        .cert_sha256 = {true, {{4}}}, .is_issuer_pending = true, .is_ca = true, .has_validity = true, .not_before = -1,
        .not_after = 2, .serial = "00ff", .issuer = "CN=i", .subject = "CN=s", .key_type = "rsa-2048", .names = names,
        .name_count = 2, .scts = scts, .sct_count = 1, .oddities = oddities, .oddity_count = 1,
        .chain_fingerprints = chain, .chain_count = 1, .issuer_certificate = span_of_text("issuer")};
}

static result decode(struct span bytes, struct arena *arena, struct entry_report *ret_report) {
    struct cursor cursor = cursor_of(bytes);
    result outcome = entry_report_decode(&cursor, arena, ret_report);
    if (outcome != OK)
        assert_int_equal(cursor.position, 0);
    return outcome;
}

static void test_a_report_comes_back_as_it_went(void **state) {
    (void) state;
    struct entry_report report = sample(), back;
    struct buffer bytes = buffer_with_limit(10000);
    struct arena *arena = arena_new(100000);
    assert_ptr_equal(entry_report_encode(&report, &bytes), OK);
    size_t one = bytes.size;
    assert_ptr_equal(entry_report_encode(&report, &bytes), OK);
    struct cursor cursor = cursor_of(buffer_span(&bytes));
    assert_ptr_equal(entry_report_decode(&cursor, arena, &back), OK);
    assert_int_equal(cursor.position, one);
    assert_int_equal(back.index, 9);
    assert_int_equal(back.terminals[1], 3);
    assert_int_equal(back.terminal_total, 5);
    assert_true(back.matches_nearly_all && back.is_ca && back.is_issuer_pending && back.has_validity);
    assert_int_equal(back.not_before, -1);
    assert_string_equal(back.names[1].value, "b");
    assert_int_equal(back.names[1].type, NAME_IP);
    assert_int_equal(back.scts[0].verdict, SCT_VALID);
    assert_string_equal(back.oddities[0], "odd");
    assert_true(span_equal(back.issuer_certificate, report.issuer_certificate));
    assert_true(back.cert_sha256.is_known && !back.tbs_sha256.is_known);
    arena_free(arena);
    buffer_done(&bytes);
}

static void test_every_cut_of_a_report_is_refused(void **state) {
    (void) state;
    struct entry_report report = sample(), back;
    struct buffer bytes = buffer_with_limit(10000);
    struct arena *arena = arena_new(100000);
    assert_ptr_equal(entry_report_encode(&report, &bytes), OK);
    for (size_t size = 0; size < bytes.size; size++) {
        arena_reset(arena);
        assert_ptr_equal(decode(span_of(bytes.bytes, size), arena, &back), &fault_report_format);
    }
    arena_free(arena);
    buffer_done(&bytes);
}

static void assert_refused(const struct entry_report *report) {
    struct buffer bytes = buffer_with_limit(10000);
    struct arena *arena = arena_new(100000);
    struct entry_report back = {.index = 77};
    assert_ptr_equal(entry_report_encode(report, &bytes), OK);
    assert_ptr_equal(decode(buffer_span(&bytes), arena, &back), &fault_report_format);
    assert_int_equal(back.index, 77);
    arena_free(arena);
    buffer_done(&bytes);
}

static void test_reports_that_contradict_themselves_are_refused(void **state) {
    (void) state;
    static const struct report_name unsorted[] = {{NAME_DNS, NAME_FROM_SAN, "b"}, {NAME_DNS, NAME_FROM_SAN, "a"}};
    static const struct report_name doubled[] = {{NAME_DNS, NAME_FROM_SAN, "a"}, {NAME_DNS, NAME_FROM_CN, "a"}};
    struct entry_report report = sample();
    report.names = unsorted;
    assert_refused(&report);
    report.names = doubled;
    assert_refused(&report);
    report = sample();
    report.terminal_total = 1;
    assert_refused(&report);
    report = sample();
    report.subject = "CN=\n";
    assert_refused(&report);
    report = sample();
    report.serial = "xyz";
    assert_refused(&report);
    report = sample();
    report.is_unreadable = true; /* without a reason */
    assert_refused(&report);
    report = sample();
    report.reason = "leaf.version"; /* of a readable entry */
    assert_refused(&report);
}

static void test_a_full_buffer_holds_whole_reports_only(void **state) {
    (void) state;
    struct entry_report report = sample();
    struct buffer bytes = buffer_with_limit(600);
    while (entry_report_encode(&report, &bytes) == OK)
        continue;
    assert_true(bytes.failed && bytes.size > 0);
    struct arena *arena = arena_new(100000);
    struct cursor cursor = cursor_of(span_of(bytes.bytes, bytes.size));
    while (!cursor_at_end(&cursor))
        assert_ptr_equal(entry_report_decode(&cursor, arena, &report), OK);
    arena_free(arena);
    buffer_done(&bytes);
}

static void test_without_memory_decoding_says_so(void **state) {
    (void) state;
    struct entry_report report = sample(), back;
    struct buffer bytes = buffer_with_limit(10000);
    struct arena *arena = arena_new(16);
    assert_ptr_equal(entry_report_encode(&report, &bytes), OK);
    assert_ptr_equal(decode(buffer_span(&bytes), arena, &back), &fault_no_memory);
    arena_free(arena);
    buffer_done(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_comes_back_as_it_went),
        cmocka_unit_test(test_every_cut_of_a_report_is_refused),
        cmocka_unit_test(test_reports_that_contradict_themselves_are_refused),
        cmocka_unit_test(test_a_full_buffer_holds_whole_reports_only),
        cmocka_unit_test(test_without_memory_decoding_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
