#include <arpa/inet.h>
#include <idn2.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "rules/watch_layout.h"

FAULT(fault_watch_value, FAULT_SETTINGS, "watch.value", "watch", "", "neither a name, an address, a key nor an e-mail domain",
      "example.com, .example.com, 192.0.2.0/24, sha256:HEX or @example.com");

#define VALUE_SIZE     256
#define NAME_SIZE_MAX  253 /* RFC 1035 2.3.4, as text without the last dot */
#define LABEL_SIZE_MAX 63

static result refuse(struct reason *reason, struct span text, const char *wrong) {
    struct reason ignored;
    return reason_set(reason == NULL ? &ignored : reason, &fault_watch_value, "watch \"%.*s\": %s",
                      (int) (text.size > 100 ? 100 : text.size), (const char *) text.bytes, wrong);
}

static bool address_of_text(const char *text, struct watch_address *ret_address) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    *ret_address = (struct watch_address){.family = WATCH_FAMILY_4, .length = 32};
    if (inet_pton(AF_INET, text, ret_address->bytes) == 1)
        return true;
    *ret_address = (struct watch_address){.family = WATCH_FAMILY_6, .length = 128};
    if (inet_pton(AF_INET6, text, ret_address->bytes) != 1)
        return false;
    if (memcmp(ret_address->bytes, mapped, sizeof mapped) == 0) {
        memmove(ret_address->bytes, ret_address->bytes + sizeof mapped, 4);
        memset(ret_address->bytes + 4, 0, sizeof mapped);
        ret_address->family = WATCH_FAMILY_4;
        ret_address->length = 32;
    }
    return true;
}

bool watch_address_of_value(struct span value, struct watch_address *ret_address) {
    char text[INET6_ADDRSTRLEN];
    const uint8_t *slash = value.size == 0 ? NULL : memchr(value.bytes, '/', value.size);
    size_t size = slash == NULL ? value.size : (size_t) (slash - value.bytes);
    struct watch_address address;
    uint64_t length;
    if (size >= sizeof text || size == 0)
        return false;
    memcpy(text, value.bytes, size);
    text[size] = '\0';
    if (!address_of_text(text, &address))
        return false;
    length = address.length;
    if (slash != NULL && text_to_number(span_of(slash + 1, value.size - size - 1), address.length, &length) != OK)
        return false;
    address.length = (uint8_t) length;
    struct watch_address masked = address;
    watch_address_mask(&masked);
    if (memcmp(masked.bytes, address.bytes, sizeof masked.bytes) != 0)
        return false;
    *ret_address = address;
    return true;
}

static result parse_address(struct span text, enum watch_kind *ret_kind, char ret_value[VALUE_SIZE],
                            struct reason *reason) {
    struct watch_address address;
    char host[INET6_ADDRSTRLEN];
    if (!watch_address_of_value(text, &address))
        return refuse(reason, text, "not an address or range; wanted 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32, "
                                    "with no bits set behind the prefix");
    inet_ntop(address.family == WATCH_FAMILY_4 ? AF_INET : AF_INET6, address.bytes, host, sizeof host);
    snprintf(ret_value, VALUE_SIZE, "%s/%u", host, address.length);
    *ret_kind = WATCH_ADDRESS;
    return OK;
}

static result parse_key(struct span text, enum watch_kind *ret_kind, char ret_value[VALUE_SIZE], struct reason *reason) {
    struct span value = span_of(text.bytes + 7, text.size - 7);
    struct hash hash;
    if (hash_from_hex(value, &hash) != OK && hash_from_base64(value, &hash) != OK)
        return refuse(reason, text, "not a key hash; wanted sha256: and 64 hex digits, or sha256/ and 44 characters of base64");
    hash_to_hex(&hash, ret_value);
    *ret_kind = WATCH_KEY;
    return OK;
}

static const char *wrong_with_name(const char *name) {
    size_t label = 0;
    if (strlen(name) > NAME_SIZE_MAX)
        return "the name has more than 253 characters (RFC 1035 2.3.4)";
    for (;; name++) {
        char c = *name;
        if (c == '.' || c == '\0') {
            if (label == 0)
                return "a label is empty";
            if (label > LABEL_SIZE_MAX)
                return "a label has more than 63 characters (RFC 1035 2.3.4)";
            if (c == '\0')
                return NULL;
            label = 0;
            continue;
        }
        bool is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!is_good)
            return c == '*' ? "a star may stand only for the first label" : "a name has letters, digits, '-', '_' and dots only";
        label++;
    }
}

/* Copies in lower case, NUL-terminated; says whether all of it is ASCII. */
static bool copy_in_lower_case(struct span name, char *ret_text) {
    bool is_ascii = true;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.bytes[i];
        is_ascii = is_ascii && byte < 0x80;
        ret_text[i] = (char) (byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
    }
    ret_text[name.size] = '\0';
    return is_ascii;
}

/* Lower case, A-labels (UTS 46, not transitional), no dot at the end. */
static result normalise_name(struct span whole, struct span name, char ret_value[VALUE_SIZE], struct reason *reason) {
    char plain[4 * VALUE_SIZE];
    if (name.size > 0 && name.bytes[name.size - 1] == '.')
        name.size--;
    if (name.size >= sizeof plain || (name.size > 0 && memchr(name.bytes, 0, name.size) != NULL))
        return refuse(reason, whole, "the name is too long or holds a NUL");
    bool is_ascii = copy_in_lower_case(name, plain);
    char *converted = NULL;
    int outcome = is_ascii ? IDN2_OK : idn2_to_ascii_8z(plain, &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (outcome == IDN2_MALLOC)
        return &fault_no_memory;
    if (outcome != IDN2_OK)
        return refuse(reason, whole, "not a valid internationalised name (RFC 5891)");
    const char *ready = is_ascii ? plain : converted;
    const char *wrong = wrong_with_name(ready);
    if (wrong == NULL)
        memcpy(ret_value, ready, strlen(ready) + 1);
    memory_free_foreign(converted);
    return wrong == NULL ? OK : refuse(reason, whole, wrong);
}

static bool starts_with(struct span text, const char *start) {
    size_t size = strlen(start);
    return text.size >= size && memcmp(text.bytes, start, size) == 0;
}

static bool looks_like_address(struct span text) {
    bool has_letter = false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] == ':' || text.bytes[i] == '/')
            return true;
        has_letter = has_letter || !((text.bytes[i] >= '0' && text.bytes[i] <= '9') || text.bytes[i] == '.');
    }
    return !has_letter;
}

static result parse_name(struct span text, enum watch_kind *ret_kind, char ret_value[VALUE_SIZE], struct reason *reason) {
    size_t skipped = starts_with(text, "*.") ? 2 : text.bytes[0] == '.' ? 1 : 0;
    struct span name = span_of(text.bytes + skipped, text.size - skipped);
    if (name.size == 0 && skipped == 1)
        ret_value[0] = '\0'; /* "." is everything */
    else
        TRY(normalise_name(text, name, ret_value, reason));
    *ret_kind = skipped > 0 ? WATCH_SUBTREE : WATCH_NAME;
    return OK;
}

result watch_item_parse(struct span text, enum watch_kind *ret_kind, char ret_value[VALUE_SIZE], struct reason *reason) {
    if (text.size == 0)
        return refuse(reason, span_of("", 0), "empty; wanted a name, address, key or @domain");
    if (starts_with(text, "sha256:") || starts_with(text, "sha256/"))
        return parse_key(text, ret_kind, ret_value, reason);
    if (text.bytes[0] == '@') {
        TRY(normalise_name(text, span_of(text.bytes + 1, text.size - 1), ret_value, reason));
        *ret_kind = WATCH_EMAIL;
        return OK;
    }
    if (text.bytes[0] != '.' && looks_like_address(text))
        return parse_address(text, ret_kind, ret_value, reason);
    return parse_name(text, ret_kind, ret_value, reason);
}
