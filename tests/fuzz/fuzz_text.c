/* Numbers, times and harmless text: what is read is written back the same, what is shown cannot steer a terminal.
 *
 * parser: base/text.c base/time_text.c
 * seeds: time base64 */
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "fuzz/harness.h"

static void check_number(struct span text) {
    uint64_t number;
    char again[24];
    static const uint64_t maxima[] = {0, 9, 255, 65535, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof maxima / sizeof maxima[0]; i++) {
        if (text_to_number(text, maxima[i], &number) != OK)
            continue;
        snprintf(again, sizeof again, "%llu", (unsigned long long) number);
        require(number <= maxima[i] && span_equal(span_of_text(again), text));
    }
}

static void check_time(struct span text) {
    int64_t ms, again_ms;
    char written[RFC3339_SIZE];
    if (text_to_time_ms(text, &ms) != OK)
        return;
    text_of_time_ms(ms, written);
    if (written[0] == '\0') /* an offset may lead out of the years 0 to 9999 */
        return;
    require(text_to_time_ms(span_of_text(written), &again_ms) == OK && again_ms == ms);
    text_of_time(ms / 1000 - (ms % 1000 < 0), written);
    require(text_to_time_ms(span_of_text(written), &again_ms) == OK && again_ms <= ms && ms - again_ms < 1000);
}

static void check_made_harmless(struct span text) {
    AUTO_FREE char *copy = memory_new(text.size + 1);
    memcpy(copy, text.size == 0 ? (const uint8_t *) "" : text.bytes, text.size);
    size_t size = strlen(copy);
    text_make_harmless(copy);
    require(strlen(copy) == size && utf8_is_valid(span_of_text(copy)));
    require(!text_is_printable(text) || strncmp(copy, (const char *) text.bytes, size) == 0);
}

static void check_harmless(struct span text) {
    CLEANUP(buffer_done) struct buffer shown = buffer_with_limit(text.size * 4 + 1);
    require(text_add_harmless(&shown, text));
    require(utf8_is_valid(buffer_span(&shown)));
    for (size_t at = 0; at < shown.size;) {
        uint32_t point = 0;
        size_t step = utf8_next(buffer_span(&shown), at, &point);
        require(point >= ' ' && !(point >= 0x7f && point < 0xa0) && !(point >= 0x200b && point <= 0x200f) &&
                !(point >= 0x2028 && point <= 0x202e) && !(point >= 0x2066 && point <= 0x2069) && point != 0xfeff);
        at += step;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct span text = span_of(bytes, size);
    AUTO_FREE uint8_t *decoded = memory_new(size + 1);
    size_t decoded_size;
    struct hash hash;
    if (text_to_base64(text, decoded, &decoded_size) == OK)
        require(decoded_size <= size / 4 * 3);
    char hex[HASH_HEX_SIZE], base64[HASH_BASE64_SIZE];
    if (hash_from_hex(text, &hash) == OK) {
        hash_to_hex(&hash, hex);
        require(strncasecmp(hex, (const char *) bytes, size) == 0);
    }
    if (hash_from_base64(text, &hash) == OK) {
        hash_to_base64(&hash, base64);
        require(span_equal(span_of_text(base64), text));
    }
    check_number(text);
    check_time(text);
    check_harmless(text);
    check_made_harmless(text);
    return 0;
}
