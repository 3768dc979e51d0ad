#include "vector_text.h"

#include <stddef.h>

#include "base/memory.h"
#include "base/text.h"
#include "formats/data_file.h"
#include "formats/drill_file.h"
#include "formats/entry_report.h"
#include "formats/get_entries.h"
#include "formats/json_document.h"
#include "formats/policy_rules.h"
#include "formats/reader_reports.h"

#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

static void judge_base64_or_hex(struct span input, char *ret_line, size_t size) {
    uint8_t *raw = memory_new(input.size + 1);
    size_t decoded = 0;
    char hex[33];
    result outcome = text_to_base64(input, raw, &decoded);
    text_of_hex(span_of(raw, decoded < 16 ? decoded : 16), hex);
    snprintf(ret_line, size, "base64 %s%s, hex %s", outcome == OK ? "" : "error ", outcome == OK ? hex : outcome->name,
             input.size % 2 == 0 && text_to_hex(input, raw, input.size / 2) == OK ? "too" : "no");
    memory_free(raw);
}

static void judge_time_or_text(struct span input, char *ret_line, size_t size) {
    struct buffer shown = buffer_with_limit(1000);
    int64_t ms;
    uint64_t number;
    if (text_to_time_ms(input, &ms) == OK)
        snprintf(ret_line, size, "%lld ms", (long long) ms);
    else if (text_to_number(input, UINT64_MAX, &number) == OK)
        snprintf(ret_line, size, "number %llu", (unsigned long long) number);
    else if (text_add_harmless(&shown, input))
        snprintf(ret_line, size, "text %s", buffer_text(&shown));
    buffer_done(&shown);
}

static void judge_policy(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct buffer text = buffer_with_limit(size);
    struct policy_rules rules;
    struct reason reason = {""};
    result outcome = policy_rules_from_json(input, arena, &rules, &reason);
    if (outcome == OK)
        assert_ptr_equal(policy_rules_to_json(&rules, &text), OK);
    snprintf(ret_line, size, "%s%s", outcome == OK ? "" : "error ", outcome == OK ? buffer_text(&text) : reason.text);
    buffer_done(&text);
    arena_free(arena);
}

static void judge_data_file(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct data_file file;
    struct reason reason = {""};
    if (data_file_read(input, arena, &file, &reason) == OK)
        snprintf(ret_line, size, file.pins_count + file.release_count == 0 ? "%zu policies, %zu watches, %zu channels" : "%zu policies, %zu watches, %zu channels, %zu pins, %zu releases",
                 file.policy_count, file.watch_count, file.channel_count, file.pins_count, file.release_count);
    else
        snprintf(ret_line, size, "error %s", reason.text);
    arena_free(arena);
}

static void judge_drill_file(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct drill_file file;
    result outcome = drill_file_read(input, arena, &file);
    if (outcome == OK)
        snprintf(ret_line, size, "port %u, %zu logs, %zu authorities", file.port, file.log_count, file.authority_count);
    else
        snprintf(ret_line, size, "error %s", outcome->name);
    arena_free(arena);
}

static void judge_get_entries(struct span input, char *ret_line, size_t size) {
    struct get_entries list = {0};
    result outcome = get_entries_read(&list, input);
    if (outcome == OK)
        snprintf(ret_line, size, "%zu entries, by %s", list.count, list.tree == NULL ? "the scanner" : "Jansson");
    else
        snprintf(ret_line, size, "error %s", outcome->name);
    get_entries_done(&list);
}

static void judge_json(struct span input, char *ret_line, size_t size) {
    static const struct fault fault = {.name = "json", .object = "document"};
    struct reason reason = {""};
    json_t *document = NULL;
    result outcome = json_document_load(input, 65536, &fault, &reason, &document);
    snprintf(ret_line, size, "%s", outcome == OK ? "taken" : reason.text);
    json_decref(document);
}

static void judge_report(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct cursor cursor = cursor_of(input);
    struct entry_report report;
    result outcome = entry_report_decode(&cursor, arena, &report);
    if (outcome == OK)
        snprintf(ret_line, size, "entry %llu, %zu names, %zu bytes behind it", (unsigned long long) report.index, report.name_count,
                 cursor_remaining(&cursor));
    else
        snprintf(ret_line, size, "error %s", outcome->name);
    arena_free(arena);
}

/* An answer up to its last node, then reports. */
static void judge_answer(struct span input, char *ret_line, size_t size) {
    static struct reader_answer answer;
    struct reader_request request = {.version = READER_MESSAGE_VERSION, .task = READER_DATA_TILE, .wanted_begin = 256, .wanted_end = 512,
                                     .report_from = 256, .cut_count = 1, .cuts = {300}};
    struct cursor cursor = cursor_of(input);
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    size_t head = offsetof(struct reader_answer, nodes);
    memset(&answer, 0, sizeof answer);
    assert_true(cursor_copy(&cursor, input.size < head ? input.size : head, &answer));
    size_t nodes = answer.node_count * sizeof answer.nodes[0];
    assert_true(cursor_copy(&cursor, nodes < cursor_remaining(&cursor) ? nodes : cursor_remaining(&cursor), answer.nodes));
    result outcome = reader_answer_check(&answer, &request, 4 * 1024 * 1024);
    result reports = outcome != OK ? outcome
                                   : reader_reports_check(&answer, &request,
                                                          span_of(input.bytes + cursor.position, cursor_remaining(&cursor)), arena);
    snprintf(ret_line, size, "%s", outcome != OK ? outcome->name : reports == OK ? "good" : "reports");
    if (outcome == OK && reports != OK)
        snprintf(ret_line, size, "reports: %s", reports->name);
    arena_free(arena);
}

static void base64_and_hex_are_read_strictly(void **state) {
    (void) state;
    vector_texts_check("base64", judge_base64_or_hex);
}

static void times_and_numbers_are_read_strictly_and_texts_made_harmless(void **state) {
    (void) state;
    vector_texts_check("time", judge_time_or_text);
}

static void policies_are_refused_with_the_field_and_what_was_wanted(void **state) {
    (void) state;
    vector_texts_check("policy", judge_policy);
}

static void data_files_are_refused_with_line_and_column(void **state) {
    (void) state;
    vector_texts_check("data-file", judge_data_file);
}

static void drill_files_are_read_whole_or_not_at_all(void **state) {
    (void) state;
    vector_texts_check("drill-file", judge_drill_file);
}

static void get_entries_answers_are_scanned_or_left_to_jansson(void **state) {
    (void) state;
    vector_texts_check("get-entries", judge_get_entries);
}

static void small_documents_are_neither_deep_nor_full(void **state) {
    (void) state;
    vector_texts_check("json", judge_json);
}

static void a_report_breaks_no_rule_of_its_form(void **state) {
    (void) state;
    vector_texts_check("entry-report", judge_report);
}

static void an_answer_fits_its_request_in_every_field(void **state) {
    (void) state;
    vector_texts_check("reader-answer", judge_answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_and_hex_are_read_strictly),
        cmocka_unit_test(times_and_numbers_are_read_strictly_and_texts_made_harmless),
        cmocka_unit_test(policies_are_refused_with_the_field_and_what_was_wanted),
        cmocka_unit_test(data_files_are_refused_with_line_and_column),
        cmocka_unit_test(drill_files_are_read_whole_or_not_at_all),
        cmocka_unit_test(get_entries_answers_are_scanned_or_left_to_jansson),
        cmocka_unit_test(small_documents_are_neither_deep_nor_full),
        cmocka_unit_test(a_report_breaks_no_rule_of_its_form),
        cmocka_unit_test(an_answer_fits_its_request_in_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
