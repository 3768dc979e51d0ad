#include "vector_text.h"

#include <arpa/inet.h>

#include "formats/distinguished_name.h"
#include "formats/names.h"

enum { LINE_SIZE = 20000 };

static void write_reading(void *context, const struct name_reading *reading) {
    static const char *const types[] = {"dns", "ip", "email", "uri"};
    struct buffer *line = context;
    char address[INET6_ADDRSTRLEN];
    buffer_printf(line, "%s%s ", line->size == 0 ? "" : "|", types[reading->type]);
    buffer_add(line, reading->text);
    if (reading->type == NAME_DNS)
        assert_true(span_equal(reading->text, reading->host));
    else if (reading->host.size > 0)
        buffer_printf(line, " (%.*s)", (int) reading->host.size, (const char *) reading->host.bytes);
    if (reading->type != NAME_IP && reading->address.size > 0) {
        inet_ntop(reading->address.size == 4 ? AF_INET : AF_INET6, reading->address.bytes, address, sizeof address);
        buffer_printf(line, " [%s]", address);
    }
}

static void write_names(struct certificate *certificate, char *ret_line, size_t size) {
    struct buffer line = buffer_with_limit(LINE_SIZE);
    result outcome = names_visit(certificate, write_reading, &line);
    if (outcome != OK)
        buffer_printf(&line, "%serror %s", line.size == 0 ? "" : "|", outcome->name);
    for (int i = 0; i < certificate_oddity_count; i++)
        if ((certificate->oddities & ODDITY_BIT(i)) != 0)
            buffer_printf(&line, "%s! %s", line.size == 0 ? "" : "|",
                          certificate_oddity_sentence((enum certificate_oddity) i));
    snprintf(ret_line, size, "%s", buffer_text(&line));
    buffer_done(&line);
}

/* A TBS around the parts, so that OpenSSL can be asked about it as well. */
static struct buffer build_tbs(struct span subject, struct span san) {
    static const uint8_t head[] = {0xa0, 3, 2, 1, 2,                         /* version 3 */
                                   2, 1, 1,                                  /* serialNumber */
                                   0x30, 3, 6, 1, 0x2a};                     /* signature */
    static const uint8_t validity[] = {0x30, 30, 0x17, 13, '2', '6', '0', '1', '0', '1', '0', '0', '0', '0', '0', '0', 'Z',
                                       0x17, 13, '2', '6', '0', '2', '0', '1', '0', '0', '0', '0', '0', '0', 'Z'};
    static const uint8_t spki[] = {0x30, 11, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 2, 0, 1}; /* ed25519, cut */
    static const uint8_t empty_name[] = {0x30, 0};
    struct buffer body = buffer_with_limit(FILE_LIMIT), tbs = buffer_with_limit(FILE_LIMIT);
    uint8_t header[6];
    buffer_add(&body, span_of(head, sizeof head));
    buffer_add(&body, span_of(empty_name, sizeof empty_name));
    buffer_add(&body, span_of(validity, sizeof validity));
    buffer_add(&body, subject);
    buffer_add(&body, span_of(spki, sizeof spki));
    if (san.size > 0) {
        size_t value = der_header(DER_OCTET_STRING, san.size, header) + san.size;
        uint8_t sizes[4][6];
        size_t oid = 5, inner = oid + value;
        size_t a = der_header(DER_SEQUENCE, inner, sizes[2]);
        size_t b = der_header(DER_SEQUENCE, a + inner, sizes[1]);
        size_t c = der_header(DER_CONTEXT_CONSTRUCTED(3), b + a + inner, sizes[0]);
        buffer_add(&body, span_of(sizes[0], c));
        buffer_add(&body, span_of(sizes[1], b));
        buffer_add(&body, span_of(sizes[2], a));
        buffer_add(&body, span_of("\x06\x03\x55\x1d\x11", oid));
        buffer_add(&body, span_of(header, value - san.size));
        buffer_add(&body, san);
    }
    buffer_add(&tbs, span_of(header, der_header(DER_SEQUENCE, body.size, header)));
    buffer_add(&tbs, buffer_span(&body));
    buffer_done(&body);
    return tbs;
}

static void judge(struct span subject, struct span san, char *ret_line, size_t size) {
    struct buffer tbs = build_tbs(subject, san);
    struct certificate certificate;
    assert_ptr_equal(tbs_parse(buffer_span(&tbs), &certificate), OK);
    write_names(&certificate, ret_line, size);
    buffer_done(&tbs);
}

static void judge_san(struct span input, char *ret_line, size_t size) {
    judge(span_of("\x30", 2), input, ret_line, size);
}

static void judge_subject(struct span input, char *ret_line, size_t size) {
    judge(input, span_of(NULL, 0), ret_line, size);
}

static void test_alternative_names_are_read_generously(void **state) {
    (void) state;
    vectors_check("names", judge_san);
    vector_texts_check("names", judge_san);
}

static void test_common_names_are_read_where_they_look_like_names(void **state) {
    (void) state;
    vectors_check("subject", judge_subject);
}

static void test_slow_names_have_a_ceiling(void **state) {
    (void) state;
    static const uint8_t name[] = {0x82, 4, 0xc3, 0xa9, '.', 'a'};
    struct buffer names = buffer_with_limit(FILE_LIMIT), san = buffer_with_limit(FILE_LIMIT);
    uint8_t header[6];
    for (int i = 0; i < 3 * NAMES_SLOW_MAX; i++)
        buffer_add(&names, span_of(name, sizeof name));
    buffer_add(&san, span_of(header, der_header(DER_SEQUENCE, names.size, header)));
    buffer_add(&san, buffer_span(&names));
    struct buffer tbs = build_tbs(span_of("\x30", 2), buffer_span(&san)), line = buffer_with_limit(10);
    struct certificate certificate;
    assert_ptr_equal(tbs_parse(buffer_span(&tbs), &certificate), OK);
    assert_ptr_equal(names_visit(&certificate, write_reading, &line), OK);
    assert_true((certificate.oddities & ODDITY_BIT(ODDITY_SLOW_NAMES_CUT)) != 0);
    buffer_done(&names);
    buffer_done(&san);
    buffer_done(&tbs);
    buffer_done(&line);
}

static void assert_name_text(const char *bytes, size_t size, const char *wanted) {
    struct buffer text = buffer_with_limit(1000);
    assert_true(distinguished_name_text(span_of(bytes, size), &text));
    assert_string_equal(buffer_text(&text), wanted);
    buffer_done(&text);
}

#define NAME_TEXT(bytes, wanted) assert_name_text(bytes, sizeof(bytes) - 1, wanted)

static void test_distinguished_names_are_written_as_rfc_4514_says(void **state) {
    (void) state;
    NAME_TEXT("\x30\x00", "");
    NAME_TEXT("\x30\x1b"
              "\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02US"
              "\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03" "a,b",
              "CN=a\\,b,C=US");
    NAME_TEXT("\x30\x19"
              "\x31\x17\x30\x09\x06\x03\x55\x04\x0a\x0c\x02\xc3\xa9"
              "\x30\x0a\x06\x03\x55\x04\x05\x0c\x03 # ",
              "O=\\C3\\A9+2.5.4.5=\\ #\\ ");
    NAME_TEXT("\x30\x0b\x31\x09\x30\x07\x06\x03\x55\x04\x03\x05\x00", "CN=#0500");
    NAME_TEXT("\x30\x04\x31\x09\x30\x07", "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alternative_names_are_read_generously),
        cmocka_unit_test(test_common_names_are_read_where_they_look_like_names),
        cmocka_unit_test(test_slow_names_have_a_ceiling),
        cmocka_unit_test(test_distinguished_names_are_written_as_rfc_4514_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
