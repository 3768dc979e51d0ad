#include "formats/dns_name.h"

#include <stdio.h>

#include "base/ascii.h"

FAULT(fault_dns_name, FAULT_INPUT, "dns.name", "domain name", "RFC 1035 2.3.4, 3.1, 4.1.4", "it is not one",
      "labels of 1 to 63 bytes, 255 bytes in all, and compression pointers that point backwards");

enum {
    LABEL_MAX = 63,
    LABEL_KIND_MASK = 0xc0,
    LABEL_KIND_POINTER = 0xc0,
    POINTERS_MAX = 127, /* as many as a name can have labels: a pointer without a label of its own is for nothing */
};

/* Appends a label, and leaves room for the root's empty one. */
static bool add_label(struct dns_name *name, struct span label) {
    if (label.size > DNS_NAME_WIRE_MAX - 2 || name->size + 1 + label.size > DNS_NAME_WIRE_MAX - 1)
        return false;
    name->wire[name->size] = (uint8_t) label.size;
    for (size_t i = 0; i < label.size; i++)
        name->wire[name->size + 1 + i] = ascii_lower(label.bytes[i]);
    name->size += 1 + label.size;
    return true;
}

static void add_root(struct dns_name *name) {
    name->wire[name->size++] = 0;
}

/* ── text ── */

struct label_text {
    uint8_t bytes[LABEL_MAX];
    size_t size;
};

static result refuse(struct reason *reason, const char *wrong) {
    return reason == NULL ? &fault_dns_name : reason_set(reason, &fault_dns_name, "%s", wrong);
}

bool dns_escape_read(struct cursor *text, uint8_t *ret_byte) {
    uint8_t digits[3];
    if (!cursor_peek(text, ret_byte))
        return false;
    if (!ascii_is_digit(*ret_byte))
        return cursor_skip(text, 1);
    if (!cursor_copy(text, sizeof digits, digits) || !ascii_is_digit(digits[1]) || !ascii_is_digit(digits[2]))
        return false;
    unsigned number = (digits[0] - '0') * 100U + (digits[1] - '0') * 10U + (digits[2] - '0');
    *ret_byte = (uint8_t) number;
    return number <= UINT8_MAX;
}

/* One byte of a label; *ret_is_dot where it is the dot that ends it. */
static const char *read_character(struct cursor *text, uint8_t *ret_byte, bool *ret_is_dot) {
    if (!cursor_u8(text, ret_byte))
        return "the name ends too early";
    *ret_is_dot = *ret_byte == '.';
    if (*ret_byte == '\\')
        return dns_escape_read(text, ret_byte)
                   ? NULL
                   : "a backslash in the name is followed neither by a character nor by three digits up to 255 (RFC 1035 5.1)";
    if (*ret_byte <= ' ' || *ret_byte == 0x7f)
        return "the name holds a blank or a control character, which must be written as \\DDD (RFC 1035 5.1)";
    if (*ret_byte > 0x7f)
        return "the name holds a byte that is not ASCII, wanted an A-label (xn--…) or \\DDD (RFC 1035 5.1)";
    if (strchr("\"();", *ret_byte) != NULL)
        return "the name holds one of \" ( ) ;, which must be written with a backslash (RFC 1035 5.1)";
    return NULL;
}

/* Reads up to the dot that ends the label, or to the end of the text. */
static const char *read_label(struct cursor *text, struct label_text *ret_label) {
    ret_label->size = 0;
    for (bool is_dot = false; !is_dot && !cursor_at_end(text);) {
        uint8_t byte;
        const char *wrong = read_character(text, &byte, &is_dot);
        if (wrong != NULL)
            return wrong;
        if (is_dot)
            break;
        if (ret_label->size == LABEL_MAX)
            return "a label of the name is longer than 63 bytes (RFC 1035 2.3.4)";
        ret_label->bytes[ret_label->size++] = byte;
    }
    return ret_label->size > 0 ? NULL : "the name has an empty label (RFC 1035 2.3.1)";
}

result dns_name_from_text(struct span text, struct dns_name *ret_name, struct reason *reason) {
    struct dns_name name = {0};
    struct cursor cursor = cursor_of(text);
    if (text.size == 0)
        return refuse(reason, "the name is empty, wanted \".\" for the root (RFC 1035 5.1)");
    if (span_equal(text, span_of_text(".")))
        (void) cursor_skip(&cursor, 1);
    while (!cursor_at_end(&cursor)) {
        struct label_text label;
        const char *wrong = read_label(&cursor, &label);
        if (wrong != NULL)
            return refuse(reason, wrong);
        if (!add_label(&name, span_of(label.bytes, label.size)))
            return refuse(reason, "the name is longer than 255 bytes (RFC 1035 2.3.4)");
    }
    add_root(&name);
    *ret_name = name;
    return OK;
}

static bool is_plain(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || ascii_is_digit(byte) || byte == '-' || byte == '_' || byte == '*';
}

static char *write_character(char *at, uint8_t byte) {
    if (byte == '.' || byte == '\\')
        *at++ = '\\';
    else if (!is_plain(byte))
        return at + snprintf(at, sizeof "\\255", "\\%03u", byte);
    *at++ = (char) byte;
    return at;
}

void dns_name_to_text(const struct dns_name *name, char ret_text[DNS_NAME_TEXT_SIZE]) {
    char *at = ret_text;
    if (dns_name_is_root(name))
        *at++ = '.';
    for (size_t label = 0; name->wire[label] != 0; label += 1U + name->wire[label]) {
        if (label > 0)
            *at++ = '.';
        for (size_t i = 1; i <= name->wire[label]; i++)
            at = write_character(at, name->wire[label + i]);
    }
    *at = '\0';
}

/* ── wire ── */

/* Labels in a row: where they begin, and before which byte they must have ended with a pointer or the root. */
struct run {
    size_t begin, limit;
};

/* Follows a pointer whose first byte is `high`, to what occurred before the labels that lead to it, as a whole (RFC 1035 4.1.4): so every
 * name ends, and none is made of the bytes that point to it. */
static bool follow(struct cursor *reader, uint8_t high, struct run *run) {
    uint8_t low;
    if (!cursor_u8(reader, &low) || reader->position > run->limit)
        return false;
    size_t target = (size_t) (high & ~LABEL_KIND_MASK) << 8 | low;
    if (target < DNS_HEADER_SIZE || target >= run->begin)
        return false;
    *run = (struct run){.begin = target, .limit = run->begin};
    reader->position = target;
    return true;
}

result dns_name_read(struct cursor *message, struct dns_name *ret_name) {
    struct dns_name name = {0};
    struct cursor reader = *message;
    struct run run = {.begin = reader.position, .limit = SIZE_MAX};
    size_t end = 0;
    for (unsigned pointers = 0;;) {
        uint8_t head;
        struct span label;
        if (!cursor_u8(&reader, &head) || reader.position > run.limit)
            return &fault_dns_name;
        if (head == 0)
            break;
        if ((head & LABEL_KIND_MASK) == LABEL_KIND_POINTER) {
            if (pointers == 0)
                end = reader.position + 1;
            if (++pointers > POINTERS_MAX || !follow(&reader, head, &run))
                return &fault_dns_name;
        } else if (head > LABEL_MAX || !cursor_take(&reader, head, &label) || !add_label(&name, label)) {
            return &fault_dns_name;
        }
    }
    add_root(&name);
    message->position = end > 0 ? end : reader.position;
    *ret_name = name;
    return OK;
}

/* ── judging names ── */

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b) {
    return a->size == b->size && memcmp(a->wire, b->wire, a->size) == 0;
}

bool dns_name_is_root(const struct dns_name *name) {
    return name->size <= 1;
}

bool dns_name_is_within(const struct dns_name *name, const struct dns_name *ancestor) {
    if (name->size < ancestor->size)
        return false;
    size_t start = name->size - ancestor->size, label = 0;
    while (label < start)
        label += 1U + name->wire[label];
    return label == start && memcmp(name->wire + start, ancestor->wire, ancestor->size) == 0;
}

struct dns_name dns_name_parent(const struct dns_name *name) {
    struct dns_name parent = {.size = 1};
    if (dns_name_is_root(name))
        return parent;
    size_t first = 1U + name->wire[0];
    parent.size = name->size - first;
    memcpy(parent.wire, name->wire + first, parent.size);
    return parent;
}

bool dns_name_is_wildcard(const struct dns_name *name) {
    return name->size > 2 && name->wire[0] == 1 && name->wire[1] == '*';
}

unsigned dns_name_label_count(const struct dns_name *name) {
    unsigned count = 0;
    for (size_t label = 0; label < name->size && name->wire[label] != 0; label += 1U + name->wire[label])
        count++;
    return count;
}

bool dns_name_substitute(const struct dns_name *name, const struct dns_name *owner, const struct dns_name *target,
                         struct dns_name *ret_name) {
    struct dns_name renamed = {0};
    size_t kept = name->size - owner->size;
    if (kept + target->size > DNS_NAME_WIRE_MAX)
        return false;
    memcpy(renamed.wire, name->wire, kept);
    memcpy(renamed.wire + kept, target->wire, target->size);
    renamed.size = kept + target->size;
    *ret_name = renamed;
    return true;
}
