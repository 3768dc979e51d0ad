/* What resolvers say of TLSA records: one by one, and together. */
#include "vector_files.h"

#include "base/memory.h"
#include "base/text.h"
#include "rules/tlsa_agreed.h"
#include "tlsa_words.h"
#include "vector_text.h"

/* ---- one answer */

static void describe_pins(const struct pin_document *document, struct buffer *out) {
    for (size_t i = 0; i < document->set_count; i++)
        for (size_t k = 0; k < document->sets[i].groups[0].count; k++) {
            const struct pin *pin = &document->sets[i].groups[0].pins[k];
            char hex[2 * 4 + 1];
            text_of_hex(span_of(pin->value.bytes, pin->value.size < 4 ? pin->value.size : 4), hex);
            buffer_printf(out, "; %u %u %u %s%s", pin->tlsa_usage, pin->kind == PIN_SPKI, pin->algorithm == PIN_FULL ? 0 : pin->algorithm == PIN_SHA256 ? 1 : 2, hex,
                          pin->value.size > 4 ? "…" : "");
        }
    for (size_t i = 0; i < document->remark_count; i++) {
        assert_int_equal(document->remarks[i].kind, PIN_REMARK_WARNING);
        buffer_printf(out, "; (%s)", strchr(document->remarks[i].text, ':') + 2);
    }
}

static void describe(const struct caa_answer *answer, struct arena *arena, struct buffer *out) {
    struct tlsa_answer records = tlsa_answer_of(answer);
    struct pin_document document;
    buffer_printf(out, "%s%s%s%s%s%s ttl=%u", caa_outcome_name(answer->outcome), answer->why[0] == '\0' ? "" : " ", answer->why, answer->is_from_validator ? " validator" : "",
                  answer->is_authenticated ? " ad" : "", answer->is_nonexistent ? " nxdomain" : "", answer->ttl_s);
    for (size_t i = 0; i < answer->chain_count; i++)
        buffer_printf(out, " > %s", answer->chain[i]);
    if (answer->outcome == CAA_RECORDS && answer->has_zone_ttl)
        buffer_printf(out, " zone=%u", answer->zone_ttl_s);
    else if (answer->outcome == CAA_RECORDS)
        buffer_add_text(out, " zone=?");
    assert_ptr_equal(pin_tlsa_of_records(&records, arena, &document), OK);
    assert_true(document.set_count == 0 || (document.set_count == 1 && document.sets[0].is_secure == answer->is_authenticated &&
                                            document.sets[0].has_ttl == answer->has_zone_ttl && document.sets[0].ttl_s == answer->zone_ttl_s));
    describe_pins(&document, out);
    if (answer->detail[0] != '\0')
        buffer_printf(out, " (%s)", answer->detail);
}

/* As the client does it: parsed, judged, copied to where it is kept. */
static void judge(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(DNS_MESSAGE_ARENA), *kept = arena_new(DNS_MESSAGE_ARENA);
    CLEANUP(buffer_done) struct buffer line = buffer_with_limit(size);
    struct dns_message message;
    struct reason reason = {""};
    struct caa_answer answer, copy;
    struct dns_name asked;
    assert_ptr_equal(dns_name_from_text(span_of_text(TLSA_ASKED), &asked, NULL), OK);
    result outcome = dns_message_parse(span_of(input.bytes + 1, input.size - 1), arena, &message, &reason);
    if (outcome == OK) {
        assert_ptr_equal(dns_answer_of_message(&message, &asked, DNS_TYPE_TLSA, input.bytes[0] != 0, arena, &answer), OK);
        assert_ptr_equal(caa_answer_copy(&answer, kept, &copy), OK);
        arena_reset(arena);
        describe(&copy, kept, &line);
    } else {
        buffer_printf(&line, "error %s: %s", outcome->name, reason.text);
    }
    snprintf(ret_line, size, "%s", buffer_text(&line));
    arena_free(arena);
    arena_free(kept);
}

static void an_answer_means_what_the_rules_say(void **state) {
    (void) state;
    vector_texts_check("tlsa-answer", judge);
}

static void more_records_than_a_set_may_have_are_too_many(void **state) {
    (void) state;
    static uint8_t bytes[PINS_OF_SET_MAX + 1][3 + 32];
    static struct span data[PINS_OF_SET_MAX + 1];
    struct arena *arena = arena_new(DNS_MESSAGE_ARENA);
    struct pin_document document;
    for (size_t i = 0; i <= PINS_OF_SET_MAX; i++) {
        bytes[i][0] = 3, bytes[i][1] = bytes[i][2] = 1, bytes[i][3] = (uint8_t) i, bytes[i][4] = (uint8_t) (i >> 8);
        data[i] = span_of(bytes[i], sizeof bytes[i]);
    }
    struct tlsa_answer records = {.source = "", .host = "a.example", .port = 443, .protocol = "tcp", .data = data, .count = PINS_OF_SET_MAX};
    assert_ptr_equal(pin_tlsa_of_records(&records, arena, &document), OK);
    records.count++;
    assert_ptr_equal(pin_tlsa_of_records(&records, arena, &document), &fault_limit_reached);
    arena_free(arena);
}

/* ---- several */

static const struct span one[] = {{(const uint8_t *) "\3\1\1a", 4}, {(const uint8_t *) "\3\1\1b", 4}}, turned[] = {{(const uint8_t *) "\3\1\1b", 4}, {(const uint8_t *) "\3\1\1a", 4},
                         {(const uint8_t *) "\3\1\1b", 4}}, fewer[] = {{(const uint8_t *) "\3\1\1a", 4}};
#define RECORDS(list, is_ad) {.outcome = CAA_RECORDS, .why = "", .detail = "", .is_authenticated = is_ad, .data = list, .data_count = sizeof list / sizeof list[0]}
static const struct caa_answer secure = RECORDS(one, true), insecure = RECORDS(one, false), secure_turned = RECORDS(turned, true), other = RECORDS(fewer, true),
                               none = {.outcome = CAA_EMPTY, .why = "", .detail = ""}, secure_none = {.outcome = CAA_EMPTY, .why = "", .detail = "", .is_authenticated = true},
                               failed = {.outcome = CAA_FAILED, .why = "timeout", .detail = "no answer came in time"}, bogus = {.outcome = CAA_BOGUS, .why = "bogus", .detail = ""};

struct round {
    const char *wanted; /* "secure", "insecure", "none", or what the trouble says */
    struct tlsa_voice voices[3];
};
#define V(answer_) {.resolver = "v", .is_validating = true, .answer = &answer_}
#define P(answer_) {.resolver = "p", .answer = &answer_}

static void resolvers_together_know_what_each_says(void **state) {
    (void) state;
    static const struct round rounds[] = {
        {"secure", {V(secure)}},
        {"insecure", {V(insecure)}},
        {"no resolver that is known to validate", {P(secure)}}, /* its AD bit was not believed */
        {"no resolver that is known to validate", {P(insecure), P(insecure)}},
        {"none", {P(none)}},
        {"none", {V(secure_none)}},
        {"secure", {P(insecure), V(secure)}}, /* who does not validate cannot say so */
        {"secure", {V(secure), V(secure_turned)}},
        {"disagree whether", {V(secure), V(insecure)}},
        {"disagree whether", {V(secure_none), V(none)}},
        {"say different things", {V(secure), V(other)}},
        {"say different things", {V(other), V(secure)}},
        {"say different things", {V(secure), P(none)}},
        {"say different things", {V(secure_none), P(insecure)}},
        {"no answer came in time, of p", {V(secure), P(failed)}},
        {"no answer came in time, of v", {V(failed)}},
        {"bogus, of v", {P(insecure), V(bogus)}},
        {"no resolver was asked", {{.resolver = NULL}}},
    };
    for (size_t i = 0; i < sizeof rounds / sizeof rounds[0]; i++) {
        struct arena *arena = arena_new(10000);
        struct tlsa_agreed agreed;
        size_t count = 0;
        while (count < 3 && rounds[i].voices[count].answer != NULL)
            count++;
        assert_ptr_equal(tlsa_agree(rounds[i].voices, count, arena, &agreed), OK);
        const char *said = agreed.trouble != NULL ? agreed.trouble : agreed.answer->outcome == CAA_EMPTY ? "none" : agreed.is_secure ? "secure" : "insecure";
        if (strstr(said, rounds[i].wanted) == NULL || (agreed.trouble == NULL && strcmp(said, rounds[i].wanted) != 0))
            fail_msg("round %zu: %s, wanted %s", i, said, rounds[i].wanted);
        assert_true((agreed.trouble == NULL) == (agreed.answer != NULL));
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_means_what_the_rules_say),
        cmocka_unit_test(more_records_than_a_set_may_have_are_too_many),
        cmocka_unit_test(resolvers_together_know_what_each_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
