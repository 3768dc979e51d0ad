/* Base64 and hex against a slow decoder: the same bytes, or both refuse; what was taken is written back as it was.
 *
 * seeds: base64
 * beside: text */
#include "base/memory.h"
#include "base/text.h"
#include "fuzz/harness.h"

/* RFC 4648 section 4, symbol by symbol. Returns the size, or -1. */
static int64_t decode_slowly(struct span text, uint8_t *ret_bytes) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t padding = 0, size = 0;
    uint32_t bits = 0, count = 0;
    if (text.size % 4 != 0)
        return -1;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t symbol = text.bytes[i];
        if (symbol == '=') {
            if (++padding > 2 || i + 2 < text.size)
                return -1;
            continue;
        }
        const char *place = symbol == 0 ? NULL : strchr(alphabet, symbol);
        if (place == NULL || padding > 0)
            return -1;
        bits = bits << 6 | (uint32_t) (place - alphabet);
        count += 6;
        if (count >= 8) {
            count -= 8;
            ret_bytes[size++] = (uint8_t) (bits >> count);
            bits &= (1u << count) - 1;
        }
    }
    return bits != 0 ? -1 : (int64_t) size;
}

static void check_base64(struct span text) {
    AUTO_FREE uint8_t *ours = memory_new(text.size / 4 * 3 + 1);
    AUTO_FREE uint8_t *theirs = memory_new(text.size + 1);
    AUTO_FREE char *again = memory_new(text.size + 5);
    size_t size = 0;
    int64_t wanted = decode_slowly(text, theirs);
    result outcome = text_to_base64(text, ours, &size);
    require((outcome == OK) == (wanted >= 0));
    if (outcome != OK)
        return;
    require(size == (size_t) wanted && memcmp(ours, theirs, size) == 0);
    text_of_base64(span_of(ours, size), again);
    require(span_equal(span_of_text(again), text));
}

static void check_hex(struct span text) {
    AUTO_FREE uint8_t *raw = memory_new(text.size / 2 + 1);
    AUTO_FREE char *again = memory_new(text.size + 2);
    bool is_hex = text.size % 2 == 0;
    for (size_t i = 0; i < text.size; i++)
        is_hex = is_hex && text.bytes[i] != 0 && strchr("0123456789abcdefABCDEF", text.bytes[i]) != NULL;
    require((text_to_hex(text, raw, text.size / 2) == OK) == is_hex);
    if (!is_hex)
        return;
    text_of_hex(span_of(raw, text.size / 2), again);
    require(strncasecmp(again, (const char *) text.bytes, text.size) == 0 && strlen(again) == text.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct span text = span_of(bytes, size);
    struct hash hash;
    char encoded[HASH_BASE64_SIZE];
    check_base64(text);
    check_hex(text);
    if (hash_from_base64(text, &hash) == OK) {
        hash_to_base64(&hash, encoded);
        require(span_equal(span_of_text(encoded), text));
    }
    return 0;
}
