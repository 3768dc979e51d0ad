/* Pins in texts that people and programs write: one folder of vectors for each format. Every vector is also written again, and read. */
#include "vector_text.h"

#include <stdarg.h>

#define require(is_so) assert_true(is_so)
#include "pin_checks.h"
#include "pin_words.h"

#define ARENA_LIMIT ((size_t) 256 * 1024 * 1024)

static void judge(enum pin_format format, struct span input, char *ret_line, size_t size) {
    const struct pin_format_entry *entry = pin_format_entry_of(format);
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = {.source = "file", .format = format};
    struct reason reason = {""};
    struct buffer text = buffer_with_limit(size - 1);
    enum pin_format guessed;
    result outcome = entry->read(input, arena, &document, &reason);
    if (outcome == OK) {
        pin_check_document(&document);
        pin_words_of_document(&document, &text);
        if (entry->write != NULL)
            pin_check_again(&document, entry, arena);
        pin_check_exports(&document, arena);
        if (document.set_count > 0 && pin_format_guess(input, &guessed))
            assert_int_equal(guessed, format);
    } else {
        assert_ptr_equal(outcome, &fault_pin_file);
        buffer_printf(&text, "refused: %s", reason.text);
    }
    snprintf(ret_line, size, "%s", buffer_text(&text));
    buffer_done(&text);
    arena_free(arena);
}

static void judge_okhttp(struct span input, char *ret_line, size_t size) {
    judge(PIN_FORMAT_OKHTTP, input, ret_line, size);
}

static void calls_of_the_okhttp_builder_are_read_from_source(void **state) {
    (void) state;
    vector_texts_check("pin-okhttp", judge_okhttp);
}

static void judge_tlsa(struct span input, char *ret_line, size_t size) {
    judge(PIN_FORMAT_TLSA, input, ret_line, size);
}

static void tlsa_records_are_read_from_zones_and_from_dig(void **state) {
    (void) state;
    vector_texts_check("pin-tlsa", judge_tlsa);
}

static void judge_key(struct span input, char *ret_line, size_t size) {
    judge(PIN_FORMAT_KEY, input, ret_line, size);
}

static void pins_are_made_of_certificates_requests_and_public_keys_and_private_ones_are_refused(void **state) {
    (void) state;
    vector_texts_check("pin-key", judge_key);
}

static void judge_hpkp(struct span input, char *ret_line, size_t size) {
    judge(PIN_FORMAT_HPKP, input, ret_line, size);
}

static void headers_of_hpkp_are_read_by_their_grammar(void **state) {
    (void) state;
    vector_texts_check("pin-hpkp", judge_hpkp);
}

static void judge_yaml(struct span input, char *ret_line, size_t size) {
    judge(PIN_FORMAT_YAML, input, ret_line, size);
}

static void our_own_yaml_says_everything_and_is_strict(void **state) {
    (void) state;
    vector_texts_check("pin-yaml", judge_yaml);
}

static void judge_chromium(struct span input, char *ret_line, size_t size) {
    judge(PIN_FORMAT_CHROMIUM, input, ret_line, size);
}

static void names_of_keys_and_hosts_that_refer_to_them_are_joined_in_chromiums_list(void **state) {
    (void) state;
    vector_texts_check("pin-chromium", judge_chromium);
}

/* ── real files ── */

static void read_corpus(const char *name, enum pin_format format, struct arena *arena, struct pin_document **ret_document) {
    struct buffer bytes = corpus_read(name);
    struct reason reason = {""};
    size_t count = 0;
    enum pin_format guessed;
    assert_true(pin_format_guess(buffer_span(&bytes), &guessed));
    assert_int_equal(guessed, format);
    assert_ptr_equal(pin_file_read(&(struct pin_file){.source = name, .bytes = buffer_span(&bytes)}, NULL, arena, ret_document, &count, &reason), OK);
    assert_int_equal(count, 1);
    pin_check_document(*ret_document);
    pin_check_again(*ret_document, pin_format_entry_of(format), arena);
    buffer_done(&bytes);
}

static void the_pins_of_a_real_app_are_twelve_sets_with_what_stands_beside_them(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document *document;
    read_corpus("d-pins/okhttp/DP-3T+dp3t-app-android-ch.txt", PIN_FORMAT_OKHTTP, arena, &document);
    assert_int_equal(document->set_count, 12);
    assert_int_equal(document->remark_count, 0);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(document->sets[i].line, i + 1);
        assert_string_equal(document->sets[i].groups[0].pins[0].comment, i < 3 ? "leaf" : "intermediate");
    }
    assert_string_equal(document->sets[11].host, "codegen-service.bag.admin.ch");
    arena_free(arena);
}

static void lines_without_a_complete_pin_are_an_error_each(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document *document;
    read_corpus("d-pins/okhttp/square+okhttp.txt", PIN_FORMAT_OKHTTP, arena, &document);
    assert_int_equal(document->set_count, 0);
    bool has_error[25] = {false};
    for (size_t i = 0; i < document->remark_count; i++) {
        assert_int_equal(document->remarks[i].kind, PIN_REMARK_ERROR);
        assert_true(document->remarks[i].line >= 1 && document->remarks[i].line <= 24);
        has_error[document->remarks[i].line] = true;
    }
    for (size_t i = 1; i <= 24; i++)
        assert_true(has_error[i]);
    arena_free(arena);
}

/* The example that people copy. */
static void the_example_of_the_documentation_is_read_without_a_remark(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = {.source = "pins.md", .format = PIN_FORMAT_YAML};
    struct reason reason = {""};
    struct buffer page;
    assert_true(file_read(TESTS_FOLDER "/../docs/pins.md", &page));
    const char *begin = strstr(buffer_text(&page), "```yaml\npin_sets:");
    assert_non_null(begin);
    begin += strlen("```yaml\n");
    const char *end = strstr(begin, "```");
    assert_non_null(end);
    assert_ptr_equal(pin_yaml_read(span_of(begin, (size_t) (end - begin)), arena, &document, &reason), OK);
    assert_int_equal(document.set_count, 3);
    assert_int_equal(document.remark_count, 0);
    buffer_done(&page);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_the_okhttp_builder_are_read_from_source),
        cmocka_unit_test(tlsa_records_are_read_from_zones_and_from_dig),
        cmocka_unit_test(pins_are_made_of_certificates_requests_and_public_keys_and_private_ones_are_refused),
        cmocka_unit_test(headers_of_hpkp_are_read_by_their_grammar),
        cmocka_unit_test(our_own_yaml_says_everything_and_is_strict),
        cmocka_unit_test(names_of_keys_and_hosts_that_refer_to_them_are_joined_in_chromiums_list),
        cmocka_unit_test(the_pins_of_a_real_app_are_twelve_sets_with_what_stands_beside_them),
        cmocka_unit_test(lines_without_a_complete_pin_are_an_error_each),
        cmocka_unit_test(the_example_of_the_documentation_is_read_without_a_remark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
