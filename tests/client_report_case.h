/* Reports made of choices and certificates in DER, for tests and fuzzers that are not about JSON:
 *
 *     00 flags u64(date) 1< host > 1< pins, 32 bytes each > u8(certificates of the validated chain) 3< certificate > …
 *
 * The certificates that follow the validated ones are the served ones. A test defines `require`. */
#pragma once

#include "base/cursor.h"
#include "formats/certificate.h"
#include "formats/name_normalise.h"
#include "rules/report_cause.h"

enum { CASE_HAS_DATE = 1, CASE_IS_LOCAL = 2, CASE_IS_ANDROID = 4, CASE_IS_HPKP = 8, CASE_ENFORCES = 16, CASE_REPORTS = 32, CASE_UNTRUSTED = 64 };

static inline const char *case_host(struct span text, struct arena *memory) {
    bool is_host = text.size > 0 && text.size <= 253 && host_is_plain(text) && memchr(text.bytes, '*', text.size) == NULL && memchr(text.bytes, '?', text.size) == NULL;
    return is_host ? arena_copy_span_as_text(memory, text) : "www.example.com";
}

static inline void case_pins(struct span bytes, struct arena *memory, struct client_report *report) {
    size_t count = bytes.size / HASH_SIZE;
    struct pin *pins = arena_take_array(memory, count + 1, sizeof *pins);
    require(pins != NULL);
    for (size_t i = 0; i < count; i++)
        pins[i] = (struct pin){.kind = PIN_SPKI, .algorithm = PIN_SHA256, .comment = "", .value = span_of(bytes.bytes + i * HASH_SIZE, HASH_SIZE)};
    report->pins = pins;
    report->pin_count = count;
}

/* Those that can be read, as client_report_read leaves them. */
static inline void case_chains(struct cursor *input, size_t validated, struct arena *memory, struct client_report *report) {
    struct span *chains = arena_take_array(memory, 2 * CLIENT_REPORT_CHAIN_MAX, sizeof *chains), der;
    struct certificate certificate;
    size_t count = 0;
    require(chains != NULL);
    while (count < 2 * CLIENT_REPORT_CHAIN_MAX && !cursor_at_end(input) && cursor_vector(input, 3, &der))
        if (certificate_parse(der, &certificate) == OK)
            chains[count++] = certificate.whole;
    validated = validated < count ? validated : count;
    report->validated = chains;
    report->validated_count = validated < CLIENT_REPORT_CHAIN_MAX ? validated : CLIENT_REPORT_CHAIN_MAX;
    report->served = chains + report->validated_count;
    report->served_count = count - report->validated_count;
    report->served_count = report->served_count < CLIENT_REPORT_CHAIN_MAX ? report->served_count : CLIENT_REPORT_CHAIN_MAX;
}

/* False: too short for a case. */
static inline bool client_report_of_case(struct span bytes, struct arena *memory, struct client_report *ret_report) {
    static const char *const no_notes[] = {NULL};
    struct cursor input = cursor_of(bytes);
    uint8_t zero, flags, validated;
    uint64_t date;
    struct span host, pins;
    if (!cursor_u8(&input, &zero) || !cursor_u8(&input, &flags) || !cursor_number(&input, 8, &date) || !cursor_vector(&input, 1, &host) ||
        !cursor_vector(&input, 1, &pins) || !cursor_u8(&input, &validated))
        return false;
    bool is_trustkit = (flags & CASE_IS_HPKP) == 0;
    *ret_report = (struct client_report){.format = is_trustkit ? CLIENT_REPORT_TRUSTKIT : CLIENT_REPORT_HPKP, .app = "", .version = "", .library = is_trustkit ? "trustkit" : "",
                                         .platform = (flags & CASE_IS_ANDROID) != 0 && is_trustkit ? "android" : "", .has_date = (flags & CASE_HAS_DATE) != 0,
                                         .has_enforcement = is_trustkit && (flags & (CASE_ENFORCES | CASE_REPORTS)) != 0, .is_enforced = (flags & CASE_ENFORCES) != 0,
                                         .has_result = is_trustkit, .result = (flags & CASE_UNTRUSTED) != 0 ? 2 : 1, .notes = no_notes};
    ret_report->is_date_local = ret_report->has_date && (flags & CASE_IS_LOCAL) != 0;
    ret_report->date = (int64_t) (date % 253402300800); /* to the end of the year 9999 */
    ret_report->host = ret_report->noted_host = case_host(host, memory);
    case_pins(pins, memory, ret_report);
    case_chains(&input, validated, memory, ret_report);
    return true;
}

static inline const char *known_word(enum report_known known) {
    return known == REPORT_YES ? "yes" : known == REPORT_NO ? "no" : "?";
}

static inline void report_facts_words(const struct report_facts *facts, struct buffer *out) {
    if (facts->has_leaf)
        buffer_printf(out, "host %s, valid %s, public %s, refused %s, scts %zu/%zu%s%s", known_word(facts->is_for_host), known_word(facts->is_valid_then),
                      known_word(facts->is_public), known_word(facts->is_refused_by_pins), facts->scts_verified, facts->scts, facts->has_issuer ? "" : ", no issuer",
                      facts->has_tbs ? "" : ", no tbs");
    else
        buffer_add_text(out, "nothing");
}
