#include "vector_files.h"

#include <dirent.h>

#include "base/memory.h"
#include "base/text.h"
#include "formats/der.h"

/* Reads the first element of `bytes`, which lie in a block of exactly their size. */
static result read_first(const void *bytes, size_t size, bool is_lenient, struct der_element *ret_element) {
    uint8_t *block = memory_new(size == 0 ? 1 : size);
    memcpy(block, bytes, size);
    struct cursor cursor = cursor_of(span_of(block, size));
    bool is_ber = false;
    result outcome = is_lenient ? ber_read(&cursor, ret_element, &is_ber) : der_read(&cursor, ret_element);
    assert_int_equal(cursor.failed, outcome != OK);
    if (outcome != OK)
        assert_int_equal(cursor.position, 0);
    else
        assert_int_equal(cursor.position, ret_element->whole.size);
    memory_free(block);
    return outcome;
}

#define STRICT(bytes)  read_first(bytes, sizeof(bytes) - 1, false, &element)
#define LENIENT(bytes) read_first(bytes, sizeof(bytes) - 1, true, &element)

static void test_lengths_are_definite_and_minimal_unless_read_generously(void **state) {
    (void) state;
    struct der_element element;
    assert_ptr_equal(STRICT("\x04\x02hi"), OK);
    assert_int_equal(element.content.size, 2);
    assert_ptr_equal(STRICT("\x04\x81\x02hi"), &fault_der_length);
    assert_ptr_equal(LENIENT("\x04\x81\x02hi"), OK);
    assert_int_equal(element.content.size, 2);
    assert_ptr_equal(LENIENT("\x04\x84\x00\x00\x00\x02hi"), OK);
    assert_ptr_equal(LENIENT("\x04\x89\x00\x00\x00\x00\x00\x00\x00\x00\x02hi"), OK);
    assert_ptr_equal(LENIENT("\x04\x85\x01\x00\x00\x00\x02hi"), &fault_der_length);
    assert_ptr_equal(STRICT("\x30\x80\x04\x00\x00\x00"), &fault_der_length);
    assert_ptr_equal(LENIENT("\x30\x80\x04\x00\x00\x00"), OK);
    assert_int_equal(element.content.size, 2);
    assert_int_equal(element.whole.size, 6);
    assert_ptr_equal(LENIENT("\x30\x80\x30\x80\x00\x00\x04\x01\x00\x00\x00"), OK);
    assert_int_equal(element.content.size, 7);
}

static void test_what_cannot_be_an_element_is_named(void **state) {
    (void) state;
    struct der_element element;
    assert_ptr_equal(STRICT(""), &fault_der_truncated);
    assert_ptr_equal(STRICT("\x04"), &fault_der_truncated);
    assert_ptr_equal(STRICT("\x04\x05hi"), &fault_der_truncated);
    assert_ptr_equal(STRICT("\x04\x82\x01"), &fault_der_truncated);
    assert_ptr_equal(STRICT("\x1f\x81\x01\x00"), &fault_der_tag);
    assert_ptr_equal(LENIENT("\x30\x80\x04\x00"), &fault_der_truncated);
}

static void test_nesting_of_indefinite_lengths_has_a_ceiling(void **state) {
    (void) state;
    uint8_t bytes[4 * DER_DEPTH_MAX];
    struct der_element element;
    memset(bytes, 0, sizeof bytes);
    for (size_t i = 0; i < DER_DEPTH_MAX; i++) {
        bytes[2 * i] = 0x30;
        bytes[2 * i + 1] = 0x80;
    }
    assert_ptr_equal(read_first(bytes, sizeof bytes, true, &element), OK);
    uint8_t deeper[4 * DER_DEPTH_MAX + 4] = {0x30, 0x80};
    memcpy(deeper + 2, bytes, sizeof bytes);
    assert_ptr_equal(read_first(deeper, sizeof deeper, true, &element), &fault_der_length);
}

static void test_every_input_of_up_to_three_bytes_is_read_or_refused(void **state) {
    (void) state;
    struct der_element element;
    unsigned good = 0;
    for (uint32_t size = 0; size <= 3; size++)
        for (uint32_t value = 0; value < 1u << (8 * size); value += size == 3 ? 7 : 1) {
            uint8_t bytes[3] = {(uint8_t) (value >> 16), (uint8_t) (value >> 8), (uint8_t) value};
            const uint8_t *begin = bytes + (3 - size);
            result strict = read_first(begin, size, false, &element), lenient = read_first(begin, size, true, &element);
            assert_true(strict != OK || lenient == OK);
            good += strict == OK;
        }
    assert_true(good > 0);
}

static void test_a_written_header_is_read_back(void **state) {
    (void) state;
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 0xffffff, 0x1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t header[6];
        size_t size = der_header(DER_SEQUENCE, sizes[i], header);
        struct buffer bytes = buffer_with_limit(FILE_LIMIT);
        buffer_add(&bytes, span_of(header, size));
        assert_non_null(buffer_reserve(&bytes, sizes[i] + 1));
        buffer_grew(&bytes, sizes[i]);
        struct cursor cursor = cursor_of(buffer_span(&bytes));
        struct span content;
        assert_ptr_equal(der_take(&cursor, DER_SEQUENCE, &content), OK);
        assert_int_equal(content.size, sizes[i]);
        buffer_done(&bytes);
    }
}

static void assert_time(uint8_t tag, const char *text, const char *wanted, bool wants_odd) {
    int64_t seconds;
    bool is_odd = false;
    char got[RFC3339_SIZE];
    result outcome = der_time(tag, span_of_text(text), &seconds, &is_odd);
    if (wanted == NULL) {
        assert_ptr_equal(outcome, &fault_der_time);
        return;
    }
    assert_ptr_equal(outcome, OK);
    text_of_time(seconds, got);
    assert_string_equal(got, wanted);
    assert_int_equal(is_odd, wants_odd);
}

static void test_times_of_rfc_5280_are_read_and_others_are_odd(void **state) {
    (void) state;
    assert_time(DER_UTC_TIME, "260520174812Z", "2026-05-20T17:48:12Z", false);
    assert_time(DER_UTC_TIME, "500101000000Z", "1950-01-01T00:00:00Z", false);
    assert_time(DER_UTC_TIME, "491231235959Z", "2049-12-31T23:59:59Z", false);
    assert_time(DER_GENERALIZED_TIME, "20500101000000Z", "2050-01-01T00:00:00Z", false);
    assert_time(DER_GENERALIZED_TIME, "99991231235959Z", "9999-12-31T23:59:59Z", false);
    assert_time(DER_GENERALIZED_TIME, "20260101000000Z", "2026-01-01T00:00:00Z", true);
    assert_time(DER_GENERALIZED_TIME, "20500101000000.5Z", "2050-01-01T00:00:00Z", true);
    assert_time(DER_UTC_TIME, "2605201748Z", "2026-05-20T17:48:00Z", true);
    assert_time(DER_UTC_TIME, "260520174812+0200", "2026-05-20T15:48:12Z", true);
    assert_time(DER_UTC_TIME, "260520174812", "2026-05-20T17:48:12Z", true);
    assert_time(DER_UTC_TIME, "000229000000Z", "2000-02-29T00:00:00Z", false);
    assert_time(DER_UTC_TIME, "010229000000Z", NULL, false);
    assert_time(DER_UTC_TIME, "269920174812Z", NULL, false);
    assert_time(DER_UTC_TIME, "260520174860Z", NULL, false);
    assert_time(DER_UTC_TIME, "260520174812Zx", NULL, false);
    assert_time(DER_UTC_TIME, "", NULL, false);
    assert_time(DER_INTEGER, "260520174812Z", NULL, false);
}

static void assert_oid(const char *bytes, size_t size, const char *wanted) {
    char text[64];
    bool is_good = der_oid_text(span_of(bytes, size), text, sizeof text);
    assert_int_equal(is_good, wanted != NULL);
    if (wanted != NULL)
        assert_string_equal(text, wanted);
}

static void test_object_identifiers_are_written_in_dots(void **state) {
    (void) state;
    assert_oid("\x2a\x86\x48\x86\xf7\x0d", 6, "1.2.840.113549");
    assert_oid("\x88\x37", 2, "2.999");
    assert_oid("\x55\x04\x03", 3, "2.5.4.3");
    assert_oid("", 0, NULL);
    assert_oid("\x2a\x80\x01", 3, NULL);
    assert_oid("\x2a\x86", 2, NULL);
    assert_oid("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11, NULL);
}

/* The X.690 test suite: files that break the encoding rules at various depths. None may be read past its end. */
static void test_broken_encodings_of_the_ber_test_suite_do_no_harm(void **state) {
    (void) state;
    struct buffer first = corpus_read("b-x509/asn1-ber-tests/tc1.ber");
    buffer_done(&first);
    unsigned files = 0;
    DIR *directory = opendir(CORPORA_FOLDER "/b-x509/asn1-ber-tests");
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[1000];
        struct buffer bytes;
        struct der_element element;
        snprintf(path, sizeof path, "%s/b-x509/asn1-ber-tests/%s", CORPORA_FOLDER, entry->d_name);
        if (entry->d_name[0] == '.' || !file_read(path, &bytes))
            continue;
        (void) !read_first(bytes.bytes, bytes.size, true, &element);
        buffer_done(&bytes);
        files++;
    }
    closedir(directory);
    assert_true(files > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_are_definite_and_minimal_unless_read_generously),
        cmocka_unit_test(test_what_cannot_be_an_element_is_named),
        cmocka_unit_test(test_nesting_of_indefinite_lengths_has_a_ceiling),
        cmocka_unit_test(test_every_input_of_up_to_three_bytes_is_read_or_refused),
        cmocka_unit_test(test_a_written_header_is_read_back),
        cmocka_unit_test(test_times_of_rfc_5280_are_read_and_others_are_odd),
        cmocka_unit_test(test_object_identifiers_are_written_in_dots),
        cmocka_unit_test(test_broken_encodings_of_the_ber_test_suite_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
