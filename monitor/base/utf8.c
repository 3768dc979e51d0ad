#include "base/utf8.h"

static size_t length_of_lead(uint8_t lead) {
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead < 0xe0)
        return 2;
    if ((lead & 0xf0) == 0xe0)
        return 3;
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

size_t utf8_next(struct span text, size_t at, uint32_t *ret_point) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = length_of_lead(text.bytes[at]);
    if (length == 0 || length > text.size - at)
        return 0;
    uint32_t point = length == 1 ? text.bytes[at] : text.bytes[at] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text.bytes[at + i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (text.bytes[at + i] & 0x3f);
    }
    if (point < smallest[length] || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff)
        return 0;
    *ret_point = point;
    return length;
}

bool utf8_is_valid(struct span text) {
    uint32_t point;
    for (size_t at = 0; at < text.size;) {
        size_t length = utf8_next(text, at, &point);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

size_t utf8_put(uint32_t point, uint8_t ret_bytes[4]) {
    if (point < 0x80) {
        ret_bytes[0] = (uint8_t) point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if ((point >= 0xd800 && point < 0xe000) || point > 0x10ffff)
        return 0;
    for (size_t i = length - 1; i > 0; i--) {
        ret_bytes[i] = (uint8_t) (0x80 | (point & 0x3f));
        point >>= 6;
    }
    ret_bytes[0] = (uint8_t) ((0xff00u >> length) | point);
    return length;
}
