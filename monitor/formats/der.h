/* Tags, lengths and the few values of X.690 that certificates are made of, read over a cursor.
 *
 * Two ways to read an element: der_read obeys DER (X.690 10.1: definite, minimal lengths), ber_read also takes lengths
 * that are longer than needed or indefinite and says so, because names must be found where other readers find them.
 * Both refuse tags of several bytes (X.690 8.1.2.4), which no certificate needs. Neither allocates nor recurses. */
#pragma once

#include "base/cursor.h"
#include "base/result.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_T61_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_UNIVERSAL_STRING = 0x1c,
    DER_BMP_STRING = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};

/* Context-specific tags: [n] primitive and [n] constructed. */
#define DER_CONTEXT(number)             ((uint8_t) (0x80 | (number)))
#define DER_CONTEXT_CONSTRUCTED(number) ((uint8_t) (0xa0 | (number)))

#define DER_DEPTH_MAX 32 /* nested indefinite lengths; no real certificate has one */

struct der_element {
    uint8_t tag;
    struct span content; /* without the end-of-contents octets of an indefinite length */
    struct span whole;   /* tag, length and content */
};

extern const struct fault fault_der_truncated;
extern const struct fault fault_der_tag;
extern const struct fault fault_der_length;     /* not minimal, indefinite, or of more than four bytes */
extern const struct fault fault_der_unexpected; /* another tag than the one that belongs here */
extern const struct fault fault_der_time;

/* Reads the next element. On an error position and output stay as they were, and the cursor fails for good. */
MUST_CHECK result der_read(struct cursor *cursor, struct der_element *ret_element);
/* The same, generously; sets *is_ber (never clears it) when DER would have refused. */
MUST_CHECK result ber_read(struct cursor *cursor, struct der_element *ret_element, bool *is_ber);
/* Reads the next element, which must have `tag`, and gives its content. */
MUST_CHECK result der_take(struct cursor *cursor, uint8_t tag, struct span *ret_content);
/* Is there a next element with `tag`? */
bool der_is_next(const struct cursor *cursor, uint8_t tag);

/* Writes tag and minimal length of a content of `size` bytes (below 2^32) and returns how many bytes that took, 2 to 6. */
size_t der_header(uint8_t tag, size_t size, uint8_t ret_header[6]);

/* Time content → Unix seconds. Takes the two forms of RFC 5280 4.1.2.5 and, with *is_odd set, the BER forms that other
 * readers take: no seconds, an offset, a fraction. Error: fault_der_time. */
MUST_CHECK result der_time(uint8_t tag, struct span content, int64_t *ret_seconds, bool *is_odd);
/* Writes an OID in dots ("1.2.840"), NUL-terminated; false when it is malformed or does not fit. */
bool der_oid_text(struct span oid, char *ret_text, size_t size);
