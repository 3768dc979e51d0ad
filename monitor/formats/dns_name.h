/* Domain names in wire form (RFC 1035 3.1) and as text. Always lower case: DNS compares without case (RFC 4343). */
#pragma once

#include "base/cursor.h"
#include "base/reason.h"
#include "base/result.h"

#define DNS_HEADER_SIZE 12 /* of a message (RFC 1035 4.1.1): no name stands in it */
#define DNS_NAME_WIRE_MAX 255
#define DNS_NAME_TEXT_SIZE 1009 /* 4 characters ("\255") for each byte of the longest name, dots, NUL */

struct dns_name {
    uint8_t wire[DNS_NAME_WIRE_MAX]; /* uncompressed, with the root's empty label; lower case */
    size_t size;                     /* 1 (the root) to 255 */
};

extern const struct fault fault_dns_name;

/* Presentation form (RFC 1035 5.1): "\." and "\DDD" are understood, a dot at the end may be there. "." is the root; "" and empty labels
 * are refused. Error: fault_dns_name with a sentence in `reason` (may be NULL). */
MUST_CHECK result dns_name_from_text(struct span text, struct dns_name *ret_name, struct reason *reason);
/* What stands behind a backslash: three digits up to 255, or any other character. False: neither; the cursor is then of no more use. */
bool dns_escape_read(struct cursor *text, uint8_t *ret_byte);
/* Without the dot at the end, except the root: ".". What is no letter, digit, '-', '_' or '*' becomes \DDD (or \. and \\). */
void dns_name_to_text(const struct dns_name *name, char ret_text[DNS_NAME_TEXT_SIZE]);
/* Reads a name at the cursor's position; compression pointers (RFC 1035 4.1.4) must point behind the header, to what begins and ends
 * before the labels that lead to them, at most 127 in a row, and count from the cursor's first byte, so the cursor must begin with the
 * message. Error: fault_dns_name; the cursor then stands where it stood. */
MUST_CHECK result dns_name_read(struct cursor *message, struct dns_name *ret_name);
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
bool dns_name_is_root(const struct dns_name *name);
/* Is `name` the same as `ancestor` or below it? */
bool dns_name_is_within(const struct dns_name *name, const struct dns_name *ancestor);
/* Without its first label; the root's parent is the root. */
struct dns_name dns_name_parent(const struct dns_name *name);
bool dns_name_is_wildcard(const struct dns_name *name); /* its first label is "*" */
unsigned dns_name_label_count(const struct dns_name *name); /* of the root: 0 */
/* RFC 6672 2.2: `name`, which must be below `owner`, with `target` in the owner's place. False: longer than 255. */
bool dns_name_substitute(const struct dns_name *name, const struct dns_name *owner, const struct dns_name *target, struct dns_name *ret_name);
