#include "vector_files.h"

#include <openssl/pem.h>

#include "base/memory.h"
#include "base/text.h"
#include "formats/certificate.h"
#include "formats/certificate_report.h"
#include "formats/key_type.h"
#include "formats/tbs_hash.h"

enum { DER_MAX = 16384 };

/* The DER of the first PEM block in a file of the corpora, for tests to spoil. */
struct sample {
    uint8_t der[DER_MAX];
    size_t size;
};

static struct sample sample_of(const char *name) {
    struct buffer text = corpus_read(name);
    struct sample sample = {.size = 0};
    BIO *bio = BIO_new_mem_buf(text.bytes, (int) text.size);
    char *kind, *header;
    unsigned char *data;
    long size;
    assert_int_equal(PEM_read_bio(bio, &kind, &header, &data, &size), 1);
    assert_in_range(size, 1, DER_MAX);
    memcpy(sample.der, data, (size_t) size);
    sample.size = (size_t) size;
    OPENSSL_free(kind);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
    buffer_done(&text);
    return sample;
}

static const char embedded[] = "a-ct/rfc6962/google-ct-testdata/test-embedded-cert.pem";
static const char precertificate[] = "a-ct/rfc6962/google-ct-testdata/test-embedded-pre-cert.pem";

static struct certificate parsed(const struct sample *sample) {
    struct certificate certificate;
    assert_ptr_equal(certificate_parse(span_of(sample->der, sample->size), &certificate), OK);
    return certificate;
}

static bool is_odd(const struct certificate *certificate, enum certificate_oddity oddity) {
    return (certificate->oddities & ODDITY_BIT(oddity)) != 0;
}

static void test_the_parts_of_a_certificate_are_where_rfc_5280_puts_them(void **state) {
    (void) state;
    struct sample sample = sample_of(embedded);
    struct certificate certificate = parsed(&sample);
    assert_int_equal(certificate.whole.size, sample.size);
    assert_int_equal(certificate.oddities, 0);
    assert_int_equal(certificate.version, 2);
    assert_true(certificate.has_sct_list && !certificate.has_poison && !certificate.is_ca);
    assert_true(certificate.has_not_before && certificate.has_not_after);
    assert_true(certificate.not_before < certificate.not_after);
    assert_true(certificate.aki.size > 0 && certificate.ski.size > 0);
    assert_int_equal(certificate.tbs_tail.size, 0);
    sample = sample_of(precertificate);
    certificate = parsed(&sample);
    assert_true(certificate.has_poison && !certificate.has_sct_list);
    sample = sample_of("a-ct/rfc6962/google-ct-testdata/ca-cert.pem");
    assert_true(parsed(&sample).is_ca);
}

static void test_bytes_behind_a_certificate_are_an_oddity(void **state) {
    (void) state;
    struct sample sample = sample_of(embedded);
    size_t size = sample.size++;
    struct certificate certificate = parsed(&sample);
    assert_true(is_odd(&certificate, ODDITY_TRAILING_BYTES));
    assert_int_equal(certificate.whole.size, size);
}

static void test_every_cut_is_refused_and_leaves_no_trace(void **state) {
    (void) state;
    struct sample sample = sample_of(embedded);
    struct certificate certificate = {.version = 42};
    for (size_t size = 0; size < sample.size; size++) {
        uint8_t *block = malloc(size == 0 ? 1 : size);
        memcpy(block, sample.der, size);
        assert_ptr_equal(certificate_parse(span_of(block, size), &certificate), &fault_der_truncated);
        assert_int_equal(certificate.version, 42);
        free(block);
    }
}

static void test_no_single_wrong_byte_does_harm(void **state) {
    (void) state;
    struct sample sample = sample_of(embedded);
    unsigned refused = 0;
    for (size_t at = 0; at < sample.size; at++) {
        struct certificate certificate;
        uint8_t kept = sample.der[at];
        struct hash hash;
        sample.der[at] ^= 0x81;
        if (certificate_parse(span_of(sample.der, sample.size), &certificate) != OK)
            refused++;
        else
            (void) !tbs_hash(&certificate, &hash);
        sample.der[at] = kept;
    }
    assert_in_range(refused, 5, sample.size / 2);
}

/* An extension that is no extension must not hide its neighbours. */
static void test_one_bad_extension_hides_no_other(void **state) {
    (void) state;
    struct sample sample = sample_of(embedded);
    struct certificate certificate = parsed(&sample);
    size_t at = (size_t) (certificate.extensions.bytes - sample.der);
    sample.der[at] = DER_OCTET_STRING; /* the first Extension's SEQUENCE */
    certificate = parsed(&sample);
    assert_true(is_odd(&certificate, ODDITY_EXTENSION_UNREADABLE));
    assert_true(certificate.has_sct_list);
}

static void test_a_final_certificate_without_other_extensions_loses_their_wrapper(void **state) {
    (void) state;
    static const uint8_t tbs[] = {
        0x30, 0x49, 0xa0, 3, 2, 1, 2, 2, 1, 1, 0x30, 3, 6, 1, 0x2a, 0x30, 0, /* version, serial, signature, issuer */
        0x30, 0x04, 0x17, 0, 0x17, 0,                                        /* validity, unreadable */
        0x30, 0, 0x30, 11, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 2, 0, 1,      /* subject, spki */
        0xa3, 0x23, 0x30, 0x21,                                              /* extensions */
        0x30, 0x0f, 6, 10, 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2, 4, 1, 0x55, /* SCT list */
        0x30, 0x0e, 6, 10, 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 3, 4, 0,      /* poison */
    };
    struct certificate certificate;
    struct buffer rest = buffer_with_limit(1000);
    assert_ptr_equal(tbs_parse(span_of(tbs, sizeof tbs), &certificate), OK);
    assert_true(is_odd(&certificate, ODDITY_POISON_AND_SCTS) && is_odd(&certificate, ODDITY_POISON_FORM));
    assert_true(is_odd(&certificate, ODDITY_TIME_UNREADABLE) && !certificate.has_not_before);
    assert_ptr_equal(tbs_without_ct(&certificate, &rest), OK);
    assert_int_equal(rest.size, 2 + certificate.tbs_head.size);
    assert_int_equal(rest.bytes[1], certificate.tbs_head.size);
    buffer_done(&rest);
}

static void assert_key_type(const char *file, const char *wanted) {
    char text[KEY_TYPE_SIZE];
    struct sample sample = sample_of(file);
    key_type_text(parsed(&sample).spki, text);
    assert_string_equal(text, wanted);
}

static void test_key_types_have_short_names(void **state) {
    (void) state;
    char text[KEY_TYPE_SIZE];
    assert_key_type(embedded, "rsa-1024");
    assert_key_type("b-x509/google-ct-python-testdata/ecdsa_cert.pem", "ec-p256");
    key_type_text(span_of("\x30\x0b\x30\x05\x06\x03\x2b\x65\x70\x03\x02\x00\x01", 13), text);
    assert_string_equal(text, "ed25519");
    key_type_text(span_of("\x30\x09\x30\x03\x06\x01\x2a\x03\x02\x00\x01", 11), text);
    assert_string_equal(text, "1.2");
    key_type_text(span_of("\x30", 1), text);
    assert_string_equal(text, "?");
}

static void test_a_description_says_what_cert_show_prints(void **state) {
    (void) state;
    struct sample sample = sample_of("b-x509/google-ct-python-testdata/youtube.pem");
    struct certificate certificate = parsed(&sample);
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct entry_report report = {0};
    assert_true(report_add_oddity(&report, arena, "noted before"));
    assert_ptr_equal(certificate_describe(&certificate, arena, &report), OK);
    assert_true(report.name_count > 5);
    for (size_t i = 1; i < report.name_count; i++)
        assert_true(strcmp(report.names[i - 1].value, report.names[i].value) < 0);
    assert_string_equal(report.oddities[0], "noted before");
    assert_non_null(strstr(report.issuer, "O=Google"));
    assert_true(report.cert_sha256.is_known && report.tbs_sha256.is_known && report.spki_sha256.is_known);
    assert_false(report.issuer_spki_sha256.is_known);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_parts_of_a_certificate_are_where_rfc_5280_puts_them),
        cmocka_unit_test(test_bytes_behind_a_certificate_are_an_oddity),
        cmocka_unit_test(test_every_cut_is_refused_and_leaves_no_trace),
        cmocka_unit_test(test_no_single_wrong_byte_does_harm),
        cmocka_unit_test(test_one_bad_extension_hides_no_other),
        cmocka_unit_test(test_a_final_certificate_without_other_extensions_loses_their_wrapper),
        cmocka_unit_test(test_key_types_have_short_names),
        cmocka_unit_test(test_a_description_says_what_cert_show_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
