/* What an answer about www.example means, said by a resolver that validates (first byte odd) or does not.
 *
 * library: rules
 * parser: rules/caa_answer.c rules/caa_answer_copy.c formats/caa_record.c
 * seeds: caa-answer caa-record
 * leaves: judge_data note_zone_ttl is_here copy_data caa_set_encode caa_set_decode count_encoded read_encoded is_canonical_tag caa_tag_is caa_record_to_text add_quoted */
#include "fuzz/caa_checks.h"
#include "fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new(4 * DNS_MESSAGE_ARENA);
    struct cursor input = cursor_of(span_of(bytes, size));
    struct dns_message message;
    struct dns_name asked;
    struct reason reason;
    struct caa_record record;
    bool is_validator = next_choice(&input) % 2 == 1;
    require(dns_name_from_text(span_of_text("www.example"), &asked, NULL) == OK);
    if (dns_message_parse(rest_of(&input), arena, &message, &reason) == OK)
        check_answer(&message, &asked, is_validator);
    result outcome = caa_record_parse(span_of(bytes, size), &record, &reason);
    require(outcome == OK || (outcome == &fault_caa_record && reason.text[0] != '\0'));
    if (outcome == OK)
        require(record.tag.size >= 1 && 2 + record.tag.size + record.value.size == size && record.value.bytes + record.value.size == bytes + size);
    arena_free(arena);
    return 0;
}
