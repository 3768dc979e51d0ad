#include "formats/distinguished_name.h"

#include "base/utf8.h"


enum { PARTS_MAX = 256, OID_TEXT_SIZE = 256 };

/* RFC 4514 3, and the two others that everybody knows by name. */
static const struct {
    uint8_t oid[10];
    size_t size;
    const char *name;
} short_names[] = {
    {{0x55, 0x04, 0x03}, 3, "CN"}, {{0x55, 0x04, 0x07}, 3, "L"}, {{0x55, 0x04, 0x08}, 3, "ST"},
    {{0x55, 0x04, 0x0a}, 3, "O"}, {{0x55, 0x04, 0x0b}, 3, "OU"}, {{0x55, 0x04, 0x06}, 3, "C"},
    {{0x55, 0x04, 0x09}, 3, "STREET"},
    {{0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19}, 10, "DC"},
    {{0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01}, 10, "UID"},
};

static bool add_point(struct buffer *out, uint32_t point) {
    uint8_t bytes[4];
    size_t size = utf8_put(point, bytes);
    return size > 0 && buffer_add(out, span_of(bytes, size));
}

static bool add_wide(struct span content, size_t width, struct buffer *out) {
    struct cursor cursor = cursor_of(content);
    uint64_t point;
    if (content.size % width != 0)
        return false;
    while (!cursor_at_end(&cursor)) {
        if (!cursor_number(&cursor, width, &point) || !add_point(out, (uint32_t) point))
            return false;
    }
    return true;
}

static bool add_latin1(struct span content, struct buffer *out) {
    bool is_good = true;
    for (size_t i = 0; i < content.size && is_good; i++)
        is_good = add_point(out, content.bytes[i]);
    return is_good;
}

static bool is_string_of_bytes(uint8_t tag) {
    static const uint8_t tags[] = {0x12, DER_PRINTABLE_STRING, DER_T61_STRING, 0x15, DER_IA5_STRING, 0x19, 0x1a, 0x1b};
    return memchr(tags, tag, sizeof tags) != NULL;
}

bool asn1_string_to_utf8(uint8_t tag, struct span content, struct buffer *out) {
    size_t before = out->size;
    bool is_good = false;
    if (tag == DER_UTF8_STRING)
        is_good = utf8_is_valid(content) && buffer_add(out, content);
    else if (tag == DER_BMP_STRING)
        is_good = add_wide(content, 2, out);
    else if (tag == DER_UNIVERSAL_STRING)
        is_good = add_wide(content, 4, out);
    else if (is_string_of_bytes(tag))
        is_good = add_latin1(content, out);
    if (!is_good && !out->failed)
        out->size = before;
    return is_good;
}

static void add_type(struct span oid, struct buffer *out) {
    char text[OID_TEXT_SIZE];
    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++)
        if (span_equal(oid, span_of(short_names[i].oid, short_names[i].size))) {
            buffer_add_text(out, short_names[i].name);
            return;
        }
    buffer_add_text(out, der_oid_text(oid, text, sizeof text) ? text : "?");
}

static void add_hex(struct span bytes, struct buffer *out) {
    buffer_add_text(out, "#");
    for (size_t i = 0; i < bytes.size; i++)
        buffer_printf(out, "%02x", bytes.bytes[i]);
}

/* RFC 4514 2.4 */
static void add_escaped(struct span text, struct buffer *out) {
    for (size_t i = 0; i < text.size; i++) {
        uint8_t symbol = text.bytes[i];
        bool is_edge_space = symbol == ' ' && (i == 0 || i == text.size - 1);
        bool is_special = memchr("\"+,;<>\\", symbol, 7) != NULL || (symbol == '#' && i == 0) || is_edge_space;
        if (symbol < ' ' || symbol > '~')
            buffer_printf(out, "\\%02X", symbol);
        else
            buffer_printf(out, "%s%c", is_special ? "\\" : "", symbol);
    }
}

static bool add_attribute(struct cursor *set, struct buffer *out) {
    struct der_element pair, type, value;
    bool is_ber = false;
    if (ber_read(set, &pair, &is_ber) != OK)
        return false;
    struct cursor cursor = cursor_of(pair.content);
    if (pair.tag != DER_SEQUENCE || ber_read(&cursor, &type, &is_ber) != OK || type.tag != DER_OID ||
        ber_read(&cursor, &value, &is_ber) != OK)
        return false;
    struct buffer text = buffer_with_limit(out->limit);
    add_type(type.content, out);
    buffer_add_text(out, "=");
    if (asn1_string_to_utf8(value.tag, value.content, &text))
        add_escaped(buffer_span(&text), out);
    else
        add_hex(value.whole, out);
    buffer_done(&text);
    return true;
}

static bool add_rdn(struct span set_content, struct buffer *out) {
    struct cursor set = cursor_of(set_content);
    for (bool is_first = true; !cursor_at_end(&set); is_first = false) {
        if (!is_first)
            buffer_add_text(out, "+");
        if (!add_attribute(&set, out))
            return false;
    }
    return true;
}

bool distinguished_name_text(struct span name, struct buffer *out) {
    struct span parts[PARTS_MAX];
    size_t count = 0, begin = out->size;
    struct cursor cursor = cursor_of(name);
    struct der_element element = {0};
    bool is_ber = false;
    bool is_good = ber_read(&cursor, &element, &is_ber) == OK && element.tag == DER_SEQUENCE;
    cursor = cursor_of(element.content);
    while (is_good && !cursor_at_end(&cursor)) {
        is_good = count < PARTS_MAX && ber_read(&cursor, &element, &is_ber) == OK && element.tag == DER_SET;
        if (is_good)
            parts[count++] = element.content;
    }
    for (size_t i = count; i > 0; i--) {
        is_good = add_rdn(parts[i - 1], out) && is_good;
        if (i > 1)
            buffer_add_text(out, ",");
    }
    if (!is_good)
        buffer_add_text(out, out->size > begin ? ",?" : "?");
    return !out->failed;
}
