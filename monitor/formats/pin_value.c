/* Digests and hosts as pin files write them. */
#include <stdio.h>

#include "base/ascii.h"
#include "base/text.h"
#include "base/utf8.h"
#include "formats/der.h"
#include "formats/name_normalise.h"
#include "formats/pin_builder.h"

enum { SHOWN_MAX = 80, HOST_MAX = 253, LABEL_MAX = 63, SLOW_LABELS = 127 };

static bool is_space(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static int shown(struct span text) {
    return text.size < SHOWN_MAX ? (int) text.size : SHOWN_MAX;
}

static const char *cut(struct span text) {
    return text.size < SHOWN_MAX ? "" : "…";
}

/* ── digests ── */

/* A value under examination: `symbols` is the text without white space; what had to be tolerated stands below it. */
struct value_text {
    struct pin_builder *builder;
    unsigned line;
    struct span written;
    char *symbols;
    size_t count;
    bool has_spaces, is_url, lacks_padding, has_bits;
};

static result value_warn(const struct value_text *text, const char *rule, const char *what) {
    return pin_builder_remark(text->builder, PIN_REMARK_WARNING, text->line, rule, "the pin \"%.*s%s\" %s", shown(text->written),
                              (const char *) text->written.bytes, cut(text->written), what);
}

static result value_refuse(const struct value_text *text, const char *rule, const char *what) {
    return pin_builder_remark(text->builder, PIN_REMARK_ERROR, text->line, rule, "the pin \"%.*s%s\" %s", shown(text->written),
                              (const char *) text->written.bytes, cut(text->written), what);
}

static result drop_spaces(struct value_text *text) {
    text->symbols = arena_take(text->builder->arena, text->written.size + 4); /* and padding */
    if (text->symbols == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < text->written.size; i++) {
        if (is_space(text->written.bytes[i]))
            text->has_spaces = true;
        else
            text->symbols[text->count++] = (char) text->written.bytes[i];
    }
    return OK;
}

/* Hex with or without colons, of `size` bytes or, with 0, of any number. */
static bool take_hex(const struct value_text *text, size_t size, uint8_t *ret_bytes, size_t *ret_size) {
    size_t digits = 0;
    char pair[2];
    for (size_t i = 0; i < text->count; i++) {
        if (text->symbols[i] == ':' && digits > 0 && digits % 2 == 0 && text->symbols[i - 1] != ':')
            continue;
        pair[digits++ % 2] = text->symbols[i];
        if (digits % 2 == 0 && text_to_hex(span_of(pair, 2), ret_bytes + digits / 2 - 1, 1) != OK)
            return false;
    }
    *ret_size = digits / 2;
    return digits > 0 && digits % 2 == 0 && text->symbols[text->count - 1] != ':' && (size == 0 || *ret_size == size);
}

/* To the alphabet of RFC 4648 section 4; true when there was something to change. */
static bool use_common_alphabet(struct value_text *text) {
    bool is_changed = false;
    for (size_t i = 0; i < text->count; i++) {
        char symbol = text->symbols[i];
        text->symbols[i] = symbol == '-' ? '+' : symbol == '_' ? '/' : symbol;
        is_changed |= text->symbols[i] != symbol;
    }
    return is_changed;
}

static unsigned base64_digit(char symbol) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *place = symbol == '\0' ? NULL : strchr(digits, symbol);
    return place == NULL ? 0 : (unsigned) (place - digits);
}

/* The bits of the last symbol that belong to no byte, made zero as they must be; true when they were not. */
static bool clear_left_over_bits(struct value_text *text, size_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned mask = count % 4 == 2 ? 15 : count % 4 == 3 ? 3 : 0;
    unsigned digit = count == 0 ? 0 : base64_digit(text->symbols[count - 1]);
    if ((digit & mask) == 0)
        return false;
    text->symbols[count - 1] = digits[digit & ~mask];
    return true;
}

static bool take_base64(struct value_text *text, uint8_t *ret_bytes, size_t *ret_size) {
    size_t count = text->count;
    text->is_url = use_common_alphabet(text);
    while (count > 0 && text->symbols[count - 1] == '=')
        count--;
    text->lacks_padding = text->count % 4 != 0;
    text->has_bits = clear_left_over_bits(text, count);
    size_t padded = count;
    for (; padded % 4 != 0; padded++)
        text->symbols[padded] = '=';
    return count > 0 && text->count - count <= 2 && text_to_base64(span_of(text->symbols, padded), ret_bytes, ret_size) == OK;
}

static result tell_tolerated(const struct value_text *text) {
    if (text->is_url)
        TRY(value_warn(text, "pin-base64-url", "is in the URL alphabet of base64, wanted \"+\" and \"/\" (RFC 4648 4)"));
    if (text->lacks_padding)
        TRY(value_warn(text, "pin-base64-padding", "lacks the \"=\" at its end, or has too many (RFC 4648 3.2)"));
    if (text->has_bits)
        TRY(value_warn(text, "pin-base64-bits", "has bits at its end that belong to no byte (RFC 4648 3.5): it was mistyped, or cut and mended"));
    if (text->has_spaces)
        TRY(value_warn(text, "pin-white-space", "has white space around it or in it, which not every reader skips"));
    return OK;
}

static result refuse_size(const struct value_text *text, size_t found, size_t size) {
    char what[120];
    if (size == 0)
        snprintf(what, sizeof what, "has %zu bytes, wanted 1 to %d", found, PIN_VALUE_SIZE_MAX);
    else
        snprintf(what, sizeof what, "has %zu bytes, wanted the %zu of such a digest", found, size);
    return value_refuse(text, "pin-size", what);
}

result pin_value_read(struct pin_builder *builder, struct span written, struct pin_value_form form, unsigned line, struct span *ret_value,
                      bool *ret_is_value) {
    struct value_text text = {.builder = builder, .line = line, .written = written};
    size_t found = 0;
    *ret_is_value = false;
    if (written.size > 4 * (size_t) PIN_VALUE_SIZE_MAX)
        return value_refuse(&text, "pin-size", "is longer than any");
    TRY(drop_spaces(&text));
    uint8_t *bytes = arena_take(builder->arena, text.count + 4);
    if (bytes == NULL)
        return &fault_no_memory;
    if (text.count == 0)
        return value_refuse(&text, "pin-empty", form.allows_hex ? "is empty, wanted base64 or hex" : "is empty, wanted base64");
    if (!(form.allows_hex && take_hex(&text, form.size, bytes, &found)) && !take_base64(&text, bytes, &found))
        return value_refuse(&text, "pin-not-base64", form.allows_hex ? "is neither base64 (RFC 4648 4) nor hex" : "is not base64 (RFC 4648 4)");
    if (found > PIN_VALUE_SIZE_MAX || (form.size != 0 && found != form.size))
        return refuse_size(&text, found, form.size);
    TRY(tell_tolerated(&text));
    *ret_value = span_of(bytes, found);
    *ret_is_value = true;
    return OK;
}

/* ── hosts ── */

static struct span trim(struct span text) {
    while (text.size > 0 && is_space(text.bytes[0]))
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && is_space(text.bytes[text.size - 1]))
        text.size--;
    return text;
}

/* Dotted numbers, or anything whose last label is a number: no name of the public DNS is (RFC 3696 2). */
static bool is_address(const char *host) {
    const char *label = strrchr(host, '.');
    label = label == NULL ? host : label + 1;
    return label[strspn(label, "0123456789")] == '\0';
}

static bool has_long_label(const char *host) {
    for (const char *label = host; *label != '\0';) {
        size_t size = strcspn(label, ".");
        if (size > LABEL_MAX)
            return true;
        label += size + (label[size] == '.');
    }
    return false;
}

/* Why this is no host name; NULL when it is one. `host` is what it was normalised to. */
static const char *host_wrong(struct span text, const struct host_text *host) {
    if (text.size == 0)
        return "is empty";
    if (memmem(text.bytes, text.size, "://", 3) != NULL)
        return "is a URL";
    if (memchr(text.bytes, '*', text.size) != NULL)
        return "has a wildcard";
    if (memchr(text.bytes, '/', text.size) != NULL)
        return "has a path";
    if (memchr(text.bytes, ':', text.size) != NULL)
        return "has a port, or is an IP address";
    if (host->unreadable_count > 0 || host->size == 0 || !host_is_plain(span_of(host->text, host->size)))
        return "has a label that no host can have";
    return NULL;
}

bool pin_value_is_der(struct span value) {
    struct cursor cursor = cursor_of(value);
    struct span content;
    return der_take(&cursor, DER_SEQUENCE, &content) == OK && cursor_at_end(&cursor);
}

static result refuse_host(struct pin_builder *builder, unsigned line, struct span text, const char *wrong) {
    return pin_builder_remark(builder, PIN_REMARK_ERROR, line, "host-unusable", "\"%.*s%s\" %s, wanted a host name alone", shown(text),
                              (const char *) text.bytes, cut(text), wrong);
}

result pin_host_read(struct pin_builder *builder, struct span written, unsigned line, const char **ret_host, bool *ret_is_host) {
    struct name_budget budget = {.slow_labels = SLOW_LABELS};
    struct host_text host = {.size = 0};
    struct span text = trim(written);
    bool has_dot = text.size > 1 && text.bytes[text.size - 1] == '.';
    struct span name = span_of(text.bytes, text.size - has_dot);
    *ret_is_host = false;
    if (name.size <= HOST_SIZE_MAX && utf8_is_valid(name))
        host_normalise(name, CHARSET_UTF8, &budget, &host);
    if (budget.has_no_memory)
        return &fault_no_memory;
    const char *wrong = host_wrong(text, &host);
    if (wrong != NULL)
        return refuse_host(builder, line, text, wrong);
    const char *copy = arena_copy_span_as_text(builder->arena, span_of(host.text, host.size));
    if (copy == NULL)
        return &fault_no_memory;
    if (host.size > HOST_MAX || has_long_label(copy))
        return refuse_host(builder, line, text, "is longer than a name or label may be (RFC 1035 2.3.4)");
    if (is_address(copy))
        return refuse_host(builder, line, text, "is an IP address");
    if (has_dot)
        TRY(pin_builder_remark(builder, PIN_REMARK_WARNING, line, "host-dot", "\"%s.\" ends in a dot, with which some platforms match no host", copy));
    if (!span_is_ascii(name))
        TRY(pin_builder_remark(builder, PIN_REMARK_WARNING, line, "host-not-ascii",
                               "\"%.*s\" is read as %s; most platforms do not convert it, wanted the A-labels in the file (RFC 5890)",
                               shown(name), (const char *) name.bytes, copy));
    *ret_host = copy;
    *ret_is_host = true;
    return OK;
}
