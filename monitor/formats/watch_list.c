#include "formats/watch_list.h"

#define VALID_AT "valid_at:"

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct span trim(struct span text) {
    while (text.size > 0 && is_blank(text.bytes[0]))
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && is_blank(text.bytes[text.size - 1]))
        text.size--;
    return text;
}

static struct span without_comment(struct span line) {
    for (size_t i = 0; i < line.size; i++)
        if (line.bytes[i] == '#' && (i == 0 || is_blank(line.bytes[i - 1])))
            return span_of(line.bytes, i);
    return line;
}

/* Size of the first word of a trimmed text. */
static size_t word_size(struct span text) {
    size_t size = 0;
    while (size < text.size && !is_blank(text.bytes[size]))
        size++;
    return size;
}

/* The name alone when nothing but valid_at follows. */
static struct span item_of(struct span line) {
    size_t name_size = word_size(line);
    struct span rest = trim(span_of(line.bytes + name_size, line.size - name_size));
    size_t prefix_size = sizeof VALID_AT - 1;
    bool is_valid_at = rest.size >= prefix_size && memcmp(rest.bytes, VALID_AT, prefix_size) == 0 && word_size(rest) == rest.size;
    return rest.size == 0 || is_valid_at ? span_of(line.bytes, name_size) : line;
}

struct watch_list_reader watch_list_reader_of(struct span text) {
    static const uint8_t byte_order_mark[] = {0xef, 0xbb, 0xbf};
    bool has_mark = text.size >= sizeof byte_order_mark && memcmp(text.bytes, byte_order_mark, sizeof byte_order_mark) == 0;
    return (struct watch_list_reader){.text = text, .position = has_mark ? sizeof byte_order_mark : 0};
}

bool watch_list_next(struct watch_list_reader *reader, struct span *ret_item) {
    while (reader->position < reader->text.size) {
        const uint8_t *begin = reader->text.bytes + reader->position;
        size_t left = reader->text.size - reader->position;
        const uint8_t *end = memchr(begin, '\n', left);
        size_t size = end == NULL ? left : (size_t) (end - begin);
        reader->position += end == NULL ? left : size + 1;
        reader->line++;
        struct span line = trim(without_comment(span_of(begin, size)));
        if (line.size == 0)
            continue;
        *ret_item = item_of(line);
        return true;
    }
    return false;
}
