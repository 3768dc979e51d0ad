/* Letters and digits of ASCII, whatever the locale. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline bool ascii_is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static inline uint8_t ascii_lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? (uint8_t) (byte + ('a' - 'A')) : byte;
}

static inline bool ascii_is_letter_or_digit(uint8_t byte) {
    return ascii_is_digit(byte) || (ascii_lower(byte) >= 'a' && ascii_lower(byte) <= 'z');
}
