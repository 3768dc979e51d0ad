/* Questions about CAA sets as text, for unit tests and fuzzers: lines that begin with '@' say what is known beside the records, the rest are
 * records as people write them.
 *
 *     @owner www.example.com
 *     @chain www.example.net        one for each alias, in order
 *     @ttl 86400
 *     @answer secure                secure, insecure (of a resolver that validates), plain (of one that does not)
 *     @seen letsencrypt.org         a CA domain for which certificates were seen
 *     @expected sectigo.com         one that a policy expects
 *     @wild digicert.com            as @seen, for wildcards
 *     0 issue letsencrypt.org */
#pragma once

#include <strings.h>

#include "base/text.h"
#include "formats/caa_text.h"
#include "rules/caa_lint.h"

enum { QUESTION_LIST_MAX = 16 };

struct question_list {
    const char *texts[QUESTION_LIST_MAX + 1]; /* NULL-terminated */
    size_t count;
};

struct caa_question {
    struct dns_name owner;
    struct question_list chain, seen, wild, expected;
    uint64_t ttl_s;
    bool has_owner, has_ttl, has_answer, is_from_validator, is_authenticated;
    struct caa_record *records;
    size_t count;
};

static inline bool question_word(struct span line, const char *word, struct span *ret_rest) {
    size_t size = strlen(word);
    if (line.size <= size || memcmp(line.bytes, word, size) != 0)
        return false;
    *ret_rest = span_of(line.bytes + size, line.size - size);
    return true;
}

static inline bool question_add(struct question_list *list, struct span text, struct arena *arena) {
    if (list->count == QUESTION_LIST_MAX || memchr(text.bytes, '\0', text.size) != NULL)
        return false;
    list->texts[list->count] = arena_copy_span_as_text(arena, text);
    return list->texts[list->count++] != NULL;
}

static inline bool question_fact(struct caa_question *question, struct span line, struct arena *arena) {
    struct span rest;
    if (question_word(line, "@owner ", &rest))
        return question->has_owner = dns_name_from_text(rest, &question->owner, NULL) == OK;
    if (question_word(line, "@ttl ", &rest))
        return question->has_ttl = text_to_number(rest, UINT32_MAX, &question->ttl_s) == OK;
    if (question_word(line, "@answer ", &rest)) {
        question->is_from_validator = rest.bytes[0] != 'p';
        question->is_authenticated = rest.bytes[0] == 's';
        return question->has_answer = true;
    }
    return (question_word(line, "@chain ", &rest) && question_add(&question->chain, rest, arena)) ||
           (question_word(line, "@seen ", &rest) && question_add(&question->seen, rest, arena)) ||
           (question_word(line, "@wild ", &rest) && question_add(&question->wild, rest, arena)) ||
           (question_word(line, "@expected ", &rest) && question_add(&question->expected, rest, arena));
}

/* False where something is not understood. Everything is in `arena`. */
static inline bool question_read(struct span input, struct arena *arena, struct caa_question *ret_question) {
    struct caa_text text;
    struct reason reason;
    *ret_question = (struct caa_question){.count = 0};
    while (input.size > 0 && input.bytes[0] == '@') {
        const uint8_t *end = memchr(input.bytes, '\n', input.size);
        size_t size = end == NULL ? input.size : (size_t) (end - input.bytes);
        if (!question_fact(ret_question, span_of(input.bytes, size), arena))
            return false;
        size += end != NULL;
        input = span_of(input.bytes + size, input.size - size);
    }
    if (caa_text_parse(input, NULL, arena, &text, &reason) != OK || text.complaint_count > 0)
        return false;
    ret_question->records = arena_take_array(arena, text.record_count + 1, sizeof *ret_question->records);
    for (size_t i = 0; ret_question->records != NULL && i < text.record_count; i++)
        ret_question->records[ret_question->count++] = text.records[i].record;
    return ret_question->records != NULL;
}

/* `answer` gets what the facts point to. */
static inline struct caa_lint_facts question_facts(const struct caa_question *question, struct caa_answer *answer) {
    *answer = (struct caa_answer){.outcome = CAA_RECORDS,
                                  .why = "",
                                  .detail = "",
                                  .is_from_validator = question->is_from_validator,
                                  .is_authenticated = question->is_authenticated,
                                  .ttl_s = question->has_ttl ? (uint32_t) question->ttl_s : 300,
                                  .records = question->records,
                                  .record_count = question->count,
                                  .chain = question->chain.texts,
                                  .chain_count = question->chain.count};
    return (struct caa_lint_facts){.owner = question->has_owner ? &question->owner : NULL,
                                   .answer = question->has_answer || question->chain.count > 0 || question->has_ttl ? answer : NULL,
                                   .seen_domains = question->seen.count > 0 ? question->seen.texts : NULL};
}
