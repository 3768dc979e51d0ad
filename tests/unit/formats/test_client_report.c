/* Reports of clients whose pins were not satisfied. */
#include "vector_text.h"

#include <stdarg.h>

#define require(is_so) assert_true(is_so)
#include "client_report_words.h"
#include "formats/pin_file.h"

static void judge(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(CLIENT_REPORT_ARENA_SIZE);
    struct buffer text = buffer_with_limit(size - 1);
    struct client_report report;
    struct reason reason = {""};
    result outcome = client_report_read(input, arena, &report, &reason);
    if (outcome == OK) {
        client_report_check(&report);
        client_report_words(&report, &text);
    } else {
        assert_ptr_equal(outcome, &fault_client_report);
        buffer_printf(&text, "refused: %s", reason.text);
    }
    snprintf(ret_line, size, "%s", buffer_text(&text));
    buffer_done(&text);
    arena_free(arena);
}

static void reports_are_read_as_hpkp_and_trustkit_write_them(void **state) {
    (void) state;
    vector_texts_check("client-report", judge);
}

static void the_sample_of_trustkit_is_read(void **state) {
    (void) state;
    struct buffer sample = corpus_read("d-pins/trustkit/sample_report.json");
    char line[1000];
    judge(buffer_span(&sample), line, sizeof line);
    assert_string_equal(line, "trustkit www.datatheorem.com:443 of datatheorem.com with subdomains enforced at 2015-06-08T01:58:05Z local app com.datatheorem.testtrustkit2 1 "
                              "android (trustkit 1.0.0) result 1 served 2 validated 3 pins ac58dcdf 4d012d74");
    buffer_done(&sample);
}

/* ---- at a glance */

static const char *guess(const char *text) {
    enum client_report_format format;
    return client_report_is_likely(span_of_text(text), &format) ? client_report_format_name(format) : "no";
}

static void a_report_is_known_at_a_glance(void **state) {
    (void) state;
    assert_string_equal(guess("{\"noted-hostname\":\"a\",\"served-certificate-chain\":[]}"), "hpkp");
    assert_string_equal(guess("{\"known-pins\":[],\"validated-certificate-chain\":[]}"), "hpkp");
    assert_string_equal(guess("\n {\"known-pins\":[],\"validated-certificate-chain\":[],\"app-bundle-id\":\"x\"}"), "trustkit");
    assert_string_equal(guess(""), "no");
    assert_string_equal(guess(" \n"), "no");
    assert_string_equal(guess("[{\"known-pins\":[],\"validated-certificate-chain\":[]}]"), "no");
    assert_string_equal(guess("{\"known-pins\":[],\"noted-hostname\":\"a\"}"), "no");
    assert_string_equal(guess("{\"hostname\":\"a\",\"served-certificate-chain\":[],\"validated-certificate-chain\":[],\"scts\":[]}"), "no"); /* Expect-CT */
    assert_string_equal(guess("{\"kTSKPinnedDomains\":{}}"), "no");
}

static void who_takes_a_report_for_a_pin_file_is_told_where_it_belongs(void **state) {
    (void) state;
    static const char text[] = "{\"hostname\":\"a\",\"known-pins\":[],\"served-certificate-chain\":[\"-----BEGIN CERTIFICATE-----\"]}";
    struct arena *arena = arena_new(CLIENT_REPORT_ARENA_SIZE);
    struct pin_file file = {.source = "file", .bytes = span_of_text(text)};
    struct pin_document *documents;
    struct reason reason = {""};
    size_t count;
    assert_ptr_equal(pin_file_read(&file, NULL, arena, &documents, &count, &reason), &fault_pin_file);
    assert_string_equal(reason.text, "this is an HPKP report of failed pin validation, wanted a pin file; \"pinwatch pins report\" explains it");
    arena_free(arena);
}

/* ---- limits */

static void the_largest_report_fits_into_the_memory_that_the_header_names(void **state) {
    (void) state;
    static const char *const fillers[] = {"{\"hostname\":\"a.example\",\"served-certificate-chain\":[\"", "{\"hostname\":\"a.example\",\"served-certificate-chain\":[\"-----BEGIN CERTIFICATE-----\\n",
                                          "{\"hostname\":\"a.example\",\"known-pins\":[\""};
    static const char *const pieces[] = {"-----BEGIN X-----\\n", "AAAAAAAAAAAAAAAAAAAA\\n", "A"};
    static const char *const ends[] = {"\"]}", "-----END CERTIFICATE-----\"]}", "\"]}"};
    for (size_t i = 0; i < 3; i++) {
        struct buffer text = buffer_with_limit(CLIENT_REPORT_SIZE_MAX);
        char line[1000];
        buffer_add_text(&text, fillers[i]);
        while (text.size < CLIENT_REPORT_SIZE_MAX - 100)
            buffer_add_text(&text, pieces[i]);
        buffer_add_text(&text, ends[i]);
        judge(buffer_span(&text), line, sizeof line);
        assert_non_null(strstr(line, "served 0 validated 0 pins"));
        buffer_done(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_read_as_hpkp_and_trustkit_write_them),
        cmocka_unit_test(the_sample_of_trustkit_is_read),
        cmocka_unit_test(a_report_is_known_at_a_glance),
        cmocka_unit_test(who_takes_a_report_for_a_pin_file_is_told_where_it_belongs),
        cmocka_unit_test(the_largest_report_fits_into_the_memory_that_the_header_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
