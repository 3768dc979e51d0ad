/* What tests and fuzzers of clients' reports share: what every report that was read keeps to, and its words. A test defines `require`. */
#pragma once

#include "base/text.h"
#include "formats/certificate.h"
#include "formats/client_report.h"
#include "formats/name_normalise.h"

static inline void check_chain(const struct span *chain, size_t count) {
    struct certificate certificate;
    require(chain != NULL && count <= CLIENT_REPORT_CHAIN_MAX);
    for (size_t i = 0; i < count; i++)
        require(certificate_parse(chain[i], &certificate) == OK && certificate.whole.size == chain[i].size);
}

static inline void check_text(const char *text) {
    char copy[4 * CLIENT_REPORT_TEXT_MAX];
    require(text != NULL && strlen(text) < sizeof copy);
    strncpy(copy, text, sizeof copy - 1);
    copy[sizeof copy - 1] = '\0';
    text_make_harmless(copy);
    require(strcmp(copy, text) == 0);
}

static inline void client_report_check(const struct client_report *report) {
    require(host_is_plain(span_of_text(report->host)) && host_is_plain(span_of_text(report->noted_host)));
    require(strlen(report->host) <= 253 && strpbrk(report->host, "*?:/ ") == NULL);
    check_text(report->app);
    check_text(report->version);
    check_text(report->platform);
    check_text(report->library);
    require(report->format == CLIENT_REPORT_TRUSTKIT || (report->library[0] == '\0' && report->app[0] == '\0' && !report->has_result && !report->has_enforcement));
    require(!report->is_date_local || (report->has_date && strcmp(report->platform, "android") == 0));
    require(report->pin_count <= CLIENT_REPORT_PINS_MAX && report->pins != NULL);
    for (size_t i = 0; i < report->pin_count; i++)
        require(report->pins[i].value.size == HASH_SIZE && report->pins[i].kind == PIN_SPKI && report->pins[i].algorithm == PIN_SHA256);
    check_chain(report->served, report->served_count);
    check_chain(report->validated, report->validated_count);
    require(report->notes != NULL);
    for (const char *const *note = report->notes; *note != NULL; note++)
        check_text(*note);
}

static inline void add_time(struct buffer *out, const char *word, bool has, int64_t time) {
    char text[RFC3339_SIZE];
    text_of_time(time, text);
    if (has)
        buffer_printf(out, " %s %s", word, text);
}

static inline void add_word(struct buffer *out, const char *before, const char *word) {
    if (word[0] != '\0')
        buffer_printf(out, " %s%s", before, word);
}

static inline void add_notes(struct buffer *out, const char *const *notes) {
    enum { SHOWN = 6 };
    size_t count = 0;
    while (notes[count] != NULL)
        count++;
    if (count > SHOWN)
        buffer_printf(out, " (%zu notes)", count);
    for (size_t i = 0; count <= SHOWN && i < count; i++)
        buffer_printf(out, " | %s", notes[i]);
}

static inline void client_report_words(const struct client_report *report, struct buffer *out) {
    buffer_printf(out, "%s %s", client_report_format_name(report->format), report->host);
    if (report->port != 0)
        buffer_printf(out, ":%u", report->port);
    buffer_printf(out, " of %s%s", report->noted_host, !report->has_subdomains ? "" : report->includes_subdomains ? " with subdomains" : " without subdomains");
    buffer_add_text(out, !report->has_enforcement ? "" : report->is_enforced ? " enforced" : " only reports");
    add_time(out, "at", report->has_date, report->date);
    buffer_add_text(out, report->is_date_local ? " local" : "");
    add_time(out, "until", report->has_expiry, report->expiry);
    add_word(out, "app ", report->app);
    add_word(out, "", report->version);
    add_word(out, "", report->platform);
    if (report->library[0] != '\0')
        buffer_printf(out, " (%s)", report->library);
    if (report->has_result)
        buffer_printf(out, " result %d", report->result);
    buffer_printf(out, " served %zu validated %zu pins", report->served_count, report->validated_count);
    for (size_t i = 0; i < report->pin_count; i++) {
        char hex[9];
        text_of_hex(span_of(report->pins[i].value.bytes, 4), hex);
        buffer_printf(out, " %s", hex);
    }
    add_notes(out, report->notes);
}
