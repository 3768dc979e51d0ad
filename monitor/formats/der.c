#include "formats/der.h"

#include <stdio.h>

FAULT(fault_der_truncated, FAULT_INPUT, "der.truncated", "DER element", "X.690 8.1", "it ends before its length says",
      "as many bytes as the length says");
FAULT(fault_der_tag, FAULT_INPUT, "der.tag", "DER element", "X.690 8.1.2", "a tag of several bytes",
      "a tag number below 31");
FAULT(fault_der_length, FAULT_INPUT, "der.length", "DER element", "X.690 10.1",
      "an indefinite, over-long or huge length", "a definite length in as few bytes as possible, below 2^32");
FAULT(fault_der_unexpected, FAULT_INPUT, "der.unexpected", "DER element", "RFC 5280 4.1", "another type of element",
      "the type that belongs here");
FAULT(fault_der_time, FAULT_INPUT, "der.time", "Time", "RFC 5280 4.1.2.5", "not a date and time",
      "YYMMDDhhmmssZ or YYYYMMDDhhmmssZ");

enum { HEADER_LENGTH_BYTES_MAX = 4, TAG_NUMBER_MASK = 0x1f };

struct header {
    uint8_t tag;
    bool is_indefinite;
    bool is_minimal;
    size_t size; /* of the content */
};

static result read_long_length(struct cursor *cursor, uint8_t first, struct header *header) {
    size_t width = first & 0x7f;
    struct span raw;
    if (width == 0) {
        header->is_indefinite = true;
        header->is_minimal = false;
        return OK;
    }
    if (!cursor_take(cursor, width, &raw))
        return &fault_der_truncated;
    size_t size = 0;
    for (size_t i = 0; i < width; i++) {
        if (size >> (8 * (HEADER_LENGTH_BYTES_MAX - 1)) != 0)
            return &fault_der_length;
        size = size << 8 | raw.bytes[i];
    }
    header->is_minimal = size >= 0x80 && raw.bytes[0] != 0;
    header->size = size;
    return OK;
}

static result read_header(struct cursor *cursor, struct header *ret_header) {
    struct span start;
    if (!cursor_take(cursor, 2, &start))
        return &fault_der_truncated;
    struct header header = {.tag = start.bytes[0], .is_minimal = true, .size = start.bytes[1]};
    if ((header.tag & TAG_NUMBER_MASK) == TAG_NUMBER_MASK)
        return &fault_der_tag;
    if (start.bytes[1] >= 0x80) {
        header.size = 0;
        TRY(read_long_length(cursor, start.bytes[1], &header));
    }
    *ret_header = header;
    return OK;
}

/* Finds the end-of-contents octets (X.690 8.1.5) of the content that starts here, without recursion. */
static result take_indefinite(struct cursor *cursor, struct span *ret_content) {
    size_t begin = cursor->position;
    for (size_t depth = 1; depth > 0;) {
        struct header header = {0};
        size_t at = cursor->position;
        TRY(read_header(cursor, &header));
        if (header.tag == 0 && header.size == 0 && !header.is_indefinite) {
            depth--;
            *ret_content = span_of(cursor->bytes + begin, at - begin);
        } else if (header.is_indefinite) {
            if (++depth > DER_DEPTH_MAX)
                return &fault_der_length;
        } else if (!cursor_skip(cursor, header.size)) {
            return &fault_der_truncated;
        }
    }
    return OK;
}

static result take_element(struct cursor *cursor, bool is_strict, struct der_element *ret_element, bool *is_ber) {
    size_t begin = cursor->position;
    struct header header = {0};
    struct der_element element;
    TRY(read_header(cursor, &header));
    if (is_strict && !header.is_minimal)
        return &fault_der_length;
    if (header.is_indefinite)
        TRY(take_indefinite(cursor, &element.content));
    else if (!cursor_take(cursor, header.size, &element.content))
        return &fault_der_truncated;
    if (!header.is_minimal)
        *is_ber = true;
    element.tag = header.tag;
    element.whole = span_of(cursor->bytes + begin, cursor->position - begin);
    *ret_element = element;
    return OK;
}

/* Nearly every element: a short tag and a minimal length of one to three bytes. False leaves it to take_element. */
static inline bool take_common(struct cursor *cursor, struct der_element *ret_element) {
    size_t left = cursor->size - cursor->position, header = 2, size;
    if (cursor->failed || left < 4)
        return false;
    const uint8_t *at = cursor->bytes + cursor->position;
    if ((at[0] & TAG_NUMBER_MASK) == TAG_NUMBER_MASK)
        return false;
    if (at[1] < 0x80) {
        size = at[1];
    } else if (at[1] == 0x81 && at[2] >= 0x80) {
        size = at[2];
        header = 3;
    } else if (at[1] == 0x82 && at[2] != 0) {
        size = (size_t) at[2] << 8 | at[3];
        header = 4;
    } else {
        return false;
    }
    if (size > left - header)
        return false;
    ret_element->tag = at[0];
    ret_element->content = span_of(at + header, size);
    ret_element->whole = span_of(at, header + size);
    cursor->position += header + size;
    return true;
}

static result take_or_fail(struct cursor *cursor, bool is_strict, struct der_element *ret_element, bool *is_ber) {
    if (take_common(cursor, ret_element))
        return OK;
    struct cursor attempt = *cursor;
    result outcome = take_element(&attempt, is_strict, ret_element, is_ber);
    if (outcome != OK)
        cursor->failed = true;
    else
        cursor->position = attempt.position;
    return outcome;
}

result der_read(struct cursor *cursor, struct der_element *ret_element) {
    bool ignored = false;
    return take_or_fail(cursor, true, ret_element, &ignored);
}

result ber_read(struct cursor *cursor, struct der_element *ret_element, bool *is_ber) {
    return take_or_fail(cursor, false, ret_element, is_ber);
}

result der_take(struct cursor *cursor, uint8_t tag, struct span *ret_content) {
    struct cursor attempt = *cursor;
    struct der_element element;
    result outcome = der_read(&attempt, &element);
    if (outcome == OK && element.tag != tag)
        outcome = &fault_der_unexpected;
    if (outcome != OK) {
        cursor->failed = true;
        return outcome;
    }
    *cursor = attempt;
    *ret_content = element.content;
    return OK;
}

bool der_is_next(const struct cursor *cursor, uint8_t tag) {
    uint8_t next;
    return cursor_peek(cursor, &next) && next == tag;
}

size_t der_header(uint8_t tag, size_t size, uint8_t ret_header[6]) {
    size_t width = 0;
    ret_header[0] = tag;
    if (size < 0x80) {
        ret_header[1] = (uint8_t) size;
        return 2;
    }
    for (size_t rest = size; rest > 0; rest >>= 8)
        width++;
    ret_header[1] = (uint8_t) (0x80 | width);
    for (size_t i = 0; i < width; i++)
        ret_header[2 + i] = (uint8_t) (size >> (8 * (width - 1 - i)));
    return 2 + width;
}

bool der_oid_text(struct span oid, char *ret_text, size_t size) {
    size_t used = 0;
    uint64_t arc = 0;
    bool is_first = true, is_inside = false;
    for (size_t i = 0; i < oid.size; i++) {
        if (arc >> 56 != 0 || (!is_inside && oid.bytes[i] == 0x80))
            return false;
        arc = arc << 7 | (oid.bytes[i] & 0x7f);
        is_inside = (oid.bytes[i] & 0x80) != 0;
        if (is_inside)
            continue;
        uint64_t root = arc < 40 ? 0 : arc < 80 ? 1 : 2;
        int written = is_first ? snprintf(ret_text + used, size - used, "%u.%llu", (unsigned) root,
                                          (unsigned long long) (arc - root * 40))
                               : snprintf(ret_text + used, size - used, ".%llu", (unsigned long long) arc);
        if (written < 0 || (size_t) written >= size - used)
            return false;
        used += (size_t) written;
        arc = 0;
        is_first = false;
    }
    return !is_first && !is_inside;
}
