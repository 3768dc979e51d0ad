/* Words of the cases of pin judgements; tests/pin_case.h has their lines. */
#pragma once

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "formats/pin_builder.h"
#include "rules/pin_judge.h"

enum { CASE_PATHS_MAX = 8, CASE_LINKS_MAX = 8, CASE_WORD_MAX = 200 };

struct pin_case {
    struct arena *arena;
    struct pin_document document;
    struct pin_builder builder;
    struct pin_set *set;
    size_t groups;
    struct pin_path paths[CASE_PATHS_MAX];
    struct pin_link links[CASE_PATHS_MAX][CASE_LINKS_MAX];
    struct pin_question question;
    bool is_asked;
};

static inline bool case_word(struct span *line, char ret_word[CASE_WORD_MAX]) {
    size_t size = 0;
    while (line->size > 0 && *line->bytes == ' ')
        *line = span_of(line->bytes + 1, line->size - 1);
    while (size < line->size && line->bytes[size] != ' ')
        size++;
    if (size == 0 || size >= CASE_WORD_MAX || memchr(line->bytes, '\0', size) != NULL)
        return false;
    memcpy(ret_word, line->bytes, size);
    ret_word[size] = '\0';
    *line = span_of(line->bytes + size, line->size - size);
    return true;
}

/* What follows a prefix; NULL: it is not there. */
static inline const char *case_after(const char *word, const char *prefix) {
    size_t size = strlen(prefix);
    return strncmp(word, prefix, size) == 0 ? word + size : NULL;
}

static inline struct span case_bytes(struct arena *arena, const char *kind, const char *name, size_t size) {
    const char *text = arena_printf(arena, "%s %.*s", kind, (int) size, name);
    return text == NULL ? span_of("", 0) : span_of_text(text);
}

static inline struct span case_digest(struct arena *arena, const char *algorithm, struct span bytes) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (EVP_Q_digest(NULL, algorithm, NULL, bytes.bytes, bytes.size, digest, &size) != 1)
        return span_of("", 0);
    const uint8_t *copy = arena_copy(arena, span_of(digest, size));
    return span_of(copy, copy == NULL ? 0 : size);
}

static inline bool case_time(const char *text, int64_t *ret_seconds) {
    int64_t milliseconds;
    if (text_to_time_ms(span_of_text(text), &milliseconds) != OK)
        return false;
    *ret_seconds = milliseconds / 1000;
    return true;
}

static inline bool set_flag(struct pin_case *made, const char *word) {
    struct pin_set *set = made->set;
    const char *value;
    uint64_t number = 0;
    if ((value = case_after(word, "expires=")) != NULL)
        return set->has_expiry = case_time(value, &set->expires);
    if ((value = case_after(word, "max-age=")) != NULL) {
        set->has_max_age = text_to_number(span_of_text(value), UINT64_MAX, &set->max_age_s) == OK;
        return set->has_max_age;
    }
    if ((value = case_after(word, "port=")) != NULL) {
        bool is_number = text_to_number(span_of_text(value), UINT16_MAX, &number) == OK;
        set->port = (uint16_t) number;
        return is_number;
    }
    if ((value = case_after(word, "proto=")) != NULL)
        return (set->protocol = arena_copy_text(made->arena, value)) != NULL;
    const struct {
        const char *word;
        bool *flag, value;
    } flags[] = {{"unpinned", &set->is_pinned, false}, {"not-enforced", &set->is_enforced, false}, {"report-only", &set->is_report_only, true},
                 {"local", &set->is_expiry_local, true}, {"overrides-pins", &set->overrides_pins, true}, {"own-anchors", &set->trusts_system, false},
                 {"insecure", &set->is_secure, false}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(word, flags[i].word) == 0) {
            *flags[i].flag = flags[i].value;
            return true;
        }
    return false;
}

static inline bool case_match(const char *word, enum pin_host_match *ret_match) {
    static const char *const words[] = {"exact", "one-below", "exact-and-one", "below"};
    for (unsigned i = 0; i < 4; i++)
        if (strcmp(word, words[i]) == 0) {
            *ret_match = (enum pin_host_match) i;
            return true;
        }
    return false;
}

static inline bool case_set(struct pin_case *made, struct span line) {
    char format[CASE_WORD_MAX], host[CASE_WORD_MAX], match[CASE_WORD_MAX], word[CASE_WORD_MAX];
    made->set = pin_builder_add_set(&made->builder, 1);
    made->groups = 0;
    if (made->set == NULL || !case_word(&line, format) || !case_word(&line, host) || !case_word(&line, match))
        return false;
    made->set->host = strcmp(host, "-") == 0 ? NULL : arena_copy_text(made->arena, host);
    if (!pin_format_of_name(format, &made->set->format) || !case_match(match, &made->set->match))
        return false;
    if (made->set->format == PIN_FORMAT_TLSA) {
        made->set->port = 443;
        made->set->protocol = "tcp";
    }
    while (case_word(&line, word))
        if (!set_flag(made, word))
            return false;
    return true;
}
