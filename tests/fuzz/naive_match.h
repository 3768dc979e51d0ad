/* The plain reading of how names match watches (docs/watches.md): label by label, item by item, address by address. */
#pragma once

#include <arpa/inet.h>

#include "base/text.h"
#include "fuzz/harness.h"
#include "rules/watch_image.h"

/* Cuts the last label off `rest`; a rest without bytes has no more. */
static inline struct span last_label_of(struct span *rest) {
    const uint8_t *dot = rest->size == 0 ? NULL : memrchr(rest->bytes, '.', rest->size);
    size_t begin = dot == NULL ? 0 : (size_t) (dot - rest->bytes) + 1;
    struct span label = span_of(rest->bytes + begin, rest->size - begin);
    *rest = dot == NULL ? span_of(NULL, 0) : span_of(rest->bytes, begin - 1);
    return label;
}

static inline bool span_has(struct span text, char wanted) {
    return text.size > 0 && memchr(text.bytes, wanted, text.size) != NULL;
}

static inline bool label_fits(struct span pattern, struct span label) {
    if (span_has(pattern, '?'))
        return true;
    if (!span_has(pattern, '*'))
        return span_equal(pattern, label);
    size_t before = 0, after = 0;
    while (pattern.bytes[before] != '*')
        before++;
    while (pattern.bytes[pattern.size - 1 - after] != '*')
        after++;
    return label.size >= before + after && memcmp(pattern.bytes, label.bytes, before) == 0 &&
           memcmp(pattern.bytes + pattern.size - after, label.bytes + label.size - after, after) == 0;
}

/* Is the name of a certificate covered by this watch on a name or subtree? */
static inline bool name_fits(const char *value, bool is_subtree, struct span name) {
    struct span wanted = span_of_text(value);
    if (wanted.size == 0)
        return is_subtree;
    if (name.size == 0)
        return false;
    while (wanted.bytes != NULL) {
        if (name.bytes == NULL)
            return false;
        struct span pattern = last_label_of(&name), label = last_label_of(&wanted);
        if (!label_fits(pattern, label))
            return false;
    }
    return name.bytes == NULL || is_subtree;
}

/* Do the first bits of the address agree with "192.0.2.0/24"? An IPv4-mapped IPv6 address counts as IPv4 too. */
static inline bool address_fits(const char *value, struct span address) {
    uint8_t wanted[16];
    char text[INET6_ADDRSTRLEN];
    uint64_t length;
    size_t host_size = strcspn(value, "/");
    require(host_size < sizeof text && text_to_number(span_of_text(value + host_size + 1), 128, &length) == OK);
    memcpy(text, value, host_size);
    text[host_size] = '\0';
    size_t size = inet_pton(AF_INET, text, wanted) == 1 ? 4 : 16;
    require(size == 4 || inet_pton(AF_INET6, text, wanted) == 1);
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (size == 4 && address.size == 16 && memcmp(address.bytes, mapped, sizeof mapped) == 0)
        address = span_of(address.bytes + 12, 4);
    if (address.size != size)
        return false;
    for (size_t bit = 0; bit < length; bit++)
        if (((wanted[bit / 8] ^ address.bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0)
            return false;
    return true;
}

/* Does the watch lie below the suffix that stands for "nearly everything"? */
static inline bool is_below(const char *value, const char *suffix) {
    size_t size = strlen(value), end = strlen(suffix);
    if (end == 0)
        return true;
    return size >= end && memcmp(value + size - end, suffix, end) == 0 && (size == end || value[size - end - 1] == '.');
}
