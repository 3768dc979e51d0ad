/* Domain names: what a text means is the same after it was written and read again, and the same on the wire; a message is read within its
 * bytes, and a refused name leaves the cursor where it stood.
 *
 * library: formats
 * parser: formats/dns_name.c
 * seeds: dns-name dns-name-wire
 * corpora: c-caa-dns/c-ares */
#include "base/memory.h"
#include "formats/dns_name.h"
#include "fuzz/harness.h"

static void check_form(const struct dns_name *name) {
    size_t at = 0, labels = 0;
    require(name->size >= 1 && name->size <= DNS_NAME_WIRE_MAX);
    for (; name->wire[at] != 0; at += 1U + name->wire[at]) {
        require(name->wire[at] < 64 && at + 1U + name->wire[at] < name->size);
        for (size_t i = 1; i <= name->wire[at]; i++)
            require(name->wire[at + i] < 'A' || name->wire[at + i] > 'Z');
        labels++;
    }
    require(at + 1 == name->size && labels == dns_name_label_count(name));
}

static void check_text(const struct dns_name *name) {
    char text[DNS_NAME_TEXT_SIZE], dotted[DNS_NAME_TEXT_SIZE + 1];
    struct dns_name again;
    memset(text, 'x', sizeof text);
    dns_name_to_text(name, text);
    require(memchr(text, '\0', sizeof text) != NULL);
    require(dns_name_from_text(span_of_text(text), &again, NULL) == OK && dns_name_equal(&again, name));
    snprintf(dotted, sizeof dotted, "%s%s", text, dns_name_is_root(name) ? "" : ".");
    require(dns_name_from_text(span_of_text(dotted), &again, NULL) == OK && dns_name_equal(&again, name));
}

static void check_wire(const struct dns_name *name) {
    uint8_t message[DNS_HEADER_SIZE + DNS_NAME_WIRE_MAX] = {0};
    struct dns_name again;
    memcpy(message + DNS_HEADER_SIZE, name->wire, name->size);
    struct cursor cursor = cursor_of(span_of(message, DNS_HEADER_SIZE + name->size));
    cursor.position = DNS_HEADER_SIZE;
    require(dns_name_read(&cursor, &again) == OK && dns_name_equal(&again, name) && cursor_at_end(&cursor));
    cursor = cursor_of(span_of(message, DNS_HEADER_SIZE + name->size - 1));
    cursor.position = DNS_HEADER_SIZE;
    require(dns_name_read(&cursor, &again) == &fault_dns_name);
}

/* Up to the root every parent is an ancestor, and what is put in its place can be put back. */
static void check_relations(const struct dns_name *name) {
    const struct dns_name other = {.wire = "\3new", .size = 5};
    struct dns_name ancestor = *name, renamed, back;
    for (unsigned labels = dns_name_label_count(name); labels > 0; labels--) {
        struct dns_name parent = dns_name_parent(&ancestor);
        require(dns_name_label_count(&parent) == labels - 1);
        require(dns_name_is_within(name, &parent) && !dns_name_is_within(&parent, &ancestor));
        if (dns_name_substitute(name, &parent, &other, &renamed)) {
            check_form(&renamed);
            require(dns_name_is_within(&renamed, &other));
            require(dns_name_substitute(&renamed, &other, &parent, &back) && dns_name_equal(&back, name));
        }
        ancestor = parent;
    }
    require(dns_name_is_root(&ancestor) && dns_name_equal(&ancestor, &(struct dns_name){.size = 1}));
    ancestor = dns_name_parent(&ancestor);
    require(dns_name_is_root(&ancestor));
    require(dns_name_is_wildcard(name) == (memcmp(name->wire, "\1*", 2) == 0));
}

static void check(const struct dns_name *name) {
    check_form(name);
    check_text(name);
    check_wire(name);
    check_relations(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct dns_name name;
    struct reason reason = {""};
    result outcome = dns_name_from_text(span_of(bytes, size), &name, &reason);
    require(outcome == OK || (outcome == &fault_dns_name && reason.text[0] != '\0'));
    if (outcome == OK)
        check(&name);
    struct cursor message = cursor_of(span_of(bytes, size));
    uint64_t start = next_number(&message, 2);
    if (start + 2 > size)
        return 0;
    message = cursor_of(span_of(bytes + 2, size - 2));
    message.position = (size_t) start;
    outcome = dns_name_read(&message, &name);
    require(!message.failed && (outcome == OK ? message.position > start : message.position == start));
    if (outcome == OK)
        check(&name);
    return 0;
}
