/* Text in and out, with limits: numbers, hex, base64, times, and text from outside made harmless. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/result.h"
#include "base/span.h"

#define HASH_HEX_SIZE (2 * HASH_SIZE + 1)
#define HASH_BASE64_SIZE 45
#define RFC3339_SIZE 32

extern const struct fault fault_text_number;
extern const struct fault fault_text_hex;
extern const struct fault fault_text_base64;
extern const struct fault fault_text_time;

/* The whole of `text` as a decimal number of at most `maximum`; no sign, no space, no leading zeros but "0". */
MUST_CHECK result text_to_number(struct span text, uint64_t maximum, uint64_t *ret_number);

/* Writes 2 * size + 1 characters, lower case, NUL-terminated. */
void text_of_hex(struct span bytes, char *ret_text);
void hash_to_hex(const struct hash *hash, char ret_text[HASH_HEX_SIZE]);
/* Exactly `size` bytes from 2 * size hex digits of either case. */
MUST_CHECK result text_to_hex(struct span text, uint8_t *ret_bytes, size_t size);
MUST_CHECK result hash_from_hex(struct span text, struct hash *ret_hash);

/* Strict RFC 4648 section 4: padded, no line breaks, no bits left over. Room at ret_bytes: text.size / 4 * 3. */
MUST_CHECK result text_to_base64(struct span text, uint8_t *ret_bytes, size_t *ret_size);
/* Writes (size + 2) / 3 * 4 + 1 characters. */
void text_of_base64(struct span bytes, char *ret_text);
void hash_to_base64(const struct hash *hash, char ret_text[HASH_BASE64_SIZE]);
MUST_CHECK result hash_from_base64(struct span text, struct hash *ret_hash);

/* "2026-11-21T12:00:00Z"; milliseconds (".250") only when asked. Years 0000 to 9999, else "". */
void text_of_time(int64_t unix_seconds, char ret_text[RFC3339_SIZE]);
void text_of_time_ms(int64_t unix_ms, char ret_text[RFC3339_SIZE]);
/* RFC 3339 with Z or offset, with or without a fraction (cut to milliseconds). */
MUST_CHECK result text_to_time_ms(struct span text, int64_t *ret_unix_ms);
/* Unix seconds of a date in the proleptic Gregorian calendar; no range checks on day overflow. */
int64_t time_of_date(int64_t year, unsigned month, unsigned day);

/* True for printable ASCII only. */
bool text_is_printable(struct span text);
/* Appends text from outside so that it cannot steer a terminal, a log line or a header: control characters, DEL, C1
 * controls, what is invisible or turns the direction of writing, more marks over one character than any language needs, and invalid
 * UTF-8 become \xNN; a backslash is doubled. */
bool text_add_harmless(struct buffer *buffer, struct span text);
/* The same in place: each byte that would become \xNN becomes '?'. */
void text_make_harmless(char *text);
