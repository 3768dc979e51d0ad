/* CSV and the reports of CCADB that come in it. */
#include "vector_text.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/ccadb_report.h"

#define ARENA_LIMIT ((size_t) 16 * 1024 * 1024)

static void judge_csv(struct span input, char *ret_line, size_t size) {
    struct csv_reader *csv = memory_new(sizeof *csv);
    struct arena *arena = arena_new(ARENA_LIMIT);
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(size - 1);
    bool has_row;
    result outcome;
    csv_reader_init(csv, input);
    while ((outcome = csv_next(csv, &has_row)) == OK && has_row) {
        buffer_printf(&text, "%s%zu", text.size == 0 ? "" : " ", csv->line);
        for (size_t i = 0; i < csv->count; i++) {
            buffer_add_text(&text, "[");
            text_add_harmless(&text, csv_field_value(&csv->fields[i], arena));
            buffer_add_text(&text, "]");
        }
    }
    if (outcome != OK)
        buffer_printf(&text, "%serror %s at line %zu", text.size == 0 ? "" : " ", outcome->name, csv->line);
    snprintf(ret_line, size, "%s", buffer_text(&text));
    arena_free(arena);
    memory_free(csv);
}

static void say_name(struct buffer *text, const char *name) {
    if (strlen(name) > 200)
        buffer_printf(text, "%zu bytes", strlen(name));
    else
        buffer_add_text(text, name);
}

static void say_ski(struct buffer *text, const struct ccadb_row *row, const char *before) {
    char hex[2 * CCADB_SKI_MAX + 1];
    text_of_hex(row->ski, hex);
    if (row->ski.size > 0)
        buffer_printf(text, "%sski %s", before, hex);
}

static void say_identifiers(struct buffer *text, const struct ccadb_row *row) {
    say_ski(text, row, "");
    buffer_printf(text, ", %s,", row->name);
    for (size_t i = 0; i < row->domain_count; i++)
        buffer_printf(text, " %s", row->domains[i]);
    assert_null(row->domains[row->domain_count]);
    for (size_t i = 0; i < row->refused_count; i++) { /* "\"none\": why" */
        const char *close = strstr(row->refused[i] + 1, "\": ");
        buffer_printf(text, " [%.*s: %s]", (int) (close - row->refused[i] - 1), row->refused[i] + 1, close + 3);
    }
    buffer_add_text(text, row->is_partial ? " (there may be more)" : "");
}

static void say_row(struct buffer *text, enum ccadb_kind kind, const struct ccadb_row *row) {
    char sha256[HASH_HEX_SIZE], parent[HASH_HEX_SIZE];
    buffer_printf(text, " %zu: ", row->line);
    hash_to_hex(&row->sha256, sha256);
    hash_to_hex(&row->parent_sha256, parent);
    if (row->complaint[0] != '\0') {
        buffer_add_text(text, row->complaint);
    } else if (kind == CCADB_IDENTIFIERS) {
        say_identifiers(text, row);
    } else if (kind == CCADB_CERTIFICATES) {
        buffer_printf(text, "%.8s %zu bytes", sha256, row->pem.size);
    } else {
        buffer_printf(text, "%.8s%s", sha256, row->is_root ? " root" : "");
        if (row->has_parent)
            buffer_printf(text, " below %.8s", parent);
        buffer_printf(text, ", %s%s, ", row->owner, row->is_subordinate ? " (subordinate)" : "");
        say_name(text, row->name);
        say_ski(text, row, ", ");
    }
}

static void judge_report(struct span input, char *ret_line, size_t size) {
    struct ccadb_report *report = memory_new(sizeof *report);
    struct arena *arena = arena_new(ARENA_LIMIT);
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(size - 1);
    struct ccadb_row row;
    struct reason reason = {""};
    bool has_row;
    result outcome = ccadb_report_open(input, report, &reason);
    if (outcome == OK)
        buffer_add_text(&text, ccadb_kind_name(report->kind));
    while (outcome == OK && (outcome = ccadb_report_next(report, arena, &row, &has_row, &reason)) == OK && has_row)
        say_row(&text, report->kind, &row);
    if (outcome != OK)
        buffer_printf(&text, "%serror %s", text.size == 0 ? "" : " ", reason.text);
    snprintf(ret_line, size, "%s", buffer_text(&text));
    arena_free(arena);
    memory_free(report);
}

static void rows_are_what_rfc_4180_says(void **state) {
    (void) state;
    vector_texts_check("csv", judge_csv);
}

static void reports_are_known_by_their_header_and_dirt_is_told(void **state) {
    (void) state;
    vector_texts_check("ccadb-report", judge_report);
}

static void more_domains_than_a_row_may_have_are_told_and_make_it_partial(void **state) {
    (void) state;
    struct ccadb_report *report = memory_new(sizeof *report);
    struct arena *arena = arena_new(1 << 20);
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(1 << 16);
    for (unsigned count = CCADB_DOMAINS_MAX; count <= CCADB_DOMAINS_MAX + 1; count++) {
        struct reason reason;
        struct ccadb_row row;
        bool has_row;
        buffer_reset(&text);
        buffer_add_text(&text, "Subject Key Identifier (Hex),Recognized CAA Domains\naabb,\"");
        for (unsigned i = 0; i < count; i++)
            buffer_printf(&text, "ca%u.example,", i);
        buffer_add_text(&text, "\"\n");
        assert_ptr_equal(ccadb_report_open(buffer_span(&text), report, &reason), OK);
        assert_ptr_equal(ccadb_report_next(report, arena, &row, &has_row, &reason), OK);
        assert_int_equal(row.domain_count, CCADB_DOMAINS_MAX);
        assert_int_equal(row.refused_count, count - CCADB_DOMAINS_MAX);
        assert_int_equal(row.is_partial, count > CCADB_DOMAINS_MAX);
    }
    arena_free(arena);
    memory_free(report);
}

/* One row of "1,1,1,…", then of a quoted field of doubled quotes: the longest that is taken, and one byte more. */
static void however_a_field_is_filled_it_needs_little_memory_or_is_refused(void **state) {
    static const struct {
        const char *piece, *wrong;
        size_t size;
    } cases[] = {{"1,", NULL, CCADB_FIELD_MAX}, {"\"\"", NULL, CCADB_FIELD_MAX}, {"a.b,", NULL, CCADB_FIELD_MAX},
                 {"1,", "line 2: field 2 has 1048578 bytes, wanted 1048576 at most", CCADB_FIELD_MAX + 2}};
    (void) state;
    struct ccadb_report *report = memory_new(sizeof *report);
    struct arena *arena = arena_new(16 << 20);
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(2 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reason reason = {""};
        struct ccadb_row row;
        bool has_row;
        buffer_reset(&text);
        arena_reset(arena);
        buffer_add_text(&text, "Subject Key Identifier (Hex),Recognized CAA Domains\naabb,\"");
        for (size_t size = 0; size < cases[i].size; size += strlen(cases[i].piece))
            buffer_add_text(&text, cases[i].piece);
        assert_true(buffer_add_text(&text, "\"\n"));
        assert_ptr_equal(ccadb_report_open(buffer_span(&text), report, &reason), OK);
        result outcome = ccadb_report_next(report, arena, &row, &has_row, &reason);
        assert_ptr_equal(outcome, cases[i].wrong == NULL ? OK : &fault_ccadb_report);
        assert_string_equal(reason.text, cases[i].wrong == NULL ? "" : cases[i].wrong);
    }
    arena_free(arena);
    memory_free(report);
}

static void without_memory_no_row_is_read(void **state) {
    (void) state;
    struct ccadb_report *report = memory_new(sizeof *report);
    struct arena *arena = arena_new(8);
    struct ccadb_row row;
    struct reason reason = {""};
    bool has_row;
    struct span text = span_of_text("Subject,Subject Key Identifier (Hex),Recognized CAA Domains\nCN=a long name,aabb,a.example\n");
    assert_ptr_equal(ccadb_report_open(text, report, &reason), OK);
    assert_ptr_equal(ccadb_report_next(report, arena, &row, &has_row, &reason), &fault_no_memory);
    arena_free(arena);
    memory_free(report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_what_rfc_4180_says),
        cmocka_unit_test(reports_are_known_by_their_header_and_dirt_is_told),
        cmocka_unit_test(more_domains_than_a_row_may_have_are_told_and_make_it_partial),
        cmocka_unit_test(however_a_field_is_filled_it_needs_little_memory_or_is_refused),
        cmocka_unit_test(without_memory_no_row_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
