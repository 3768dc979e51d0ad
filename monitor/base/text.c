#include "base/text.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/utf8.h"

#define MARKS_MAX 3 /* in a row; languages need two */

FAULT(fault_text_number, FAULT_INPUT, "text.number", "number", "", "not a decimal number in range",
      "digits only, within the limit");
FAULT(fault_text_hex, FAULT_INPUT, "text.hex", "hex text", "", "wrong length or not a hex digit",
      "two hex digits for each byte");
FAULT(fault_text_base64, FAULT_INPUT, "text.base64", "base64 text", "RFC 4648 4", "not canonical base64",
      "padded base64 without line breaks or left-over bits");
FAULT(fault_text_time, FAULT_INPUT, "text.time", "time", "RFC 3339 5.6", "not a date and time",
      "YYYY-MM-DDThh:mm:ssZ");

result text_to_number(struct span text, uint64_t maximum, uint64_t *ret_number) {
    uint64_t number = 0;
    if (text.size == 0 || (text.size > 1 && text.bytes[0] == '0'))
        return &fault_text_number;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned) text.bytes[i] - '0';
        if (digit > 9 || digit > maximum || number > (maximum - digit) / 10)
            return &fault_text_number;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return OK;
}

void text_of_hex(struct span bytes, char *ret_text) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        ret_text[2 * i] = digits[bytes.bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes.bytes[i] & 15];
    }
    ret_text[2 * bytes.size] = '\0';
}

void hash_to_hex(const struct hash *hash, char ret_text[HASH_HEX_SIZE]) {
    text_of_hex(span_of(hash->bytes, HASH_SIZE), ret_text);
}

static int hex_value(uint8_t digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

result text_to_hex(struct span text, uint8_t *ret_bytes, size_t size) {
    if (text.size / 2 != size || text.size % 2 != 0)
        return &fault_text_hex;
    for (size_t i = 0; i < text.size; i++)
        if (hex_value(text.bytes[i]) < 0)
            return &fault_text_hex;
    for (size_t i = 0; i < size; i++)
        ret_bytes[i] = (uint8_t) (hex_value(text.bytes[2 * i]) << 4 | hex_value(text.bytes[2 * i + 1]));
    return OK;
}

result hash_from_hex(struct span text, struct hash *ret_hash) {
    return text_to_hex(text, ret_hash->bytes, HASH_SIZE);
}

static int base64_value(uint8_t symbol) {
    if (symbol >= 'A' && symbol <= 'Z')
        return symbol - 'A';
    if (symbol >= 'a' && symbol <= 'z')
        return symbol - 'a' + 26;
    if (symbol >= '0' && symbol <= '9')
        return symbol - '0' + 52;
    return symbol == '+' ? 62 : symbol == '/' ? 63 : -1;
}

/* EVP_DecodeBlock trims white space, takes '=' for zero anywhere and ignores left-over bits: the ends are checked here. */
static bool base64_is_canonical(struct span text, size_t *ret_padding) {
    size_t padding = 0;
    if (text.size % 4 != 0)
        return false;
    while (padding < 2 && padding < text.size && text.bytes[text.size - 1 - padding] == '=')
        padding++;
    *ret_padding = padding;
    if (text.size == 0)
        return true;
    int first = base64_value(text.bytes[0]);
    int last = base64_value(text.bytes[text.size - 1 - padding]);
    if (first < 0 || last < 0 || memchr(text.bytes, '=', text.size - padding) != NULL)
        return false;
    return padding == 0 || (last & (padding == 1 ? 3 : 15)) == 0;
}

result text_to_base64(struct span text, uint8_t *ret_bytes, size_t *ret_size) {
    size_t padding;
    if (text.size > INT32_MAX || !base64_is_canonical(text, &padding))
        return &fault_text_base64;
    if (text.size == 0) {
        *ret_size = 0;
        return OK;
    }
    int decoded = EVP_DecodeBlock(ret_bytes, text.bytes, (int) text.size);
    if (decoded < 0 || (size_t) decoded != text.size / 4 * 3)
        return &fault_text_base64;
    *ret_size = (size_t) decoded - padding;
    return OK;
}

void text_of_base64(struct span bytes, char *ret_text) {
    ret_text[0] = '\0';
    EVP_EncodeBlock((unsigned char *) ret_text, bytes.bytes, (int) bytes.size);
}

void hash_to_base64(const struct hash *hash, char ret_text[HASH_BASE64_SIZE]) {
    text_of_base64(span_of(hash->bytes, HASH_SIZE), ret_text);
}

result hash_from_base64(struct span text, struct hash *ret_hash) {
    uint8_t raw[HASH_BASE64_SIZE];
    size_t size;
    if (text.size != HASH_BASE64_SIZE - 1)
        return &fault_text_base64;
    TRY(text_to_base64(text, raw, &size));
    if (size != HASH_SIZE)
        return &fault_text_base64;
    memcpy(ret_hash->bytes, raw, HASH_SIZE);
    return OK;
}

bool text_is_printable(struct span text) {
    for (size_t i = 0; i < text.size; i++)
        if (text.bytes[i] < ' ' || text.bytes[i] > '~')
            return false;
    return true;
}

struct points {
    uint32_t first, last;
};

static bool is_among(uint32_t point, const struct points *ranges, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

/* Not: controls, what changes the direction of writing, what is not seen (joiners, fillers, tags), line and paragraph separators. */
static bool point_is_harmless(uint32_t point) {
    static const struct points harmful[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e},   {0x200b, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
    };
    bool is_plain = point >= ' ' && point <= '~';
    return is_plain || !is_among(point, harmful, sizeof harmful / sizeof harmful[0]);
}

/* Marks that are drawn over the character before them: any number of them would cover the lines around. */
static bool is_mark(uint32_t point) {
    static const struct points marks[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x1ab0, 0x1aff},
                                          {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f}};
    return point >= 0x300 && is_among(point, marks, sizeof marks / sizeof marks[0]);
}

/* Length of the sequence at `at` when it is one to show, else 0. *marks counts those since the last other character; a text begins
 * with as many as there may be, so that nothing is drawn over what stands before it. */
static size_t harmless_sequence(struct span text, size_t at, unsigned *marks) {
    uint32_t point = 0;
    size_t length = utf8_next(text, at, &point);
    if (length == 0 || !point_is_harmless(point))
        return 0;
    if (!is_mark(point)) {
        *marks = 0;
        return length;
    }
    return (*marks)++ < MARKS_MAX ? length : 0;
}

void text_make_harmless(char *text) {
    struct span whole = span_of_text(text);
    unsigned marks = MARKS_MAX;
    for (size_t at = 0, length; at < whole.size; at += length) {
        length = harmless_sequence(whole, at, &marks);
        if (length == 0) {
            text[at] = '?';
            length = 1;
        }
    }
}

bool text_add_harmless(struct buffer *buffer, struct span text) {
    unsigned marks = MARKS_MAX;
    for (size_t at = 0; at < text.size;) {
        uint32_t point = 0;
        size_t whole = utf8_next(text, at, &point);
        size_t length = harmless_sequence(text, at, &marks);
        size_t step = whole == 0 ? 1 : whole;
        if (length == 1 && point == '\\') {
            buffer_add_text(buffer, "\\\\");
        } else if (length > 0) {
            buffer_add(buffer, span_of(text.bytes + at, length));
        } else {
            for (size_t i = 0; i < step; i++)
                buffer_printf(buffer, "\\x%02x", text.bytes[at + i]);
        }
        at += step;
    }
    return !buffer->failed;
}
