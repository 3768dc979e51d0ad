/* CAA records as text, below example.org, or without an origin where the text begins with "; no origin": every line is a record, a complaint
 * or another type, and records written as a zone file are the same when they are read again.
 *
 * library: formats
 * parser: formats/caa_text.c formats/zone_entry.c
 * seeds: caa-text
 * corpora: c-caa-dns/dnspython c-caa-dns/caatestsuite */
#include "formats/caa_text.h"
#include "fuzz/harness.h"

#define WRITTEN_LIMIT ((size_t) 64 * 1024 * 1024)

static void write_record(const struct caa_text_record *record, struct buffer *out) {
    char owner[DNS_NAME_TEXT_SIZE];
    dns_name_to_text(&record->owner, owner);
    buffer_printf(out, "%s%s", owner, dns_name_is_root(&record->owner) ? "" : ".");
    if (record->has_ttl)
        buffer_printf(out, " %u", record->ttl_s);
    buffer_add_text(out, " CAA ");
    caa_record_to_text(&record->record, out);
    buffer_add_text(out, "\n");
}

static void check_again(const struct caa_text *text, struct arena *arena) {
    struct buffer written = buffer_with_limit(WRITTEN_LIMIT);
    struct caa_text again;
    struct reason reason;
    for (size_t i = 0; i < text->record_count; i++)
        write_record(&text->records[i], &written);
    if (!written.failed && written.size <= CAA_TEXT_SIZE_MAX) {
        require(caa_text_parse(buffer_span(&written), NULL, arena, &again, &reason) == OK);
        require(again.record_count == text->record_count && again.complaint_count == 0 && again.other_records == 0);
        for (size_t i = 0; i < text->record_count; i++) {
            require(dns_name_equal(&text->records[i].owner, &again.records[i].owner));
            require(caa_record_compare(&text->records[i].record, &again.records[i].record) == 0);
            require(!text->records[i].has_ttl || (again.records[i].has_ttl && again.records[i].ttl_s == text->records[i].ttl_s));
        }
    }
    buffer_done(&written);
}

/* As the linter suggests them: one record a line, without owner. `0 CAA ";"` lacks its tag, rather than having "CAA" as one. */
static void check_bare(const struct caa_text *text, struct arena *arena) {
    struct buffer written = buffer_with_limit(WRITTEN_LIMIT);
    struct caa_text again;
    struct reason reason;
    for (size_t i = 0; i < text->record_count; i++) {
        if (caa_tag_is(&text->records[i].record, "caa"))
            written.failed = true;
        caa_record_to_text(&text->records[i].record, &written);
        buffer_add_text(&written, "\n");
    }
    if (!written.failed && written.size <= CAA_TEXT_SIZE_MAX) {
        require(caa_text_parse(buffer_span(&written), NULL, arena, &again, &reason) == OK);
        require(again.record_count == text->record_count && again.complaint_count == 0 && again.other_records == 0);
        for (size_t i = 0; i < text->record_count; i++)
            require(caa_record_compare(&text->records[i].record, &again.records[i].record) == 0 && !again.records[i].has_owner);
    }
    buffer_done(&written);
}

static void check(const struct caa_text *text, size_t size) {
    require(text->record_count <= size && text->complaint_count <= CAA_TEXT_COMPLAINTS_MAX);
    require(text->complaints_left_out == 0 || text->complaint_count == CAA_TEXT_COMPLAINTS_MAX);
    for (size_t i = 0; i < text->record_count; i++)
        require(text->records[i].line >= 1 && (i == 0 || text->records[i].line > text->records[i - 1].line));
    for (size_t i = 0; i < text->complaint_count; i++)
        require(text->complaints[i].sentence[0] != '\0' && text->complaints[i].line >= 1 &&
                (i == 0 || text->complaints[i].line > text->complaints[i - 1].line));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char no_origin[] = "; no origin\n";
    struct arena *arena = arena_new(3 * CAA_TEXT_ARENA);
    struct dns_name origin;
    struct caa_text text;
    struct reason reason;
    bool has_origin = size < sizeof no_origin - 1 || memcmp(bytes, no_origin, sizeof no_origin - 1) != 0;
    require(dns_name_from_text(span_of_text("example.org"), &origin, NULL) == OK);
    result outcome = caa_text_parse(span_of(bytes, size), has_origin ? &origin : NULL, arena, &text, &reason);
    require(outcome == OK || (outcome == &fault_caa_text && reason.text[0] != '\0'));
    if (outcome == OK) {
        check(&text, size);
        check_again(&text, arena);
        check_bare(&text, arena);
    }
    arena_free(arena);
    return 0;
}
