#include "formats/chromium_names.h"

#include "base/ascii.h"
#include "base/digest.h"
#include "base/text.h"
#include "formats/pem_text.h"
#include "formats/pin_object.h"

enum { SHOWN_MAX = 60 };

static const char timestamp_name[] = "PinsListTimestamp", digest_mark[] = "sha256/", pem_mark[] = "-----BEGIN ";

struct reading {
    struct pin_builder *builder;
    struct cursor *text;
    unsigned *line;
    struct chromium_names *names;
    struct reason *reason;
    bool adds_sets;
    struct span name; /* that waits for its value; empty: none */
    unsigned name_line;
};

bool chromium_name_is_valid(struct span name) {
    bool is_valid = name.size > 0 && name.bytes[0] >= 'A' && name.bytes[0] <= 'Z';
    for (size_t i = 0; is_valid && i < name.size; i++)
        is_valid = ascii_is_letter_or_digit(name.bytes[i]) || name.bytes[i] == '_';
    return is_valid;
}

static int shown(struct span text) {
    return text.size < SHOWN_MAX ? (int) text.size : SHOWN_MAX;
}

static bool begins_with(struct span text, const char *start) {
    return text.size >= strlen(start) && memcmp(text.bytes, start, strlen(start)) == 0;
}

static struct span trim(struct span text) {
    while (text.size > 0 && text.bytes[0] <= ' ')
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && text.bytes[text.size - 1] <= ' ')
        text.size--;
    return text;
}

/* The line at the cursor, which stays there. */
static struct span look_at_line(const struct cursor *text, size_t *ret_size) {
    const uint8_t *start = text->bytes + text->position;
    const uint8_t *end = memchr(start, '\n', cursor_remaining(text));
    *ret_size = end == NULL ? cursor_remaining(text) : (size_t) (end - start) + 1;
    return trim(span_of(start, *ret_size));
}

/* ── values ── */

static result add_set(struct reading *reading, struct span digest) {
    struct pin_set *set = pin_builder_add_set(reading->builder, reading->name_line);
    struct pin *pin = set == NULL ? NULL : pin_builder_add_pin(reading->builder, set, 0);
    if (pin == NULL)
        return pin_builder_refusal(reading->builder);
    set->name = arena_copy_span_as_text(reading->builder->arena, reading->name);
    pin->value = digest;
    pin->line = reading->name_line;
    return set->name == NULL ? &fault_no_memory : OK;
}

static result keep(struct reading *reading, struct span digest) {
    char hex[HASH_HEX_SIZE];
    char *name = arena_copy_span_as_text(reading->builder->arena, reading->name);
    if (name == NULL)
        return &fault_no_memory;
    if (json_object_get(reading->names->hex_of_name, name) != NULL)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, reading->name_line, "chromium-name-twice", "the name %s stands there twice, the first "
                                  "one counts", name);
    text_of_hex(digest, hex);
    if (json_object_set_new(reading->names->hex_of_name, name, json_string(hex)) != 0)
        return &fault_no_memory;
    return reading->adds_sets ? add_set(reading, digest) : OK;
}

static result take_digest(struct reading *reading, struct span line) {
    size_t size = strlen(digest_mark);
    struct span value;
    bool is_value;
    TRY(pin_value_read(reading->builder, span_of(line.bytes + size, line.size - size), PIN_BASE64(HASH_SIZE), *reading->line, &value, &is_value));
    return is_value ? keep(reading, value) : OK;
}

static result keep_object(struct reading *reading, const struct pem_block *block) {
    struct pin_object object;
    struct hash hash;
    TRY(pin_object_read(block->der, reading->builder->arena, &object));
    bool is_private = object.kind == PIN_OBJECT_PRIVATE || (block->label.size > 0 && memmem(block->label.bytes, block->label.size, "PRIVATE KEY", 11) != NULL);
    if (is_private)
        return reason_set(reading->reason, &fault_pin_file, "line %u: the file " PIN_PRIVATE_KEY_ADVICE, block->line);
    if (object.kind == PIN_OBJECT_UNKNOWN)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, block->line, "chromium-value", "what stands below %.*s %s, wanted a certificate or public "
                                  "key", shown(reading->name), (const char *) reading->name.bytes, block->wrong == NULL ? "is neither" : block->wrong);
    digest_of(object.spki, &hash);
    const uint8_t *digest = arena_copy(reading->builder->arena, span_of(hash.bytes, HASH_SIZE));
    return digest == NULL ? &fault_no_memory : keep(reading, span_of(digest, HASH_SIZE));
}

static result take_block(struct reading *reading) {
    struct pem_reader pem = {.cursor = *reading->text, .line = *reading->line};
    struct pem_block block;
    bool has_block;
    TRY(pem_next(&pem, reading->builder->arena, &block, &has_block));
    *reading->text = pem.cursor;
    *reading->line = pem.line;
    if (!has_block) /* a line that only begins so: all the rest was looked through for one */
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, reading->name_line, "chromium-value", "below %.*s begins no whole block of PEM",
                                  shown(reading->name), (const char *) reading->name.bytes);
    return keep_object(reading, &block);
}

static result take_timestamp(struct reading *reading, struct span line) {
    uint64_t seconds;
    if (text_to_number(line, UINT32_MAX, &seconds) != OK || reading->names->has_timestamp)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, *reading->line, "chromium-timestamp", "%s is \"%.*s\"%s, wanted one number of seconds "
                                  "since 1970", timestamp_name, shown(line), (const char *) line.bytes,
                                  reading->names->has_timestamp ? ", a second time" : "");
    reading->names->has_timestamp = true;
    reading->names->timestamp = (int64_t) seconds;
    return OK;
}

/* ── lines ── */

static result take_name(struct reading *reading, struct span line) {
    if (!chromium_name_is_valid(line))
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, *reading->line, "chromium-name", "\"%.*s\" is no name, wanted a capital letter, then "
                                  "letters, digits and underscores", shown(line), (const char *) line.bytes);
    reading->name = line;
    reading->name_line = *reading->line;
    return OK;
}

static result tell_missing(struct reading *reading) {
    return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, reading->name_line, "chromium-value", "the name %.*s has no value, wanted sha256/…, a "
                              "certificate or a public key in the line below it", shown(reading->name), (const char *) reading->name.bytes);
}

/* What stands in the line below a name. *ret_is_taken: the cursor is behind it. */
static result take_value(struct reading *reading, struct span line, bool *ret_is_taken) {
    bool is_timestamp = span_equal(reading->name, span_of_text(timestamp_name));
    *ret_is_taken = false;
    if (is_timestamp)
        return take_timestamp(reading, line);
    if (begins_with(line, digest_mark))
        return take_digest(reading, line);
    if (begins_with(line, pem_mark)) {
        *ret_is_taken = true;
        return take_block(reading);
    }
    TRY(tell_missing(reading));
    return chromium_name_is_valid(line) ? take_name(reading, line) : OK;
}

static result take_line(struct reading *reading, struct span line, size_t size) {
    bool is_taken = false;
    if (line.size > 0 && line.bytes[0] != '#') {
        struct span name = reading->name;
        if (name.size == 0)
            TRY(take_name(reading, line));
        else
            TRY(take_value(reading, line, &is_taken));
        if (reading->name.bytes == name.bytes)
            reading->name = span_of("", 0);
    }
    if (is_taken)
        return OK;
    (void) cursor_skip(reading->text, size);
    ++*reading->line;
    return OK;
}

result chromium_names_read(struct pin_builder *builder, struct cursor *text, unsigned *line, bool adds_sets, struct chromium_names *names,
                           struct reason *reason) {
    struct reading reading = {.builder = builder, .text = text, .line = line, .names = names, .reason = reason, .adds_sets = adds_sets,
                              .name = span_of("", 0)};
    while (!cursor_at_end(text)) {
        size_t size;
        struct span content = look_at_line(text, &size);
        if (reading.name.size == 0 && (begins_with(content, "{") || begins_with(content, "//")))
            return OK;
        TRY(take_line(&reading, content, size));
    }
    return reading.name.size == 0 ? OK : tell_missing(&reading);
}

/* ── JSON ── */

/* Where in the JSON its next byte stands. */
struct json_place {
    unsigned depth;
    bool is_quoted, has_begun;
};

static void skip_comment(struct cursor *text) {
    uint8_t byte;
    while (cursor_peek(text, &byte) && byte != '\n')
        (void) cursor_skip(text, 1);
}

/* One byte outside of texts, with what it opens or closes. */
static void take_structure(struct json_place *place, uint8_t byte, struct buffer *out) {
    bool opens = byte == '{' || byte == '[', closes = byte == '}' || byte == ']';
    place->depth += opens;
    place->depth -= closes && place->depth > 0;
    place->has_begun |= opens;
    place->is_quoted = byte == '"';
    buffer_add(out, byte == '\t' ? span_of_text(" ") : span_of(&byte, 1));
}

static void take_quoted(struct json_place *place, struct cursor *text, uint8_t byte, struct buffer *out) {
    buffer_add(out, span_of(&byte, 1));
    place->is_quoted = byte != '"';
    if (byte != '\\' || !cursor_peek(text, &byte))
        return;
    (void) cursor_skip(text, 1);
    buffer_add(out, span_of(&byte, 1));
}

void chromium_json_take(struct cursor *text, struct buffer *out) {
    struct json_place place = {0};
    uint8_t byte = 0, next = 0;
    while (!(place.has_begun && place.depth == 0) && cursor_peek(text, &byte)) {
        (void) cursor_skip(text, 1);
        if (place.is_quoted)
            take_quoted(&place, text, byte, out);
        else if (byte == '/' && cursor_peek(text, &next) && next == '/')
            skip_comment(text);
        else
            take_structure(&place, byte, out);
    }
}
