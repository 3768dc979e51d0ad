/* Pins in the files of apps: one folder of vectors for each format. Every vector is also written again, and read. */
#include "vector_text.h"

#include <stdarg.h>

#define require(is_so) assert_true(is_so)
#include "pin_checks.h"
#include "pin_words.h"

#define ARENA_LIMIT ((size_t) 256 * 1024 * 1024)

/* In its own format, and whether another is written or says why not. */
static void write_again(const struct pin_document *document, struct arena *arena) {
    const struct pin_format_entry *entry = pin_format_entry_of(document->format);
    if (entry->write != NULL)
        pin_check_again(document, entry, arena);
    pin_check_exports(document, arena);
}

static void judge(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_file file = {.source = "file", .bytes = input};
    struct pin_document *documents = NULL;
    struct reason reason = {""};
    struct buffer text = buffer_with_limit(size - 1);
    size_t count = 0;
    result outcome = pin_file_read(&file, NULL, arena, &documents, &count, &reason);
    if (outcome != OK) {
        assert_ptr_equal(outcome, &fault_pin_file);
        buffer_printf(&text, "refused: %s", reason.text);
    }
    for (size_t i = 0; i < count; i++) {
        struct buffer words = buffer_with_limit(size - 1);
        pin_check_document(&documents[i]);
        pin_words_of_document(&documents[i], &words);
        if (i > 0 || documents[i].format != PIN_FORMAT_ANDROID || strcmp(documents[i].source, "file") != 0)
            buffer_printf(&text, "%s%s%s: ", i == 0 ? "" : " ; ", pin_format_name(documents[i].format), documents[i].source + strlen("file"));
        buffer_add(&text, buffer_span(&words));
        buffer_done(&words);
        write_again(&documents[i], arena);
    }
    snprintf(ret_line, size, "%s", buffer_text(&text));
    buffer_done(&text);
    arena_free(arena);
}

static void network_security_configs_are_read_as_android_reads_them(void **state) {
    (void) state;
    vector_texts_check("pin-android", judge);
}

static void pinned_domains_of_an_info_plist_are_read_as_apple_documents_them(void **state) {
    (void) state;
    vector_texts_check("pin-apple", judge);
}

static void trustkit_configurations_are_read_as_trustkit_reads_them(void **state) {
    (void) state;
    vector_texts_check("pin-trustkit", judge);
}

static void binary_plists_are_read_without_calling_themselves(void **state) {
    (void) state;
    vector_texts_check("plist-binary", judge);
}

static void apps_are_read_as_they_are_shipped(void **state) {
    (void) state;
    vector_texts_check("app-package", judge);
}

/* ---- what is made to be too much */

enum { MUCH = 12 * 1024 * 1024 };

static void repeat(struct buffer *out, const char *text, size_t count) {
    struct span piece = span_of_text(text);
    uint8_t *room = buffer_reserve(out, count * piece.size);
    assert_non_null(room);
    for (size_t i = 0; i < count; i++)
        memcpy(room + i * piece.size, piece.bytes, piece.size);
    buffer_grew(out, count * piece.size);
}

static void assert_refused(struct buffer *bytes, const char *sentence) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document *documents;
    struct reason reason = {""};
    size_t count;
    struct pin_file file = {.source = "file", .bytes = buffer_span(bytes)};
    assert_ptr_equal(pin_file_read(&file, NULL, arena, &documents, &count, &reason), &fault_pin_file);
    assert_string_equal(reason.text, sentence);
    arena_free(arena);
    buffer_reset(bytes);
}

static void add_trailer(struct buffer *bytes, uint64_t objects, uint64_t table) {
    buffer_add_number(bytes, 6, 0);
    buffer_add_number(bytes, 1, 4);
    buffer_add_number(bytes, 1, 4);
    buffer_add_number(bytes, 8, objects);
    buffer_add_number(bytes, 8, 0);
    buffer_add_number(bytes, 8, table);
}

/* Arrays that hold the next one, `count` times; the last holds the name that a plist with pins is known by. */
static void make_binary_chain(struct buffer *bytes, size_t arrays, uint8_t count) {
    size_t size = 1 + 4 * (size_t) count;
    buffer_add_text(bytes, "bplist00");
    for (size_t i = 0; i < arrays; i++) {
        buffer_add_number(bytes, 1, 0xa0u | count);
        for (uint8_t k = 0; k < count; k++)
            buffer_add_number(bytes, 4, i + 1);
    }
    buffer_add_text(bytes, "\x5f\x10\x0fNSPinnedDomains");
    size_t table = bytes->size;
    for (size_t i = 0; i <= arrays; i++)
        buffer_add_number(bytes, 4, 8 + i * size);
    add_trailer(bytes, arrays + 1, table);
}

static void plists_nested_200000_deep_are_refused_with_a_sentence(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(MUCH);
    buffer_add_text(&bytes, "<plist><!-- NSPinnedDomains -->");
    repeat(&bytes, "<array>", 200000);
    repeat(&bytes, "</array>", 200000);
    assert_refused(&bytes, "line 1: an element is nested more than 64 deep, wanted at most 64");
    make_binary_chain(&bytes, 199999, 1);
    assert_refused(&bytes, "binary plist: a value is nested more than 64 deep, wanted at most 64");
    make_binary_chain(&bytes, 200000, 1);
    assert_refused(&bytes, "binary plist: it has more than 200000 objects, wanted fewer");
    buffer_add_text(&bytes, "{\"TSKPinnedDomains\": ");
    repeat(&bytes, "[", 200000);
    assert_refused(&bytes, "pin file: nested deeper or of more values than any real one");
    buffer_done(&bytes);
}

static void a_few_bytes_do_not_become_millions_of_values(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(MUCH);
    make_binary_chain(&bytes, 60, 2);
    assert_refused(&bytes, "binary plist: it has more than 200000 values, wanted fewer");
    buffer_add_text(&bytes, "bplist00\xaf\x12"); /* an array of one long string under 1000 numbers */
    buffer_add_number(&bytes, 4, 1000);
    for (size_t i = 0; i < 1000; i++)
        buffer_add_number(&bytes, 4, i + 1);
    size_t string = bytes.size;
    buffer_add_text(&bytes, "\x5f\x12");
    buffer_add_number(&bytes, 4, 1000000);
    repeat(&bytes, "NSPinnedDomains ", 62500);
    size_t table = bytes.size;
    buffer_add_number(&bytes, 4, 8);
    for (size_t i = 0; i < 1000; i++)
        buffer_add_number(&bytes, 4, string);
    add_trailer(&bytes, 1001, table);
    assert_refused(&bytes, "binary plist: its strings make more than 16 MB, wanted less");
    buffer_add_text(&bytes, "<network-security-config>");
    repeat(&bytes, "<a/>", 200000);
    assert_refused(&bytes, "line 1: there are more than 200000 elements, wanted fewer");
    buffer_add_text(&bytes, "<network-security-config");
    repeat(&bytes, " a=''", 500000);
    assert_refused(&bytes, "line 1: an element has more than 256 attributes, wanted fewer");
    buffer_add_text(&bytes, "<plist><dict><key>NSPinnedDomains</key><dict>");
    repeat(&bytes, "<key>a</key><true/>", 10001);
    buffer_add_text(&bytes, "</dict></dict></plist>");
    assert_refused(&bytes, "the file has more than 10000 hosts, or more than 1000 pins for one; wanted fewer: part of a file is no pin set");
    buffer_done(&bytes);
}

static void a_file_of_10_megabytes_is_refused_with_a_sentence(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(MUCH);
    buffer_add_text(&bytes, "<network-security-config>");
    repeat(&bytes, " ", 10 * 1000 * 1000 - bytes.size);
    assert_refused(&bytes, "the file has 10000000 bytes, wanted 4194304 at most");
    buffer_done(&bytes);
}

/* ---- real files */

static struct pin_document *read_corpus(const char *name, enum pin_format format, struct arena *arena) {
    struct buffer bytes = corpus_read(name);
    struct pin_document *documents;
    struct reason reason = {""};
    size_t count = 0;
    assert_ptr_equal(pin_file_read(&(struct pin_file){.source = name, .bytes = buffer_span(&bytes)}, NULL, arena, &documents, &count, &reason), OK);
    assert_int_equal(count, 1);
    assert_int_equal(documents[0].format, format);
    pin_check_document(&documents[0]);
    write_again(&documents[0], arena);
    buffer_done(&bytes);
    return documents;
}

static void assert_pins(const struct pin_set *set, const char *host, size_t pins) {
    assert_string_equal(set->host, host);
    assert_int_equal(set->group_count, pins > 0);
    if (pins > 0)
        assert_int_equal(set->groups[0].count, pins);
}

static void real_android_configs_keep_their_pins_comments_and_dates(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    const struct pin_document *store = read_corpus("d-pins/android-nsc/grapheneos-appstore.xml", PIN_FORMAT_ANDROID, arena);
    const struct pin_document *auditor = read_corpus("d-pins/android-nsc/grapheneos-auditor.xml", PIN_FORMAT_ANDROID, arena);
    const struct pin_document *updater = read_corpus("d-pins/android-nsc/grapheneos-updater.xml", PIN_FORMAT_ANDROID, arena);
    assert_int_equal(store->set_count + auditor->set_count + updater->set_count, 3);
    assert_int_equal(store->remark_count + auditor->remark_count + updater->remark_count, 0);
    assert_pins(&store->sets[0], "apps.grapheneos.org", 6);
    assert_pins(&auditor->sets[0], "attestation.app", 6);
    assert_pins(&updater->sets[0], "releases.grapheneos.org", 4);
    assert_string_equal(store->sets[0].groups[0].pins[5].comment, "ECDSA secp384r1 backup key");
    assert_int_equal(store->sets[0].expires, time_of_date(2027, 4, 1));
    assert_true(store->sets[0].is_expiry_local && !auditor->sets[0].has_expiry);
    arena_free(arena);
}

static void real_trustkit_configs_are_enforced_and_localhost_is_not_pinned(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    const struct pin_document *demo = read_corpus("d-pins/android-nsc/trustkit-android-demo.xml", PIN_FORMAT_TRUSTKIT_ANDROID, arena);
    const struct pin_document *kotlin = read_corpus("d-pins/android-nsc/trustkit-android-demokotlin.xml", PIN_FORMAT_TRUSTKIT_ANDROID, arena);
    assert_int_equal(demo->set_count, 2);
    assert_int_equal(kotlin->set_count, 3);
    assert_pins(&demo->sets[1], "www.google.com", 2);
    assert_string_equal(demo->sets[0].report_uris[0], "https://overmind.datatheorem.com/trustkit/report");
    assert_true(demo->sets[0].is_enforced && !demo->sets[0].is_report_only && !demo->sets[0].uses_default_reports);
    assert_pins(&kotlin->sets[2], "localhost", 0);
    assert_false(kotlin->sets[2].is_pinned);
    assert_true(kotlin->sets[2].is_report_only);
    arena_free(arena);
}

static void real_info_plists_pin_the_keys_of_cas_under_white_space_that_is_told(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    const struct pin_document *reference = read_corpus("d-pins/ios-plist/coverdrop-reference-Info.plist", PIN_FORMAT_APPLE, arena);
    const struct pin_document *audit = read_corpus("d-pins/ios-plist/coverdrop-referenceAudit-Info.plist", PIN_FORMAT_APPLE, arena);
    assert_int_equal(reference->set_count, 2);
    assert_int_equal(audit->set_count, 2);
    assert_pins(&reference->sets[0], "coverdrop-api.code.dev-gutools.co.uk", 1);
    assert_int_equal(reference->sets[0].groups[0].pins[0].position, PIN_CA);
    assert_int_equal(reference->sets[0].groups[0].pins[0].line, 29);
    assert_int_equal(reference->remark_count, 1);
    assert_string_equal(reference->remarks[0].rule, "xml-leading-space");
    assert_int_equal(audit->remark_count, 0);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_security_configs_are_read_as_android_reads_them),
        cmocka_unit_test(pinned_domains_of_an_info_plist_are_read_as_apple_documents_them),
        cmocka_unit_test(binary_plists_are_read_without_calling_themselves),
        cmocka_unit_test(apps_are_read_as_they_are_shipped),
        cmocka_unit_test(trustkit_configurations_are_read_as_trustkit_reads_them),
        cmocka_unit_test(plists_nested_200000_deep_are_refused_with_a_sentence),
        cmocka_unit_test(a_few_bytes_do_not_become_millions_of_values),
        cmocka_unit_test(a_file_of_10_megabytes_is_refused_with_a_sentence),
        cmocka_unit_test(real_info_plists_pin_the_keys_of_cas_under_white_space_that_is_told),
        cmocka_unit_test(real_android_configs_keep_their_pins_comments_and_dates),
        cmocka_unit_test(real_trustkit_configs_are_enforced_and_localhost_is_not_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
