#include "vector_text.h"

#include <regex.h>

#include "base/memory.h"
#include "caa_grammar.h"
#include "formats/caa_record.h"

#define SET_LIMIT ((size_t) 1024 * 1024)

static void judge_record(struct span input, char *ret_line, size_t size) {
    struct buffer line = buffer_with_limit(size);
    struct caa_record record;
    struct reason reason;
    result outcome = caa_record_parse(input, &record, &reason);
    if (outcome == OK)
        caa_record_to_text(&record, &line);
    else
        buffer_printf(&line, "error %s: %s", outcome->name, reason.text);
    snprintf(ret_line, size, "%s", buffer_text(&line));
    buffer_done(&line);
}

static void judge_value(struct span input, char *ret_line, size_t size) {
    struct buffer line = buffer_with_limit(size);
    struct caa_issuer_value value;
    struct reason reason;
    result outcome = caa_issuer_value_parse(input, &value, &reason);
    assert_ptr_equal(caa_issuer_value_parse(input, &value, NULL), outcome);
    if (outcome == OK)
        buffer_printf(&line, "<%.*s>", (int) value.domain.size, value.domain.bytes);
    else
        buffer_printf(&line, "error %s: %s", outcome->name, reason.text);
    for (size_t i = 0; outcome == OK && i < value.parameter_count; i++)
        buffer_printf(&line, " %.*s=<%.*s>", (int) value.parameters[i].tag.size, value.parameters[i].tag.bytes,
                      (int) value.parameters[i].value.size, value.parameters[i].value.bytes);
    if (outcome == OK && value.has_more_parameters)
        buffer_add_text(&line, " and more");
    snprintf(ret_line, size, "%s", buffer_text(&line));
    buffer_done(&line);
}

static void judge_set(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(SET_LIMIT);
    struct buffer line = buffer_with_limit(size), again = buffer_with_limit(SET_LIMIT);
    struct caa_record *records;
    size_t count;
    result outcome = caa_set_decode(input, arena, &records, &count);
    if (outcome == OK) {
        buffer_printf(&line, "%zu", count);
        for (size_t i = 0; i < count; i++) {
            buffer_add_text(&line, i == 0 ? ": " : ", ");
            caa_record_to_text(&records[i], &line);
        }
        assert_int_equal(caa_set_sort(records, count), count);
        assert_ptr_equal(caa_set_encode(records, count, &again), OK);
        assert_true(span_equal(buffer_span(&again), input));
    } else {
        buffer_printf(&line, "error %s", outcome->name);
    }
    snprintf(ret_line, size, "%s", buffer_text(&line));
    buffer_done(&line);
    buffer_done(&again);
    arena_free(arena);
}

static void records_are_read_or_refused_with_the_rule(void **state) {
    (void) state;
    vector_texts_check("caa-record", judge_record);
}

static void values_follow_the_grammar_or_are_refused_with_the_rule(void **state) {
    (void) state;
    vector_texts_check("caa-value", judge_value);
}

static void stored_sets_are_canonical_or_refused(void **state) {
    (void) state;
    vector_texts_check("caa-set", judge_set);
}

static void every_byte_is_either_a_tag_s_or_refused(void **state) {
    (void) state;
    struct caa_record record;
    struct reason reason;
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t rdata[] = {0, 2, 'x', (uint8_t) byte};
        bool is_good = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
        assert_true((caa_record_parse(span_of(rdata, sizeof rdata), &record, &reason) == OK) == is_good);
    }
}

static void the_grammar_takes_what_a_regular_expression_of_it_takes_of_all_values_up_to_six_bytes(void **state) {
    (void) state;
    static const char alphabet[] = "a-.;= !";
    enum { KINDS = sizeof alphabet - 1, LONGEST = 6 };
    regex_t grammar;
    unsigned good = 0;
    assert_int_equal(regcomp(&grammar, CAA_GRAMMAR, REG_EXTENDED | REG_NOSUB), 0);
    for (unsigned size = 1, count = KINDS; size <= LONGEST; size++, count *= KINDS)
        for (unsigned number = 0; number < count; number++) {
            char text[LONGEST + 1] = "";
            struct caa_issuer_value value;
            unsigned rest = number;
            for (unsigned i = 0; i < size; i++, rest /= KINDS)
                text[i] = alphabet[rest % KINDS];
            bool is_good = caa_issuer_value_parse(span_of(text, size), &value, NULL) == OK;
            good += is_good;
            if (is_good != (regexec(&grammar, text, 0, NULL, 0) == 0))
                fail_msg("\"%s\"", text);
        }
    regfree(&grammar);
    assert_true(good > 100 && good < 10000);
}

static struct caa_record record_of(uint8_t flags, const char *tag, const char *value) {
    return (struct caa_record){.flags = flags, .tag = span_of_text(tag), .value = span_of_text(value)};
}

static void a_set_is_the_same_whatever_its_order_repetitions_and_the_case_of_its_tags(void **state) {
    (void) state;
    struct caa_record one[] = {record_of(0, "issue", "b"), record_of(0, "IODEF", "x"), record_of(128, "issue", "a"), record_of(0, "issue", "a"),
                               record_of(0, "ISSUE", "b")};
    struct caa_record other[] = {record_of(0, "issue", "a"), record_of(128, "Issue", "a"), record_of(0, "iodef", "x"), record_of(0, "issue", "b")};
    struct buffer a = buffer_with_limit(SET_LIMIT), b = buffer_with_limit(SET_LIMIT);
    size_t one_count = caa_set_sort(one, 5), other_count = caa_set_sort(other, 4);
    assert_int_equal(one_count, 4);
    assert_int_equal(other_count, 4);
    assert_true(caa_set_equal(one, one_count, other, other_count));
    assert_ptr_equal(caa_set_encode(one, one_count, &a), OK);
    assert_ptr_equal(caa_set_encode(other, other_count, &b), OK);
    assert_true(span_equal(buffer_span(&a), buffer_span(&b)));
    other[3].value = span_of_text("B"); /* values do differ by case */
    assert_false(caa_set_equal(one, one_count, other, other_count));
    assert_false(caa_set_equal(one, one_count, other, 3));
    assert_int_equal(caa_set_sort(NULL, 0), 0);
    buffer_done(&a);
    buffer_done(&b);
}

static void a_set_that_does_not_fit_is_not_written_by_halves(void **state) {
    (void) state;
    struct caa_record record = record_of(0, "issue", "ca.example");
    struct buffer small = buffer_with_limit(10);
    assert_ptr_equal(caa_set_encode(&record, 1, &small), &fault_limit_reached);
    buffer_done(&small);
}

static void a_set_of_8192_records_is_read_and_one_of_8193_refused(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(SET_LIMIT);
    struct arena *arena = arena_new(SET_LIMIT);
    struct caa_record *records;
    size_t count;
    for (size_t i = 0; i <= CAA_RECORDS_MAX; i++) {
        buffer_add(&bytes, span_of("\0\1a\0\2", 5));
        buffer_add_number(&bytes, 2, i);
        if (i + 1 == CAA_RECORDS_MAX)
            assert_ptr_equal(caa_set_decode(buffer_span(&bytes), arena, &records, &count), OK);
    }
    assert_int_equal(count, CAA_RECORDS_MAX);
    assert_ptr_equal(caa_set_decode(buffer_span(&bytes), arena, &records, &count), &fault_caa_set);
    buffer_done(&bytes);
    arena_free(arena);
}

static void a_tag_is_compared_without_case_and_whole(void **state) {
    (void) state;
    struct caa_record record = record_of(128, "IssueWild", "x");
    assert_true(caa_tag_is(&record, "issuewild"));
    assert_false(caa_tag_is(&record, "issue"));
    assert_false(caa_tag_is(&record, "issuewilder"));
    assert_true(caa_is_critical(&record));
    record.flags = 127;
    assert_false(caa_is_critical(&record));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_or_refused_with_the_rule),
        cmocka_unit_test(values_follow_the_grammar_or_are_refused_with_the_rule),
        cmocka_unit_test(the_grammar_takes_what_a_regular_expression_of_it_takes_of_all_values_up_to_six_bytes),
        cmocka_unit_test(stored_sets_are_canonical_or_refused),
        cmocka_unit_test(every_byte_is_either_a_tag_s_or_refused),
        cmocka_unit_test(a_set_is_the_same_whatever_its_order_repetitions_and_the_case_of_its_tags),
        cmocka_unit_test(a_set_that_does_not_fit_is_not_written_by_halves),
        cmocka_unit_test(a_set_of_8192_records_is_read_and_one_of_8193_refused),
        cmocka_unit_test(a_tag_is_compared_without_case_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
