#include "formats/csv.h"

FAULT(fault_csv_quote, FAULT_INPUT, "csv.quote", "row", "RFC 4180 2", "a quote in the middle of a field, or something behind a closing quote",
      "fields quoted as a whole, with doubled quotes inside");
FAULT(fault_csv_open, FAULT_INPUT, "csv.open", "row", "RFC 4180 2", "a quote that is never closed", "a closing quote before the file ends");
FAULT(fault_csv_fields, FAULT_INPUT, "csv.fields", "row", "", "more fields than any report has", "at most 512");

static const uint8_t byte_order_mark[] = {0xef, 0xbb, 0xbf};

void csv_reader_init(struct csv_reader *reader, struct span text) {
    reader->text = text;
    reader->position = 0;
    reader->next_line = 1;
    reader->line = 1;
    reader->count = 0;
    if (text.size >= sizeof byte_order_mark && memcmp(text.bytes, byte_order_mark, sizeof byte_order_mark) == 0)
        reader->position = sizeof byte_order_mark;
}

static bool is_at_end(const struct csv_reader *reader) {
    return reader->position == reader->text.size;
}

/* How many bytes end the line here: 0, 1 or 2. */
static size_t line_end(const struct csv_reader *reader) {
    const uint8_t *here = reader->text.bytes + reader->position;
    size_t left = reader->text.size - reader->position;
    if (left >= 1 && here[0] == '\n')
        return 1;
    return left >= 2 && here[0] == '\r' && here[1] == '\n' ? 2 : 0;
}

static result quoted(struct csv_reader *reader, struct csv_field *field) {
    const uint8_t *bytes = reader->text.bytes;
    size_t start = ++reader->position;
    for (; !is_at_end(reader); reader->position++) {
        if (bytes[reader->position] == '\n')
            reader->next_line++;
        if (bytes[reader->position] != '"')
            continue;
        bool is_doubled = reader->position + 1 < reader->text.size && bytes[reader->position + 1] == '"';
        if (!is_doubled) {
            field->text = span_of(bytes + start, reader->position - start);
            reader->position++;
            return OK;
        }
        field->has_doubled_quotes = true;
        reader->position++;
    }
    return &fault_csv_open;
}

static result plain(struct csv_reader *reader, struct csv_field *field) {
    size_t start = reader->position;
    for (; !is_at_end(reader) && line_end(reader) == 0; reader->position++) {
        uint8_t byte = reader->text.bytes[reader->position];
        if (byte == '"')
            return &fault_csv_quote;
        if (byte == ',')
            break;
    }
    field->text = span_of(reader->text.bytes + start, reader->position - start);
    return OK;
}

/* One field and the comma behind it; *ret_is_last when none follows. */
static result field_next(struct csv_reader *reader, bool *ret_is_last) {
    if (reader->count == CSV_FIELDS_MAX)
        return &fault_csv_fields;
    struct csv_field *field = &reader->fields[reader->count];
    *field = (struct csv_field){.text = span_of(reader->text.bytes, 0)};
    bool is_quoted = !is_at_end(reader) && reader->text.bytes[reader->position] == '"';
    TRY(is_quoted ? quoted(reader, field) : plain(reader, field));
    reader->count++;
    bool is_comma = !is_at_end(reader) && reader->text.bytes[reader->position] == ',';
    reader->position += is_comma ? 1 : 0;
    *ret_is_last = !is_comma;
    return is_comma || is_at_end(reader) || line_end(reader) > 0 ? OK : &fault_csv_quote;
}

static void skip_line_end(struct csv_reader *reader) {
    size_t size = line_end(reader);
    reader->position += size;
    reader->next_line += size > 0 ? 1 : 0;
}

result csv_next(struct csv_reader *reader, bool *ret_has_row) {
    bool is_last = false;
    while (!is_at_end(reader) && line_end(reader) > 0)
        skip_line_end(reader);
    reader->line = reader->next_line;
    reader->count = 0;
    *ret_has_row = !is_at_end(reader);
    if (!*ret_has_row)
        return OK;
    while (!is_last)
        TRY(field_next(reader, &is_last));
    skip_line_end(reader);
    return OK;
}

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct span csv_field_value(const struct csv_field *field, struct arena *arena) {
    struct span value = field->text;
    while (value.size > 0 && is_blank(value.bytes[0]))
        value = span_of(value.bytes + 1, value.size - 1);
    while (value.size > 0 && is_blank(value.bytes[value.size - 1]))
        value.size--;
    if (!field->has_doubled_quotes)
        return value;
    uint8_t *copy = arena_take(arena, value.size + 1);
    size_t size = 0;
    for (size_t i = 0; copy != NULL && i < value.size; i++) {
        copy[size++] = value.bytes[i];
        if (value.bytes[i] == '"' && i + 1 < value.size && value.bytes[i + 1] == '"')
            i++;
    }
    return span_of(copy, size);
}
