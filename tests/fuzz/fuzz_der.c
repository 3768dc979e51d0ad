/* DER and BER elements, one after another: whatever DER takes, BER takes in the same way.
 *
 * parser: formats/der.c formats/der_time.c
 * seeds: der
 * corpora: b-x509/asn1 b-x509/openssl-fuzz-asn1 */
#include "formats/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken by its tag has the header that der_header writes. */
static void require_header(const uint8_t *data, size_t size) {
    struct cursor taker = cursor_of(span_of(data, size));
    struct span content;
    uint8_t header[6];
    if (der_take(&taker, data[0], &content) == OK) {
        size_t header_size = der_header(data[0], content.size, header);
        if (header_size + content.size != taker.position || memcmp(header, data, header_size) != 0)
            __builtin_trap();
    }
    if (der_take(&taker, (uint8_t) ~data[0], &content) == OK && content.size > size)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cursor strict = cursor_of(span_of(data, size)), lenient = strict;
    struct der_element element;
    bool is_ber = false, is_odd = false;
    char text[256];
    int64_t seconds;
    while (!cursor_at_end(&strict) && der_read(&strict, &element) == OK)
        if (element.whole.size < 2 || element.content.size > element.whole.size - 2)
            __builtin_trap();
    while (!cursor_at_end(&lenient) && ber_read(&lenient, &element, &is_ber) == OK) {
        (void) der_oid_text(element.content, text, sizeof text);
        (void) !der_time(element.tag, element.content, &seconds, &is_odd);
    }
    if (size > 0)
        require_header(data, size);
    if (!strict.failed && (lenient.failed || is_ber)) /* whatever DER takes, BER takes in the same way */
        __builtin_trap();
    return 0;
}
