/* Values that name a CA: issue, issuewild, issuemail, issuevmc. */
#include <strings.h>

#include "rules/caa_lint_work.h"

#define LETS_ENCRYPT "letsencrypt.org"

/* Refused because of the ';' at its end alone? */
static bool is_semicolon_too_much(struct span value, struct span *ret_rest) {
    struct caa_issuer_value parsed;
    struct span rest = value;
    bool was_cut = false;
    for (rest = word_trim(rest); rest.size > 0 && rest.bytes[rest.size - 1] == ';'; rest = word_trim(rest)) {
        rest.size--;
        was_cut = true;
    }
    *ret_rest = rest;
    return was_cut && caa_issuer_value_parse(rest, &parsed, NULL) == OK && parsed.domain.size > 0;
}

/* "; =value": no tag */
static bool has_parameter_without_tag(struct span value) {
    bool is_behind_semicolon = false;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.bytes[i];
        if (byte == '=' && is_behind_semicolon)
            return true;
        is_behind_semicolon = byte == ';' || (is_behind_semicolon && (byte == ' ' || byte == '\t'));
    }
    return false;
}

/* What some CA software makes of a value that the grammar refuses. */
static const char *who_reads_it(struct span value) {
    struct caa_issuer_value parsed;
    if (caa_issuer_value_parse(word_trim(value), &parsed, NULL) == OK)
        return " (CAs that check CAA with open-mpic overlook the line break, and may issue all the same)";
    return has_parameter_without_tag(value) ? " (the software of Let's Encrypt, boulder, overlooks that a parameter has no tag, and may issue all the same)" : "";
}

static void say_refused(struct lint_work *work, size_t number) {
    struct reason reason = {""};
    struct caa_issuer_value ignored;
    struct span rest;
    if (is_semicolon_too_much(work->records[number].value, &rest)) {
        lint_say(work, LINT_SEMICOLON_REFUSED, number, lint_record_with(work, number, rest),
                 "a ';' behind the last parameter is against the grammar of RFC 8659 4.2; CAs (the software boulder and open-mpic among them) then pass over the whole record, which permits nobody; leave the ';' off");
        return;
    }
    if (caa_issuer_value_parse(work->records[number].value, &ignored, &reason) == OK)
        return;
    lint_say(work, LINT_VALUE_REFUSED, number, lint_is_full(work, LINT_VALUE_REFUSED) ? "" : lint_repair(work, number),
             "%s; CAs pass over such a value: the record permits nobody, and yet restricts%s", reason.text,
             who_reads_it(work->records[number].value));
}

/* The value with its domain replaced; parameters stay as they are. */
static const char *with_domain(struct lint_work *work, size_t number, const char *domain) {
    struct span value = work->records[number].value, old = work->values[number].domain;
    size_t before = (size_t) (old.bytes - value.bytes);
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(value.size + strlen(domain) + 1);
    buffer_add(&text, span_of(value.bytes, before));
    buffer_add_text(&text, domain);
    buffer_add(&text, span_of(old.bytes + old.size, value.size - before - old.size));
    return buffer_check(&text) == OK ? lint_record_with(work, number, buffer_span(&text)) : NULL;
}

static void check_case(struct lint_work *work, size_t number, const char *domain) {
    struct span written = work->values[number].domain;
    if (memcmp(domain, written.bytes, written.size) == 0)
        return;
    if (strcmp(domain, LETS_ENCRYPT) == 0)
        lint_say(work, LINT_VALUE_CASE_REFUSED, number, with_domain(work, number, domain),
                 "the software of Let's Encrypt (boulder) compares the domain with case and does not take this one for its own; write it in lower case");
    else
        lint_say(work, LINT_VALUE_UPPER_CASE, number, with_domain(work, number, domain),
                 "some CA software (boulder) compares the domain with case; write it in lower case");
}

/* The table holds the domains for issue and issuewild; for e-mail and marks there are CAs that it does not list. */
static void check_known(struct lint_work *work, size_t number, const char *domain) {
    bool is_for_names = work->values[number].kind <= LINT_ISSUEWILD;
    if (lint_owner_of(work, domain) != NULL)
        return;
    bool is_searched = !lint_is_full(work, LINT_VALUE_MISSPELT) && !lint_is_full(work, LINT_VALUE_UNKNOWN);
    const char *near = is_searched ? word_nearest_domain(domain, work->owners, work->owner_count) : NULL;
    const struct ca_owner *owner = near == NULL ? NULL : lint_owner_of(work, near);
    if (owner != NULL)
        lint_say(work, LINT_VALUE_MISSPELT, number, with_domain(work, number, near),
                 "no CA in the table of %s recognises %.255s, so the record probably permits nobody; perhaps you meant %s (%s)", ca_table_date(), domain, near,
                 owner->name);
    else if (is_for_names)
        lint_say(work, LINT_VALUE_UNKNOWN, number, "",
                 "no CA in the table of %s recognises %.255s; look in the CA's practice statement (section 4.2) for the domain that it recognises, or remove the record",
                 ca_table_date(), domain);
}

static void check_named(struct lint_work *work, size_t number, const struct caa_issuer_value *value) {
    struct span written = work->records[number].value;
    char *domain = lint_lower(work, value->domain);
    if (domain == NULL)
        return;
    check_case(work, number, domain);
    check_known(work, number, domain);
    if (value->parameter_count == 0 && memchr(written.bytes, ';', written.size) != NULL)
        lint_say(work, LINT_SEMICOLON_IDLE, number, lint_record_with(work, number, value->domain), "the ';' without parameters behind it means nothing; leave it off");
    lint_parameters(work, number, value);
    if (work->values[number].is_void)
        lint_say(work, LINT_PARAMETERS_VOID, number, "",
                 "another record permits the same CA without conditions, so these parameters restrict nothing; remove the other record, or this one");
}

void lint_issuer_value(struct lint_work *work, size_t number) {
    const struct lint_value *known = &work->values[number];
    struct caa_issuer_value value;
    if (known->is_refused) {
        say_refused(work, number);
        return;
    }
    if (caa_issuer_value_parse(work->records[number].value, &value, NULL) != OK)
        return;
    if (value.domain.size > 0) {
        check_named(work, number, &value);
        return;
    }
    if (work->records[number].value.size == 0)
        lint_say(work, LINT_VALUE_EMPTY, number, lint_record_with(work, number, span_of_text(";")),
                 "an empty value means nobody, as \";\" does; write \";\", because some programs (those on c-ares among them) cannot read a set with an empty value");
    if (work->named_count[known->kind] > 0)
        lint_say(work, LINT_NOBODY_IDLE, number, "",
                 "\"nobody\" beside records that permit a CA has no effect: those CAs may issue (RFC 8659 4.2); remove this record, or the others");
}

/* ---- a refused value as it was probably meant */

enum { REPAIR_SIZE_MAX = 1000, REPAIR_RECORDS_MAX = 8 };

static bool is_in(uint8_t byte, const char *set) {
    return byte != '\0' && strchr(set, byte) != NULL;
}

static struct span strip(struct span text, const char *set) {
    while (text.size > 0 && is_in(text.bytes[0], set))
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && is_in(text.bytes[text.size - 1], set))
        text.size--;
    return text;
}

/* The next piece of `text` up to one of `set`; false at the end. */
static bool next_piece(struct span *text, const char *set, struct span *ret_piece) {
    size_t size = 0;
    if (text->size == 0)
        return false;
    while (size < text->size && !is_in(text->bytes[size], set))
        size++;
    *ret_piece = span_of(text->bytes, size);
    size += size < text->size;
    *text = span_of(text->bytes + size, text->size - size);
    return true;
}

/* A domain without what people put around it: scheme, path, quotes, dots, "*.". */
static struct span bare_domain(struct span piece) {
    const uint8_t *scheme = piece.size == 0 ? NULL : memmem(piece.bytes, piece.size, "://", 3);
    if (scheme != NULL) {
        size_t before = (size_t) (scheme - piece.bytes) + 3;
        struct span rest = span_of(piece.bytes + before, piece.size - before);
        if (!next_piece(&rest, "/", &piece))
            return span_of("", 0);
    }
    return strip(piece, "\"'\\.*/:<>");
}

static bool is_domain(struct span text) {
    struct caa_issuer_value value;
    return text.size > 0 && memchr(text.bytes, '.', text.size) != NULL && caa_issuer_value_parse(text, &value, NULL) == OK &&
           value.domain.size == text.size;
}

/* "; tag=value" for each piece that is a parameter once blanks and quotes are gone; false where one is not. */
static bool add_parameters(struct span text, struct buffer *out) {
    struct span piece;
    while (next_piece(&text, ";", &piece)) {
        bool has_begun = false;
        for (size_t i = 0; i < piece.size; i++) {
            if (is_in(piece.bytes[i], " \t\r\n\"'\\"))
                continue;
            if (!has_begun)
                buffer_add_text(out, "; ");
            has_begun = true;
            buffer_add(out, span_of(piece.bytes + i, 1));
        }
        if (has_begun && memchr(piece.bytes, '=', piece.size) == NULL)
            return false;
    }
    return true;
}

struct repair {
    struct lint_work *work;
    size_t number;
    struct buffer *text; /* the records so far */
    size_t count;
};

/* One record for the CA that the piece names; false where it names none. */
static bool add_record(struct repair *repair, struct span piece, struct span parameters) {
    struct caa_issuer_value ignored;
    struct span domain = bare_domain(piece);
    if (strip(piece, " \t\r\n\"'\\").size == 0)
        return true;
    if (!is_domain(domain) || repair->count == REPAIR_RECORDS_MAX)
        return false;
    CLEANUP(buffer_done) struct buffer value = buffer_with_limit(4 * REPAIR_SIZE_MAX);
    buffer_add(&value, domain);
    bool is_right = add_parameters(parameters, &value) && buffer_check(&value) == OK &&
                    caa_issuer_value_parse(buffer_span(&value), &ignored, NULL) == OK;
    repair->work->is_short = repair->work->is_short || value.has_no_memory;
    if (!is_right)
        return false;
    const char *record = lint_record_with(repair->work, repair->number, buffer_span(&value));
    if (repair->count++ > 0)
        buffer_add_text(repair->text, "\n");
    return record != NULL && buffer_add_text(repair->text, record);
}

const char *lint_repair(struct lint_work *work, size_t number) {
    struct span domains, piece, parameters = work->records[number].value;
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit((size_t) 64 * REPAIR_SIZE_MAX);
    struct repair repair = {.work = work, .number = number, .text = &text};
    bool is_clear = parameters.size <= REPAIR_SIZE_MAX && next_piece(&parameters, ";", &domains);
    while (is_clear && next_piece(&domains, " \t\r\n,|", &piece))
        is_clear = add_record(&repair, piece, parameters);
    work->is_short = work->is_short || text.has_no_memory;
    bool is_usable = is_clear && repair.count > 0 && (repair.count == 1 || parameters.size == 0);
    return is_usable ? arena_copy_text(work->arena, buffer_text(&text)) : "";
}
