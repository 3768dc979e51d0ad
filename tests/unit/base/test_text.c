#include "vector_files.h"

#include "base/digest.h"
#include "base/reason.h"
#include "base/text.h"

static void assert_number(const char *text, uint64_t maximum, result wanted, uint64_t wanted_number) {
    uint64_t number = 7;
    assert_ptr_equal(text_to_number(span_of_text(text), maximum, &number), wanted);
    assert_int_equal(number, wanted == OK ? wanted_number : 7);
}

static void test_numbers_are_plain_decimal_and_in_range(void **state) {
    (void) state;
    assert_number("0", 0, OK, 0);
    assert_number("255", 255, OK, 255);
    assert_number("18446744073709551615", UINT64_MAX, OK, UINT64_MAX);
    static const char *const bad[] = {"", "256", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_number(bad[i], 255, &fault_text_number, 0);
    assert_number("18446744073709551616", UINT64_MAX, &fault_text_number, 0);
}

static void test_hex_is_exact(void **state) {
    (void) state;
    uint8_t bytes[2];
    char text[5];
    assert_ptr_equal(text_to_hex(span_of_text("aBcD"), bytes, 2), OK);
    text_of_hex(span_of(bytes, 2), text);
    assert_string_equal(text, "abcd");
    assert_ptr_equal(text_to_hex(span_of_text("abc"), bytes, 2), &fault_text_hex);
    assert_ptr_equal(text_to_hex(span_of_text("abcg"), bytes, 2), &fault_text_hex);
    assert_ptr_equal(text_to_hex(span_of_text("abcde"), bytes, 2), &fault_text_hex);
}

static void test_base64_is_canonical(void **state) {
    (void) state;
    static const char *const bad[] = {"A", "AA", "AAA", "AA=A", "A===", "====", "AB==", "AAB=", "AA==AAAA", "AAA\n",
                                      " AAA", "AA-_", "QUJD\nQUJD"};
    static const struct {
        const char *text, *value;
    } good[] = {{"", ""}, {"QQ==", "A"}, {"QUI=", "AB"}, {"QUJD", "ABC"}, {"QUJDRA==", "ABCD"}};
    uint8_t bytes[16];
    char text[16];
    size_t size;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_ptr_equal(text_to_base64(span_of_text(bad[i]), bytes, &size), &fault_text_base64);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ptr_equal(text_to_base64(span_of_text(good[i].text), bytes, &size), OK);
        assert_true(span_equal(span_of(bytes, size), span_of_text(good[i].value)));
        text_of_base64(span_of_text(good[i].value), text);
        assert_string_equal(text, good[i].text);
    }
}

static void assert_time(const char *text, result wanted, int64_t wanted_ms) {
    int64_t ms = 7;
    assert_ptr_equal(text_to_time_ms(span_of_text(text), &ms), wanted);
    assert_int_equal(ms, wanted == OK ? wanted_ms : 7);
}

static void test_times_are_rfc_3339(void **state) {
    (void) state;
    assert_time("1970-01-01T00:00:00Z", OK, 0);
    assert_time("2026-11-21T12:00:00Z", OK, 1795262400000);
    assert_time("2026-11-21T12:00:00.2509Z", OK, 1795262400250);
    assert_time("2026-11-21T13:30:00+01:30", OK, 1795262400000);
    static const char *const bad[] = {"", "2026-11-21", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-21T12:00:00",
                                      "2026-11-21T24:00:00Z", "2026-11-21T12:00:00Zx", "2026-11-21T12:00:00+0130"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_time(bad[i], &fault_text_time, 0);
}

static void test_every_day_of_a_century_is_written_and_read_back(void **state) {
    (void) state;
    for (int64_t day = -20000; day < 40000; day++) {
        char text[RFC3339_SIZE];
        int64_t ms;
        text_of_time(day * 86400 + 86399, text);
        assert_ptr_equal(text_to_time_ms(span_of_text(text), &ms), OK);
        assert_int_equal(ms, (day * 86400 + 86399) * 1000);
    }
}

static void test_text_from_outside_is_made_harmless(void **state) {
    (void) state;
    struct buffer text = buffer_with_limit(100);
    assert_true(text_add_harmless(&text, span_of("a\\\x1b[31m\n\xc3\xa9\xe2\x80\xae\xff\0", 15)));
    assert_string_equal(buffer_text(&text), "a\\\\\\x1b[31m\\x0a\xc3\xa9\\xe2\\x80\\xae\\xff\\x00");
    buffer_done(&text);
}

static void test_what_is_unseen_or_turns_writing_or_piles_up_is_shown_as_bytes(void **state) {
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"a\u202eb", "a\\xe2\\x80\\xaeb"}, /* right-to-left override */
        {"a\u2066b", "a\\xe2\\x81\\xa6b"}, /* isolate */
        {"a\u061cb", "a\\xd8\\x9cb"},       /* Arabic letter mark */
        {"a\u200bb", "a\\xe2\\x80\\x8bb"}, /* zero width space */
        {"a\u2060b", "a\\xe2\\x81\\xa0b"}, /* word joiner */
        {"a\u00adb", "a\\xc2\\xadb"},       /* soft hyphen */
        {"a\u2028b", "a\\xe2\\x80\\xa8b"}, /* line separator */
        {"\xc2\x9b" "31m", "\\xc2\\x9b31m"}, /* CSI as one character */
        {"\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81"}, /* a tag */
        {"e\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301\\xcc\\x81"},
        {"\u0301", "\\xcc\\x81"}, /* would be drawn over what stands before */
        {"Wächter 日本 ünïcode", "Wächter 日本 ünïcode"},
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer text = buffer_with_limit(100);
        assert_true(text_add_harmless(&text, span_of_text(cases[i].text)));
        assert_string_equal(buffer_text(&text), cases[i].shown);
        buffer_done(&text);
    }
}

/* Errors carry what a server said, and go to places that take UTF-8 alone. */
static void test_a_reason_is_harmless_utf8_wherever_it_is_cut(void **state) {
    (void) state;
    struct reason reason;
    (void) reason_set(&reason, &fault_text_hex, "said \xff\x1b[2J\u202e and \xc2\x9b, \xc3\xa4");
    assert_string_equal(reason.text, "said ??[2J??? and ??, \xc3\xa4");
    for (int size = REASON_SIZE - 8; size < REASON_SIZE; size++) {
        char text[REASON_SIZE + 8];
        memset(text, 'a', sizeof text);
        memcpy(text + size, "\u65e5", 4);
        (void) reason_set(&reason, &fault_text_hex, "%s", text);
        for (const char *at = reason.text; *at != '\0'; at++)
            assert_true((*at & 0x80) == 0 || strstr(reason.text, "\u65e5") != NULL);
    }
}

static void test_a_reason_is_one_printable_line(void **state) {
    (void) state;
    struct reason reason;
    assert_ptr_equal(reason_set(&reason, &fault_text_hex, "a\nb%d", 3), &fault_text_hex);
    assert_string_equal(reason.text, "a?b3");
    reason_of_fault(&fault_text_base64, &reason);
    assert_string_equal(reason.text, "base64 text: not canonical base64, wanted padded base64 without line breaks or left-over "
                                     "bits (RFC 4648 4)");
    reason_of_fault(OK, &reason);
    assert_string_equal(reason.text, "");
}

static void test_a_digest_of_parts_is_that_of_the_whole(void **state) {
    (void) state;
    const struct span parts[] = {span_of_text("a"), span_of(NULL, 0), span_of_text("bc")};
    struct hash hash;
    char hex[HASH_HEX_SIZE];
    digest_of_parts(parts, 3, &hash);
    hash_to_hex(&hash, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); /* FIPS 180-4, "abc" */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_plain_decimal_and_in_range),
        cmocka_unit_test(test_hex_is_exact),
        cmocka_unit_test(test_base64_is_canonical),
        cmocka_unit_test(test_times_are_rfc_3339),
        cmocka_unit_test(test_every_day_of_a_century_is_written_and_read_back),
        cmocka_unit_test(test_text_from_outside_is_made_harmless),
        cmocka_unit_test(test_what_is_unseen_or_turns_writing_or_piles_up_is_shown_as_bytes),
        cmocka_unit_test(test_a_reason_is_harmless_utf8_wherever_it_is_cut),
        cmocka_unit_test(test_a_reason_is_one_printable_line),
        cmocka_unit_test(test_a_digest_of_parts_is_that_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
