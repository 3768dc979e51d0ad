/* Pin sets as vectors show them: each set with its line, host and what is not usual about it, its pins, then the remarks. */
#pragma once

#include <stdio.h>

#include "base/text.h"
#include "formats/pin_file.h"

enum { PIN_WORDS_HEX = 4 /* bytes of a value that are shown */ };

__attribute__((unused)) static void pin_words_of_pin(const struct pin *pin, enum pin_format format, struct buffer *out) {
    char hex[2 * PIN_WORDS_HEX + 1];
    text_of_hex(span_of(pin->value.bytes, pin->value.size < PIN_WORDS_HEX ? pin->value.size : PIN_WORDS_HEX), hex);
    buffer_printf(out, " %s%s:%s", pin->kind == PIN_CERTIFICATE ? "certificate:" : "", pin_algorithm_name(pin->algorithm), hex);
    if (pin->position != PIN_ANY)
        buffer_printf(out, "@%s", pin_position_name(pin->position));
    if (format == PIN_FORMAT_TLSA)
        buffer_printf(out, ",%u", pin->tlsa_usage);
    if (pin->role != PIN_ROLE_NONE)
        buffer_printf(out, ",%s", pin_role_name(pin->role));
    if (pin->comment[0] != '\0')
        buffer_printf(out, " (%s)", pin->comment);
}

__attribute__((unused)) static void pin_words_of_time(const struct pin_set *set, struct buffer *out) {
    char time[RFC3339_SIZE];
    text_of_time(set->expires, time);
    if (set->has_expiry)
        buffer_printf(out, " until %s%s", time, set->is_expiry_local ? " local" : "");
    if (set->has_max_age)
        buffer_printf(out, " max-age %llu", (unsigned long long) set->max_age_s);
}

__attribute__((unused)) static void pin_words_of_flags(const struct pin_set *set, struct buffer *out) {
    buffer_printf(out, "%s%s%s%s%s%s%s", set->is_pinned ? "" : " unpinned", set->is_enforced ? "" : " unenforced",
                  set->is_report_only ? " report-only" : "", set->overrides_pins ? " overrides-pins" : "",
                  set->trusts_system ? "" : " own-anchors", set->is_secure ? "" : " insecure", set->uses_default_reports ? " default-reports" : "");
}

__attribute__((unused)) static void pin_words_of_place(const struct pin_set *set, struct buffer *out) {
    buffer_printf(out, " %s", set->host == NULL ? "-" : set->host);
    if (set->match != PIN_HOST_EXACT)
        buffer_printf(out, " %s", pin_host_match_name(set->match));
    if (set->port != 0 || set->protocol[0] != '\0')
        buffer_printf(out, " %u/%s", set->port, set->protocol);
}

__attribute__((unused)) static void pin_words_of_set(const struct pin_set *set, enum pin_format file_format, struct buffer *out) {
    buffer_printf(out, "%u:", set->line);
    if (set->format != file_format)
        buffer_printf(out, " as %s", pin_format_name(set->format));
    if (set->name[0] != '\0')
        buffer_printf(out, " \"%s\"", set->name);
    pin_words_of_place(set, out);
    pin_words_of_time(set, out);
    pin_words_of_flags(set, out);
    for (size_t i = 0; set->report_uris[i] != NULL; i++)
        buffer_printf(out, " report <%s>", set->report_uris[i]);
    for (size_t i = 0; i < set->group_count; i++) {
        buffer_add_text(out, i == 0 ? "" : " and");
        for (size_t k = 0; k < set->groups[i].count; k++)
            pin_words_of_pin(&set->groups[i].pins[k], set->format, out);
    }
}

__attribute__((unused)) static void pin_words_of_remarks(const struct pin_document *document, struct buffer *out) {
    static const char *const kinds[] = {"note", "warning", "error"};
    for (size_t i = 0; i < document->remark_count; i++)
        buffer_printf(out, "%s%u: %s %s", out->size == 0 ? "" : " | ", document->remarks[i].line, kinds[document->remarks[i].kind],
                      document->remarks[i].rule);
}

__attribute__((unused)) static void pin_words_of_document(const struct pin_document *document, struct buffer *out) {
    for (size_t i = 0; i < document->set_count; i++) {
        buffer_add_text(out, i == 0 ? "" : " | ");
        pin_words_of_set(&document->sets[i], document->format, out);
    }
    pin_words_of_remarks(document, out);
    if (out->size == 0)
        buffer_add_text(out, "nothing");
}
