/* HTTP Public Key Pinning (RFC 7469): the headers Public-Key-Pins and Public-Key-Pins-Report-Only, alone or among others. */
#include <strings.h>

#include "base/ascii.h"
#include "base/cursor.h"
#include "base/text.h"
#include "formats/pin_file.h"
#include "formats/pin_write.h"

enum { SHOWN_MAX = 60, MAX_AGE_WRITTEN_S = 60 * 86400 /* what RFC 7469 4.1 finds bearable */ };

static const char header_name[] = "Public-Key-Pins", report_only_name[] = "Public-Key-Pins-Report-Only";

/* One header under examination. */
struct header {
    struct pin_builder *builder;
    struct cursor text;
    uint8_t *room;        /* for what stands in quotes; NULL until it is needed */
    unsigned line;
    bool is_report_only;
    struct pin_set set;   /* without its pins */
    struct pin_set *kept; /* NULL until a pin makes it one */
    bool is_wrong;        /* a remark says why no client takes it */
};

struct reading {
    struct pin_builder *builder;
    struct cursor text;
    unsigned line;
    bool has[2]; /* this response has one already; of reports only, and enforcing */
};

static int shown(struct span text) {
    return text.size < SHOWN_MAX ? (int) text.size : SHOWN_MAX;
}

static struct span trim(struct span text) {
    while (text.size > 0 && text.bytes[0] <= ' ')
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && text.bytes[text.size - 1] <= ' ')
        text.size--;
    return text;
}

static bool is_named(struct span text, const char *name) {
    return text.size == strlen(name) && strncasecmp((const char *) text.bytes, name, text.size) == 0;
}

static bool begins_with(struct span text, const char *start) {
    return text.size >= strlen(start) && strncasecmp((const char *) text.bytes, start, strlen(start)) == 0;
}

/* ── directives ── */

struct directive {
    struct span name, value;
    bool has_value, is_quoted;
};

#define REFUSE(header, rule, ...) refuse(header, pin_builder_remark((header)->builder, PIN_REMARK_ERROR, (header)->line, rule, __VA_ARGS__))

static result refuse(struct header *header, result remarked) {
    header->is_wrong = true;
    return remarked;
}

/* token, RFC 7230 3.2.6 */
static bool is_token_byte(uint8_t byte) {
    return ascii_is_letter_or_digit(byte) || (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

static void skip_spaces(struct cursor *text) {
    uint8_t byte;
    while (cursor_peek(text, &byte) && byte <= ' ')
        (void) cursor_skip(text, 1);
}

static struct span take_token(struct cursor *text) {
    size_t start = text->position;
    uint8_t byte;
    while (cursor_peek(text, &byte) && is_token_byte(byte))
        (void) cursor_skip(text, 1);
    return span_of(text->bytes + start, text->position - start);
}

/* quoted-string, behind its first quote; false: it does not end. */
static bool take_quoted(struct cursor *text, uint8_t *room, struct span *ret_value) {
    size_t size = 0;
    uint8_t byte = 0;
    while (cursor_peek(text, &byte)) {
        (void) cursor_skip(text, 1);
        if (byte == '"') {
            *ret_value = span_of(room, size);
            return true;
        }
        if (byte == '\\' && cursor_peek(text, &byte))
            (void) cursor_skip(text, 1);
        room[size++] = byte;
    }
    return false;
}

static result take_value(struct header *header, struct directive *directive) {
    uint8_t byte = 0;
    (void) cursor_skip(&header->text, 1); /* '=' */
    skip_spaces(&header->text);
    directive->has_value = true;
    directive->is_quoted = cursor_peek(&header->text, &byte) && byte == '"';
    if (!directive->is_quoted) {
        directive->value = take_token(&header->text);
        return OK;
    }
    (void) cursor_skip(&header->text, 1);
    if (header->room == NULL)
        header->room = arena_take(header->builder->arena, header->text.size + 1);
    if (header->room == NULL)
        return &fault_no_memory;
    if (!take_quoted(&header->text, header->room, &directive->value))
        return REFUSE(header, "hpkp-quote", "a quoted text does not end (RFC 7230 3.2.6)");
    return OK;
}

/* name [= value], up to the next ';' or the end. Nothing between two ';' gives an empty name. */
static result take_directive(struct header *header, struct directive *ret_directive) {
    uint8_t byte = 0;
    *ret_directive = (struct directive){.value = span_of("", 0)};
    skip_spaces(&header->text);
    ret_directive->name = take_token(&header->text);
    skip_spaces(&header->text);
    if (cursor_peek(&header->text, &byte) && byte == '=')
        TRY(take_value(header, ret_directive));
    skip_spaces(&header->text);
    if (header->is_wrong || cursor_at_end(&header->text))
        return OK;
    (void) cursor_u8(&header->text, &byte);
    if (byte == ';')
        return OK;
    return REFUSE(header, "hpkp-grammar", "behind \"%.*s\" stands \"%c\", wanted \";\" between directives (RFC 7469 2.1)", shown(ret_directive->name),
                  (const char *) ret_directive->name.bytes, byte);
}

static result keep_pin(struct header *header, struct span value) {
    if (header->kept == NULL) {
        header->kept = pin_builder_add_set(header->builder, header->line);
        if (header->kept == NULL)
            return pin_builder_refusal(header->builder);
    }
    struct pin *pin = pin_builder_add_pin(header->builder, header->kept, 0);
    if (pin == NULL)
        return pin_builder_refusal(header->builder);
    pin->value = value;
    pin->line = header->line;
    return OK;
}

static result take_pin(struct header *header, const struct directive *directive) {
    struct span value;
    bool is_value = false;
    if (!is_named(directive->name, "pin-sha256"))
        return pin_builder_remark(header->builder, PIN_REMARK_WARNING, header->line, "hpkp-algorithm",
                                  "\"%.*s\" is skipped by clients, wanted pin-sha256 (RFC 7469 2.1.1)", shown(directive->name),
                                  (const char *) directive->name.bytes);
    if (!directive->is_quoted)
        return REFUSE(header, "hpkp-pin-not-quoted", "a pin stands without quotes, wanted pin-sha256=\"…\" (RFC 7469 2.1)");
    TRY(pin_value_read(header->builder, directive->value, PIN_BASE64(HASH_SIZE), header->line, &value, &is_value));
    return is_value ? keep_pin(header, value) : OK;
}

/* delta-seconds (RFC 7234 1.2.1): what is too large is the largest. */
static result take_max_age(struct header *header, const struct directive *directive) {
    uint64_t seconds = 0;
    bool is_number = directive->value.size > 0;
    for (size_t i = 0; i < directive->value.size; i++) {
        uint8_t byte = directive->value.bytes[i];
        is_number = is_number && ascii_is_digit(byte);
        seconds = seconds > (INT64_MAX - 9) / 10 ? INT64_MAX : seconds * 10 + (byte & 15);
    }
    if (!is_number || header->set.has_max_age)
        return REFUSE(header, "hpkp-max-age", "max-age is \"%.*s\"%s, wanted one number of seconds (RFC 7469 2.1.2)", shown(directive->value),
                      (const char *) directive->value.bytes, header->set.has_max_age ? ", a second time" : "");
    header->set.has_max_age = true;
    header->set.max_age_s = seconds;
    return OK;
}

static result take_report_uri(struct header *header, const struct directive *directive) {
    if (header->set.report_uris[0] != NULL || directive->value.size == 0)
        return REFUSE(header, "hpkp-report-uri", "report-uri is %s, wanted one URI (RFC 7469 2.1.4)", directive->value.size == 0 ? "empty" : "there twice");
    const char **uris = arena_take_array(header->builder->arena, 2, sizeof *uris);
    char *uri = arena_copy_span_as_text(header->builder->arena, directive->value);
    if (uris == NULL || uri == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < directive->value.size; i++)
        uri[i] = uri[i] == '\0' ? '?' : uri[i];
    text_make_harmless(uri);
    uris[0] = uri;
    header->set.report_uris = uris;
    return OK;
}

static result take_subdomains(struct header *header, const struct directive *directive) {
    if (directive->has_value || header->set.match != PIN_HOST_EXACT)
        return REFUSE(header, "hpkp-subdomains", "includeSubDomains %s, wanted it once and alone (RFC 7469 2.1.3)",
                      directive->has_value ? "has a value" : "is there twice");
    header->set.match = PIN_HOST_EXACT_AND_BELOW;
    return OK;
}

static result take_any(struct header *header, const struct directive *directive) {
    if (directive->name.size == 0 && !directive->has_value)
        return OK;
    if (begins_with(directive->name, "pin-"))
        return take_pin(header, directive);
    if (is_named(directive->name, "max-age"))
        return take_max_age(header, directive);
    if (is_named(directive->name, "includeSubDomains"))
        return take_subdomains(header, directive);
    if (is_named(directive->name, "report-uri"))
        return take_report_uri(header, directive);
    return pin_builder_remark(header->builder, PIN_REMARK_NOTE, header->line, "hpkp-directive", "the directive \"%.*s\" is skipped, as clients do (RFC 7469 "
                              "2.1)", shown(directive->name), (const char *) directive->name.bytes);
}

/* ── headers ── */

static result end_header(struct header *header) {
    bool unpins = header->set.has_max_age && header->set.max_age_s == 0;
    if (!header->is_wrong && !header->set.has_max_age && !header->is_report_only)
        TRY(REFUSE(header, "hpkp-max-age", "max-age is missing, so clients skip the header (RFC 7469 2.1.2)"));
    if (!header->is_wrong && header->kept == NULL && !unpins)
        TRY(REFUSE(header, "hpkp-no-pin", "there is no usable pin, wanted pin-sha256=\"…\" and a backup (RFC 7469 2.1.1, 2.5)"));
    if (header->is_wrong) { /* it is the last set */
        header->builder->document->set_count -= header->kept != NULL;
        return OK;
    }
    if (header->kept == NULL)
        header->kept = pin_builder_add_set(header->builder, header->line);
    if (header->kept == NULL)
        return pin_builder_refusal(header->builder);
    header->kept->match = header->set.match;
    header->kept->has_max_age = header->set.has_max_age;
    header->kept->max_age_s = header->set.max_age_s;
    header->kept->report_uris = header->set.report_uris;
    header->kept->is_enforced = false; /* no browser does any more */
    header->kept->is_report_only = header->is_report_only;
    header->kept->is_pinned = !unpins;
    return OK;
}

static result read_header(struct reading *reading, struct span value, bool is_report_only, unsigned line) {
    static const char *const no_uris[] = {NULL};
    struct header header = {.builder = reading->builder, .text = cursor_of(value), .line = line, .is_report_only = is_report_only,
                            .set = {.report_uris = no_uris}};
    if (reading->has[is_report_only])
        return pin_builder_remark(reading->builder, PIN_REMARK_WARNING, line, "hpkp-second",
                                  "a second %s of one response is skipped, as clients do (RFC 7469 2.3.1)", is_report_only ? report_only_name : header_name);
    reading->has[is_report_only] = true;
    while (!header.is_wrong && !cursor_at_end(&header.text)) {
        struct directive directive;
        TRY(take_directive(&header, &directive));
        if (!header.is_wrong)
            TRY(take_any(&header, &directive));
    }
    return end_header(&header);
}

/* The next line with those that go on with it (RFC 7230 3.2.4), without "< " of curl -v. */
static bool take_line(struct reading *reading, struct span *ret_line, unsigned *ret_number) {
    struct cursor *text = &reading->text;
    if (cursor_at_end(text))
        return false;
    size_t start = text->position;
    uint8_t byte = 0;
    *ret_number = reading->line;
    do {
        const uint8_t *end = memchr(text->bytes + text->position, '\n', cursor_remaining(text));
        (void) cursor_skip(text, end == NULL ? cursor_remaining(text) : (size_t) (end - text->bytes) + 1 - text->position);
        reading->line++;
    } while (cursor_peek(text, &byte) && (byte == ' ' || byte == '\t'));
    *ret_line = trim(span_of(text->bytes + start, text->position - start));
    if (begins_with(*ret_line, "< "))
        *ret_line = trim(span_of(ret_line->bytes + 2, ret_line->size - 2));
    return true;
}

/* Is the line a header of ours? */
static bool take_name(struct span line, struct span *ret_value, bool *ret_is_report_only) {
    const uint8_t *colon = line.size == 0 ? NULL : memchr(line.bytes, ':', line.size);
    if (colon == NULL)
        return false;
    struct span name = trim(span_of(line.bytes, (size_t) (colon - line.bytes)));
    *ret_is_report_only = is_named(name, report_only_name);
    *ret_value = span_of(colon + 1, line.size - (size_t) (colon - line.bytes) - 1);
    return *ret_is_report_only || is_named(name, header_name);
}

result pin_hpkp_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason) {
    struct pin_builder builder = pin_builder_of(arena, document);
    struct reading reading = {.builder = &builder, .text = cursor_of(bytes), .line = 1};
    struct span line, value;
    unsigned number;
    bool is_report_only, has_header = false;
    while (take_line(&reading, &line, &number)) {
        if (begins_with(line, "HTTP/"))
            reading.has[0] = reading.has[1] = false;
        if (!take_name(line, &value, &is_report_only))
            continue;
        has_header = true;
        TRY(read_header(&reading, value, is_report_only, number));
    }
    if (!has_header)
        return reason_set(reason, &fault_pin_file, "line 1: no header %s or %s is in the file (RFC 7469 2.1)", header_name, report_only_name);
    return pin_builder_end(&builder);
}

bool pin_hpkp_is_likely(struct span bytes) {
    struct reading reading = {.text = cursor_of(bytes), .line = 1};
    struct span line, value;
    unsigned number;
    bool is_report_only;
    while (take_line(&reading, &line, &number))
        if (take_name(line, &value, &is_report_only))
            return true;
    return false;
}

/* ── writing ── */

static void write_quoted(const char *text, struct buffer *out) {
    buffer_add_text(out, "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buffer_add_text(out, "\\");
        buffer_add(out, span_of(text, 1));
    }
    buffer_add_text(out, "\"");
}

static result write_pins(const struct pin_export *entry, struct pin_builder *lost, struct buffer *out) {
    char text[HASH_BASE64_SIZE + 4];
    const struct pin **pins;
    size_t count;
    TRY(pin_write_pins(entry, lost->arena, &pins, &count));
    for (size_t i = 0; i < count; i++) {
        text_of_base64(pins[i]->value, text);
        buffer_printf(out, "%s pin-sha256=\"%s\"", i == 0 ? "" : ";", text);
    }
    return OK;
}

static result write_max_age(const struct pin_set *set, struct pin_builder *lost, struct buffer *out) {
    uint64_t seconds = !set->is_pinned ? 0 : set->has_max_age ? set->max_age_s : MAX_AGE_WRITTEN_S;
    bool is_ours = set->is_pinned && !set->has_max_age;
    if (is_ours && set->is_report_only)
        return OK;
    buffer_printf(out, "%s max-age=%llu", set->group_count == 0 ? "" : ";", (unsigned long long) seconds);
    if (!is_ours)
        return OK;
    return pin_builder_remark(lost, PIN_REMARK_WARNING, set->line, "export-max-age", "pinning gets a max-age of 60 days after each visit");
}

static result write_header(const struct pin_export *entry, struct pin_builder *lost, struct buffer *out) {
    const struct pin_set *set = entry->set;
    buffer_printf(out, "%s:", set->is_report_only ? report_only_name : header_name);
    TRY(write_pins(entry, lost, out));
    TRY(write_max_age(set, lost, out));
    if (entry->match == PIN_HOST_EXACT_AND_BELOW)
        buffer_add_text(out, "; includeSubDomains");
    if (set->report_uris[0] != NULL) {
        buffer_add_text(out, "; report-uri=");
        write_quoted(set->report_uris[0], out);
    }
    buffer_add_text(out, "\n");
    if (set->report_uris[0] == NULL || set->report_uris[1] == NULL)
        return OK;
    return pin_builder_remark(lost, PIN_REMARK_NOTE, set->line, "export-reports", "reports go to the first address only");
}

/* Of another format, a host that is not pinned below one that is: a header cannot say that. */
static bool has_foreign_gap(const struct pin_document *document) {
    for (size_t i = 0; i < document->set_count; i++)
        if (!document->sets[i].is_pinned && document->sets[i].format != PIN_FORMAT_HPKP)
            return true;
    return false;
}

result pin_hpkp_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out) {
    const struct pin_abilities abilities = {
        .name = "a header", .has_unpinning = !has_foreign_gap(document), .has_report_only = true, .has_unenforced = true, .has_max_age = true, .has_reports = true,
        .kinds = PIN_BIT(PIN_SPKI), .algorithms = PIN_BIT(PIN_SHA256), .positions = PIN_BIT(PIN_ANY),
        .matches = PIN_BIT(PIN_HOST_EXACT) | PIN_BIT(PIN_HOST_EXACT_AND_BELOW),
    };
    struct pin_export *plan;
    bool has[2] = {false, false};
    TRY(pin_export_plan(document, &abilities, lost, &plan));
    for (size_t i = 0; i < document->set_count; i++) {
        if (plan[i].is_left_out)
            continue;
        if (has[plan[i].set->is_report_only]) { /* there is one in a response */
            buffer_add_text(out, "HTTP/1.1 200 OK\n");
            has[0] = has[1] = false;
        }
        has[plan[i].set->is_report_only] = true;
        TRY(write_header(&plan[i], lost, out));
    }
    return buffer_check(out);
}
