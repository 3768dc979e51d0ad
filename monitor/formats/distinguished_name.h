/* Names of RFC 5280 4.1.2.4 as text. */
#pragma once

#include "base/buffer.h"
#include "formats/der.h"

/* Appends the Name element as RFC 4514 writes it (last RDN first, short names of RFC 4514 3, other types as dotted OIDs,
 * values beyond printable ASCII escaped as \XX of their UTF-8). A value of no string type is written as "#" and hex; a
 * broken Name ends in "?". Returns false when `out` failed. */
bool distinguished_name_text(struct span name, struct buffer *out);
/* Appends a string value of any ASN.1 string type as UTF-8 (T61String as Latin-1); false when it is none or malformed. */
bool asn1_string_to_utf8(uint8_t tag, struct span content, struct buffer *out);
