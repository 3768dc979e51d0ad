#include "vector_notation.h"
#include "vector_text.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/dns_message.h"

static void describe_name(const struct dns_name *name, struct buffer *out) {
    char text[DNS_NAME_TEXT_SIZE];
    dns_name_to_text(name, text);
    buffer_add_text(out, text);
}

static void describe_header(const struct dns_message *message, struct buffer *out) {
    buffer_printf(out, "id %04x%s%s%s%s%s", message->id, message->is_response ? " qr" : "", message->is_truncated ? " tc" : "",
                  message->is_recursion_available ? " ra" : "", message->is_authenticated ? " ad" : "", message->is_checking_disabled ? " cd" : "");
    if (message->opcode != 0)
        buffer_printf(out, " opcode %u", message->opcode);
    buffer_printf(out, " rcode %u", message->rcode);
    if (message->has_question) {
        buffer_add_text(out, ", ");
        describe_name(&message->question, out);
        buffer_printf(out, " %u?", message->question_type);
    }
}

static void describe_answers(const struct dns_message *message, struct buffer *out) {
    for (size_t i = 0; i < message->answer_count; i++) {
        const struct dns_record *record = &message->answers[i];
        char hex[2 * 40 + 1];
        text_of_hex(span_of(record->rdata.bytes, record->rdata.size < 40 ? record->rdata.size : 40), hex);
        buffer_add_text(out, "; ");
        describe_name(&record->owner, out);
        buffer_printf(out, " %u %u ", record->ttl_s, record->type);
        if (record->target.size > 0)
            describe_name(&record->target, out);
        else
            buffer_add_text(out, hex);
    }
}

static void describe(const struct dns_message *message, struct buffer *out) {
    describe_header(message, out);
    describe_answers(message, out);
    if (message->has_soa) {
        buffer_add_text(out, "; soa ");
        describe_name(&message->soa_owner, out);
        buffer_printf(out, " %u", message->soa_ttl_s);
    }
    buffer_add_text(out, message->is_referral ? "; referral" : "");
    buffer_add_text(out, message->has_edns ? "; edns" : "");
    for (size_t i = 0; i < message->extended_error_count; i++)
        buffer_printf(out, " %u \"%s\"", message->extended_errors[i].code, message->extended_errors[i].text);
}

static void judge(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(DNS_MESSAGE_ARENA);
    struct buffer line = buffer_with_limit(size);
    struct dns_message message;
    struct reason reason;
    result outcome = dns_message_parse(input, arena, &message, &reason);
    if (outcome == OK)
        describe(&message, &line);
    else
        buffer_printf(&line, "error %s: %s", outcome->name, reason.text);
    snprintf(ret_line, size, "%s", buffer_text(&line));
    buffer_done(&line);
    arena_free(arena);
}

static void messages_are_taken_apart_or_refused_with_the_rule(void **state) {
    (void) state;
    vector_texts_check("dns-message", judge);
}

static void the_query_says_what_it_should(void **state) {
    (void) state;
    static const struct {
        bool has_edns, is_checking_disabled;
        const char *wanted;
    } rows[] = {
        {false, false, "12340120000100000000000003777777076578616d706c650001010001"},
        {true, false, "12340120000100000000000103777777076578616d706c65000101000100002904d0000000000000"},
        {true, true, "12340130000100000000000103777777076578616d706c65000101000100002904d0000000000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer out = buffer_with_limit(512);
        struct dns_query query = {
            .id = 0x1234, .type = DNS_TYPE_CAA, .has_edns = rows[i].has_edns, .is_checking_disabled = rows[i].is_checking_disabled};
        char hex[512];
        assert_ptr_equal(dns_name_from_text(span_of_text("WWW.example"), &query.name, NULL), OK);
        assert_ptr_equal(dns_query_write(&query, &out), OK);
        text_of_hex(buffer_span(&out), hex);
        assert_string_equal(hex, rows[i].wanted);
        buffer_done(&out);
    }
}

static void every_query_can_be_read_and_fits_512_bytes(void **state) {
    (void) state;
    struct buffer out = buffer_with_limit(512);
    struct arena *arena = arena_new(DNS_MESSAGE_ARENA);
    struct dns_query query = {.id = 0xffff, .type = DNS_TYPE_CAA, .has_edns = true, .name = {.size = 255}};
    for (size_t at = 0; at < 254; at += 2)
        memcpy(query.name.wire + at, "\1a", 2);
    struct dns_message message;
    struct reason reason;
    assert_ptr_equal(dns_query_write(&query, &out), OK);
    assert_ptr_equal(dns_message_parse(buffer_span(&out), arena, &message, &reason), OK);
    assert_true(dns_name_equal(&message.question, &query.name) && message.has_edns && !message.is_response && message.is_authenticated);
    buffer_done(&out);
    out = buffer_with_limit(100);
    assert_ptr_equal(dns_query_write(&query, &out), &fault_limit_reached);
    buffer_done(&out);
    arena_free(arena);
}

/* 3 answers, a SOA and an OPT with an extended error. */
static const char whole[] = "1234 8180 0001 0003 0001 0001 1<\"www\"> 1<\"example\"> 00 0101 0001 c00c 0005 0001 0000003c 2<c010> c010 0101 0001 0000003c 2<00 05 \"issue\" \"a.example\">"
                            "c010 0101 0001 0000003c 2<80 03 \"foo\"> c010 0006 0001 0000003c 2< c00c c00c 00000001 00000001 00000001 00000001 0000001e > 00 0029 04d0 00000000 2<000f 2<0006 \"no\">>";

static void every_cut_of_a_message_is_refused_and_read_as_far_as_it_goes_when_truncated(void **state) {
    (void) state;
    struct buffer bytes = vector_bytes(whole);
    struct arena *arena = arena_new(DNS_MESSAGE_ARENA);
    struct dns_message message;
    struct reason reason;
    size_t most = 0;
    assert_ptr_equal(dns_message_parse(buffer_span(&bytes), arena, &message, &reason), OK);
    assert_int_equal(message.answer_count, 3);
    for (size_t size = 0; size < bytes.size; size++) {
        uint8_t *exact = memory_new(size + (size == 0));
        memcpy(exact, bytes.bytes, size);
        reason.text[0] = '\0';
        assert_ptr_equal(dns_message_parse(span_of(exact, size), arena, &message, &reason), &fault_dns_message);
        assert_true(strlen(reason.text) > 10);
        if (size > 2) {
            exact[2] |= 0x02; /* TC */
            bool is_past_question = size >= 12 + 13 + 4;
            assert_true((dns_message_parse(span_of(exact, size), arena, &message, &reason) == OK) == is_past_question);
            if (is_past_question) {
                assert_true(message.answer_count >= most && message.answer_count <= 3);
                most = message.answer_count;
            }
        }
        memory_free(exact);
        arena_reset(arena);
    }
    assert_int_equal(most, 3);
    buffer_done(&bytes);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_taken_apart_or_refused_with_the_rule),
        cmocka_unit_test(the_query_says_what_it_should),
        cmocka_unit_test(every_query_can_be_read_and_fits_512_bytes),
        cmocka_unit_test(every_cut_of_a_message_is_refused_and_read_as_far_as_it_goes_when_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
