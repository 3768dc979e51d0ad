#include "drill/der_write.h"

#include "base/text.h"

#define SHORT_MAX 0x7f

size_t der_begin(struct buffer *out, unsigned tag) {
    buffer_add_number(out, 1, tag);
    buffer_add_number(out, 1, 0);
    return out->size;
}

void der_end(struct buffer *out, size_t place) {
    if (out->failed)
        return;
    size_t size = out->size - place, width = 0;
    if (size <= SHORT_MAX) {
        out->bytes[place - 1] = (uint8_t) size;
        return;
    }
    for (size_t rest = size; rest > 0; rest >>= 8)
        width++;
    if (buffer_reserve(out, width) == NULL)
        return;
    buffer_grew(out, width);
    memmove(out->bytes + place + width, out->bytes + place, size);
    out->bytes[place - 1] = (uint8_t) (0x80 | width);
    for (size_t i = 0; i < width; i++)
        out->bytes[place + i] = (uint8_t) (size >> (8 * (width - 1 - i)));
}

void der_add(struct buffer *out, unsigned tag, struct span content) {
    size_t place = der_begin(out, tag);
    buffer_add(out, content);
    der_end(out, place);
}

void der_add_text(struct buffer *out, unsigned tag, const char *text) {
    der_add(out, tag, span_of_text(text));
}

void der_add_time(struct buffer *out, int64_t unix_seconds) {
    char full[RFC3339_SIZE], compact[14];
    text_of_time(unix_seconds, full); /* 2026-11-21T12:00:00Z becomes 261121120000Z */
    static const unsigned char places[] = {2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18};
    for (size_t i = 0; i < sizeof places; i++)
        compact[i] = full[places[i]];
    compact[12] = 'Z';
    der_add(out, DER_TIME, span_of(compact, 13));
}
