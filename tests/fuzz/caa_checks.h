/* What holds for every answer about CAA, whatever the message; shared by two harnesses. */
#pragma once

#include "fuzz/harness.h"
#include "rules/caa_answer.h"

static inline void check_outcome(const struct caa_answer *answer, const struct dns_message *message, bool is_validator) {
    bool is_known = answer->outcome == CAA_RECORDS || answer->outcome == CAA_EMPTY;
    require(answer->outcome < caa_outcome_count && caa_outcome_name(answer->outcome)[0] != '\0');
    require((answer->outcome == CAA_RECORDS) == (answer->record_count > 0));
    require((answer->why[0] == '\0') == is_known && (answer->detail[0] == '\0') == is_known);
    require(is_known || (answer->ttl_s == 0 && !answer->is_authenticated && !answer->is_nonexistent));
    require(!is_known || message->rcode == DNS_NOERROR || message->rcode == DNS_NXDOMAIN);
    require(answer->is_authenticated == (is_known && is_validator && message->is_authenticated));
    require(answer->is_from_validator == is_validator && answer->chain_count <= CAA_CHAIN_MAX && answer->ttl_s <= INT32_MAX);
    require(answer->outcome != CAA_BOGUS || message->rcode == DNS_SERVFAIL);
}

static inline struct dns_name end_of_chain(const struct caa_answer *answer, const struct dns_name *asked) {
    struct dns_name end = *asked;
    if (answer->chain_count > 0)
        require(dns_name_from_text(span_of_text(answer->chain[answer->chain_count - 1]), &end, NULL) == OK);
    return end;
}

/* The records are those of the last name, no more and no less, in order, each once. */
static inline void check_set(const struct caa_answer *answer, const struct dns_message *message, const struct dns_name *asked) {
    struct dns_name end = end_of_chain(answer, asked);
    struct reason reason;
    size_t found = 0;
    for (size_t i = 0; i + 1 < answer->record_count; i++)
        require(caa_record_compare(&answer->records[i], &answer->records[i + 1]) < 0);
    for (size_t i = 0; i < message->answer_count; i++) {
        const struct dns_record *record = &message->answers[i];
        struct caa_record parsed;
        if (record->type != DNS_TYPE_CAA || !dns_name_equal(&record->owner, &end))
            continue;
        require(answer->ttl_s <= record->ttl_s);
        require(caa_record_parse(record->rdata, &parsed, &reason) == OK);
        size_t at = 0;
        while (at < answer->record_count && caa_record_compare(&answer->records[at], &parsed) != 0)
            at++;
        require(at < answer->record_count);
        found++;
    }
    require(found >= answer->record_count && (found > 0) == (answer->record_count > 0));
}

/* DNS has no order: the same records from the last to the first. */
static inline void check_reversed(const struct caa_answer *answer, const struct dns_message *message, const struct dns_name *asked,
                                  struct arena *arena) {
    struct dns_message reversed = *message;
    struct caa_answer other;
    reversed.answers = arena_take_array(arena, message->answer_count + 1, sizeof *reversed.answers);
    require(reversed.answers != NULL);
    for (size_t i = 0; i < message->answer_count; i++)
        reversed.answers[i] = message->answers[message->answer_count - 1 - i];
    require(caa_answer_of_message(&reversed, asked, answer->is_from_validator, arena, &other) == OK);
    require(caa_answer_says_same(answer, &other) && answer->ttl_s == other.ttl_s && strcmp(answer->why, other.why) == 0);
    require(answer->outcome == CAA_FAILED || answer->chain_count == other.chain_count);
}

static inline void check_answer(const struct dns_message *message, const struct dns_name *asked, bool is_validator) {
    struct arena *arena = arena_new(8 * DNS_MESSAGE_ARENA);
    struct caa_answer answer, copy;
    require(caa_answer_of_message(message, asked, is_validator, arena, &answer) == OK);
    require(caa_answer_copy(&answer, arena, &copy) == OK && caa_answer_says_same(&answer, &copy) && copy.chain_count == answer.chain_count);
    check_outcome(&answer, message, is_validator);
    if (answer.outcome == CAA_RECORDS || answer.outcome == CAA_EMPTY)
        check_set(&answer, message, asked);
    check_reversed(&answer, message, asked, arena);
    arena_free(arena);
}
