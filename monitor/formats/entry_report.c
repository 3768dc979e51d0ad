#include "formats/entry_report.h"

#include "base/text.h"

FAULT(fault_report_format, FAULT_INPUT, "report.format", "reader's report", "", "it breaks the form of entry_report.h",
      "what entry_report_encode writes");

enum { FLAG_UNREADABLE = 1, FLAG_NEARLY_ALL = 2, FLAG_ISSUER_PENDING = 4, FLAG_CA = 8, FLAG_VALIDITY = 16, FLAGS_ALL = 31 };
enum { RAW_MAX = 64 * 1024, LENGTH_WIDTH = 4 };

static size_t at_most(size_t count, size_t maximum) {
    return count < maximum ? count : maximum;
}

static void put_text(struct buffer *out, const char *text, size_t size_max) {
    size_t size = text == NULL ? 0 : strnlen(text, size_max - 1);
    buffer_add_vector(out, 2, span_of(text, size));
}

static void put_known_hash(struct buffer *out, const struct known_hash *known) {
    static const struct hash none;
    buffer_add_number(out, 1, known->is_known);
    buffer_add(out, span_of(known->is_known ? known->hash.bytes : none.bytes, HASH_SIZE));
}

static void put_names(struct buffer *out, const struct entry_report *report) {
    size_t count = at_most(report->name_count, REPORT_NAMES_MAX);
    buffer_add_number(out, 2, count);
    for (size_t i = 0; i < count; i++) {
        buffer_add_number(out, 1, report->names[i].type);
        buffer_add_number(out, 1, report->names[i].origin);
        put_text(out, report->names[i].value, REPORT_NAME_SIZE_MAX);
    }
}

static void put_lists(struct buffer *out, const struct entry_report *report) {
    size_t count = at_most(report->sct_count, REPORT_SCTS_MAX);
    buffer_add_number(out, 1, count);
    for (size_t i = 0; i < count; i++) {
        buffer_add(out, span_of(report->scts[i].log_id.bytes, HASH_SIZE));
        buffer_add_number(out, 8, report->scts[i].timestamp_ms);
        buffer_add_number(out, 1, report->scts[i].verdict);
    }
    count = at_most(report->oddity_count, REPORT_ODDITIES_MAX);
    buffer_add_number(out, 1, count);
    for (size_t i = 0; i < count; i++)
        put_text(out, report->oddities[i], REPORT_TEXT_MAX);
    count = at_most(report->chain_count, REPORT_CHAIN_MAX);
    buffer_add_number(out, 1, count);
    for (size_t i = 0; i < count; i++)
        buffer_add(out, span_of(report->chain_fingerprints[i].bytes, HASH_SIZE));
    buffer_add_vector(out, 4, report->issuer_certificate);
}

static void put_match(struct buffer *out, const struct entry_report *report) {
    size_t count = at_most(report->terminal_count, REPORT_TERMINALS_MAX);
    buffer_add_number(out, 2, count);
    for (size_t i = 0; i < count; i++)
        buffer_add_number(out, 4, report->terminals[i]);
    buffer_add_number(out, 8, report->terminal_total);
    put_text(out, report->broad_suffix, REPORT_NAME_SIZE_MAX);
}

static void put_certificate(struct buffer *out, const struct entry_report *report) {
    buffer_add_vector(out, 4, report->certificate);
    buffer_add_vector(out, 4, report->tbs);
    put_known_hash(out, &report->cert_sha256);
    put_known_hash(out, &report->tbs_sha256);
    put_known_hash(out, &report->spki_sha256);
    put_known_hash(out, &report->issuer_spki_sha256);
    buffer_add_number(out, 8, (uint64_t) report->not_before);
    buffer_add_number(out, 8, (uint64_t) report->not_after);
    put_text(out, report->serial, REPORT_TEXT_MAX);
    put_text(out, report->issuer, REPORT_TEXT_MAX);
    put_text(out, report->subject, REPORT_TEXT_MAX);
    put_text(out, report->key_type, REPORT_TEXT_MAX);
}

static unsigned flags_of(const struct entry_report *report) {
    return (report->is_unreadable ? FLAG_UNREADABLE : 0u) | (report->matches_nearly_all ? FLAG_NEARLY_ALL : 0u) |
           (report->is_issuer_pending ? FLAG_ISSUER_PENDING : 0u) | (report->is_ca ? FLAG_CA : 0u) |
           (report->has_validity ? FLAG_VALIDITY : 0u);
}

result entry_report_encode(const struct entry_report *report, struct buffer *out) {
    size_t begin = out->size;
    buffer_add_number(out, LENGTH_WIDTH, 0);
    buffer_add_number(out, 8, report->index);
    buffer_add_number(out, 8, report->timestamp_ms);
    buffer_add_number(out, 1, report->kind);
    buffer_add(out, span_of(report->leaf_hash.bytes, HASH_SIZE));
    buffer_add_number(out, 1, flags_of(report));
    put_text(out, report->reason, REPORT_TEXT_MAX);
    put_text(out, report->reason_text, REPORT_TEXT_MAX);
    buffer_add_vector(out, 4, span_of(report->raw.bytes, at_most(report->raw.size, RAW_MAX)));
    put_match(out, report);
    put_certificate(out, report);
    put_names(out, report);
    put_lists(out, report);
    if (out->failed) {
        out->size = begin;
        return buffer_check(out);
    }
    size_t size = out->size - begin - LENGTH_WIDTH;
    for (size_t i = 0; i < LENGTH_WIDTH; i++)
        out->bytes[begin + i] = (uint8_t) (size >> (8 * (LENGTH_WIDTH - 1 - i)));
    return OK;
}

/* Reads that fail make `input` fail; one check at the end finds it. A rule that is broken fails it by hand. */
struct report_reader {
    struct cursor input;
    struct arena *arena;
    bool lacks_memory;
};

static uint64_t get_number(struct report_reader *reader, size_t width, uint64_t maximum) {
    uint64_t number = 0;
    if (!cursor_number(&reader->input, width, &number) || number > maximum) {
        reader->input.failed = true;
        return 0;
    }
    return number;
}

static struct span get_bytes(struct report_reader *reader, size_t size_max) {
    struct span bytes = {0};
    if (cursor_vector(&reader->input, 4, &bytes) && bytes.size > size_max)
        reader->input.failed = true;
    return bytes;
}

static const char *get_text(struct report_reader *reader, size_t size_max) {
    struct span text = {0};
    if (!cursor_vector(&reader->input, 2, &text) || text.size >= size_max || !text_is_printable(text)) {
        reader->input.failed = true;
        return "";
    }
    char *copy = arena_copy_span_as_text(reader->arena, text);
    if (copy == NULL)
        reader->lacks_memory = true;
    return copy == NULL ? "" : copy;
}

/* Room for `count` elements; NULL also for none. */
static void *get_array(struct report_reader *reader, size_t count, size_t element_size) {
    if (count == 0 || reader->input.failed)
        return NULL;
    void *array = arena_take_array(reader->arena, count, element_size);
    if (array == NULL)
        reader->lacks_memory = reader->input.failed = true;
    return array;
}

static void get_known_hash(struct report_reader *reader, struct known_hash *ret_known) {
    static const struct hash none;
    ret_known->is_known = get_number(reader, 1, 1) == 1;
    (void) cursor_copy(&reader->input, HASH_SIZE, ret_known->hash.bytes);
    if (!ret_known->is_known && !hash_equal(&ret_known->hash, &none))
        reader->input.failed = true;
}

static void get_flags(struct report_reader *reader, struct entry_report *report) {
    uint64_t flags = get_number(reader, 1, FLAGS_ALL);
    report->is_unreadable = (flags & FLAG_UNREADABLE) != 0;
    report->matches_nearly_all = (flags & FLAG_NEARLY_ALL) != 0;
    report->is_issuer_pending = (flags & FLAG_ISSUER_PENDING) != 0;
    report->is_ca = (flags & FLAG_CA) != 0;
    report->has_validity = (flags & FLAG_VALIDITY) != 0;
}

static void get_match(struct report_reader *reader, struct entry_report *report) {
    size_t count = (size_t) get_number(reader, 2, REPORT_TERMINALS_MAX);
    uint32_t *terminals = get_array(reader, count, sizeof *terminals);
    for (size_t i = 0; terminals != NULL && i < count; i++)
        terminals[i] = (uint32_t) get_number(reader, 4, UINT32_MAX);
    report->terminals = terminals;
    report->terminal_count = count;
    report->terminal_total = get_number(reader, 8, UINT64_MAX);
    report->broad_suffix = get_text(reader, REPORT_NAME_SIZE_MAX);
    if (report->terminal_total < count)
        reader->input.failed = true;
}

static void get_certificate(struct report_reader *reader, struct entry_report *report) {
    report->certificate = get_bytes(reader, REPORT_CERTIFICATE_MAX);
    report->tbs = get_bytes(reader, REPORT_CERTIFICATE_MAX);
    get_known_hash(reader, &report->cert_sha256);
    get_known_hash(reader, &report->tbs_sha256);
    get_known_hash(reader, &report->spki_sha256);
    get_known_hash(reader, &report->issuer_spki_sha256);
    report->not_before = (int64_t) get_number(reader, 8, UINT64_MAX);
    report->not_after = (int64_t) get_number(reader, 8, UINT64_MAX);
    report->serial = get_text(reader, REPORT_TEXT_MAX);
    report->issuer = get_text(reader, REPORT_TEXT_MAX);
    report->subject = get_text(reader, REPORT_TEXT_MAX);
    report->key_type = get_text(reader, REPORT_TEXT_MAX);
    if (report->serial[strspn(report->serial, "0123456789abcdef")] != '\0')
        reader->input.failed = true;
}

static void get_names(struct report_reader *reader, struct entry_report *report) {
    size_t count = (size_t) get_number(reader, 2, REPORT_NAMES_MAX);
    struct report_name *names = get_array(reader, count, sizeof *names);
    for (size_t i = 0; names != NULL && i < count && !reader->input.failed; i++) {
        names[i].type = (enum name_type) get_number(reader, 1, name_type_count - 1);
        names[i].origin = (enum name_origin) get_number(reader, 1, name_origin_count - 1);
        names[i].value = get_text(reader, REPORT_NAME_SIZE_MAX);
        int order = i == 0 ? -1 : strcmp(names[i - 1].value, names[i].value);
        if (order > 0 || (order == 0 && names[i - 1].type >= names[i].type))
            reader->input.failed = true;
    }
    report->names = names;
    report->name_count = count;
}

static void get_scts(struct report_reader *reader, struct entry_report *report) {
    size_t count = (size_t) get_number(reader, 1, REPORT_SCTS_MAX);
    struct report_sct *scts = get_array(reader, count, sizeof *scts);
    for (size_t i = 0; scts != NULL && i < count; i++) {
        (void) cursor_copy(&reader->input, HASH_SIZE, scts[i].log_id.bytes);
        scts[i].timestamp_ms = get_number(reader, 8, UINT64_MAX);
        scts[i].verdict = (enum sct_verdict) get_number(reader, 1, sct_verdict_count - 1);
    }
    report->scts = scts;
    report->sct_count = count;
}

static void get_lists(struct report_reader *reader, struct entry_report *report) {
    get_scts(reader, report);
    size_t count = (size_t) get_number(reader, 1, REPORT_ODDITIES_MAX);
    const char **oddities = get_array(reader, count, sizeof *oddities);
    for (size_t i = 0; oddities != NULL && i < count; i++)
        oddities[i] = get_text(reader, REPORT_TEXT_MAX);
    report->oddities = oddities;
    report->oddity_count = count;
    count = (size_t) get_number(reader, 1, REPORT_CHAIN_MAX);
    struct hash *chain = get_array(reader, count, sizeof *chain);
    for (size_t i = 0; chain != NULL && i < count; i++)
        (void) cursor_copy(&reader->input, HASH_SIZE, chain[i].bytes);
    report->chain_fingerprints = chain;
    report->chain_count = count;
    report->issuer_certificate = get_bytes(reader, REPORT_CERTIFICATE_MAX);
}

static void get_report(struct report_reader *reader, struct entry_report *report) {
    report->index = get_number(reader, 8, UINT64_MAX);
    report->timestamp_ms = get_number(reader, 8, UINT64_MAX);
    report->kind = get_number(reader, 1, ENTRY_PRECERTIFICATE) == 0 ? ENTRY_CERTIFICATE : ENTRY_PRECERTIFICATE;
    (void) cursor_copy(&reader->input, HASH_SIZE, report->leaf_hash.bytes);
    get_flags(reader, report);
    report->reason = get_text(reader, REPORT_TEXT_MAX);
    report->reason_text = get_text(reader, REPORT_TEXT_MAX);
    report->raw = get_bytes(reader, RAW_MAX);
    get_match(reader, report);
    get_certificate(reader, report);
    get_names(reader, report);
    get_lists(reader, report);
    bool has_reason = report->reason[0] != '\0';
    bool is_name = report->reason[strspn(report->reason, "abcdefghijklmnopqrstuvwxyz0123456789.-")] == '\0';
    if (has_reason != report->is_unreadable || !is_name)
        reader->input.failed = true;
}

result entry_report_decode(struct cursor *input, struct arena *arena, struct entry_report *ret_report) {
    struct cursor attempt = *input;
    struct span body;
    struct entry_report report = {0};
    if (!cursor_vector(&attempt, LENGTH_WIDTH, &body)) {
        input->failed = true;
        return &fault_report_format;
    }
    struct report_reader reader = {.input = cursor_of(body), .arena = arena};
    get_report(&reader, &report);
    if (reader.lacks_memory)
        return &fault_no_memory;
    if (!cursor_at_end(&reader.input)) {
        input->failed = true;
        return &fault_report_format;
    }
    *input = attempt;
    *ret_report = report;
    return OK;
}
