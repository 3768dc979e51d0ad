#include "vector_text.h"

#include "base/memory.h"
#include "vector_notation.h"

enum { LETS_MAX = 64 };

/* The next line with those that go on with it, without their breaks; NULL at the end. Release with memory_free. */
static char *next_line(const char **text) {
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
struct lets {
    char *lines[LETS_MAX]; /* owned */
    size_t count;
};

static void lets_done(struct lets *lets) {
    while (lets->count > 0)
        memory_free(lets->lines[--lets->count]);
}

/* Appends what `$name` at `at` stands for; returns where the name ends. */
static const char *add_let(const struct lets *lets, const char *at, struct buffer *out) {
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
static char *expand(const struct lets *lets, char *line) {
    struct buffer out = buffer_with_limit(FILE_LIMIT);
    bool is_quoted = false;
    for (const char *at = line; *at != '\0';) {
        is_quoted ^= *at == '"' && (at == line || at[-1] != '\\');
        if (*at == '$' && !is_quoted)
            at = add_let(lets, at, &out);
        else
            buffer_add(&out, span_of(at++, 1));
    }
    memory_free(line);
    return buffer_take_text(&out);
}

static bool is_as_wanted(const char *file, const char *in, const char *out, vector_judge *judge) {
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
    return is_same;
}

static void check_file(const char *path, vector_judge *judge, struct vector_count *count) {
    struct buffer text;
    AUTO_FREE char *in = NULL;
    CLEANUP(lets_done) struct lets lets = {.count = 0};
    assert_true(file_read(path, &text));
    const char *at = buffer_text(&text);
    for (char *line; (line = next_line(&at)) != NULL;) {
        if (strncmp(line, "let ", 4) == 0) {
            assert_true(lets.count < LETS_MAX);
            lets.lines[lets.count] = expand(&lets, TAKE(line));
            lets.count++;
        } else if (strncmp(line, "in", 2) == 0) {
            memory_free(in);
            in = expand(&lets, TAKE(line));
        } else if (strncmp(line, "out", 3) == 0 && in != NULL) {
            count->wrong += !is_as_wanted(path, in, line, judge);
            count->checked++;
        }
        memory_free(line);
    }
    buffer_done(&text);
}

void vector_texts_check(const char *folder, vector_judge *judge) {
    vector_folder_check(folder, ".vectors", check_file, judge);
}
