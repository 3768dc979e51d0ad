#include "formats/caa_record.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/cursor.h"

FAULT(fault_caa_record, FAULT_INPUT, "caa.record", "CAA record", "RFC 8659 4.1, 4.2", "it breaks the grammar",
      "flags, a tag of letters and digits behind its length, and a value");
FAULT(fault_caa_set, FAULT_INPUT, "caa.set", "stored CAA record set", "", "it is not in its canonical form",
      "records with lower-case tags, in order, each once");

/* ── one record ── */

result caa_record_parse(struct span rdata, struct caa_record *ret_record, struct reason *reason) {
    struct caa_record record;
    struct cursor cursor = cursor_of(rdata);
    uint8_t tag_size;
    if (!cursor_u8(&cursor, &record.flags) || !cursor_u8(&cursor, &tag_size))
        return reason_set(reason, &fault_caa_record, "the data have %zu bytes, wanted flags, the tag's length and the tag (RFC 8659 4.1)",
                          rdata.size);
    if (tag_size == 0)
        return reason_set(reason, &fault_caa_record, "the tag is empty, wanted at least one letter or digit (RFC 8659 4.1)");
    if (!cursor_take(&cursor, tag_size, &record.tag))
        return reason_set(reason, &fault_caa_record, "the tag should have %u bytes, %zu are left (RFC 8659 4.1)", tag_size,
                          cursor_remaining(&cursor));
    for (size_t i = 0; i < record.tag.size; i++)
        if (!ascii_is_letter_or_digit(record.tag.bytes[i]))
            return reason_set(reason, &fault_caa_record, "byte %zu of the tag is 0x%02x, wanted letters and digits alone (RFC 8659 4.1)",
                              i + 1, record.tag.bytes[i]);
    record.value = span_of(rdata.bytes + cursor.position, cursor_remaining(&cursor));
    *ret_record = record;
    return OK;
}

result caa_record_copy(const struct caa_record *record, struct arena *arena, struct caa_record *ret_copy) {
    uint8_t *tag = arena_copy(arena, record->tag), *value = arena_copy(arena, record->value);
    if (tag == NULL || value == NULL)
        return &fault_no_memory;
    *ret_copy = (struct caa_record){
        .flags = record->flags, .tag = span_of(tag, record->tag.size), .value = span_of(value, record->value.size)};
    return OK;
}

static int compare_bytes(struct span a, struct span b) {
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.bytes, b.bytes, common) : 0;
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

static int compare_tags(struct span a, struct span b) {
    for (size_t i = 0; i < a.size && i < b.size; i++)
        if (ascii_lower(a.bytes[i]) != ascii_lower(b.bytes[i]))
            return ascii_lower(a.bytes[i]) < ascii_lower(b.bytes[i]) ? -1 : 1;
    return (a.size > b.size) - (a.size < b.size);
}

bool caa_tag_is(const struct caa_record *record, const char *tag) {
    return compare_tags(record->tag, span_of_text(tag)) == 0;
}

int caa_record_compare(const struct caa_record *a, const struct caa_record *b) {
    int order = compare_tags(a->tag, b->tag);
    if (order == 0)
        order = compare_bytes(a->value, b->value);
    return order != 0 ? order : (int) a->flags - (int) b->flags;
}

static bool add_quoted(struct buffer *out, struct span value) {
    buffer_add_text(out, "\"");
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.bytes[i];
        if (byte < ' ' || byte > '~') {
            buffer_printf(out, "\\%03u", byte);
            continue;
        }
        if (byte == '"' || byte == '\\')
            buffer_add_text(out, "\\");
        buffer_add(out, span_of(&byte, 1));
    }
    return buffer_add_text(out, "\"");
}

bool caa_record_to_text(const struct caa_record *record, struct buffer *out) {
    buffer_printf(out, "%u ", record->flags);
    buffer_add(out, record->tag);
    buffer_add_text(out, " ");
    return add_quoted(out, record->value);
}

/* ── sets ── */

static int compare(const void *a, const void *b) {
    return caa_record_compare(a, b);
}

size_t caa_set_sort(struct caa_record *records, size_t count) {
    if (count == 0)
        return 0;
    qsort(records, count, sizeof *records, compare);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++)
        if (caa_record_compare(&records[i], &records[kept - 1]) != 0)
            records[kept++] = records[i];
    return kept;
}

bool caa_set_equal(const struct caa_record *a, size_t a_count, const struct caa_record *b, size_t b_count) {
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (caa_record_compare(&a[i], &b[i]) != 0)
            return false;
    return true;
}

result caa_set_encode(const struct caa_record *records, size_t count, struct buffer *out) {
    for (size_t i = 0; i < count; i++) {
        const struct caa_record *record = &records[i];
        buffer_add_number(out, 1, record->flags);
        buffer_add_number(out, 1, record->tag.size);
        for (size_t at = 0; at < record->tag.size; at++)
            buffer_add_number(out, 1, ascii_lower(record->tag.bytes[at]));
        buffer_add_vector(out, 2, record->value);
    }
    return buffer_check(out);
}

static bool is_canonical_tag(struct span tag) {
    for (size_t i = 0; i < tag.size; i++)
        if (!ascii_is_letter_or_digit(tag.bytes[i]) || tag.bytes[i] != ascii_lower(tag.bytes[i]))
            return false;
    return tag.size > 0;
}

static bool read_encoded(struct cursor *cursor, struct caa_record *ret_record) {
    return cursor_u8(cursor, &ret_record->flags) && cursor_vector(cursor, 1, &ret_record->tag) &&
           cursor_vector(cursor, 2, &ret_record->value) && is_canonical_tag(ret_record->tag);
}

static result count_encoded(struct span bytes, size_t *ret_count) {
    struct cursor cursor = cursor_of(bytes);
    struct caa_record record, before = {0};
    size_t count = 0;
    while (!cursor_at_end(&cursor)) {
        if (count == CAA_RECORDS_MAX || !read_encoded(&cursor, &record))
            return &fault_caa_set;
        if (count++ > 0 && caa_record_compare(&before, &record) >= 0)
            return &fault_caa_set;
        before = record;
    }
    *ret_count = count;
    return OK;
}

result caa_set_decode(struct span bytes, struct arena *arena, struct caa_record **ret_records, size_t *ret_count) {
    size_t count;
    TRY(count_encoded(bytes, &count));
    struct caa_record *records = arena_take_array(arena, count > 0 ? count : 1, sizeof *records);
    if (records == NULL)
        return &fault_no_memory;
    struct cursor cursor = cursor_of(bytes);
    for (size_t i = 0; i < count; i++)
        (void) read_encoded(&cursor, &records[i]);
    *ret_records = records;
    *ret_count = count;
    return OK;
}
