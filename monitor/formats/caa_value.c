/* The grammar of RFC 8659 4.2, read from left to right without going back. */
#include "base/ascii.h"
#include "base/cursor.h"
#include "formats/caa_record.h"

struct reader {
    struct cursor cursor;
    struct reason *reason;
};

static result refuse(const struct reader *reader, const char *wrong) {
    if (reader->reason == NULL)
        return &fault_caa_record;
    return reason_set(reader->reason, &fault_caa_record, "at byte %zu of the value %s (RFC 8659 4.2)", reader->cursor.position + 1, wrong);
}

static bool next_is(const struct reader *reader, uint8_t wanted) {
    uint8_t byte;
    return cursor_peek(&reader->cursor, &byte) && byte == wanted;
}

static void skip_blanks(struct reader *reader) {
    while (next_is(reader, ' ') || next_is(reader, '\t'))
        (void) cursor_skip(&reader->cursor, 1);
}

typedef bool byte_kind(uint8_t byte);

static bool is_label_byte(uint8_t byte) {
    return ascii_is_letter_or_digit(byte) || byte == '-';
}

static bool is_value_byte(uint8_t byte) { /* %x21-3A / %x3C-7E */
    return byte > ' ' && byte < 0x7f && byte != ';';
}

static struct span take_run(struct reader *reader, byte_kind *is_of_kind) {
    const uint8_t *start = reader->cursor.bytes + reader->cursor.position;
    size_t size = 0;
    while (size < cursor_remaining(&reader->cursor) && is_of_kind(start[size]))
        size++;
    struct span run = {0};
    (void) cursor_take(&reader->cursor, size, &run);
    return run;
}

/* label and tag: (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT)) */
static result read_label(struct reader *reader, const char *empty, const char *hyphen, struct span *ret_label) {
    struct reader before = *reader;
    struct span label = take_run(reader, is_label_byte);
    if (label.size == 0)
        return refuse(&before, empty);
    if (label.bytes[0] == '-' || label.bytes[label.size - 1] == '-')
        return refuse(&before, hyphen);
    *ret_label = label;
    return OK;
}

/* label *("." label) */
static result read_domain(struct reader *reader, struct span *ret_domain) {
    size_t start = reader->cursor.position;
    struct span label;
    for (;;) {
        TRY(read_label(reader, "stands no label of the issuer's domain, wanted letters, digits and '-' between them",
                       "a label of the issuer's domain begins or ends with '-'", &label));
        if (!next_is(reader, '.'))
            break;
        (void) cursor_skip(&reader->cursor, 1);
    }
    *ret_domain = span_of(reader->cursor.bytes + start, reader->cursor.position - start);
    return OK;
}

/* tag *WSP "=" *WSP value */
static result read_parameter(struct reader *reader, struct caa_parameter *ret_parameter) {
    TRY(read_label(reader, "stands no tag of a parameter, wanted letters, digits and '-' between them",
                   "a parameter's tag begins or ends with '-'", &ret_parameter->tag));
    skip_blanks(reader);
    if (!next_is(reader, '='))
        return refuse(reader, "stands no '=' behind a parameter's tag");
    (void) cursor_skip(&reader->cursor, 1);
    skip_blanks(reader);
    ret_parameter->value = take_run(reader, is_value_byte);
    skip_blanks(reader);
    return OK;
}

static result read_parameters(struct reader *reader, struct caa_issuer_value *value) {
    for (;;) {
        struct caa_parameter parameter;
        TRY(read_parameter(reader, &parameter));
        if (value->parameter_count < CAA_PARAMETERS_MAX)
            value->parameters[value->parameter_count++] = parameter;
        else
            value->has_more_parameters = true;
        if (cursor_at_end(&reader->cursor))
            return OK;
        if (!next_is(reader, ';'))
            return refuse(reader, "a parameter's value goes on with what none may hold, wanted printable ASCII without blanks, and ';' before the next parameter");
        (void) cursor_skip(&reader->cursor, 1);
        skip_blanks(reader);
        if (cursor_at_end(&reader->cursor))
            return refuse(reader, "it ends behind a ';', wanted no ';' behind the last parameter");
    }
}

/* *WSP [issuer-domain-name *WSP] [";" *WSP [parameters *WSP]] */
result caa_issuer_value_parse(struct span value, struct caa_issuer_value *ret_value, struct reason *reason) {
    struct reader reader = {.cursor = cursor_of(value), .reason = reason};
    struct caa_issuer_value parsed = {.domain = span_of("", 0)};
    skip_blanks(&reader);
    if (!cursor_at_end(&reader.cursor) && !next_is(&reader, ';'))
        TRY(read_domain(&reader, &parsed.domain));
    skip_blanks(&reader);
    if (!cursor_at_end(&reader.cursor)) {
        if (!next_is(&reader, ';'))
            return refuse(&reader, "stands something else behind the issuer's domain, wanted ';' and parameters, or nothing");
        (void) cursor_skip(&reader.cursor, 1);
        skip_blanks(&reader);
    }
    if (!cursor_at_end(&reader.cursor))
        TRY(read_parameters(&reader, &parsed));
    *ret_value = parsed;
    return OK;
}
