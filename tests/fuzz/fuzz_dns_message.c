/* DNS messages: whatever is sent is taken apart within its bytes or refused with a sentence; what was taken is whole, so that one byte less
 * or more is refused; and what it says about CAA is one of four outcomes, whatever the order of its records.
 *
 * library: rules
 * parser: formats/dns_message.c
 * seeds: dns-message
 * corpora: c-caa-dns/c-ares */
#include "base/memory.h"
#include "fuzz/caa_checks.h"
#include "fuzz/harness.h"

static void check_records(const struct dns_message *message, struct span bytes) {
    require(message->answer_count <= bytes.size / 11);
    for (size_t i = 0; i < message->answer_count; i++) {
        const struct dns_record *record = &message->answers[i];
        require(record->owner.size >= 1 && record->owner.size <= DNS_NAME_WIRE_MAX);
        require(record->rdata.bytes >= bytes.bytes && record->rdata.bytes + record->rdata.size <= bytes.bytes + bytes.size);
        require(record->ttl_s <= INT32_MAX);
        require((record->type == DNS_TYPE_CNAME || record->type == DNS_TYPE_DNAME) == (record->target.size > 0));
    }
    for (size_t i = 0; i < message->extended_error_count; i++)
        require(message->extended_errors[i].text != NULL && strlen(message->extended_errors[i].text) <= 200);
}

/* Nothing can be taken from a whole message, and nothing put behind it. */
static void check_wholeness(struct span bytes, struct arena *arena) {
    struct dns_message ignored;
    struct reason reason;
    uint8_t *longer = memory_new(bytes.size + 1);
    if (longer == NULL)
        return;
    memcpy(longer, bytes.bytes, bytes.size);
    require(dns_message_parse(span_of(bytes.bytes, bytes.size - 1), arena, &ignored, &reason) == &fault_dns_message);
    require(dns_message_parse(span_of(longer, bytes.size + 1), arena, &ignored, &reason) == &fault_dns_message);
    memory_free(longer);
}

/* What we would ask about the same name is a message with that question and nothing else. */
static void check_query(const struct dns_message *message, struct arena *arena) {
    struct dns_query query = {.id = message->id, .name = message->question, .type = message->question_type,
                              .has_edns = message->has_edns, .is_checking_disabled = message->is_checking_disabled};
    struct buffer written = buffer_with_limit(512);
    struct dns_message again;
    struct reason reason;
    require(dns_query_write(&query, &written) == OK);
    require(dns_message_parse(buffer_span(&written), arena, &again, &reason) == OK);
    require(!again.is_response && again.id == query.id && again.question_type == query.type && again.has_edns == query.has_edns);
    require(dns_name_equal(&again.question, &query.name) && again.is_checking_disabled == query.is_checking_disabled && again.answer_count == 0);
    buffer_done(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new(4 * DNS_MESSAGE_ARENA);
    struct dns_message message;
    struct reason reason;
    result outcome = dns_message_parse(span_of(bytes, size), arena, &message, &reason);
    require(outcome == OK || outcome == &fault_dns_message);
    require((reason.text[0] != '\0') == (outcome != OK));
    if (outcome == OK) {
        check_records(&message, span_of(bytes, size));
        if (message.has_question)
            check_query(&message, arena);
        if (!message.is_truncated)
            check_wholeness(span_of(bytes, size), arena);
        check_answer(&message, &message.question, true);
        check_answer(&message, &message.question, false);
    }
    arena_free(arena);
    return 0;
}
