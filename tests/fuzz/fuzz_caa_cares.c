/* Where an answer holds nothing but good CAA records of one owner, c-ares sees the same records. (It refuses sets with an empty value, looks
 * at no owner and at no rcode, so that only these can be compared.)
 *
 * library: net
 * parser: formats/dns_message.c
 * leaves: dns_query_write take_authority take_soa copy_harmless take_extended_error take_opt
 * seeds: dns-message
 * corpora: c-caa-dns/c-ares */
#include <ares.h>

#include "fuzz/harness.h"
#include "rules/caa_answer.h"

static bool is_comparable(const struct dns_message *message, const uint8_t *bytes) {
    struct reason reason;
    if (message->answer_count != ((size_t) bytes[6] << 8 | bytes[7])) /* some are of another class */
        return false;
    for (size_t i = 0; i < message->answer_count; i++) {
        struct caa_record parsed;
        if (message->answers[i].type != DNS_TYPE_CAA || !dns_name_equal(&message->answers[i].owner, &message->question))
            return false;
        if (caa_record_parse(message->answers[i].rdata, &parsed, &reason) != OK || parsed.value.size == 0)
            return false;
    }
    return message->answer_count > 0 && message->has_question;
}

/* c-ares keeps the order of the message. */
static void compare(const struct dns_message *message, const struct ares_caa_reply *replies) {
    struct reason reason;
    size_t answer = 0;
    for (const struct ares_caa_reply *reply = replies; reply != NULL; reply = reply->next, answer++) {
        struct caa_record parsed;
        require(answer < message->answer_count);
        require(caa_record_parse(message->answers[answer].rdata, &parsed, &reason) == OK);
        require(parsed.flags == (uint8_t) reply->critical);
        require(span_equal(parsed.tag, span_of(reply->property, reply->plength)));
        require(span_equal(parsed.value, span_of(reply->value, reply->length)));
    }
    require(answer == message->answer_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new(4 * DNS_MESSAGE_ARENA);
    struct dns_message message;
    struct reason reason;
    struct ares_caa_reply *replies = NULL;
    if (dns_message_parse(span_of(bytes, size), arena, &message, &reason) == OK && !message.is_truncated && is_comparable(&message, bytes)) {
        require(ares_parse_caa_reply(bytes, (int) size, &replies) == ARES_SUCCESS);
        compare(&message, replies);
        ares_free_data(replies);
    }
    arena_free(arena);
    return 0;
}
