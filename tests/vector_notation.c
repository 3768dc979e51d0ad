#include "vector_notation.h"

#include <ctype.h>

#include "base/memory.h"
#include "base/text.h"

enum { DEPTH_MAX = 32 };

struct writer {
    struct buffer out;
    struct {
        size_t begin;
        char kind; /* of the bracket that closes it */
        unsigned argument;
    } open[DEPTH_MAX];
    size_t depth;
    size_t last; /* where the piece that X*N repeats begins */
};

static unsigned hex_digit(char digit) {
    const char *digits = "0123456789abcdef", *place = strchr(digits, digit);
    assert_true(digit != '\0' && place != NULL);
    return (unsigned) (place - digits);
}

static void open_bracket(struct writer *writer, char kind, unsigned argument) {
    assert_true(writer->depth < DEPTH_MAX);
    writer->open[writer->depth].begin = writer->out.size;
    writer->open[writer->depth].kind = kind;
    writer->open[writer->depth++].argument = argument;
}

/* Tag and length as DER writes them. */
static void add_header(struct buffer *out, unsigned tag, size_t size) {
    size_t width = 1;
    buffer_add_number(out, 1, tag);
    while (width < 4 && size >> (8 * width) != 0)
        width++;
    if (size >= 0x80)
        buffer_add_number(out, 1, 0x80 | width);
    buffer_add_number(out, width, size);
}

static void close_bracket(struct writer *writer, char kind) {
    assert_true(writer->depth > 0 && writer->open[writer->depth - 1].kind == kind);
    size_t begin = writer->open[--writer->depth].begin, size = writer->out.size - begin;
    unsigned argument = writer->open[writer->depth].argument;
    AUTO_FREE uint8_t *content = memory_new(size + 1);
    AUTO_FREE char *base64 = memory_new(size / 3 * 4 + 8);
    assert_true(content != NULL && base64 != NULL);
    memcpy(content, writer->out.bytes == NULL ? (const uint8_t *) "" : writer->out.bytes + begin, size);
    writer->out.size = begin;
    if (kind == '}')
        add_header(&writer->out, argument, size);
    if (kind == '>')
        buffer_add_number(&writer->out, argument, size);
    if (kind == ')' && size > 0) {
        text_of_base64(span_of(content, size), base64);
        buffer_add_text(&writer->out, base64);
    } else {
        buffer_add(&writer->out, span_of(content, size));
    }
    writer->last = begin;
}

/* A text in quotes; returns where it ends. */
static const char *add_quoted(struct writer *writer, const char *at) {
    static const char names[] = "nrt0\"\\", values[] = "\n\r\t\0\"\\";
    writer->last = writer->out.size;
    for (at++; *at != '"'; at++) {
        assert_true(*at != '\0');
        const char *name = *at == '\\' ? strchr(names, *++at) : NULL;
        buffer_add(&writer->out, span_of(name != NULL ? values + (name - names) : at, 1));
    }
    return at + 1;
}

static const char *add_repeated(struct writer *writer, const char *at) {
    uint64_t times;
    size_t digits = strspn(at + 1, "0123456789"), size = writer->out.size - writer->last;
    assert_ptr_equal(text_to_number(span_of(at + 1, digits), 1 << 24, &times), OK);
    AUTO_FREE uint8_t *piece = memory_new(size + 1);
    memcpy(piece, writer->out.bytes + writer->last, size);
    for (uint64_t i = 1; i < times; i++)
        buffer_add(&writer->out, span_of(piece, size));
    return at + 1 + digits;
}

/* One token; returns where it ends. */
static const char *add_token(struct writer *writer, const char *at) {
    if (*at == '"')
        return add_quoted(writer, at);
    if (*at == '*')
        return add_repeated(writer, at);
    if (*at == '}' || *at == '>' || *at == ')') {
        close_bracket(writer, *at);
        return at + 1;
    }
    if (strncmp(at, "b64(", 4) == 0) {
        open_bracket(writer, ')', 0);
        return at + 4;
    }
    if (at[1] == '<') {
        open_bracket(writer, '>', hex_digit(at[0]));
        return at + 2;
    }
    unsigned byte = hex_digit(at[0]) << 4 | hex_digit(at[1]);
    if (at[2] == '{') {
        open_bracket(writer, '}', byte);
        return at + 3;
    }
    writer->last = writer->out.size;
    buffer_add_number(&writer->out, 1, byte);
    return at + 2;
}

struct buffer base64_bytes(const char *text) {
    struct buffer bytes = buffer_with_limit(FILE_LIMIT);
    size_t size;
    uint8_t *room = buffer_reserve(&bytes, strlen(text) / 4 * 3 + 1);
    assert_ptr_equal(text_to_base64(span_of_text(text), room, &size), OK);
    buffer_grew(&bytes, size);
    return bytes;
}

struct buffer vector_bytes(const char *notation) {
    struct writer writer = {.out = buffer_with_limit(FILE_LIMIT)};
    for (const char *at = notation; *at != '\0';)
        at = isspace((unsigned char) *at) ? at + 1 : add_token(&writer, at);
    assert_int_equal(writer.depth, 0);
    assert_false(writer.out.failed);
    return writer.out;
}
