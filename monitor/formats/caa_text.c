#include "formats/caa_text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "formats/zone_entry.h"

FAULT(fault_caa_text, FAULT_INPUT, "caa.text", "CAA records as text", "RFC 1035 5, RFC 8659 4.1.1", "it cannot be read",
      "a zone file, or one record a line, of at most 16 MiB with 65536 CAA records");

/* Inside only: this one entry is not understood; parser.sentence says why. */
static const struct fault fault_entry = {.family = FAULT_INPUT, .name = "caa.text"};

enum { SENTENCE_SIZE = 400, SHOWN_MAX = 60, WORDS_SHOWN = 3, FLAGS_DIGITS_MAX = 3, LISTS_BEGIN_WITH = 16 };

enum owner_state { OWNER_NONE, OWNER_KNOWN, OWNER_NOT_UNDERSTOOD };

struct parser {
    struct arena *arena;
    struct caa_text *text;
    struct zone_entry entry;
    bool has_origin;
    struct dns_name origin;
    enum owner_state owner_state; /* of the last owner that a line named */
    struct dns_name owner;
    bool has_default_ttl, has_last_ttl; /* $TTL goes before the last line's (RFC 2308 4) */
    uint32_t default_ttl_s, last_ttl_s;
    size_t records_room;
    char sentence[SENTENCE_SIZE];
};

/* ── complaints ── */

static result refuse(struct parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));
static result refuse(struct parser *parser, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->sentence, sizeof parser->sentence, format, arguments);
    va_end(arguments);
    text_make_harmless(parser->sentence);
    return &fault_entry;
}

/* For %.*s: the beginning of a word. */
static int shown(const struct zone_word *word) {
    return word->raw.size < SHOWN_MAX ? (int) word->raw.size : SHOWN_MAX;
}

static result keep_complaint(struct parser *parser) {
    struct caa_text *text = parser->text;
    if (text->complaint_count == CAA_TEXT_COMPLAINTS_MAX) {
        text->complaints_left_out++;
        return OK;
    }
    const char *sentence = arena_copy_text(parser->arena, parser->sentence);
    if (sentence == NULL)
        return &fault_no_memory;
    text->complaints[text->complaint_count++] = (struct caa_text_complaint){.line = parser->entry.line, .sentence = sentence};
    return OK;
}

/* ── flags, tag, value ── */

static result decode(struct parser *parser, const struct zone_word *word, struct span *ret_bytes) {
    size_t size;
    uint8_t *bytes = arena_take(parser->arena, word->raw.size + 1);
    if (bytes == NULL)
        return &fault_no_memory;
    if (!zone_word_decode(word, bytes, &size))
        return refuse(parser, "in \"%.*s\" a backslash is followed neither by a character nor by three digits up to 255 (RFC 1035 5.1)",
                      shown(word), word->raw.bytes);
    *ret_bytes = span_of(bytes, size);
    return OK;
}

static bool is_number(const struct zone_word *word) {
    for (size_t i = 0; i < word->raw.size; i++)
        if (word->raw.bytes[i] < '0' || word->raw.bytes[i] > '9')
            return false;
    return !word->is_quoted && word->raw.size > 0;
}

static result read_flags(struct parser *parser, const struct zone_word *word, uint8_t *ret_flags) {
    unsigned flags = 0;
    for (size_t i = 0; is_number(word) && word->raw.size <= FLAGS_DIGITS_MAX && i < word->raw.size; i++)
        flags = flags * 10 + (word->raw.bytes[i] - '0');
    if (!is_number(word) || word->raw.size > FLAGS_DIGITS_MAX || flags > UINT8_MAX)
        return refuse(parser, "the flags are \"%.*s\", wanted a number from 0 to 255 (RFC 8659 4.1.1)", shown(word), word->raw.bytes);
    *ret_flags = (uint8_t) flags;
    return OK;
}

/* The same grammar as on the wire, so the same code judges it. */
static result take_rdata(struct parser *parser, struct span rdata, struct caa_record *ret_record) {
    struct reason reason;
    if (rdata.size > UINT16_MAX)
        return refuse(parser, "the record has %zu bytes, wanted %u at most (RFC 1035 3.2.1)", rdata.size, UINT16_MAX);
    return caa_record_parse(rdata, ret_record, &reason) == OK ? OK : refuse(parser, "%s", reason.text);
}

static result read_plain(struct parser *parser, const struct zone_word *words, size_t count, struct caa_record *ret_record) {
    uint8_t flags = 0;
    struct span tag, value;
    if (count < 3 && parser->entry.has_comment)
        return refuse(parser, "the record has %zu of flags, tag and value; a ';' that is not in quotes begins a comment, wanted the value in "
                      "quotes (RFC 1035 5.1)", count);
    if (count < 3)
        return refuse(parser, "the record has %zu of flags, tag and value, wanted all three, an empty value as \"\" (RFC 8659 4.1.1)", count);
    if (count > 3)
        return refuse(parser, "\"%.*s\" stands behind the value, wanted a value with blanks in quotes (RFC 8659 4.1.1)", shown(&words[3]),
                      words[3].raw.bytes);
    TRY(read_flags(parser, &words[0], &flags));
    TRY(decode(parser, &words[1], &tag));
    TRY(decode(parser, &words[2], &value));
    if (tag.size > UINT8_MAX)
        return refuse(parser, "the tag has %zu bytes, wanted 255 at most (RFC 8659 4.1)", tag.size);
    size_t size = 2 + tag.size + value.size;
    uint8_t *bytes = arena_take(parser->arena, size);
    if (bytes == NULL)
        return &fault_no_memory;
    bytes[0] = flags;
    bytes[1] = (uint8_t) tag.size;
    memcpy(bytes + 2, tag.bytes, tag.size);
    memcpy(bytes + 2 + tag.size, value.bytes, value.size);
    return take_rdata(parser, span_of(bytes, size), ret_record);
}

static size_t size_of_words(const struct zone_word *words, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += words[i].raw.size;
    return size;
}

/* RFC 3597 5: \# length hex, the hex in as many words as one likes. */
static result read_generic(struct parser *parser, const struct zone_word *words, size_t count, struct caa_record *ret_record) {
    uint64_t length;
    if (count < 1 || text_to_number(words[0].raw, UINT16_MAX, &length) != OK)
        return refuse(parser, "behind \\# stands no length from 0 to 65535 (RFC 3597 5)");
    size_t digits = size_of_words(words + 1, count - 1), at = 0;
    if (digits != 2 * length)
        return refuse(parser, "behind \\# stand %zu hex digits, wanted two for each of %u bytes (RFC 3597 5)", digits, (unsigned) length);
    char *hex = arena_take(parser->arena, digits + 1);
    uint8_t *bytes = arena_take(parser->arena, length + 1);
    if (hex == NULL || bytes == NULL)
        return &fault_no_memory;
    for (size_t i = 1; i < count; i++) {
        memcpy(hex + at, words[i].raw.bytes, words[i].raw.size);
        at += words[i].raw.size;
    }
    if (text_to_hex(span_of(hex, digits), bytes, length) != OK)
        return refuse(parser, "behind \\# and the length stands something else than hex digits (RFC 3597 5)");
    return take_rdata(parser, span_of(bytes, length), ret_record);
}

static result read_record(struct parser *parser, size_t first, struct caa_record *ret_record) {
    const struct zone_word *words = parser->entry.words + first;
    size_t count = parser->entry.count - first;
    if (parser->entry.has_more_words)
        return refuse(parser, "the record has more than %d words", ZONE_WORDS_MAX);
    if (count > 0 && zone_word_is(&words[0], "\\#"))
        return read_generic(parser, words + 1, count - 1, ret_record);
    return read_plain(parser, words, count, ret_record);
}

static result keep_record(struct parser *parser, const struct caa_text_record *record) {
    struct caa_text *text = parser->text;
    if (text->record_count == CAA_TEXT_RECORDS_MAX)
        return &fault_limit_reached;
    if (text->record_count == parser->records_room) {
        size_t room = parser->records_room == 0 ? LISTS_BEGIN_WITH : 2 * parser->records_room;
        struct caa_text_record *records = arena_take_array(parser->arena, room, sizeof *records);
        if (records == NULL)
            return &fault_no_memory;
        if (text->record_count > 0)
            memcpy(records, text->records, text->record_count * sizeof *records);
        text->records = records;
        parser->records_room = room;
    }
    text->records[text->record_count++] = *record;
    return OK;
}

/* ── names ── */

static bool is_absolute(struct span name) {
    size_t backslashes = 0;
    if (name.size == 0 || name.bytes[name.size - 1] != '.')
        return false;
    while (backslashes + 1 < name.size && name.bytes[name.size - 2 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2 == 0;
}

/* A name as a zone file has it: "@" is the origin, and what has no dot at its end is below it. */
static result read_name(struct parser *parser, const struct zone_word *word, struct dns_name *ret_name) {
    struct reason reason;
    struct dns_name name;
    const struct dns_name root = {.size = 1};
    bool is_origin = zone_word_is(word, "@");
    if (!parser->has_origin && (is_origin || !is_absolute(word->raw)))
        return refuse(parser, "the name \"%.*s\" is relative, and nothing says to what: wanted a dot at its end, or $ORIGIN (RFC 1035 5.1)",
                      shown(word), word->raw.bytes);
    if (is_origin) {
        *ret_name = parser->origin;
        return OK;
    }
    if (dns_name_from_text(word->raw, &name, &reason) != OK)
        return refuse(parser, "\"%.*s\": %s", shown(word), word->raw.bytes, reason.text);
    if (!is_absolute(word->raw) && !dns_name_substitute(&name, &root, &parser->origin, &name))
        return refuse(parser, "the name \"%.*s\" is longer than 255 bytes below its origin (RFC 1035 2.3.4)", shown(word), word->raw.bytes);
    *ret_name = name;
    return OK;
}

static result take_owner(struct parser *parser, const struct zone_word *word) {
    parser->owner_state = OWNER_NOT_UNDERSTOOD;
    TRY(read_name(parser, word, &parser->owner));
    parser->owner_state = OWNER_KNOWN;
    return OK;
}

/* ── one entry ── */

static result take_directive(struct parser *parser) {
    const struct zone_word *words = parser->entry.words;
    bool is_origin = zone_word_is(&words[0], "$ORIGIN"), is_ttl = zone_word_is(&words[0], "$TTL");
    if (!is_origin && !is_ttl)
        return refuse(parser, "%.*s is not followed, wanted the records themselves, $ORIGIN or $TTL", shown(&words[0]), words[0].raw.bytes);
    if (parser->entry.count != 2)
        return refuse(parser, "%s is followed by %zu words, wanted one (RFC 1035 5.1, RFC 2308 4)", is_origin ? "$ORIGIN" : "$TTL",
                      parser->entry.count - 1);
    if (is_origin) {
        TRY(read_name(parser, &words[1], &parser->origin));
        parser->has_origin = true;
        return OK;
    }
    if (!zone_word_to_ttl(&words[1], &parser->default_ttl_s))
        return refuse(parser, "$TTL is \"%.*s\", wanted seconds, or 1w2d3h4m5s (RFC 2308 4)", shown(&words[1]), words[1].raw.bytes);
    parser->has_default_ttl = true;
    return OK;
}

/* What stands before the data. */
struct head {
    bool has_owner, has_ttl, is_in, is_caa;
    uint32_t ttl_s;
    size_t data; /* place of the first word of the data */
};

/* [ttl] [class] type, or [class] [ttl] type, from word `at` on; false where no known type comes. */
static bool read_head(const struct zone_entry *entry, size_t at, struct head *ret_head) {
    struct head head = {.is_in = true, .has_owner = at > 0};
    bool has_class = false, is_in, is_caa;
    for (; at < entry->count; at++) {
        const struct zone_word *word = &entry->words[at];
        if (zone_word_is_type(word, &is_caa)) {
            head.is_caa = is_caa;
            head.data = at + 1;
            *ret_head = head;
            return true;
        }
        if (!head.has_ttl && zone_word_to_ttl(word, &head.ttl_s)) {
            head.has_ttl = true;
        } else if (!has_class && zone_word_is_class(word, &is_in)) {
            has_class = true;
            head.is_in = is_in;
        } else {
            return false;
        }
    }
    return false;
}

/* An owner stands at the very beginning of a line; "IN", a number that could be below no origin, and what does not fit otherwise begin a
 * line without one. */
static bool find_head(const struct parser *parser, struct head *ret_head) {
    const struct zone_entry *entry = &parser->entry;
    bool may_be_owner = !entry->is_indented && !zone_word_is(&entry->words[0], "IN") && (parser->has_origin || !is_number(&entry->words[0]));
    return (may_be_owner && read_head(entry, 1, ret_head)) || read_head(entry, 0, ret_head);
}

static void inherit(struct parser *parser, struct caa_text_record *record) {
    record->line = parser->entry.line;
    record->has_ttl = parser->has_default_ttl || parser->has_last_ttl;
    record->ttl_s = parser->has_default_ttl ? parser->default_ttl_s : parser->last_ttl_s;
    record->has_owner = parser->owner_state == OWNER_KNOWN;
    record->owner = (struct dns_name){.size = 1};
    if (record->has_owner)
        record->owner = parser->owner;
    else if (parser->has_origin)
        record->owner = parser->origin;
}

static result take_zone_record(struct parser *parser, const struct head *head) {
    struct caa_text_record record = {0};
    if (head->has_ttl) {
        parser->has_last_ttl = true;
        parser->last_ttl_s = head->ttl_s;
    }
    if (head->has_owner)
        TRY(take_owner(parser, &parser->entry.words[0]));
    if (!head->is_caa || !head->is_in) {
        parser->text->other_records++;
        return OK;
    }
    if (parser->owner_state == OWNER_NOT_UNDERSTOOD)
        return refuse(parser, "the record repeats the owner of a line before it, which was not understood");
    inherit(parser, &record);
    if (head->has_ttl) {
        record.has_ttl = true;
        record.ttl_s = head->ttl_s;
    }
    TRY(read_record(parser, head->data, &record.record));
    return keep_record(parser, &record);
}

/* `flags tag value` alone. */
static result take_bare_record(struct parser *parser) {
    struct caa_text_record record = {.line = parser->entry.line, .owner = {.size = 1}};
    if (parser->has_origin)
        record.owner = parser->origin;
    TRY(read_record(parser, 0, &record.record));
    if (parser->entry.has_comment && !parser->entry.words[2].is_quoted)
        return refuse(parser, "a ';' stands behind the value, and what follows it is a comment, not a parameter: wanted the value in quotes "
                      "(RFC 1035 5.1)");
    return keep_record(parser, &record);
}

/* `0 key "x"` is a CAA record with an unusual tag, `10 PTR host` in a zone for addresses is none. What decides is whether the number can be an
 * owner or a TTL there, and whether data in quotes make sense for the type. */
static bool is_surely_bare(const struct parser *parser) {
    const struct zone_entry *entry = &parser->entry;
    bool is_caa = false;
    if (entry->count != 3 || !is_number(&entry->words[0]))
        return false;
    if (!zone_word_is_type(&entry->words[1], &is_caa) || is_caa)
        return !is_caa;
    bool may_be_number_of_zone = parser->has_origin || entry->is_indented;
    return !may_be_number_of_zone || (entry->words[2].is_quoted && !zone_word_is_text_type(&entry->words[1]));
}

static result refuse_type(struct parser *parser) {
    const struct zone_entry *entry = &parser->entry;
    char begin[WORDS_SHOWN * (SHOWN_MAX + 1) + 1] = "";
    for (size_t i = 0, size = 0; i < entry->count && i < WORDS_SHOWN; i++)
        size += (size_t) snprintf(begin + size, sizeof begin - size, "%s%.*s", i == 0 ? "" : " ", shown(&entry->words[i]),
                                  entry->words[i].raw.bytes);
    return refuse(parser, "no type of record is known in \"%s%s\", wanted \"owner CAA flags tag value\" or \"flags tag value\"", begin,
                  entry->count > WORDS_SHOWN ? " …" : "");
}

static result take_entry(struct parser *parser) {
    const struct zone_entry *entry = &parser->entry;
    struct head head;
    if (entry->wrong != NULL)
        return refuse(parser, "%s", entry->wrong);
    if (!entry->is_indented && !entry->words[0].is_quoted && entry->words[0].raw.bytes[0] == '$')
        return take_directive(parser);
    if (is_surely_bare(parser))
        return take_bare_record(parser);
    if (find_head(parser, &head))
        return take_zone_record(parser, &head);
    if (is_number(&entry->words[0]))
        return take_bare_record(parser);
    return refuse_type(parser);
}

static result parse(struct parser *parser, struct span text) {
    struct zone_reader reader = zone_reader_of(text);
    while (zone_entry_next(&reader, &parser->entry)) {
        result outcome = take_entry(parser);
        if (outcome == &fault_entry)
            outcome = keep_complaint(parser);
        TRY(outcome);
    }
    return OK;
}

result caa_text_parse(struct span text, const struct dns_name *origin, struct arena *arena, struct caa_text *ret_text,
                      struct reason *reason) {
    struct caa_text parsed = {0};
    struct parser parser = {.arena = arena, .text = &parsed, .has_origin = origin != NULL};
    if (text.size > CAA_TEXT_SIZE_MAX)
        return reason_set(reason, &fault_caa_text, "the text has %zu bytes, wanted %zu at most", text.size, CAA_TEXT_SIZE_MAX);
    if (text.size > 0 && memchr(text.bytes, '\0', text.size) != NULL)
        return reason_set(reason, &fault_caa_text, "the text holds NUL bytes, wanted a zone file or one record a line, in ASCII or UTF-8");
    if (origin != NULL)
        parser.origin = *origin;
    parsed.complaints = arena_take_array(arena, CAA_TEXT_COMPLAINTS_MAX, sizeof *parsed.complaints);
    parser.entry.words = arena_take_array(arena, ZONE_WORDS_MAX, sizeof *parser.entry.words);
    if (parsed.complaints == NULL || parser.entry.words == NULL)
        return &fault_no_memory;
    result outcome = parse(&parser, text);
    if (outcome == &fault_limit_reached)
        return reason_set(reason, &fault_caa_text, "line %u: more than %zu CAA records", parser.entry.line, CAA_TEXT_RECORDS_MAX);
    TRY(outcome);
    reason->text[0] = '\0';
    *ret_text = parsed;
    return OK;
}
