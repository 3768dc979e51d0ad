/* UTF-8 (RFC 3629), strictly: no overlong forms, no surrogates. */
#pragma once

#include "base/buffer.h"
#include "base/span.h"

/* Length of the sequence that starts at text.bytes[at], 0 when malformed; its code point goes to ret_point. */
size_t utf8_next(struct span text, size_t at, uint32_t *ret_point);
bool utf8_is_valid(struct span text);
/* Writes one code point and returns how many bytes that took; 0 for a surrogate or a number above 0x10ffff. */
size_t utf8_put(uint32_t point, uint8_t ret_bytes[4]);
