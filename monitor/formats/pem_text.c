#include "formats/pem_text.h"

#include "base/text.h"

static const char begin_mark[] = "-----BEGIN ", end_mark[] = "-----END ", dashes[] = "-----";

struct pem_reader pem_reader_of(struct span text) {
    return (struct pem_reader){.cursor = cursor_of(text), .line = 1};
}

static struct span trim(struct span text) {
    while (text.size > 0 && text.bytes[0] <= ' ')
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && text.bytes[text.size - 1] <= ' ')
        text.size--;
    return text;
}

/* The next line without its break and the white space around it; false at the end. */
static bool take_line(struct pem_reader *reader, struct span *ret_line) {
    if (cursor_at_end(&reader->cursor))
        return false;
    const uint8_t *start = reader->cursor.bytes + reader->cursor.position;
    const uint8_t *end = memchr(start, '\n', cursor_remaining(&reader->cursor));
    size_t size = end == NULL ? cursor_remaining(&reader->cursor) : (size_t) (end - start) + 1;
    (void) cursor_skip(&reader->cursor, size);
    reader->line++;
    *ret_line = trim(span_of(start, size));
    return true;
}

/* "-----BEGIN label-----"; false: another line. */
static bool take_label(struct span line, const char *mark, struct span *ret_label) {
    size_t size = strlen(mark), tail = strlen(dashes);
    if (line.size < size + tail || memcmp(line.bytes, mark, size) != 0 || memcmp(line.bytes + line.size - tail, dashes, tail) != 0)
        return false;
    *ret_label = span_of(line.bytes + size, line.size - size - tail);
    return true;
}

/* The symbols up to the next dashes, for which `rooms` is enough where the text has the form of PEM. */
static const char *collect(struct pem_reader *reader, struct span label, char *symbols, size_t rooms, size_t *ret_size) {
    struct pem_reader before = *reader;
    struct span line, other;
    size_t size = 0;
    while (take_line(reader, &line)) {
        if (take_label(line, end_mark, &other)) {
            *ret_size = size;
            return span_equal(label, other) ? NULL : "ends with another label than it begins with";
        }
        if (take_label(line, begin_mark, &other)) {
            *reader = before;
            return "does not end before the next one begins";
        }
        before = *reader;
        if (line.size > 0 && memchr(line.bytes, ':', line.size) != NULL) /* a header, as of encrypted keys */
            continue;
        for (size_t i = 0; i < line.size; i++) {
            if (size == rooms)
                return "has a line of dashes inside that is no end";
            if (line.bytes[i] > ' ')
                symbols[size++] = (char) line.bytes[i];
        }
    }
    return "does not end";
}

static result read_block(struct pem_reader *reader, struct arena *arena, struct pem_block *block) {
    size_t rooms = cursor_remaining(&reader->cursor), size = 0, decoded = 0;
    const uint8_t *text = reader->cursor.bytes + reader->cursor.position;
    const uint8_t *end = rooms == 0 ? NULL : memmem(text, rooms, dashes, strlen(dashes));
    rooms = end == NULL ? rooms : (size_t) (end - text);
    char *symbols = arena_take(arena, rooms + 1);
    if (symbols == NULL)
        return &fault_no_memory;
    block->wrong = collect(reader, block->label, symbols, rooms, &size);
    if (block->wrong != NULL)
        return OK;
    uint8_t *der = arena_take(arena, size / 4 * 3 + 3);
    if (der == NULL)
        return &fault_no_memory;
    if (size == 0 || text_to_base64(span_of(symbols, size), der, &decoded) != OK)
        block->wrong = "is not base64 inside (RFC 7468 2)";
    else
        block->der = span_of(der, decoded);
    return OK;
}

result pem_next(struct pem_reader *reader, struct arena *arena, struct pem_block *ret_block, bool *ret_has_block) {
    struct span line;
    *ret_has_block = false;
    while (take_line(reader, &line)) {
        *ret_block = (struct pem_block){.der = span_of("", 0), .line = reader->line - 1};
        if (!take_label(line, begin_mark, &ret_block->label))
            continue;
        TRY(read_block(reader, arena, ret_block));
        *ret_has_block = true;
        return OK;
    }
    return OK;
}
