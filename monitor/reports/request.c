#include "reports/request.h"

#include <strings.h>

#include "base/text.h"

#define TRAILER_MAX 1024

size_t request_head_size(struct span bytes, size_t begin) {
    for (size_t at = begin < 3 ? 0 : begin - 3; at + 4 <= bytes.size; at++)
        if (memcmp(bytes.bytes + at, "\r\n\r\n", 4) == 0)
            return at + 4;
    return 0;
}

/* ---- lines */

/* The next line without its end; false at the empty one, and where there is none. */
static bool next_line(struct span *rest, struct span *ret_line) {
    for (size_t at = 0; at + 2 <= rest->size; at++)
        if (rest->bytes[at] == '\r' && rest->bytes[at + 1] == '\n') {
            *ret_line = span_of(rest->bytes, at);
            *rest = span_of(rest->bytes + at + 2, rest->size - at - 2);
            return at > 0;
        }
    return false;
}

static struct span trimmed(struct span text) {
    while (text.size > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t'))
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && (text.bytes[text.size - 1] == ' ' || text.bytes[text.size - 1] == '\t'))
        text.size--;
    return text;
}

static bool is_word(struct span text, const char *word) {
    return text.size == strlen(word) && strncasecmp((const char *) text.bytes, word, text.size) == 0;
}

static void copy_word(struct span text, char *ret_text, size_t room) {
    size_t size = text.size < room ? text.size : 0;
    if (size > 0)
        memcpy(ret_text, text.bytes, size);
    ret_text[size] = '\0';
}

/* Up to the first `separator`; the rest is behind it. */
static struct span cut(struct span *rest, char separator) {
    size_t at = 0;
    while (at < rest->size && rest->bytes[at] != (uint8_t) separator)
        at++;
    struct span part = span_of(rest->bytes, at);
    size_t gone = at < rest->size ? at + 1 : at;
    *rest = span_of(rest->bytes + gone, rest->size - gone);
    return part;
}

/* ---- the request line */

static unsigned read_request_line(struct span line, struct request_head *head) {
    struct span method = cut(&line, ' '), target = cut(&line, ' '), version = line;
    if (method.size == 0 || target.size == 0 || target.bytes[0] != '/' || !text_is_printable(target) || !text_is_printable(method))
        return 400;
    if (version.size != 8 || memcmp(version.bytes, "HTTP/", 5) != 0)
        return 400;
    if (memcmp(version.bytes, "HTTP/1.0", 8) != 0 && memcmp(version.bytes, "HTTP/1.1", 8) != 0)
        return 505;
    copy_word(cut(&target, '?'), head->path, sizeof head->path);
    head->is_post = span_equal(method, span_of_text("POST"));
    return 0;
}

/* ---- fields */

struct fields {
    struct request_head *head;
    size_t body_max;
    bool has_size;
    uint64_t size;
};

static unsigned take_size(struct fields *fields, struct span value) {
    uint64_t size;
    if (value.size == 0 || value.size > 18 || text_to_number(value, INT64_MAX, &size) != OK || (fields->has_size && size != fields->size))
        return 400;
    fields->has_size = true;
    fields->size = size;
    return 0;
}

static unsigned take_coding(struct fields *fields, struct span value) {
    fields->head->is_chunked = is_word(value, "chunked");
    return fields->head->is_chunked ? 0 : 501;
}

static unsigned take_encoding(struct fields *fields, struct span value) {
    (void) fields;
    return is_word(value, "identity") ? 0 : 415;
}

static unsigned take_expectation(struct fields *fields, struct span value) {
    fields->head->wants_continue = is_word(value, "100-continue");
    return fields->head->wants_continue ? 0 : 417;
}

static unsigned take_forwarded(struct fields *fields, struct span value) {
    struct span last = value;
    while (value.size > 0)
        last = cut(&value, ',');
    copy_word(trimmed(last), fields->head->forwarded, sizeof fields->head->forwarded);
    return 0;
}

static const struct {
    const char *name;
    unsigned (*take)(struct fields *fields, struct span value);
} known_fields[] = {
    {"content-length", take_size},       {"transfer-encoding", take_coding}, {"content-encoding", take_encoding},
    {"expect", take_expectation},        {"x-forwarded-for", take_forwarded},
};

static unsigned read_field(struct fields *fields, struct span line) {
    struct span value = line, name = cut(&value, ':');
    if (name.size == 0 || name.size == line.size || !text_is_printable(name) || memchr(name.bytes, ' ', name.size) != NULL)
        return 400; /* a space before the colon, or a folded line, is how requests are smuggled (RFC 9112 5.1, 5.2) */
    for (size_t i = 0; i < sizeof known_fields / sizeof known_fields[0]; i++)
        if (is_word(name, known_fields[i].name))
            return known_fields[i].take(fields, trimmed(value));
    return 0;
}

unsigned request_head_read(struct span head, size_t body_max, struct request_head *ret_head) {
    struct fields fields = {.head = ret_head, .body_max = body_max};
    struct span line;
    *ret_head = (struct request_head){.is_post = false};
    unsigned refusal = next_line(&head, &line) ? read_request_line(line, ret_head) : 400;
    while (refusal == 0 && next_line(&head, &line))
        refusal = read_field(&fields, line);
    if (refusal != 0)
        return refusal;
    if (!ret_head->is_post)
        return 405;
    if (ret_head->is_chunked)
        return fields.has_size ? 400 : 0;
    if (!fields.has_size)
        return 411;
    ret_head->body_size = fields.size <= body_max ? (size_t) fields.size : 0;
    return fields.size <= body_max ? 0 : 413;
}

/* ---- chunks */

static bool chunk_size_read(struct request_chunks *chunks) {
    size_t digits = 0, size = 0;
    for (; digits < chunks->line_size && digits < 7; digits++) {
        char letter = chunks->line[digits];
        int value = letter >= '0' && letter <= '9' ? letter - '0' : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : letter >= 'A' && letter <= 'F' ? letter - 'A' + 10 : -1;
        if (value < 0)
            break;
        size = 16 * size + (size_t) value;
    }
    bool is_size = digits > 0 && (digits == chunks->line_size || chunks->line[digits] == ';' || chunks->line[digits] == ' ');
    chunks->left = size;
    chunks->state = size > 0 ? CHUNK_DATA : CHUNK_TRAILER;
    return is_size;
}

/* A line ends with a newline; what stands before that is a carriage return. */
static bool take_line(struct request_chunks *chunks, uint8_t byte, bool *ret_is_whole) {
    *ret_is_whole = byte == '\n';
    if (byte == '\n') {
        bool is_ended = chunks->line_size > 0 && chunks->line[chunks->line_size - 1] == '\r';
        chunks->line_size -= is_ended;
        return is_ended;
    }
    if (chunks->line_size == sizeof chunks->line)
        return false;
    chunks->line[chunks->line_size++] = (char) byte;
    return true;
}

static bool act_on_line(struct request_chunks *chunks) {
    bool is_good = true;
    if (chunks->state == CHUNK_SIZE)
        is_good = chunk_size_read(chunks);
    else if (chunks->state == CHUNK_END) {
        is_good = chunks->line_size == 0;
        chunks->state = CHUNK_SIZE;
    } else if (chunks->line_size == 0)
        chunks->state = CHUNK_DONE;
    chunks->line_size = 0;
    return is_good;
}

bool request_chunks_take(struct request_chunks *chunks, struct span bytes, struct buffer *body) {
    while (bytes.size > 0 && chunks->state != CHUNK_DONE) {
        size_t step = 1;
        if (chunks->state == CHUNK_DATA) {
            step = chunks->left < bytes.size ? chunks->left : bytes.size;
            if (!buffer_add(body, span_of(bytes.bytes, step)))
                return false;
            chunks->left -= step;
            chunks->state = chunks->left > 0 ? CHUNK_DATA : CHUNK_END;
        } else {
            bool is_whole;
            if (chunks->state == CHUNK_TRAILER && ++chunks->trailer_size > TRAILER_MAX)
                return false;
            if (!take_line(chunks, bytes.bytes[0], &is_whole) || (is_whole && !act_on_line(chunks)))
                return false;
        }
        bytes = span_of(bytes.bytes + step, bytes.size - step);
    }
    return true;
}
