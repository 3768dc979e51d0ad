/* What an answer about TLSA records means, said by a resolver that validates (first byte odd) or does not, and the pins that are made of it.
 *
 * library: rules
 * parser: formats/tlsa_record.c formats/pin_tlsa_records.c
 * seeds: tlsa-answer */
#include "formats/tlsa_record.h"
#include "fuzz/harness.h"
#include "tlsa_words.h"

static void check_answer(const struct caa_answer *answer, const struct dns_message *message, bool is_validator) {
    bool is_known = answer->outcome == CAA_RECORDS || answer->outcome == CAA_EMPTY;
    require((answer->outcome == CAA_RECORDS) == (answer->data_count > 0) && answer->record_count == 0);
    require((answer->why[0] == '\0') == is_known && (answer->detail[0] == '\0') == is_known);
    require(answer->is_authenticated == (is_known && is_validator && message->is_authenticated));
    require(!answer->has_zone_ttl || (answer->is_authenticated && answer->data_count > 0));
}

static void check_pins(const struct caa_answer *answer, struct arena *arena) {
    struct tlsa_answer records = tlsa_answer_of(answer);
    struct pin_document document;
    size_t usable = 0, pins = 0;
    for (size_t i = 0; i < answer->data_count; i++) {
        struct tlsa_record record;
        struct reason reason = {""};
        bool is_usable = tlsa_record_parse(answer->data[i], &record, &reason) == OK;
        require(is_usable == (reason.text[0] == '\0'));
        require(!is_usable || (record.usage <= TLSA_USAGE_MAX && record.data.size + 3 == answer->data[i].size && record.data.size > 0));
        usable += is_usable;
    }
    result outcome = pin_tlsa_of_records(&records, arena, &document);
    require(outcome == OK || (outcome == &fault_limit_reached && usable > PINS_OF_SET_MAX));
    if (outcome != OK)
        return;
    for (size_t i = 0; i < document.set_count; i++)
        pins += document.sets[i].groups[0].count;
    require(pins == usable && document.set_count == (usable > 0));
    require((document.remark_count > 0) == (usable < answer->data_count));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new(4 * DNS_MESSAGE_ARENA);
    struct cursor input = cursor_of(span_of(bytes, size));
    struct caa_answer answer, copy;
    struct dns_message message;
    struct dns_name asked;
    struct reason reason;
    bool is_validator = next_choice(&input) % 2 == 1;
    require(dns_name_from_text(span_of_text(TLSA_ASKED), &asked, NULL) == OK);
    if (dns_message_parse(rest_of(&input), arena, &message, &reason) == OK) {
        require(dns_answer_of_message(&message, &asked, DNS_TYPE_TLSA, is_validator, arena, &answer) == OK);
        require(caa_answer_copy(&answer, arena, &copy) == OK && copy.data_count == answer.data_count);
        check_answer(&copy, &message, is_validator);
        check_pins(&copy, arena);
    }
    arena_free(arena);
    return 0;
}
