/* OkHttp: calls of CertificatePinner.Builder.add in Java or Kotlin source, or lines out of it. */
#include "base/ascii.h"
#include "base/cursor.h"
#include "base/text.h"
#include "base/utf8.h"
#include "formats/pin_file.h"
#include "formats/pin_write.h"

enum { SHOWN_MAX = 60, CALL_SIZE_MAX = 400 /* looked through for a pin */, LITERAL_SIZE_MAX = 4096 /* no host or pin is so long */ };

/* ── words of Java and Kotlin, as far as they matter here ── */

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_STRING, TOKEN_COMMENT, TOKEN_SIGN };

struct token {
    enum token_kind kind;
    struct span text; /* of a string: what it stands for; of a comment: without its marks */
    unsigned line;
    char sign;
    bool is_computed; /* a string with a template ("$name") or an escape that is none */
    bool is_open;     /* a string that does not end */
};

struct source {
    struct cursor cursor;
    unsigned line;
    struct arena *arena;
};

static bool is_at(const struct source *source, const char *text) {
    size_t size = strlen(text);
    return cursor_remaining(&source->cursor) >= size && memcmp(source->cursor.bytes + source->cursor.position, text, size) == 0;
}

static bool take_byte(struct source *source, uint8_t *ret_byte) {
    if (!cursor_peek(&source->cursor, ret_byte))
        return false;
    (void) cursor_skip(&source->cursor, 1);
    source->line += *ret_byte == '\n';
    return true;
}

static void skip(struct source *source, size_t count) {
    uint8_t byte;
    while (count-- > 0 && take_byte(source, &byte))
        continue;
}

static struct span take_until(struct source *source, const char *end) {
    size_t start = source->cursor.position;
    uint8_t byte;
    while (!is_at(source, end) && take_byte(source, &byte))
        continue;
    return span_of(source->cursor.bytes + start, source->cursor.position - start);
}

static bool is_name_byte(uint8_t byte) {
    return ascii_is_letter_or_digit(byte) || byte == '_' || byte >= 0x80;
}

static void take_name(struct source *source, struct token *token) {
    size_t start = source->cursor.position;
    uint8_t byte;
    while (cursor_peek(&source->cursor, &byte) && is_name_byte(byte))
        (void) cursor_skip(&source->cursor, 1);
    token->kind = TOKEN_NAME;
    token->text = span_of(source->cursor.bytes + start, source->cursor.position - start);
}

static struct span trim(struct span text) {
    while (text.size > 0 && text.bytes[0] <= ' ')
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && text.bytes[text.size - 1] <= ' ')
        text.size--;
    return text;
}

static void take_comment(struct source *source, struct token *token) {
    bool is_line = is_at(source, "//");
    skip(source, 2);
    token->kind = TOKEN_COMMENT;
    token->text = trim(take_until(source, is_line ? "\n" : "*/"));
    if (!is_line)
        skip(source, 2);
}

/* Four hex digits behind "\u", of which Java allows several 'u'; without them nothing more is taken. */
static bool take_unicode(struct source *source, uint8_t *text, size_t *size) {
    uint8_t raw[2], byte = 0;
    while (cursor_peek(&source->cursor, &byte) && byte == 'u')
        (void) cursor_skip(&source->cursor, 1);
    if (cursor_remaining(&source->cursor) < 4 || text_to_hex(span_of(source->cursor.bytes + source->cursor.position, 4), raw, 2) != OK)
        return false;
    skip(source, 4);
    size_t written = utf8_put((uint32_t) (raw[0] << 8 | raw[1]), text + *size);
    *size += written;
    return written > 0;
}

/* What stands behind a backslash. */
static bool take_escape(struct source *source, uint8_t *text, size_t *size) {
    static const char names[] = "btnrfs0\"'\\$", values[] = "\b\t\n\r\f \0\"'\\$";
    uint8_t byte = 0;
    if (cursor_peek(&source->cursor, &byte) && byte == 'u')
        return take_unicode(source, text, size);
    const char *place = byte == '\0' || !take_byte(source, &byte) ? NULL : strchr(names, byte);
    if (place == NULL || *place == '\0')
        return false;
    text[(*size)++] = (uint8_t) values[place - names];
    return true;
}

/* Bytes up to the end of a string; one that does not end ends with its line, or with the text. */
static size_t string_size(const struct source *source, bool is_block) {
    struct source ahead = *source;
    uint8_t byte = 0;
    if (is_block)
        return take_until(&ahead, "\"\"\"").size;
    while (!is_at(&ahead, "\"") && !is_at(&ahead, "\n") && take_byte(&ahead, &byte))
        if (byte == '\\' && !is_at(&ahead, "\n"))
            (void) take_byte(&ahead, &byte);
    return ahead.cursor.position - source->cursor.position;
}

/* Kotlin: "$name", "${…}". */
static bool is_template(const struct source *source) {
    uint8_t byte = 0;
    return cursor_peek(&source->cursor, &byte) && (byte == '{' || is_name_byte(byte));
}

/* "…" or """…""". */
static result take_string(struct source *source, struct token *token) {
    bool is_block = is_at(source, "\"\"\"");
    uint8_t byte = 0;
    skip(source, is_block ? 3 : 1);
    size_t end = source->cursor.position + string_size(source, is_block), size = 0;
    uint8_t *text = arena_take(source->arena, end - source->cursor.position + 4);
    if (text == NULL)
        return &fault_no_memory;
    while (source->cursor.position < end && take_byte(source, &byte)) {
        if (byte == '$' && is_template(source))
            token->is_computed = true;
        else if (byte == '\\' && !is_block)
            token->is_computed |= !take_escape(source, text, &size);
        else
            text[size++] = byte;
    }
    token->is_open = !is_at(source, "\"");
    skip(source, token->is_open ? 0 : is_block ? 3 : 1);
    token->kind = TOKEN_STRING;
    token->text = span_of(text, size);
    return OK;
}

static result token_next(struct source *source, struct token *ret_token) {
    uint8_t byte;
    while (cursor_peek(&source->cursor, &byte) && byte <= ' ')
        (void) take_byte(source, &byte);
    *ret_token = (struct token){.kind = TOKEN_END, .text = span_of("", 0), .line = source->line};
    if (!cursor_peek(&source->cursor, &byte))
        return OK;
    if (byte == '"')
        return take_string(source, ret_token);
    if (is_at(source, "//") || is_at(source, "/*")) {
        take_comment(source, ret_token);
    } else if (is_name_byte(byte)) {
        take_name(source, ret_token);
    } else {
        ret_token->kind = TOKEN_SIGN;
        ret_token->sign = (char) byte;
        ret_token->text = span_of(source->cursor.bytes + source->cursor.position, 1);
        skip(source, is_at(source, "'\"'") ? 3 : 1); /* a character that would begin a string */
    }
    return OK;
}

/* ── calls ── */

/* One argument: literals joined by '+', or something that only a compiler can tell. */
struct argument {
    struct span literal;
    bool has_literal, is_computed;
    bool has_label; /* Kotlin: pattern = "…" */
    struct span shown;
    unsigned line;
};

struct reading {
    struct source source;
    struct pin_builder *builder;
    struct token token;
    bool is_whole_source; /* it says CertificatePinner: other calls of add are none of ours */
    bool is_behind_pinner, is_in_builder;
    /* the call under way, or the last one */
    struct pin_set *set;  /* NULL until it has a pin */
    const char *host;
    enum pin_host_match match;
    size_t arguments;
    bool is_usable;       /* the host is one */
    unsigned line;
};

static bool begins_with(struct span text, const char *start) {
    return text.size >= strlen(start) && memcmp(text.bytes, start, strlen(start)) == 0;
}

static bool is_word(const struct token *token, const char *word) {
    return token->kind == TOKEN_NAME && span_equal(token->text, span_of_text(word));
}

static bool is_sign(const struct token *token, char sign) {
    return token->kind == TOKEN_SIGN && token->sign == sign;
}

static int shown(struct span text) {
    return text.size < SHOWN_MAX ? (int) text.size : SHOWN_MAX;
}

static bool looks_like_pin(struct span text) {
    return begins_with(text, "sha256/") || begins_with(text, "sha1/");
}

/* A comment belongs to the pins of its line. */
static result keep_comment(struct reading *reading, const struct token *comment) {
    struct pin_group *group = reading->set == NULL || reading->set->group_count == 0 ? NULL : &reading->set->groups[0];
    for (size_t i = group == NULL ? 0 : group->count; i-- > 0 && group->pins[i].line == comment->line;) {
        char *copy = arena_copy_span_as_text(reading->builder->arena, comment->text);
        if (copy == NULL)
            return &fault_no_memory;
        text_make_harmless(copy);
        if (group->pins[i].comment[0] == '\0')
            group->pins[i].comment = copy;
    }
    return OK;
}

/* The next word of the program; comments are kept on the way. */
static result advance(struct reading *reading) {
    do {
        TRY(token_next(&reading->source, &reading->token));
        if (reading->token.kind == TOKEN_COMMENT)
            TRY(keep_comment(reading, &reading->token));
    } while (reading->token.kind == TOKEN_COMMENT);
    return OK;
}

static result take_host(struct reading *reading, const struct argument *argument) {
    struct span text = argument->literal;
    if (!argument->has_literal || argument->is_computed)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, argument->line, "okhttp-host-not-literal",
                                  "the host is \"%.*s\", which only the program knows; wanted a text in quotes", shown(argument->shown),
                                  (const char *) argument->shown.bytes);
    reading->match = PIN_HOST_EXACT;
    if (begins_with(text, "**.")) {
        reading->match = PIN_HOST_EXACT_AND_BELOW;
        text = span_of(text.bytes + 3, text.size - 3);
    } else if (begins_with(text, "*.")) {
        reading->match = PIN_HOST_ONE_LABEL_BELOW;
        text = span_of(text.bytes + 2, text.size - 2);
    }
    return pin_host_read(reading->builder, text, argument->line, &reading->host, &reading->is_usable);
}

static result add_pin(struct reading *reading, enum pin_algorithm algorithm, struct span value, unsigned line) {
    if (reading->set == NULL) {
        reading->set = pin_builder_add_set(reading->builder, reading->line);
        if (reading->set == NULL)
            return pin_builder_refusal(reading->builder);
        reading->set->host = reading->host;
        reading->set->match = reading->match;
    }
    struct pin *pin = pin_builder_add_pin(reading->builder, reading->set, 0);
    if (pin == NULL)
        return pin_builder_refusal(reading->builder);
    pin->algorithm = algorithm;
    pin->value = value;
    pin->line = line;
    return OK;
}

static result take_pin(struct reading *reading, const struct argument *argument) {
    struct span text = argument->literal, value;
    bool is_value = false;
    if (!argument->has_literal || argument->is_computed)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, argument->line, "okhttp-pin-not-literal",
                                  "the pin is \"%.*s\", which only the program knows; wanted a text in quotes (\"sha256/…\")",
                                  shown(argument->shown), (const char *) argument->shown.bytes);
    if (!looks_like_pin(text))
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, argument->line, "okhttp-pin-algorithm",
                                  "the pin \"%.*s\" begins with neither \"sha256/\" nor \"sha1/\"", shown(text), (const char *) text.bytes);
    enum pin_algorithm algorithm = begins_with(text, "sha1/") ? PIN_SHA1 : PIN_SHA256;
    size_t size = strlen(pin_algorithm_name(algorithm)) + 1;
    TRY(pin_value_read(reading->builder, span_of(text.bytes + size, text.size - size), PIN_BASE64(pin_algorithm_size(algorithm)), argument->line,
                       &value, &is_value));
    return is_value && reading->is_usable ? add_pin(reading, algorithm, value, argument->line) : OK;
}

static result take_argument(struct reading *reading, const struct argument *argument) {
    if (reading->arguments++ == 0)
        return take_host(reading, argument);
    return take_pin(reading, argument);
}

static result add_literal(struct reading *reading, struct argument *argument) {
    struct span more = reading->token.text;
    argument->is_computed |= reading->token.is_computed;
    if (argument->literal.size + more.size > LITERAL_SIZE_MAX) {
        argument->is_computed = true;
        return OK;
    }
    uint8_t *joined = arena_take(reading->builder->arena, argument->literal.size + more.size + 1);
    if (joined == NULL)
        return &fault_no_memory;
    if (argument->has_literal)
        memcpy(joined, argument->literal.bytes, argument->literal.size);
    if (more.size > 0)
        memcpy(joined + argument->literal.size, more.bytes, more.size);
    argument->literal = span_of(joined, argument->literal.size + more.size);
    argument->has_literal = true;
    return OK;
}

/* One word of an argument at depth 1 of the parentheses or deeper. */
static result add_token(struct reading *reading, struct argument *argument, unsigned depth) {
    const struct token *token = &reading->token;
    if (argument->line == 0) {
        argument->line = token->line;
        argument->shown = token->text;
    }
    if (token->kind == TOKEN_STRING && depth == 1)
        return add_literal(reading, argument);
    bool is_label = depth == 1 && (is_word(token, "pattern") || is_word(token, "pins")) && !argument->has_literal && !argument->has_label;
    bool is_end_of_label = is_sign(token, '=') && argument->has_label && !argument->has_literal && depth == 1;
    argument->has_label |= is_label;
    argument->is_computed |= !is_label && !is_end_of_label && !(is_sign(token, '+') && argument->has_literal && depth == 1);
    return OK;
}

/* A call without "pattern =" is not one with a name "pattern" for its host: the label must be followed by a literal. */
static result end_argument(struct reading *reading, struct argument *argument) {
    struct argument whole = *argument;
    *argument = (struct argument){.literal = span_of("", 0)};
    return whole.line == 0 ? OK : take_argument(reading, &whole);
}

static result end_call(struct reading *reading, bool is_closed) {
    if (!is_closed)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, reading->line, "okhttp-call-open",
                                  "the call of add, or a text in it, is not closed: what it says cannot be told");
    if (reading->arguments < 2)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, reading->line, "okhttp-no-pin",
                                  "the call of add has %zu arguments, wanted a host and at least one pin", reading->arguments);
    return OK;
}

/* From behind the '(' up to its ')'. */
static result take_call(struct reading *reading, unsigned line) {
    struct argument argument = {.literal = span_of("", 0)};
    unsigned depth = 1;
    reading->set = NULL;
    reading->arguments = 0;
    reading->is_usable = false;
    reading->line = line;
    while (depth > 0) {
        TRY(advance(reading));
        const struct token *token = &reading->token;
        if (token->kind == TOKEN_END || token->is_open)
            break;
        bool opens = is_sign(token, '(') || is_sign(token, '{') || is_sign(token, '[');
        bool closes = is_sign(token, ')') || is_sign(token, '}') || is_sign(token, ']');
        depth -= closes;
        if (depth == 0 || (depth == 1 && is_sign(token, ',')))
            TRY(end_argument(reading, &argument));
        else
            TRY(add_token(reading, &argument, depth + closes));
        depth += opens;
    }
    return end_call(reading, depth == 0);
}

/* A call of ours? In a whole source, those between CertificatePinner.Builder and build, and any that names a pin. */
static bool is_pin_call(const struct reading *reading) {
    if (!reading->is_whole_source || reading->is_in_builder)
        return true;
    struct span call = span_of(reading->source.cursor.bytes + reading->source.cursor.position, cursor_remaining(&reading->source.cursor));
    call.size = call.size < CALL_SIZE_MAX ? call.size : CALL_SIZE_MAX;
    const uint8_t *end = call.size == 0 ? NULL : memchr(call.bytes, ')', call.size);
    call.size = end == NULL ? call.size : (size_t) (end - call.bytes);
    return memmem(call.bytes, call.size, "\"sha256/", 8) != NULL || memmem(call.bytes, call.size, "\"sha1/", 6) != NULL;
}

static result take_word(struct reading *reading) {
    unsigned line = reading->token.line;
    if (reading->token.kind == TOKEN_NAME) {
        reading->is_in_builder |= reading->is_behind_pinner && is_word(&reading->token, "Builder");
        reading->is_in_builder &= !is_word(&reading->token, "build");
        reading->is_behind_pinner = is_word(&reading->token, "CertificatePinner");
    }
    if (!is_word(&reading->token, "add"))
        return advance(reading);
    TRY(advance(reading));
    if (!is_sign(&reading->token, '('))
        return OK;
    if (is_pin_call(reading))
        TRY(take_call(reading, line));
    return reading->token.kind == TOKEN_END ? OK : advance(reading);
}

static result take_bare_string(struct reading *reading) {
    if (looks_like_pin(reading->token.text))
        TRY(pin_builder_remark(reading->builder, PIN_REMARK_ERROR, reading->token.line, "okhttp-pin-without-host",
                               "\"%.*s\" stands outside of a call of add: nothing says for which host; wanted .add(\"host\", \"sha256/…\")",
                               shown(reading->token.text), (const char *) reading->token.text.bytes));
    return advance(reading);
}

result pin_okhttp_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason) {
    struct pin_builder builder = pin_builder_of(arena, document);
    struct reading reading = {.source = {.cursor = cursor_of(bytes), .line = 1, .arena = arena}, .builder = &builder};
    reading.is_whole_source = bytes.size > 0 && memmem(bytes.bytes, bytes.size, "CertificatePinner", 17) != NULL;
    if (!utf8_is_valid(bytes))
        return reason_set(reason, &fault_pin_file, "the file is not UTF-8, wanted Java or Kotlin source in it");
    TRY(advance(&reading));
    while (reading.token.kind != TOKEN_END)
        TRY(reading.token.kind == TOKEN_STRING ? take_bare_string(&reading) : take_word(&reading));
    if (document->set_count == 0 && document->remark_count == 0)
        return reason_set(reason, &fault_pin_file, "line 1: no call of CertificatePinner's add is in the file, wanted .add(\"host\", \"sha256/…\")");
    return pin_builder_end(&builder);
}

bool pin_okhttp_is_likely(struct span bytes) {
    static const char *const marks[] = {"CertificatePinner", ".add(\"", "\"sha256/", "\"sha1/"};
    struct span text = trim(bytes);
    if (text.size == 0 || strchr("<{[", text.bytes[0]) != NULL || !utf8_is_valid(text) || memmem(text.bytes, text.size, "add", 3) == NULL)
        return false;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (memmem(text.bytes, text.size, marks[i], strlen(marks[i])) != NULL)
            return true;
    return false;
}

/* ── writing ── */

/* A comment goes up to the end of its line; Java reads \uXXXX even there. */
static bool can_be_comment(const char *text) {
    return strchr(text, '\\') == NULL;
}

static result write_pin(const struct pin *pin, bool is_last, struct pin_builder *lost, struct buffer *out) {
    char text[100];
    text_of_base64(pin->value, text);
    buffer_printf(out, "\"%s/%s\"%s", pin_algorithm_name(pin->algorithm), text, is_last ? ")" : ",");
    if (pin->comment[0] != '\0' && can_be_comment(pin->comment))
        buffer_printf(out, " // %s", pin->comment);
    buffer_add_text(out, "\n");
    if (can_be_comment(pin->comment))
        return OK;
    return pin_builder_remark(lost, PIN_REMARK_NOTE, pin->line, "export-comment", "a comment with a backslash is lost: Java may read it as program");
}

static result write_call(const struct pin_export *entry, const char *stars, struct pin_builder *lost, struct buffer *out) {
    const struct pin **pins;
    size_t count;
    TRY(pin_write_pins(entry, lost->arena, &pins, &count));
    buffer_printf(out, ".add(\"%s%s\",%s", stars, entry->set->host, count == 1 ? " " : "\n");
    for (size_t i = 0; i < count; i++) {
        buffer_add_text(out, count == 1 ? "" : "    ");
        TRY(write_pin(pins[i], i + 1 == count, lost, out));
    }
    return OK;
}

result pin_okhttp_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out) {
    static const struct pin_abilities abilities = {
        .names_hosts = true, .unites = true, .has_twins = true, .has_comments = true, .kinds = PIN_BIT(PIN_SPKI), .positions = PIN_BIT(PIN_ANY),
        .algorithms = PIN_BIT(PIN_SHA256) | PIN_BIT(PIN_SHA1),
        .matches = PIN_BIT(PIN_HOST_EXACT) | PIN_BIT(PIN_HOST_ONE_LABEL_BELOW) | PIN_BIT(PIN_HOST_EXACT_AND_ONE_LABEL) |
                   PIN_BIT(PIN_HOST_EXACT_AND_BELOW),
    };
    struct pin_export *plan;
    TRY(pin_export_plan(document, &abilities, lost, &plan));
    for (size_t i = 0; i < document->set_count; i++) {
        if (plan[i].is_left_out)
            continue;
        if (plan[i].match == PIN_HOST_EXACT || plan[i].match == PIN_HOST_EXACT_AND_ONE_LABEL)
            TRY(write_call(&plan[i], "", lost, out));
        if (plan[i].match == PIN_HOST_ONE_LABEL_BELOW || plan[i].match == PIN_HOST_EXACT_AND_ONE_LABEL)
            TRY(write_call(&plan[i], "*.", lost, out));
        if (plan[i].match == PIN_HOST_EXACT_AND_BELOW)
            TRY(write_call(&plan[i], "**.", lost, out));
    }
    return buffer_check(out);
}
