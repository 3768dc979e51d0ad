/* Reports of failed pin validation. TrustKit's have the members of RFC 7469 3 and some of its own; what is written how was taken from the sources
 * of its releases for iOS and Android. */
#include "formats/client_report.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/certificate.h"
#include "formats/json_document.h"
#include "formats/pem_text.h"
#include "formats/pin_builder.h"

FAULT(fault_client_report, FAULT_INPUT, "client.report", "report of a client", "RFC 7469 3", "it cannot be read", "JSON as HPKP or TrustKit write it");

enum { SENTENCE_SIZE = 300, PORT_MAX = 65535, RESULT_MAX = 255, DATE_SIZE_MAX = 40, OFFSET_SIZE = 5 };

#define ZEROES "T00:00:00Z"

struct reading {
    struct arena *arena;
    json_t *root;
    struct pin_document document; /* its remarks become the notes */
    struct pin_builder builder;
    struct client_report *report;
    struct reason *reason;
};

const char *client_report_format_name(enum client_report_format format) {
    return format == CLIENT_REPORT_HPKP ? "hpkp" : "trustkit";
}

/* ---- words */

static const char *type_name(const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    default:
        return "a number";
    }
}

static result refuse(const struct reading *reading, const char *member, const char *wrong, const char *wanted) {
    return reason_set(reading->reason, &fault_client_report, "the member \"%s\" %s, wanted %s", member, wrong, wanted);
}

static result refuse_type(const struct reading *reading, const char *member, const json_t *value, const char *wanted) {
    char wrong[SENTENCE_SIZE];
    snprintf(wrong, sizeof wrong, "is %s", type_name(value));
    return refuse(reading, member, wrong, wanted);
}

static result note(struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));
static result note(struct reading *reading, const char *format, ...) {
    char sentence[SENTENCE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return pin_builder_remark(&reading->builder, PIN_REMARK_NOTE, 0, "client-report", "%s", sentence);
}

/* ---- single members; null is as good as absent */

static const json_t *member_of(const struct reading *reading, const char *name) {
    const json_t *value = json_object_get(reading->root, name);
    return json_is_null(value) ? NULL : value;
}

/* "" where it is absent. */
static result take_text(struct reading *reading, const char *name, const char **ret_text) {
    const json_t *value = member_of(reading, name);
    *ret_text = "";
    if (value == NULL)
        return OK;
    if (!json_is_string(value))
        return refuse_type(reading, name, value, "a string");
    if (json_string_length(value) > CLIENT_REPORT_TEXT_MAX)
        return refuse(reading, name, "is longer than any real one", "255 bytes at most");
    char *copy = arena_copy_text(reading->arena, json_string_value(value));
    if (copy == NULL)
        return &fault_no_memory;
    text_make_harmless(copy);
    *ret_text = copy;
    return OK;
}

/* Numbers stand for booleans where a writer boxed its own. */
static result take_boolean(struct reading *reading, const char *name, bool *ret_has, bool *ret_value) {
    const json_t *value = member_of(reading, name);
    *ret_has = value != NULL;
    if (value == NULL)
        return OK;
    bool is_number = json_is_integer(value) && (json_integer_value(value) == 0 || json_integer_value(value) == 1);
    if (!json_is_boolean(value) && !is_number)
        return refuse_type(reading, name, value, "true or false");
    *ret_value = json_is_true(value) || (is_number && json_integer_value(value) == 1);
    return OK;
}

static result take_number(struct reading *reading, const char *name, int maximum, bool *ret_has, int *ret_value) {
    const json_t *value = member_of(reading, name);
    char wanted[SENTENCE_SIZE];
    *ret_has = value != NULL;
    if (value == NULL)
        return OK;
    snprintf(wanted, sizeof wanted, "a number from 0 to %d", maximum);
    if (!json_is_integer(value))
        return refuse_type(reading, name, value, wanted);
    if (json_integer_value(value) < 0 || json_integer_value(value) > maximum)
        return refuse(reading, name, "is out of range", wanted);
    *ret_value = (int) json_integer_value(value);
    return OK;
}

/* RFC 3339; a date alone, as TrustKit writes the end of its pins; or an offset without a colon, as Java's formatters write it. */
static bool read_date(const char *text, size_t size, int64_t *ret_date) {
    char room[DATE_SIZE_MAX + sizeof ZEROES];
    int64_t unix_ms;
    const char *offset = size >= sizeof "2026-11-21T12:00:00+0100" - 1 ? text + size - OFFSET_SIZE : NULL;
    if (size > DATE_SIZE_MAX)
        return false;
    if (size == sizeof "2026-11-21" - 1)
        snprintf(room, sizeof room, "%s" ZEROES, text);
    else if (offset != NULL && (offset[0] == '+' || offset[0] == '-'))
        snprintf(room, sizeof room, "%.*s:%s", (int) size - 2, text, offset + 3);
    else
        snprintf(room, sizeof room, "%s", text);
    if (text_to_time_ms(span_of_text(room), &unix_ms) != OK)
        return false;
    *ret_date = unix_ms / 1000 - (unix_ms % 1000 < 0);
    return true;
}

/* A client whose clock or formatter is odd still tells of its certificates: an unreadable date is a note. */
static result take_date(struct reading *reading, const char *name, bool *ret_has, int64_t *ret_date, bool *ret_is_utc) {
    const json_t *value = member_of(reading, name);
    *ret_has = *ret_is_utc = false;
    if (value == NULL)
        return OK;
    if (!json_is_string(value))
        return refuse_type(reading, name, value, "a string with a date (RFC 3339)");
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    *ret_has = read_date(text, size, ret_date);
    *ret_is_utc = *ret_has && (text[size - 1] == 'Z' || text[size - 1] == 'z');
    return *ret_has ? OK : note(reading, "\"%s\": \"%.60s\" is no date (RFC 3339), and was left out", name, text);
}

static result take_host(struct reading *reading, const char *name, const char **ret_host) {
    const json_t *value = member_of(reading, name);
    bool is_host;
    if (!json_is_string(value))
        return value == NULL ? refuse(reading, name, "is missing", "a host name") : refuse_type(reading, name, value, "a host name");
    TRY(pin_host_read(&reading->builder, span_of(json_string_value(value), json_string_length(value)), 0, ret_host, &is_host));
    if (is_host)
        return OK;
    return reason_set(reading->reason, &fault_client_report, "the member \"%s\": %s", name, reading->document.remarks[reading->document.remark_count - 1].text);
}

/* ---- chains */

/* The first certificate in the text; *ret_der is empty where there is none. */
static result read_certificate(struct reading *reading, const json_t *value, struct span *ret_der) {
    struct pem_reader reader = pem_reader_of(span_of(json_string_value(value), json_string_length(value)));
    struct certificate certificate;
    struct pem_block block;
    bool has_block = true;
    *ret_der = span_of("", 0);
    while (has_block) {
        TRY(pem_next(&reader, reading->arena, &block, &has_block));
        if (!has_block || block.wrong != NULL || !span_equal(block.label, span_of_text("CERTIFICATE")))
            continue;
        if (certificate_parse(block.der, &certificate) == OK)
            *ret_der = certificate.whole;
        return OK;
    }
    return OK;
}

static result take_chain(struct reading *reading, const char *name, const struct span **ret_chain, size_t *ret_count) {
    const json_t *value = member_of(reading, name);
    size_t size = json_array_size(value), taken = size < CLIENT_REPORT_CHAIN_MAX ? size : CLIENT_REPORT_CHAIN_MAX, count = 0;
    if (value != NULL && !json_is_array(value))
        return refuse_type(reading, name, value, "an array of certificates in PEM");
    struct span *chain = arena_take_array(reading->arena, taken + 1, sizeof *chain);
    if (chain == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < taken; i++) {
        const json_t *item = json_array_get(value, i);
        struct span der = span_of("", 0);
        if (json_is_string(item))
            TRY(read_certificate(reading, item, &der));
        if (der.size > 0)
            chain[count++] = der;
        else
            TRY(note(reading, "\"%s\": number %zu is no certificate in PEM, and was left out", name, i + 1));
    }
    if (size > taken)
        TRY(note(reading, "\"%s\" has %zu certificates, of which the first %d were read", name, size, CLIENT_REPORT_CHAIN_MAX));
    *ret_chain = chain;
    *ret_count = count;
    return OK;
}

/* ---- pins */

static bool skip_prefix(struct span *text, const char *prefix) {
    size_t size = strlen(prefix);
    if (text->size < size || memcmp(text->bytes, prefix, size) != 0)
        return false;
    *text = span_of(text->bytes + size, text->size - size);
    return true;
}

/* pin-sha256="…" as RFC 7469 3 has it; sha256/… and the digest alone are understood, too. */
static struct span digest_in(struct span text) {
    if (!skip_prefix(&text, "pin-sha256="))
        (void) skip_prefix(&text, "sha256/");
    bool is_quoted = text.size >= 2 && (text.bytes[0] == '"' || text.bytes[0] == '\'') && text.bytes[text.size - 1] == text.bytes[0];
    return is_quoted ? span_of(text.bytes + 1, text.size - 2) : text;
}

static result take_pin(struct reading *reading, const json_t *item, size_t number, struct pin *pins, size_t *count) {
    struct pin pin = {.kind = PIN_SPKI, .algorithm = PIN_SHA256, .position = PIN_ANY, .comment = ""};
    bool is_value;
    if (!json_is_string(item))
        return note(reading, "\"known-pins\": number %zu is %s, wanted a string, and was left out", number, type_name(item));
    struct span text = digest_in(span_of(json_string_value(item), json_string_length(item)));
    TRY(pin_value_read(&reading->builder, text, PIN_BASE64(HASH_SIZE), 0, &pin.value, &is_value));
    if (is_value)
        pins[(*count)++] = pin;
    return OK;
}

static result take_pins(struct reading *reading) {
    static const char name[] = "known-pins";
    const json_t *value = member_of(reading, name);
    size_t size = json_array_size(value), taken = size < CLIENT_REPORT_PINS_MAX ? size : CLIENT_REPORT_PINS_MAX;
    if (value != NULL && !json_is_array(value))
        return refuse_type(reading, name, value, "an array of pins");
    struct pin *pins = arena_take_array(reading->arena, taken + 1, sizeof *pins);
    if (pins == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < taken; i++)
        TRY(take_pin(reading, json_array_get(value, i), i + 1, pins, &reading->report->pin_count));
    reading->report->pins = pins;
    if (size > taken)
        return note(reading, "\"%s\" has %zu pins, of which the first %d were read", name, size, CLIENT_REPORT_PINS_MAX);
    return OK;
}

/* ---- the whole */

static const char *const trustkit_members[] = {"trustkit-version", "app-bundle-id", "app-platform", "validation-result", "enforce-pinning", "app-vendor-id"};

static bool is_trustkit(const json_t *root) {
    for (size_t i = 0; i < sizeof trustkit_members / sizeof trustkit_members[0]; i++)
        if (json_object_get(root, trustkit_members[i]) != NULL)
            return true;
    return false;
}

static result take_platform(struct reading *reading) {
    const char *text;
    TRY(take_text(reading, "app-platform", &text));
    char *copy = arena_copy_text(reading->arena, text);
    if (copy == NULL)
        return &fault_no_memory;
    for (char *at = copy; *at != '\0'; at++) {
        *at = (char) ascii_lower((uint8_t) *at);
        if (!ascii_is_digit((uint8_t) *at) && !(*at >= 'a' && *at <= 'z') && strchr("._-", *at) == NULL)
            return refuse(reading, "app-platform", "is no word of letters, digits, dots, underscores and hyphens", "one such as IOS or ANDROID");
    }
    reading->report->platform = copy;
    return OK;
}

static result take_app(struct reading *reading) {
    struct client_report *report = reading->report;
    const char *version;
    bool is_utc;
    TRY(take_text(reading, "app-bundle-id", &report->app));
    TRY(take_text(reading, "app-version", &report->version));
    TRY(take_platform(reading));
    TRY(take_text(reading, "trustkit-version", &version));
    report->library = arena_printf(reading->arena, "trustkit%s%s", version[0] == '\0' ? "" : " ", version);
    if (report->library == NULL)
        return &fault_no_memory;
    TRY(take_boolean(reading, "enforce-pinning", &report->has_enforcement, &report->is_enforced));
    TRY(take_number(reading, "validation-result", RESULT_MAX, &report->has_result, &report->result));
    return take_date(reading, "known-pins-expiration-date", &report->has_expiry, &report->expiry, &is_utc);
}

static bool is_at_or_below(const char *host, const char *parent) {
    size_t size = strlen(host), parent_size = strlen(parent);
    return size >= parent_size && strcmp(host + size - parent_size, parent) == 0 && (size == parent_size || host[size - parent_size - 1] == '.');
}

static result take_hosts(struct reading *reading) {
    struct client_report *report = reading->report;
    bool has_port;
    int port = 0;
    TRY(take_host(reading, "hostname", &report->host));
    report->noted_host = report->host;
    if (member_of(reading, "noted-hostname") == NULL)
        TRY(note(reading, "\"noted-hostname\" is missing; taken as the host itself"));
    else
        TRY(take_host(reading, "noted-hostname", &report->noted_host));
    if (!is_at_or_below(report->host, report->noted_host))
        TRY(note(reading, "the pins are said to be those of %s, which is not above %s", report->noted_host, report->host));
    /* The first releases of TrustKit for Android */
    TRY(take_number(reading, member_of(reading, "port") == NULL ? "serverPort" : "port", PORT_MAX, &has_port, &port));
    report->port = (uint16_t) port;
    return take_boolean(reading, "include-subdomains", &report->has_subdomains, &report->includes_subdomains);
}

static result take_all(struct reading *reading) {
    struct client_report *report = reading->report;
    bool is_utc;
    report->format = is_trustkit(reading->root) ? CLIENT_REPORT_TRUSTKIT : CLIENT_REPORT_HPKP;
    TRY(take_hosts(reading));
    if (report->format == CLIENT_REPORT_TRUSTKIT)
        TRY(take_app(reading));
    else
        TRY(take_date(reading, "effective-expiration-date", &report->has_expiry, &report->expiry, &is_utc));
    TRY(take_date(reading, "date-time", &report->has_date, &report->date, &is_utc));
    /* android.text.format.DateFormat, which TrustKit writes dates with, knows no "Z" and leaves it as it is behind the device's own time */
    report->is_date_local = is_utc && report->format == CLIENT_REPORT_TRUSTKIT && strcmp(report->platform, "android") == 0;
    TRY(take_chain(reading, "served-certificate-chain", &report->served, &report->served_count));
    TRY(take_chain(reading, "validated-certificate-chain", &report->validated, &report->validated_count));
    return take_pins(reading);
}

static result end_notes(struct reading *reading) {
    TRY(pin_builder_end(&reading->builder));
    const char **notes = arena_take_array(reading->arena, reading->document.remark_count + 1, sizeof *notes);
    if (notes == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < reading->document.remark_count; i++)
        notes[i] = reading->document.remarks[i].text;
    reading->report->notes = notes;
    return OK;
}

result client_report_read(struct span file, struct arena *arena, struct client_report *ret_report, struct reason *reason) {
    CLEANUP(json_document_free) json_t *root = NULL;
    struct client_report report = {.app = "", .version = "", .platform = "", .library = ""};
    TRY(json_document_load(file, CLIENT_REPORT_SIZE_MAX, &fault_client_report, reason, &root));
    struct reading reading = {.arena = arena, .root = root, .report = &report, .reason = reason, .document = {.source = "", .format = PIN_FORMAT_HPKP}};
    reading.builder = pin_builder_of(arena, &reading.document);
    if (!json_is_object(root))
        return reason_set(reason, &fault_client_report, "the report is %s, wanted an object (RFC 7469 3)", type_name(root));
    TRY(take_all(&reading));
    TRY(end_notes(&reading));
    *ret_report = report;
    return OK;
}

/* ---- at a glance */

static bool mentions(struct span file, const char *member) {
    char quoted[SENTENCE_SIZE];
    int size = snprintf(quoted, sizeof quoted, "\"%s\"", member);
    return memmem(file.bytes, file.size, quoted, (size_t) size) != NULL;
}

bool client_report_is_likely(struct span file, enum client_report_format *ret_format) {
    size_t start = 0;
    while (start < file.size && file.bytes[start] <= ' ')
        start++;
    if (start == file.size || file.bytes[start] != '{')
        return false;
    if (!mentions(file, "served-certificate-chain") && !mentions(file, "validated-certificate-chain"))
        return false;
    if (!mentions(file, "known-pins") && !mentions(file, "noted-hostname"))
        return false;
    *ret_format = CLIENT_REPORT_HPKP;
    for (size_t i = 0; i < sizeof trustkit_members / sizeof trustkit_members[0]; i++)
        if (mentions(file, trustkit_members[i]))
            *ret_format = CLIENT_REPORT_TRUSTKIT;
    return true;
}
