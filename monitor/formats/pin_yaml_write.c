/* Our own file of pins, written: nothing is lost. */
#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "formats/pin_file.h"

/* What YAML takes inside double quotes as it is (YAML 1.2 5.1, 5.7). */
static bool is_plain(uint32_t point) {
    return point >= ' ' && point != '"' && point != '\\' && (point < 0x7f || point > 0x9f) && point != 0x2028 && point != 0x2029 &&
           point != 0xfeff && (point & 0xfffe) != 0xfffe;
}

static void add_quoted(struct buffer *out, const char *text) {
    struct span whole = span_of_text(text);
    buffer_add_text(out, "\"");
    for (size_t at = 0; at < whole.size;) {
        uint32_t point = '?';
        size_t size = utf8_next(whole, at, &point);
        if (size > 0 && is_plain(point))
            buffer_add(out, span_of(whole.bytes + at, size));
        else
            buffer_printf(out, "\\U%08x", size == 0 ? '?' : point);
        at += size == 0 ? 1 : size;
    }
    buffer_add_text(out, "\"");
}

static void add_field(struct buffer *out, const char *name, const char *text) {
    buffer_printf(out, "    %s: ", name);
    add_quoted(out, text);
    buffer_add_text(out, "\n");
}

static void add_word(struct buffer *out, const char *name, const char *word) {
    buffer_printf(out, "    %s: %s\n", name, word);
}

/* A flag that is not as it is by default. */
static void add_flag(struct buffer *out, const char *name, bool value, bool usual) {
    if (value != usual)
        add_word(out, name, value ? "true" : "false");
}

/* ── pins ── */

static void add_value(struct buffer *out, const struct pin *pin) {
    size_t size = (pin->value.size + 2) / 3 * 4;
    buffer_printf(out, "%s/", pin_algorithm_name(pin->algorithm));
    uint8_t *room = buffer_reserve(out, size + 1);
    if (room == NULL)
        return;
    text_of_base64(pin->value, (char *) room);
    buffer_grew(out, size);
}

static void add_pin_field(struct buffer *out, const char *name, const char *word) {
    buffer_printf(out, "        %s: %s\n", name, word);
}

static void add_pin(struct buffer *out, const struct pin *pin, enum pin_format format) {
    bool has_fields = pin->kind != PIN_SPKI || pin->position != PIN_ANY || pin->role != PIN_ROLE_NONE || pin->comment[0] != '\0' ||
                      format == PIN_FORMAT_TLSA;
    buffer_add_text(out, has_fields ? "      - pin: " : "      - ");
    add_value(out, pin);
    buffer_add_text(out, "\n");
    if (pin->kind != PIN_SPKI)
        add_pin_field(out, "of", pin_kind_name(pin->kind));
    if (pin->position != PIN_ANY)
        add_pin_field(out, "position", pin_position_name(pin->position));
    if (pin->role != PIN_ROLE_NONE)
        add_pin_field(out, "role", pin_role_name(pin->role));
    if (format == PIN_FORMAT_TLSA)
        buffer_printf(out, "        usage: %u\n", pin->tlsa_usage);
    if (pin->comment[0] == '\0')
        return;
    buffer_add_text(out, "        comment: ");
    add_quoted(out, pin->comment);
    buffer_add_text(out, "\n");
}

static void add_group(struct buffer *out, const struct pin_set *set, size_t number) {
    const char *name = number == 0 ? "pins" : "and_pins";
    bool has_pins = number < set->group_count && set->groups[number].count > 0;
    if (!has_pins && number == 0 && set->is_pinned)
        add_word(out, name, "[]");
    if (!has_pins)
        return;
    buffer_printf(out, "    %s:\n", name);
    for (size_t i = 0; i < set->groups[number].count; i++)
        add_pin(out, &set->groups[number].pins[i], set->format);
}

/* ── sets ── */

static void add_expiry(struct buffer *out, const struct pin_set *set) {
    char text[RFC3339_SIZE];
    if (!set->has_expiry)
        return;
    text_of_time(set->expires, text);
    if (set->expires % 86400 == 0)
        text[10] = '\0';
    buffer_printf(out, "    expires: %s%s\n", text, set->is_expiry_local ? " local" : "");
}

static void add_reports(struct buffer *out, const struct pin_set *set) {
    if (set->report_uris[0] != NULL)
        buffer_add_text(out, "    report_to:\n");
    for (size_t i = 0; set->report_uris[i] != NULL; i++) {
        buffer_add_text(out, "      - ");
        add_quoted(out, set->report_uris[i]);
        buffer_add_text(out, "\n");
    }
}

static void add_service(struct buffer *out, const struct pin_set *set) {
    if (set->port != 0)
        buffer_printf(out, "    port: %u\n", set->port);
    if (set->protocol[0] != '\0')
        add_word(out, "protocol", set->protocol);
    if (set->has_max_age)
        buffer_printf(out, "    max_age: %llu\n", (unsigned long long) set->max_age_s);
}

static void add_set(struct buffer *out, const struct pin_set *set) {
    buffer_printf(out, "  - rules: %s\n", pin_format_name(set->format));
    if (set->name[0] != '\0')
        add_field(out, "name", set->name);
    if (set->host != NULL)
        add_field(out, "host", set->host);
    if (set->match != PIN_HOST_EXACT)
        add_word(out, "match", pin_host_match_name(set->match));
    add_flag(out, "pinned", set->is_pinned, true);
    add_flag(out, "enforced", set->is_enforced, !set->is_report_only || set->format != PIN_FORMAT_YAML);
    add_flag(out, "report_only", set->is_report_only, false);
    add_flag(out, "overrides_pins", set->overrides_pins, false);
    add_flag(out, "trusts_system", set->trusts_system, true);
    add_flag(out, "secure", set->is_secure, true);
    add_flag(out, "default_reports", set->uses_default_reports, false);
    add_expiry(out, set);
    add_service(out, set);
    add_reports(out, set);
    add_group(out, set, 0);
    add_group(out, set, 1);
}

result pin_yaml_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out) {
    (void) lost;
    buffer_add_text(out, document->set_count == 0 ? "pin_sets: []\n" : "pin_sets:\n");
    for (size_t i = 0; i < document->set_count; i++)
        add_set(out, &document->sets[i]);
    return buffer_check(out);
}
