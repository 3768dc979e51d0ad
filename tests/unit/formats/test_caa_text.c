#include "vector_text.h"

#include "base/memory.h"
#include "formats/caa_text.h"

static void describe_record(const struct caa_text_record *record, struct buffer *out) {
    char owner[DNS_NAME_TEXT_SIZE];
    dns_name_to_text(&record->owner, owner);
    buffer_printf(out, "%u:%s%s", record->line, record->has_owner ? " " : " (", owner);
    buffer_add_text(out, record->has_owner ? "" : ")");
    if (record->has_ttl)
        buffer_printf(out, " %u", record->ttl_s);
    buffer_add_text(out, " ");
    caa_record_to_text(&record->record, out);
}

enum { COMPLAINTS_SHOWN = 7 };

static void describe(const struct caa_text *text, struct buffer *out) {
    for (size_t i = 0; i < text->record_count; i++) {
        buffer_add_text(out, i == 0 ? "" : " | ");
        describe_record(&text->records[i], out);
    }
    for (size_t i = 0; i < text->complaint_count && i < COMPLAINTS_SHOWN; i++)
        buffer_printf(out, "%s%u: REFUSED %s", text->record_count + i == 0 ? "" : " | ", text->complaints[i].line, text->complaints[i].sentence);
    if (text->complaint_count > COMPLAINTS_SHOWN)
        buffer_printf(out, " and %zu more", text->complaint_count - COMPLAINTS_SHOWN);
    if (text->complaints_left_out > 0)
        buffer_printf(out, ", %zu not kept", text->complaints_left_out);
    if (text->other_records > 0)
        buffer_printf(out, "%s%zu others", text->record_count + text->complaint_count == 0 ? "" : " | ", text->other_records);
    if (text->record_count + text->complaint_count + text->other_records == 0)
        buffer_add_text(out, "nothing");
}

/* Inputs are read below example.org, unless they begin with "; no origin". */
static void judge(struct span input, char *ret_line, size_t size) {
    static const char no_origin[] = "; no origin\n";
    struct arena *arena = arena_new(CAA_TEXT_ARENA);
    struct buffer line = buffer_with_limit(size);
    struct dns_name origin;
    struct caa_text text;
    struct reason reason;
    bool has_origin = input.size < sizeof no_origin - 1 || memcmp(input.bytes, no_origin, sizeof no_origin - 1) != 0;
    assert_ptr_equal(dns_name_from_text(span_of_text("example.org"), &origin, NULL), OK);
    result outcome = caa_text_parse(input, has_origin ? &origin : NULL, arena, &text, &reason);
    if (outcome == OK)
        describe(&text, &line);
    else
        buffer_printf(&line, "error %s: %s", outcome->name, reason.text);
    snprintf(ret_line, size, "%s", buffer_text(&line));
    buffer_done(&line);
    arena_free(arena);
}

static void records_are_read_as_people_write_them(void **state) {
    (void) state;
    vector_texts_check("caa-text", judge);
}

static const char wanted_caa[] = "caa01.example 3600 0 issue \"ca.example.net\", caa02.example 3600 0 iodef \"mailto:security@example.com\", "
                                 "caa03.example 3600 0 iodef \"http://iodef.example.com/\", "
                                 "caa04.example 3600 0 issue \"ca.example.net; account=230123\", "
                                 "caa05.example 3600 0 issue \"ca.example.net; policy=ev\", caa06.example 3600 128 tbs \"Unknown\"";

static void check_zone(const char *file, const char *origin_text, const char *wanted_complaints) {
    struct buffer bytes = corpus_read(file), line = buffer_with_limit(10000), complaints = buffer_with_limit(10000);
    struct arena *arena = arena_new(CAA_TEXT_ARENA);
    struct dns_name origin;
    struct caa_text text;
    struct reason reason;
    assert_ptr_equal(dns_name_from_text(span_of_text(origin_text), &origin, NULL), OK);
    assert_ptr_equal(caa_text_parse(buffer_span(&bytes), &origin, arena, &text, &reason), OK);
    for (size_t i = 0; i < text.record_count; i++) {
        char owner[DNS_NAME_TEXT_SIZE];
        dns_name_to_text(&text.records[i].owner, owner);
        buffer_printf(&line, "%s%s %u ", i == 0 ? "" : ", ", owner, text.records[i].ttl_s);
        caa_record_to_text(&text.records[i].record, &line);
    }
    for (size_t i = 0; i < text.complaint_count; i++)
        buffer_printf(&complaints, "%u: %s\n", text.complaints[i].line, text.complaints[i].sentence);
    assert_string_equal(buffer_text(&complaints), wanted_complaints);
    assert_string_equal(buffer_text(&line), wanted_caa);
    assert_true(text.other_records > 100);
    buffer_done(&bytes);
    buffer_done(&line);
    buffer_done(&complaints);
    arena_free(arena);
}

static void the_zones_of_dnspython_hold_the_six_records_of_rfc_6844(void **state) {
    (void) state;
    check_zone("c-caa-dns/dnspython/example", ".", "");
    check_zone("c-caa-dns/dnspython/example1.good", "example", "");
}

static void the_zone_of_the_caa_test_suite_is_read_whole(void **state) {
    (void) state;
    struct buffer bytes = corpus_read("c-caa-dns/caatestsuite/zones/caatestsuite.com.");
    struct arena *arena = arena_new(CAA_TEXT_ARENA);
    struct dns_name origin, big;
    struct caa_text text;
    struct reason reason;
    size_t of_big = 0;
    assert_ptr_equal(dns_name_from_text(span_of_text("caatestsuite.com"), &origin, NULL), OK);
    assert_ptr_equal(dns_name_from_text(span_of_text("big.basic.caatestsuite.com"), &big, NULL), OK);
    assert_ptr_equal(caa_text_parse(buffer_span(&bytes), &origin, arena, &text, &reason), OK);
    for (size_t i = 0; i < text.record_count; i++)
        of_big += dns_name_equal(&text.records[i].owner, &big);
    for (size_t i = 0; i < text.complaint_count; i++)
        print_message("%u: %s\n", text.complaints[i].line, text.complaints[i].sentence);
    assert_int_equal(text.complaint_count, 0);
    assert_int_equal(of_big, 1001);
    buffer_done(&bytes);
    arena_free(arena);
}

static void a_value_may_be_as_long_as_a_record(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(100000);
    struct arena *arena = arena_new(CAA_TEXT_ARENA);
    struct caa_text text;
    struct reason reason;
    buffer_add_text(&bytes, "0 issue \"");
    for (size_t i = 0; i < UINT16_MAX - 7; i++)
        buffer_add_text(&bytes, "x");
    buffer_add_text(&bytes, "\"\n");
    assert_ptr_equal(caa_text_parse(buffer_span(&bytes), NULL, arena, &text, &reason), OK);
    assert_int_equal(text.record_count, 1);
    assert_int_equal(text.records[0].record.value.size, UINT16_MAX - 7);
    buffer_done(&bytes);
    arena_free(arena);
}

static void a_text_holds_65536_records_and_no_more(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(CAA_TEXT_SIZE_MAX);
    struct arena *arena = arena_new(CAA_TEXT_ARENA);
    struct caa_text text;
    struct reason reason;
    for (size_t i = 0; i < CAA_TEXT_RECORDS_MAX; i++)
        buffer_add_text(&bytes, "0 x y\n");
    assert_ptr_equal(caa_text_parse(buffer_span(&bytes), NULL, arena, &text, &reason), OK);
    assert_int_equal(text.record_count, CAA_TEXT_RECORDS_MAX);
    arena_reset(arena);
    buffer_add_text(&bytes, "0 x y\n");
    assert_ptr_equal(caa_text_parse(buffer_span(&bytes), NULL, arena, &text, &reason), &fault_caa_text);
    assert_string_equal(reason.text, "line 65537: more than 65536 CAA records");
    buffer_done(&bytes);
    arena_free(arena);
}

static void a_text_of_16_megabytes_is_read_and_one_byte_more_is_too_large(void **state) {
    (void) state;
    uint8_t *bytes = memory_new(CAA_TEXT_SIZE_MAX + 1);
    struct arena *arena = arena_new(CAA_TEXT_ARENA);
    struct caa_text text;
    struct reason reason;
    for (size_t i = 0; i <= CAA_TEXT_SIZE_MAX; i++)
        bytes[i] = (uint8_t) "( \"\"\n"[i % 5];
    assert_ptr_equal(caa_text_parse(span_of(bytes, CAA_TEXT_SIZE_MAX), NULL, arena, &text, &reason), OK);
    assert_int_equal(text.complaint_count, 1);
    assert_ptr_equal(caa_text_parse(span_of(bytes, CAA_TEXT_SIZE_MAX + 1), NULL, arena, &text, &reason), &fault_caa_text);
    assert_string_equal(reason.text, "the text has 16777217 bytes, wanted 16777216 at most");
    memory_free(bytes);
    arena_free(arena);
}

static void want_of_memory_never_loses_a_record(void **state) {
    (void) state;
    static const char lines[] = "www 60 CAA 0 issue \"a\"\nhello\n CAA \\# 7 00056973737565\nx A 192.0.2.1\n";
    struct dns_name origin;
    size_t with = 0, without = 0;
    assert_ptr_equal(dns_name_from_text(span_of_text("example.org"), &origin, NULL), OK);
    for (size_t limit = 0; limit < 60000; limit += 61) {
        struct arena *arena = arena_new(limit);
        struct caa_text text;
        struct reason reason;
        result outcome = caa_text_parse(span_of_text(lines), &origin, arena, &text, &reason);
        assert_true(outcome == OK || outcome == &fault_no_memory);
        if (outcome == OK)
            assert_true(text.record_count == 2 && text.complaint_count == 1 && text.other_records == 1);
        with += outcome == OK;
        without += outcome != OK;
        arena_free(arena);
    }
    assert_true(with > 10 && without > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_as_people_write_them),
        cmocka_unit_test(the_zones_of_dnspython_hold_the_six_records_of_rfc_6844),
        cmocka_unit_test(the_zone_of_the_caa_test_suite_is_read_whole),
        cmocka_unit_test(a_value_may_be_as_long_as_a_record),
        cmocka_unit_test(a_text_holds_65536_records_and_no_more),
        cmocka_unit_test(a_text_of_16_megabytes_is_read_and_one_byte_more_is_too_large),
        cmocka_unit_test(want_of_memory_never_loses_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
