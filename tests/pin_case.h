/* Cases of pin judgements as text, for unit tests and fuzzers. Keys and certificates have names: the bytes of the key of A are "key A", of
 * its certificate "certificate A"; A/2 is a second certificate of the same key.
 *
 *     set android example.com below                     format, host (- for none), match, then what holds beside: see set_flag
 *     pins A B@leaf cert:sha512:C 3.1.1:D               one group of the set above; a pin is [cert:|spki:][sha1:|sha512:|full:]NAME[@position or @role],
 *                                                       or usage.selector.matching:NAME
 *     path complete L I~ R~                             complete, open or foreign; L! is a bare key, I~ known by its SHA-256s alone
 *     ask www.example.com now=2026-05-01T00:00:00Z      and port=25 proto=udp smtp; more: other paths may exist */
#pragma once

#include "pin_case_words.h"

static inline bool case_tlsa(const char **name, struct pin *pin) {
    const char *word = *name;
    bool is_one = strlen(word) > 6 && word[1] == '.' && word[3] == '.' && word[5] == ':' && word[0] >= '0' && word[0] <= '9' &&
                  (word[2] == '0' || word[2] == '1') && word[4] >= '0' && word[4] <= '2';
    if (is_one) {
        static const enum pin_algorithm algorithms[] = {PIN_FULL, PIN_SHA256, PIN_SHA512};
        pin->tlsa_usage = (uint8_t) (word[0] - '0');
        pin->kind = word[2] == '0' ? PIN_CERTIFICATE : PIN_SPKI;
        pin->algorithm = algorithms[word[4] - '0'];
        *name = word + 6;
    }
    return is_one;
}

static inline void case_place(const char *word, struct pin *pin) {
    for (unsigned position = PIN_ANY; position <= PIN_ROOT; position++)
        if (strcmp(word, pin_position_name((enum pin_position) position)) == 0)
            pin->position = (enum pin_position) position;
    for (unsigned role = PIN_CURRENT; role <= PIN_BACKUP; role++)
        if (strcmp(word, pin_role_name((enum pin_role) role)) == 0)
            pin->role = (enum pin_role) role;
}

static inline bool case_pin(struct pin_case *made, const char *word) {
    static const struct {
        const char *prefix;
        int kind, algorithm;
    } prefixes[] = {{"cert:", PIN_CERTIFICATE, -1}, {"spki:", PIN_SPKI, -1}, {"sha1:", -1, PIN_SHA1}, {"sha512:", -1, PIN_SHA512}, {"full:", -1, PIN_FULL}};
    static const char *const digests[] = {[PIN_SHA256] = "SHA256", [PIN_SHA512] = "SHA512", [PIN_SHA1] = "SHA1"};
    struct pin *pin = pin_builder_add_pin(&made->builder, made->set, made->groups);
    const char *name = word, *rest;
    if (pin == NULL)
        return false;
    pin->comment = arena_copy_text(made->arena, word);
    case_tlsa(&name, pin);
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if ((rest = case_after(name, prefixes[i].prefix)) != NULL) {
            pin->kind = prefixes[i].kind >= 0 ? (enum pin_kind) prefixes[i].kind : pin->kind;
            pin->algorithm = prefixes[i].algorithm >= 0 ? (enum pin_algorithm) prefixes[i].algorithm : pin->algorithm;
            name = rest;
        }
    const char *at = strchr(name, '@');
    if (at != NULL)
        case_place(at + 1, pin);
    struct span bytes = case_bytes(made->arena, pin->kind == PIN_SPKI ? "key" : "certificate", name, at == NULL ? strlen(name) : (size_t) (at - name));
    pin->value = pin->algorithm == PIN_FULL ? bytes : case_digest(made->arena, digests[pin->algorithm], bytes);
    return pin->comment != NULL && pin->value.size > 0;
}

static inline bool case_pins(struct pin_case *made, struct span line) {
    char word[CASE_WORD_MAX];
    if (made->set == NULL || made->groups > 2)
        return false;
    while (case_word(&line, word))
        if (!case_pin(made, word))
            return false;
    made->groups++;
    return true;
}

static inline void case_link(struct pin_case *made, const char *word, struct pin_link *ret_link) {
    size_t size = strcspn(word, "!~");
    const char *slash = memchr(word, '/', size);
    struct span spki = case_bytes(made->arena, "key", word, slash == NULL ? size : (size_t) (slash - word));
    struct span certificate = case_bytes(made->arena, "certificate", word, size);
    *ret_link = (struct pin_link){.is_given = word[size] != '~', .has_certificate_sha256 = word[size] == '~'};
    digest_of(spki, &ret_link->spki_sha256);
    if (word[size] == '~')
        digest_of(certificate, &ret_link->certificate_sha256);
    else
        ret_link->spki = spki;
    if (word[size] == '\0')
        ret_link->certificate = certificate;
}

static inline bool case_path(struct pin_case *made, struct span line) {
    char word[CASE_WORD_MAX];
    size_t number = made->question.path_count;
    if (number == CASE_PATHS_MAX || !case_word(&line, word))
        return false;
    struct pin_path *path = &made->paths[number];
    *path = (struct pin_path){.links = made->links[number], .is_complete = strcmp(word, "complete") == 0, .is_foreign = strcmp(word, "foreign") == 0};
    while (path->count < CASE_LINKS_MAX && case_word(&line, word))
        case_link(made, word, &made->links[number][path->count++]);
    made->question.path_count += path->count > 0;
    return path->count > 0;
}

static inline bool case_ask(struct pin_case *made, struct span line) {
    char word[CASE_WORD_MAX];
    struct pin_question *question = &made->question;
    uint64_t number = 0;
    const char *value;
    if (!case_word(&line, word) || (question->host = arena_copy_text(made->arena, word)) == NULL)
        return false;
    while (case_word(&line, word)) {
        if ((value = case_after(word, "now=")) != NULL && !case_time(value, &question->now))
            return false;
        if ((value = case_after(word, "port=")) != NULL && text_to_number(span_of_text(value), UINT16_MAX, &number) != OK)
            return false;
        if ((value = case_after(word, "proto=")) != NULL)
            question->protocol = arena_copy_text(made->arena, value);
        question->is_smtp |= strcmp(word, "smtp") == 0;
        question->is_paths_whole &= strcmp(word, "more") != 0;
    }
    question->port = (uint16_t) number;
    return made->is_asked = question->protocol != NULL;
}

/* False where something is not understood. Everything is in `arena` and *ret_case, which must stay where it is. */
static inline bool case_read(struct span input, struct arena *arena, struct pin_case *ret_case) {
    *ret_case = (struct pin_case){.arena = arena, .document = {.source = "case", .format = PIN_FORMAT_YAML}};
    ret_case->builder = pin_builder_of(arena, &ret_case->document);
    ret_case->question = (struct pin_question){.host = "", .protocol = "", .paths = ret_case->paths, .is_paths_whole = true};
    while (input.size > 0) {
        const uint8_t *end = memchr(input.bytes, '\n', input.size);
        size_t size = end == NULL ? input.size : (size_t) (end - input.bytes);
        struct span line = span_of(input.bytes, size);
        char word[CASE_WORD_MAX];
        bool is_read = case_word(&line, word) && (strcmp(word, "set") == 0    ? case_set(ret_case, line)
                                                  : strcmp(word, "pins") == 0 ? case_pins(ret_case, line)
                                                  : strcmp(word, "path") == 0 ? case_path(ret_case, line)
                                                                              : strcmp(word, "ask") == 0 && case_ask(ret_case, line));
        if (!is_read)
            return false;
        size += end != NULL;
        input = span_of(input.bytes + size, input.size - size);
    }
    return ret_case->is_asked;
}
