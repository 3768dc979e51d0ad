#include "vector_notation.h"

#include <jansson.h>
#include <openssl/pem.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/certificate_report.h"
#include "formats/leaf.h"
#include "formats/tbs_hash.h"
#include "rules/issuer_check.h"
#include "rules/known_logs.h"
#include "rules/sct_check.h"
#include "rules/signature.h"

/* The DER of the first PEM block in a file of the corpora. */
static struct buffer der_of_pem(const char *name) {
    struct buffer text = corpus_read(name), der = buffer_with_limit(FILE_LIMIT);
    BIO *bio = BIO_new_mem_buf(text.bytes, (int) text.size);
    char *kind, *header;
    unsigned char *data;
    long size;
    assert_int_equal(PEM_read_bio(bio, &kind, &header, &data, &size), 1);
    buffer_add(&der, span_of(data, (size_t) size));
    OPENSSL_free(kind);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
    buffer_done(&text);
    return der;
}

static struct certificate parsed(struct span der) {
    struct certificate certificate;
    assert_ptr_equal(certificate_parse(der, &certificate), OK);
    return certificate;
}

static void check_precertificate(const struct leaf *leaf, const struct certificate *issuer) {
    struct certificate precertificate = parsed(leaf->precertificate), tbs;
    struct hash of_precertificate, of_leaf, issuer_spki;
    assert_ptr_equal(tbs_parse(leaf->tbs, &tbs), OK);
    assert_ptr_equal(tbs_hash(&precertificate, &of_precertificate), OK);
    digest_of(leaf->tbs, &of_leaf);
    assert_true(hash_equal(&of_precertificate, &of_leaf));
    assert_true(precertificate_fits(&precertificate, &tbs));
    assert_ptr_equal(issuer_check(&precertificate, issuer, &issuer_spki), OK);
    assert_true(span_equal(span_of(issuer_spki.bytes, HASH_SIZE), leaf->issuer_key_hash));
}

static unsigned check_final_certificate(const struct leaf *leaf, const struct certificate *issuer) {
    struct certificate certificate = parsed(leaf->certificate);
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct entry_report report = {0};
    struct known_hash *spki = &report.issuer_spki_sha256;
    assert_ptr_equal(certificate_describe(&certificate, arena, &report), OK);
    assert_int_equal(report.oddity_count, 0);
    assert_ptr_equal(sct_check_report(&certificate, &report), OK);
    for (size_t i = 0; i < report.sct_count; i++)
        assert_int_equal(report.scts[i].verdict, SCT_UNKNOWN);
    spki->is_known = issuer_check(&certificate, issuer, &spki->hash) == OK;
    assert_true(spki->is_known);
    assert_ptr_equal(sct_check_report(&certificate, &report), OK);
    assert_true(report.sct_count >= 2);
    for (size_t i = 0; i < report.sct_count; i++)
        assert_int_equal(report.scts[i].verdict, SCT_VALID);
    spki->hash.bytes[0] ^= 1;
    assert_ptr_equal(sct_check_report(&certificate, &report), OK);
    for (size_t i = 0; i < report.sct_count; i++)
        assert_int_equal(report.scts[i].verdict, SCT_INVALID);
    unsigned count = (unsigned) report.sct_count;
    arena_free(arena);
    return count;
}

static void test_scts_and_issuers_of_real_entries_verify(void **state) {
    (void) state;
    struct buffer text = corpus_read("a-ct/rfc6962/live_ct.json");
    json_t *entries = json_loadb((const char *) text.bytes, text.size, 0, NULL);
    unsigned scts = 0, precertificates = 0;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        struct buffer leaf_input = base64_bytes(json_string_value(json_object_get(entry, "leaf_input")));
        struct buffer extra_data = base64_bytes(json_string_value(json_object_get(entry, "extra_data")));
        struct leaf leaf;
        struct span issuer_der;
        assert_ptr_equal(leaf_parse(buffer_span(&leaf_input), &leaf), OK);
        assert_ptr_equal(leaf_add_extra_data(buffer_span(&extra_data), &leaf), OK);
        struct cursor chain = cursor_of(leaf.chain);
        assert_true(leaf_chain_next(&chain, &issuer_der));
        struct certificate issuer = parsed(issuer_der);
        if (leaf.kind == ENTRY_PRECERTIFICATE) {
            check_precertificate(&leaf, &issuer);
            precertificates++;
        } else {
            scts += check_final_certificate(&leaf, &issuer);
        }
        buffer_done(&leaf_input);
        buffer_done(&extra_data);
    }
    print_message("%u SCTs verified, %u precertificates fit\n", scts, precertificates);
    assert_true(scts >= 20 && precertificates >= 10);
    json_decref(entries);
    buffer_done(&text);
}

static void check_pair(const char *kind, bool same_issuer) {
    char path[300];
    snprintf(path, sizeof path, "a-ct/rfc6962/google-ct-testdata/test-embedded-%spre-cert.pem", kind);
    struct buffer precertificate_der = der_of_pem(path);
    snprintf(path, sizeof path, "a-ct/rfc6962/google-ct-testdata/test-embedded-%scert.pem", kind);
    struct buffer certificate_der = der_of_pem(path), leaf_tbs = buffer_with_limit(FILE_LIMIT);
    struct certificate precertificate = parsed(buffer_span(&precertificate_der));
    struct certificate certificate = parsed(buffer_span(&certificate_der)), tbs;
    struct hash one, other, of_bytes;
    assert_ptr_equal(tbs_hash(&precertificate, &one), OK);
    assert_ptr_equal(tbs_hash(&certificate, &other), OK);
    assert_int_equal(hash_equal(&one, &other), same_issuer);
    assert_ptr_equal(tbs_without_ct(&certificate, &leaf_tbs), OK);
    digest_of(buffer_span(&leaf_tbs), &of_bytes);
    assert_true(hash_equal(&of_bytes, &other));
    assert_ptr_equal(tbs_parse(buffer_span(&leaf_tbs), &tbs), OK);
    assert_true(precertificate_fits(&precertificate, &tbs));
    assert_false(precertificate_fits(&certificate, &tbs));
    tbs.spki.bytes = NULL;
    leaf_tbs.bytes[tbs.serial.bytes - leaf_tbs.bytes] ^= 1;
    assert_false(precertificate_fits(&precertificate, &tbs));
    buffer_done(&precertificate_der);
    buffer_done(&certificate_der);
    buffer_done(&leaf_tbs);
}

static void test_precertificate_and_certificate_of_one_issuance_are_one(void **state) {
    (void) state;
    check_pair("", true);
    check_pair("with-intermediate-", true);
    check_pair("with-preca-", false);
    check_pair("with-intermediate-preca-", false);
}

static void test_another_key_did_not_issue_it(void **state) {
    (void) state;
    struct buffer certificate_der = der_of_pem("a-ct/rfc6962/google-ct-testdata/test-cert.pem");
    struct buffer ca_der = der_of_pem("a-ct/rfc6962/google-ct-testdata/ca-cert.pem");
    struct buffer other_der = der_of_pem("a-ct/rfc6962/google-ct-testdata/intermediate-cert.pem");
    struct certificate certificate = parsed(buffer_span(&certificate_der));
    struct certificate ca = parsed(buffer_span(&ca_der)), other = parsed(buffer_span(&other_der));
    struct hash spki, wanted;
    assert_ptr_equal(issuer_check(&certificate, &ca, &spki), OK);
    digest_of(ca.spki, &wanted);
    assert_true(hash_equal(&spki, &wanted));
    assert_ptr_equal(issuer_check(&certificate, &other, &spki), &fault_issuer_signature);
    other.spki = span_of_text("0x");
    assert_ptr_equal(issuer_check(&certificate, &other, &spki), &fault_issuer_key);
    buffer_done(&certificate_der);
    buffer_done(&ca_der);
    buffer_done(&other_der);
}

static const uint8_t p256_prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                      0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
static const uint8_t rsa_algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
                                        0x05, 0x00};

static struct buffer spki_of_raw(const char *name, bool is_rsa) {
    struct buffer raw = corpus_read(name), spki = buffer_with_limit(2000);
    uint8_t outer[6], inner[6];
    if (is_rsa) {
        size_t inner_size = der_header(DER_BIT_STRING, raw.size + 1, inner);
        size_t outer_size = der_header(DER_SEQUENCE, sizeof rsa_algorithm + inner_size + 1 + raw.size, outer);
        buffer_add(&spki, span_of(outer, outer_size));
        buffer_add(&spki, span_of(rsa_algorithm, sizeof rsa_algorithm));
        buffer_add(&spki, span_of(inner, inner_size));
        buffer_add_number(&spki, 1, 0);
    } else {
        buffer_add(&spki, span_of(p256_prefix, sizeof p256_prefix));
    }
    buffer_add(&spki, buffer_span(&raw));
    buffer_done(&raw);
    return spki;
}

/* `wanted_form` is what parsing gives; the verdict counts only when that is OK. */
static void check_sample(const char *name, const struct buffer *spki, result wanted_form, enum sct_verdict wanted) {
    char path[200];
    snprintf(path, sizeof path, "a-ct/sct/sct.rs/%s-sct.bin", name);
    struct buffer bytes = corpus_read(path);
    struct signed_entry entry = {.kind = ENTRY_CERTIFICATE, .bytes = span_of_text("cert")};
    struct sct sct;
    print_message("%s\n", name);
    assert_ptr_equal(sct_parse(buffer_span(&bytes), &sct), wanted_form);
    if (wanted_form == OK) {
        assert_int_equal(sct_check_with_key(&sct, &entry, buffer_span(spki)), wanted);
        assert_int_equal(sct_check(&sct, &entry), SCT_UNKNOWN);
    }
    buffer_done(&bytes);
}

/* Cut anywhere or made longer it is no SCT. */
static void check_cut_and_longer(const char *name) {
    struct buffer bytes = corpus_read(name);
    struct sct sct;
    assert_ptr_equal(sct_parse(buffer_span(&bytes), &sct), OK);
    for (size_t size = 0; size < bytes.size; size++)
        assert_ptr_equal(sct_parse(span_of(bytes.bytes, size), &sct), &fault_sct_form);
    buffer_add_number(&bytes, 1, 0);
    assert_ptr_equal(sct_parse(buffer_span(&bytes), &sct), &fault_sct_form);
    buffer_done(&bytes);
}

static void test_good_and_bad_scts_are_told_apart(void **state) {
    (void) state;
    struct buffer p256 = spki_of_raw("a-ct/sct/sct.rs/ecdsa-prime256v1-pub.raw", false);
    check_sample("ecdsa_p256-basic", &p256, OK, SCT_VALID);
    check_sample("ecdsa_p256-future", &p256, OK, SCT_VALID); /* the signature is good; the time is not judged here */
    check_sample("ecdsa_p256-wrongtime", &p256, OK, SCT_INVALID);
    check_sample("ecdsa_p256-wrongcert", &p256, OK, SCT_INVALID);
    check_sample("ecdsa_p256-wrongext", &p256, OK, SCT_INVALID);
    check_sample("ecdsa_p256-badsigalg", &p256, OK, SCT_INVALID);
    check_sample("ecdsa_p256-version", &p256, &fault_sct_version, SCT_UNKNOWN);
    check_cut_and_longer("a-ct/sct/sct.rs/ecdsa_p256-short-sct.bin");
    check_sample("ecdsa_p256-junk", &p256, &fault_sct_form, SCT_UNKNOWN);
    struct buffer rsa = spki_of_raw("a-ct/sct/sct.rs/rsa-2048-pub.raw", true);
    check_sample("rsa2048-basic", &rsa, OK, SCT_VALID);
    check_sample("rsa2048-wrongcert", &rsa, OK, SCT_INVALID);
    check_sample("rsa2048-wrongtime", &rsa, OK, SCT_INVALID);
    check_sample("ecdsa_p256-basic", &rsa, OK, SCT_INVALID);
    buffer_done(&p256);
    buffer_done(&rsa);
}

static void test_warm_up_succeeds(void **state) {
    (void) state;
    assert_ptr_equal(issuer_check_warm_up(), OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warm_up_succeeds),
        cmocka_unit_test(test_scts_and_issuers_of_real_entries_verify),
        cmocka_unit_test(test_precertificate_and_certificate_of_one_issuance_are_one),
        cmocka_unit_test(test_another_key_did_not_issue_it),
        cmocka_unit_test(test_good_and_bad_scts_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
