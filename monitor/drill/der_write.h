/* Writes DER (X.690) into a buffer; lengths are put in when an element ends. */
#pragma once

#include "base/buffer.h"

enum { DER_INTEGER = 0x02, DER_BITS = 0x03, DER_OCTETS = 0x04, DER_NULL = 0x05, DER_OID = 0x06, DER_UTF8 = 0x0c, DER_TIME = 0x17,
       DER_PRINTABLE = 0x13, DER_SEQUENCE = 0x30, DER_SET = 0x31, DER_BOOLEAN = 0x01 };

/* Begins an element; returns its place for der_end. */
size_t der_begin(struct buffer *out, unsigned tag);
void der_end(struct buffer *out, size_t place);
/* A whole element. */
void der_add(struct buffer *out, unsigned tag, struct span content);
void der_add_text(struct buffer *out, unsigned tag, const char *text);
/* UTCTime of a moment between 1950 and 2049. */
void der_add_time(struct buffer *out, int64_t unix_seconds);
