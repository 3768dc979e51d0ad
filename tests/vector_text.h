/* Vectors as text, in tests/vectors/<format>/<name>.vectors: what each shows, the bytes, and the value or the name of the error.
 *
 *     # a length that is not minimal
 *     in  02 81 01 05
 *     out error der.length
 *
 * A line that begins with a blank goes on with the one before it. `let name …` names a piece for the rest of the file, `$name` stands for
 * it. Bytes are hex digits, "text" (with \n \r \t \0 \" \\), TT{ … } for a
 * DER element with tag TT, N< … > for a vector behind its length in N bytes, b64( … ) for base64; X*N repeats what stands before it.
 * The fuzzers' tools read the same (fuzz/vectors.py), and begin with these inputs. */
#pragma once

#include <ctype.h>

#include "base/memory.h"
#include "base/text.h"
#include "vector_files.h"

enum { VECTOR_DEPTH_MAX = 32, VECTOR_LETS_MAX = 64 };

struct vector_writer {
    struct buffer out;
    struct {
        size_t begin;
        char kind; /* of the bracket that closes it */
        unsigned argument;
    } open[VECTOR_DEPTH_MAX];
    size_t depth;
    size_t last; /* where the piece that X*N repeats begins */
};

static inline unsigned vector_digit(char digit) {
    const char *digits = "0123456789abcdef", *place = strchr(digits, digit);
    assert_true(digit != '\0' && place != NULL);
    return (unsigned) (place - digits);
}

static inline void vector_open(struct vector_writer *writer, char kind, unsigned argument) {
    assert_true(writer->depth < VECTOR_DEPTH_MAX);
    writer->open[writer->depth].begin = writer->out.size;
    writer->open[writer->depth].kind = kind;
    writer->open[writer->depth++].argument = argument;
}

/* Tag and length as DER writes them. */
static inline void vector_header(struct buffer *out, unsigned tag, size_t size) {
    size_t width = 1;
    buffer_add_number(out, 1, tag);
    while (width < 4 && size >> (8 * width) != 0)
        width++;
    if (size >= 0x80)
        buffer_add_number(out, 1, 0x80 | width);
    buffer_add_number(out, width, size);
}

static inline void vector_close(struct vector_writer *writer, char kind) {
    assert_true(writer->depth > 0 && writer->open[writer->depth - 1].kind == kind);
    size_t begin = writer->open[--writer->depth].begin, size = writer->out.size - begin;
    unsigned argument = writer->open[writer->depth].argument;
    AUTO_FREE uint8_t *content = memory_new(size + 1);
    AUTO_FREE char *base64 = memory_new(size / 3 * 4 + 8);
    assert_true(content != NULL && base64 != NULL);
    memcpy(content, writer->out.bytes == NULL ? (const uint8_t *) "" : writer->out.bytes + begin, size);
    writer->out.size = begin;
    if (kind == '}')
        vector_header(&writer->out, argument, size);
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
static inline const char *vector_quoted(struct vector_writer *writer, const char *at) {
    static const char names[] = "nrt0\"\\", values[] = "\n\r\t\0\"\\";
    writer->last = writer->out.size;
    for (at++; *at != '"'; at++) {
        assert_true(*at != '\0');
        const char *name = *at == '\\' ? strchr(names, *++at) : NULL;
        buffer_add(&writer->out, span_of(name != NULL ? values + (name - names) : at, 1));
    }
    return at + 1;
}

static inline const char *vector_repeat(struct vector_writer *writer, const char *at) {
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
static inline const char *vector_token(struct vector_writer *writer, const char *at) {
    if (*at == '"')
        return vector_quoted(writer, at);
    if (*at == '*')
        return vector_repeat(writer, at);
    if (*at == '}' || *at == '>' || *at == ')') {
        vector_close(writer, *at);
        return at + 1;
    }
    if (strncmp(at, "b64(", 4) == 0) {
        vector_open(writer, ')', 0);
        return at + 4;
    }
    if (at[1] == '<') {
        vector_open(writer, '>', vector_digit(at[0]));
        return at + 2;
    }
    unsigned byte = vector_digit(at[0]) << 4 | vector_digit(at[1]);
    if (at[2] == '{') {
        vector_open(writer, '}', byte);
        return at + 3;
    }
    writer->last = writer->out.size;
    buffer_add_number(&writer->out, 1, byte);
    return at + 2;
}

static inline struct buffer vector_bytes(const char *notation) {
    struct vector_writer writer = {.out = buffer_with_limit(FILE_LIMIT)};
    for (const char *at = notation; *at != '\0';)
        at = isspace((unsigned char) *at) ? at + 1 : vector_token(&writer, at);
    assert_int_equal(writer.depth, 0);
    assert_false(writer.out.failed);
    return writer.out;
}

/* The next line with those that go on with it, without their breaks; NULL at the end. Release with memory_free. */
static inline char *vector_line(const char **text) {
    struct buffer line = buffer_with_limit(FILE_LIMIT);
    if (**text == '\0')
        return NULL;
    buffer_add_text(&line, "");
    do {
        size_t size = strcspn(*text, "\n");
        buffer_add(&line, span_of(*text, size));
        *text += size + ((*text)[size] == '\n' ? 1 : 0);
    } while (**text == ' ');
    return buffer_take_text(&line);
}

/* The pieces that a file has named: "name …" each. */
struct vector_lets {
    char *lines[VECTOR_LETS_MAX]; /* owned */
    size_t count;
};

static inline void vector_lets_done(struct vector_lets *lets) {
    while (lets->count > 0)
        memory_free(lets->lines[--lets->count]);
}

/* Appends what `$name` at `at` stands for; returns where the name ends. */
static inline const char *vector_let(const struct vector_lets *lets, const char *at, struct buffer *out) {
    size_t size = strspn(++at, "abcdefghijklmnopqrstuvwxyz_");
    for (size_t i = 0; i < lets->count; i++)
        if (strncmp(lets->lines[i] + 4, at, size) == 0 && lets->lines[i][4 + size] == ' ') {
            buffer_add_text(out, lets->lines[i] + 4 + size);
            return at + size;
        }
    fail_msg("$%.*s is not known", (int) size, at);
    return at;
}

/* The line with every $name replaced; takes `line` over. */
static inline char *vector_expand(const struct vector_lets *lets, char *line) {
    struct buffer out = buffer_with_limit(FILE_LIMIT);
    bool is_quoted = false;
    for (const char *at = line; *at != '\0';) {
        is_quoted ^= *at == '"' && (at == line || at[-1] != '\\');
        if (*at == '$' && !is_quoted)
            at = vector_let(lets, at, &out);
        else
            buffer_add(&out, span_of(at++, 1));
    }
    memory_free(line);
    return buffer_take_text(&out);
}

static inline unsigned vector_text_check(const char *file, const char *in, const char *out, vector_judge *judge) {
    static char got[65536];
    struct buffer bytes = vector_bytes(in + 2);
    /* Exactly sized, so that a sanitizer sees the first byte past the end. */
    AUTO_FREE uint8_t *input = memory_new(bytes.size + (bytes.size == 0));
    memcpy(input, bytes.size == 0 ? (const uint8_t *) "" : bytes.bytes, bytes.size);
    got[0] = '\0';
    judge(span_of(input, bytes.size), got, sizeof got);
    out += strspn(out + 3, " ") + 3;
    bool is_same = strcmp(got, out) == 0;
    if (!is_same)
        fprintf(stderr, "%s\n%s\n  wanted %s\n  got    %s\n", file, in, out, got); /* cmocka's own cuts long lines */
    buffer_done(&bytes);
    return is_same ? 0 : 1;
}

static inline void vector_text_file(const char *path, vector_judge *judge, unsigned *checked, unsigned *wrong) {
    struct buffer text;
    AUTO_FREE char *in = NULL;
    CLEANUP(vector_lets_done) struct vector_lets lets = {.count = 0};
    assert_true(file_read(path, &text));
    const char *at = buffer_text(&text);
    for (char *line; (line = vector_line(&at)) != NULL;) {
        if (strncmp(line, "let ", 4) == 0) {
            assert_true(lets.count < VECTOR_LETS_MAX);
            lets.lines[lets.count] = vector_expand(&lets, TAKE(line));
            lets.count++;
        } else if (strncmp(line, "in", 2) == 0) {
            memory_free(in);
            in = vector_expand(&lets, TAKE(line));
        } else if (strncmp(line, "out", 3) == 0 && in != NULL) {
            *wrong += vector_text_check(path, in, line, judge);
            *checked += 1;
        }
        memory_free(line);
    }
    buffer_done(&text);
}

/* Every vector in tests/vectors/<folder>/<name>.vectors; fails when there are none. */
static inline void vector_texts_check(const char *folder, vector_judge *judge) {
    char path[1000];
    unsigned checked = 0, wrong = 0;
    snprintf(path, sizeof path, "%s/vectors/%s", TESTS_FOLDER, folder);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length < 9 || strcmp(entry->d_name + length - 8, ".vectors") != 0)
            continue;
        snprintf(path, sizeof path, "%s/vectors/%s/%s", TESTS_FOLDER, folder, entry->d_name);
        vector_text_file(path, judge, &checked, &wrong);
    }
    closedir(directory);
    assert_int_equal(wrong, 0);
    assert_true(checked > 0);
}
