/* Real chains: where they lead, and who of real apps accepts them. */
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/digest.h"
#include "formats/certificate.h"
#include "formats/leaf.h"
#include "formats/pin_file.h"
#include "trust_case.h"
#include "vector_notation.h"

static struct span file_of(const char *name) {
    struct buffer bytes = corpus_read(name);
    struct span copy = span_of(arena_copy(arena, buffer_span(&bytes)), bytes.size);
    buffer_done(&bytes);
    return copy;
}

static void chains_of_webpki_lead_to_the_roots_of_their_time(void **state) {
    (void) state;
    static const struct {
        const char *folder, *now, *paths;
    } cases[] = {
        {"cloudflare_dns", "2022-06-01T00:00:00Z",
         "leaf < DigiCert TLS Hybrid ECC SHA384 2020 CA1 < DigiCert Global Root CA; "
         "leaf < DigiCert TLS Hybrid ECC SHA384 2020 CA1 < DigiCert Global Root CA < Baltimore CyberTrust Root"},
        {"netflix", "2017-06-01T00:00:00Z", NULL},
        {"sanofi", "2025-06-01T00:00:00Z", "leaf < ? < ? !"}, /* a company's own root */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[100];
        struct span files[3];
        static const char *const parts[] = {"ee", "ca", "inter"};
        for (size_t k = 0; k < 3; k++) {
            snprintf(name, sizeof name, "b-x509/webpki-tests/%s/%s.der", cases[i].folder, parts[k]);
            files[k] = file_of(name);
        }
        struct trust_paths paths = find(&(struct trust_question){.leaf = files[0], .others = files + 1, .other_count = 2,
                                                                 .store = TRUST_JAVA, .now = time_of(cases[i].now)});
        assert_true(paths.is_whole);
        if (cases[i].paths != NULL)
            assert_string_equal(words_of(&paths), cases[i].paths);
        else
            assert_true(paths.paths[0].is_complete);
        assert_int_equal(paths.paths[0].links[1].certificate.size, files[2].size);
        assert_true(paths.paths[0].links[1].is_given);
    }
}

static void a_leaf_alone_and_a_chain_of_something_else_lead_nowhere(void **state) {
    (void) state;
    struct span ee = file_of("b-x509/webpki-tests/netflix/ee.der"), other = file_of("b-x509/webpki-tests/sanofi/inter.der");
    struct trust_paths paths = find(&(struct trust_question){.leaf = ee, .others = &other, .other_count = 1, .store = TRUST_MOZILLA});
    assert_string_equal(words_of(&paths), "leaf …");
    assert_true(paths.is_whole);
    const struct pin_link *link = &paths.paths[0].links[0];
    assert_true(link->has_certificate_sha256 && link->certificate.size == ee.size && link->spki.size > 0);
}

static void the_intermediate_alone_is_enough(void **state) {
    (void) state;
    struct span ee = file_of("b-x509/webpki-tests/cloudflare_dns/ee.der"), inter = file_of("b-x509/webpki-tests/cloudflare_dns/inter.der");
    struct trust_paths paths = find(&(struct trust_question){.leaf = ee, .others = &inter, .other_count = 1, .store = TRUST_ANDROID, .now = time_of("2022-06-01T00:00:00Z")});
    assert_string_equal(words_of(&paths), "leaf < DigiCert TLS Hybrid ECC SHA384 2020 CA1 < DigiCert Global Root CA");
    assert_true(paths.paths[0].links[1].is_given);
    assert_false(paths.paths[0].links[2].is_given);
    assert_int_equal(paths.paths[0].links[2].spki.size, 0);
    assert_true(paths.paths[0].links[2].has_certificate_sha256);
}

static struct span der_of_pem(const char *text) {
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned char *bytes = NULL;
    int size = i2d_X509(x509, &bytes);
    struct span copy = span_of(arena_copy(arena, span_of(bytes, (size_t) size)), (size_t) size);
    OPENSSL_free(bytes);
    X509_free(x509);
    BIO_free(bio);
    return copy;
}

static void the_chain_of_a_pin_report_is_what_was_validated(void **state) {
    (void) state;
    struct buffer text = corpus_read("d-pins/trustkit/sample_report.json");
    json_t *report = json_loadb((const char *) text.bytes, text.size, 0, NULL);
    const json_t *served = json_object_get(report, "served-certificate-chain"), *validated = json_object_get(report, "validated-certificate-chain");
    struct span leaf = der_of_pem(json_string_value(json_array_get(served, 0))), issuer = der_of_pem(json_string_value(json_array_get(served, 1)));
    struct span root = der_of_pem(json_string_value(json_array_get(validated, 2)));
    struct hash root_sha256;
    digest_of(root, &root_sha256);
    struct trust_paths paths = find(&(struct trust_question){.leaf = leaf, .others = &issuer, .other_count = 1, .store = TRUST_JAVA, .now = time_of("2015-06-08T01:58:05Z")});
    assert_string_equal(words_of(&paths), "leaf < Thawte SSL CA < thawte Primary Root CA");
    assert_true(hash_equal(&paths.paths[0].links[2].certificate_sha256, &root_sha256));
    json_decref(report);
    buffer_done(&text);
}

static void entries_of_live_logs_lead_to_the_roots_of_every_platform(void **state) {
    (void) state;
    struct buffer text = corpus_read("a-ct/rfc6962/live_ct.json");
    json_t *entries = json_loadb((const char *) text.bytes, text.size, 0, NULL);
    unsigned complete[trust_store_count] = {0}, without_chain = 0;
    assert_int_equal(json_array_size(entries), 40);
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        struct buffer leaf_input = base64_bytes(json_string_value(json_object_get(entry, "leaf_input")));
        struct buffer extra_data = base64_bytes(json_string_value(json_object_get(entry, "extra_data")));
        struct leaf leaf;
        struct certificate certificate;
        struct span chain_of[TRUST_OTHERS_MAX];
        size_t count = 0;
        assert_ptr_equal(leaf_parse(buffer_span(&leaf_input), &leaf), OK);
        assert_ptr_equal(leaf_add_extra_data(buffer_span(&extra_data), &leaf), OK);
        struct cursor chain = cursor_of(leaf.chain);
        while (count < TRUST_OTHERS_MAX && leaf_chain_next(&chain, &chain_of[count]))
            count++;
        struct trust_question question = {.others = chain_of, .other_count = count, .now = time_of("2026-06-01T00:00:00Z")};
        struct hash issuer;
        if (leaf.kind == ENTRY_PRECERTIFICATE) {
            assert_ptr_equal(tbs_parse(leaf.tbs, &certificate), OK);
            memcpy(issuer.bytes, leaf.issuer_key_hash.bytes, HASH_SIZE);
            question.issuer_spki_sha256 = &issuer;
            question.leaf_spki = certificate.spki;
        } else {
            question.leaf = leaf.certificate;
        }
        for (unsigned store = 0; store < trust_store_count; store++) {
            question.store = (enum trust_store) store;
            struct trust_paths paths = find(&question);
            assert_true(paths.is_whole);
            complete[store] += paths.paths[0].is_complete;
        }
        if (leaf.kind == ENTRY_PRECERTIFICATE) { /* the issuer's key alone is enough, where CCADB knows it */
            question.other_count = 0;
            without_chain += find(&question).paths[0].is_complete;
        }
        arena_reset(arena);
        buffer_done(&leaf_input);
        buffer_done(&extra_data);
    }
    print_message("java: %u of 40; precertificates by their issuer's key alone: %u\n", complete[TRUST_JAVA], without_chain);
    assert_true(without_chain >= 10);
    assert_true(complete[TRUST_APPLE] == 40 && complete[TRUST_ANDROID] == 40 && complete[TRUST_MOZILLA] == 40 && complete[TRUST_MICROSOFT] == 40);
    json_decref(entries);
    buffer_done(&text);
}

/* ---- who of real apps accepts what */

static struct pin_document *document_of(const char *name) {
    struct pin_document *documents;
    struct reason reason;
    size_t count;
    const struct pin_file file = {.source = name, .bytes = file_of(name)};
    assert_ptr_equal(pin_file_read(&file, NULL, arena, &documents, &count, &reason), OK);
    assert_int_equal(count, 1);
    return documents;
}

/* Would the app in this file accept a certificate for that host, when this CA's key signs it? */
static enum pin_verdict verdict_of(const char *file, const char *host, const char *issuer, const char *now) {
    const struct pin_document *document = document_of(file);
    struct hash key;
    struct pin_judgement judgement;
    assert_ptr_equal(hash_from_base64(span_of_text(issuer), &key), OK);
    struct trust_paths paths = find(&(struct trust_question){.leaf_spki = span_of_text("a new key"), .issuer_spki_sha256 = &key,
                                                             .store = trust_store_of(document->format), .now = time_of(now)});
    pin_judge(document, &(struct pin_question){.host = host, .protocol = "", .paths = paths.paths, .path_count = paths.count, .is_paths_whole = paths.is_whole, .now = time_of(now)},
              &judgement);
    print_message("%s, %s: %s: %s (%s)\n", file, host, words_of(&paths), pin_verdict_name(judgement.verdict), judgement.why);
    return judgement.verdict;
}

#define E7 "y7xVm0TVJNahMr2sZydE2jQH8SquXV9yLF9seROHHHU="           /* below ISRG Root X2 and X1 */
#define WE1 "kIdp6NNEd8wsugYyyIYFsi1ylMCED3hZbSR8ZFsa/A4="          /* Google Trust Services, below GTS Root R4 and GlobalSign's */

static void apps_that_pin_roots_accept_what_these_sign(void **state) {
    (void) state;
    const char *auditor = "d-pins/android-nsc/grapheneos-auditor.xml", *appstore = "d-pins/android-nsc/grapheneos-appstore.xml";
    assert_int_equal(verdict_of(auditor, "attestation.app", E7, "2026-11-21T00:00:00Z"), PIN_VERDICT_ACCEPTS);
    assert_int_equal(verdict_of(appstore, "apps.grapheneos.org", E7, "2026-11-21T00:00:00Z"), PIN_VERDICT_ACCEPTS);
    assert_int_equal(verdict_of(auditor, "attestation.app", WE1, "2026-11-21T00:00:00Z"), PIN_VERDICT_REFUSES);
    assert_int_equal(verdict_of(auditor, "grapheneos.org", WE1, "2026-11-21T00:00:00Z"), PIN_VERDICT_NOT_PINNED);
}

static void an_expired_pin_set_of_a_real_app_pins_nothing(void **state) {
    (void) state;
    const char *updater = "d-pins/android-nsc/grapheneos-updater.xml"; /* expiration="2024-05-05" */
    assert_int_equal(verdict_of(updater, "releases.grapheneos.org", WE1, "2024-05-04T09:00:00Z"), PIN_VERDICT_REFUSES);
    assert_int_equal(verdict_of(updater, "releases.grapheneos.org", WE1, "2024-05-05T00:00:00Z"), PIN_VERDICT_CANNOT_TELL);
    assert_int_equal(verdict_of(updater, "releases.grapheneos.org", WE1, "2024-05-05T12:00:00Z"), PIN_VERDICT_NOT_PINNED);
}

/* The app that sent the report refused the chain in it: TrustKit's demo as it was. */
static void the_chain_of_a_pin_report_was_refused_by_its_pins(void **state) {
    (void) state;
    struct buffer text = corpus_read("d-pins/trustkit/sample_report.json");
    json_t *report = json_loadb((const char *) text.bytes, text.size, 0, NULL);
    const json_t *served = json_object_get(report, "served-certificate-chain"), *known = json_object_get(report, "known-pins");
    struct span leaf = der_of_pem(json_string_value(json_array_get(served, 0))), issuer = der_of_pem(json_string_value(json_array_get(served, 1)));
    struct hash values[2];
    struct pin pins[2] = {{.kind = PIN_SPKI}, {.kind = PIN_SPKI}};
    for (size_t i = 0; i < 2; i++) { /* pin-sha256="…" */
        assert_ptr_equal(hash_from_base64(span_of(json_string_value(json_array_get(known, i)) + strlen("pin-sha256=\""), 44), &values[i]), OK);
        pins[i].value = span_of(values[i].bytes, HASH_SIZE);
    }
    struct pin_group group = {.pins = pins, .count = 2};
    struct pin_set set = {.format = PIN_FORMAT_TRUSTKIT_ANDROID, .host = "datatheorem.com", .match = PIN_HOST_EXACT_AND_BELOW, .is_pinned = true,
                          .is_enforced = true, .trusts_system = true, .is_secure = true, .protocol = "", .groups = &group, .group_count = 1};
    const struct pin_document document = {.source = "report", .format = set.format, .sets = &set, .set_count = 1};
    struct trust_paths paths = find(&(struct trust_question){.leaf = leaf, .others = &issuer, .other_count = 1, .store = TRUST_JAVA, .now = time_of("2015-06-08T01:58:05Z")});
    struct pin_question question = {.host = "www.datatheorem.com", .protocol = "", .paths = paths.paths, .path_count = paths.count, .is_paths_whole = paths.is_whole};
    struct pin_judgement judgement;
    pin_judge(&document, &question, &judgement);
    assert_int_equal(judgement.verdict, PIN_VERDICT_REFUSES);
    values[1] = paths.paths[0].links[2].spki_sha256;
    pin_judge(&document, &question, &judgement);
    assert_int_equal(judgement.verdict, PIN_VERDICT_ACCEPTS);
    assert_int_equal(judgement.by_place, 2);
    json_decref(report);
    buffer_done(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PATHS_TEST(chains_of_webpki_lead_to_the_roots_of_their_time),
        PATHS_TEST(a_leaf_alone_and_a_chain_of_something_else_lead_nowhere),
        PATHS_TEST(the_intermediate_alone_is_enough),
        PATHS_TEST(the_chain_of_a_pin_report_is_what_was_validated),
        PATHS_TEST(entries_of_live_logs_lead_to_the_roots_of_every_platform),
        PATHS_TEST(apps_that_pin_roots_accept_what_these_sign),
        PATHS_TEST(an_expired_pin_set_of_a_real_app_pins_nothing),
        PATHS_TEST(the_chain_of_a_pin_report_was_refused_by_its_pins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
