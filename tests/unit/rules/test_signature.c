#include "vector_files.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "rules/log_list_key.h"
#include "rules/signature.h"

static struct signature_key *key_of_text(struct span text, struct hash *ret_log_id) {
    uint8_t der[1024];
    size_t size;
    struct signature_key *key;
    assert_ptr_equal(signature_key_read(text, der, &size), OK);
    assert_ptr_equal(signature_key_new(span_of(der, size), &key), OK);
    EVP_Digest(der, size, ret_log_id->bytes, NULL, EVP_sha256(), NULL);
    return key;
}

static struct signature_key *key_of_corpus(const char *name, struct hash *ret_log_id) {
    struct buffer text = corpus_read(name);
    struct signature_key *key = key_of_text(buffer_span(&text), ret_log_id);
    buffer_done(&text);
    return key;
}

static void assert_only_this_head_verifies(const struct signature_key *key, const struct tree_head *head) {
    assert_ptr_equal(signature_check_tree_head(key, head), OK);
    struct tree_head spoiled = *head;
    spoiled.size++;
    assert_ptr_equal(signature_check_tree_head(key, &spoiled), &fault_signature_wrong);
    spoiled = *head;
    spoiled.timestamp_ms ^= 1;
    assert_ptr_equal(signature_check_tree_head(key, &spoiled), &fault_signature_wrong);
    for (size_t i = 0; i < HASH_SIZE; i++) {
        spoiled = *head;
        spoiled.root.bytes[i] ^= 0x40;
        assert_ptr_equal(signature_check_tree_head(key, &spoiled), &fault_signature_wrong);
    }
    for (size_t i = 0; i < head->signature_size; i++) {
        spoiled = *head;
        spoiled.signature[i] ^= 0x01;
        result outcome = signature_check_tree_head(key, &spoiled);
        assert_ptr_equal(outcome, i < 4 ? &fault_signature_form : &fault_signature_wrong);
    }
}

static void the_2014_head_of_google_pilot_verifies_and_no_spoiled_one(void **state) {
    (void) state;
    struct hash log_id;
    struct buffer json = corpus_read("a-ct/rfc6962/ct-go/get-sth.json");
    struct signature_key *key =
        key_of_corpus("a-ct/rfc6962/google-ct-testdata/google-ct-pilot-server-key-public.pem", &log_id);
    struct tree_head head;
    assert_ptr_equal(tree_head_from_json(buffer_span(&json), &head), OK);
    assert_only_this_head_verifies(key, &head);
    signature_key_free(key);
    buffer_done(&json);
}

static void the_head_whose_signature_is_known_to_be_invalid_is_refused(void **state) {
    (void) state;
    struct hash log_id;
    struct buffer json = corpus_read("a-ct/rfc6962/ct-go/get-sth-bad-signature.json");
    struct signature_key *key =
        key_of_corpus("a-ct/rfc6962/google-ct-testdata/google-ct-pilot-server-key-public.pem", &log_id);
    struct tree_head head;
    assert_ptr_equal(tree_head_from_json(buffer_span(&json), &head), OK);
    assert_ptr_equal(signature_check_tree_head(key, &head), &fault_signature_form);
    signature_key_free(key);
    buffer_done(&json);
}

static void a_real_static_ct_checkpoint_verifies_and_no_spoiled_one(void **state) {
    (void) state;
    struct hash log_id;
    struct buffer note = corpus_read("a-ct/checkpoints/willow2025h1b.checkpoint");
    struct signature_key *key = key_of_corpus("a-ct/checkpoints/willow2025h1b.pubkey.b64", &log_id);
    struct tree_head head;
    const char *origin = "willow.ct.letsencrypt.org/2025h1b";
    assert_ptr_equal(tree_head_from_checkpoint(buffer_span(&note), origin, &log_id, &head), OK);
    assert_int_equal(head.size, 1237717073);
    assert_only_this_head_verifies(key, &head);
    assert_ptr_equal(tree_head_from_checkpoint(buffer_span(&note), "willow.ct.letsencrypt.org/2025h1a", &log_id, &head),
                     &fault_checkpoint_origin);
    log_id.bytes[0] ^= 1;
    assert_ptr_equal(tree_head_from_checkpoint(buffer_span(&note), origin, &log_id, &head), &fault_checkpoint_unsigned);
    signature_key_free(key);
    buffer_done(&note);
}

/* Whatever one byte of a real checkpoint becomes, it is refused, unsigned or wrong; only other signers' bytes do not matter. */
static void a_checkpoint_spoiled_in_any_byte_never_yields_another_head_that_verifies(void **state) {
    (void) state;
    struct hash log_id;
    struct buffer note = corpus_read("a-ct/checkpoints/willow2025h1b.checkpoint");
    struct signature_key *key = key_of_corpus("a-ct/checkpoints/willow2025h1b.pubkey.b64", &log_id);
    const char *origin = "willow.ct.letsencrypt.org/2025h1b";
    struct tree_head head, good;
    assert_ptr_equal(tree_head_from_checkpoint(buffer_span(&note), origin, &log_id, &good), OK);
    size_t verified = 0;
    for (size_t i = 0; i < note.size; i++) {
        note.bytes[i] ^= 0x01;
        if (tree_head_from_checkpoint(buffer_span(&note), origin, &log_id, &head) == OK &&
            signature_check_tree_head(key, &head) == OK) {
            assert_int_equal(head.size, good.size);
            assert_int_equal(head.timestamp_ms, good.timestamp_ms);
            assert_true(hash_equal(&head.root, &good.root));
            verified++;
        }
        note.bytes[i] ^= 0x01;
    }
    assert_true(verified > 0 && verified < note.size * 2 / 3);
    signature_key_free(key);
    buffer_done(&note);
}

static void the_checkpoint_of_a_finished_synthetic_log_verifies(void **state) {
    (void) state;
    struct buffer note = corpus_read("a-ct/static-ct/skylight_testdata/tree/checkpoint");
    struct hash log_id;
    struct tree_head head;
    struct signature_key *key = key_of_text(
        span_of_text("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPIcer7RB32jt4bTEbhgUKLKvOctFD+I2hoDItFxUBlJiGFvftBuRk3fO7e1T7gC2ekyfL7XoO2oN"
                     "/ObcZyc4EA=="),
        &log_id);
    assert_ptr_equal(tree_head_from_checkpoint(buffer_span(&note), "rome2026h1.example.org", &log_id, &head), OK);
    assert_int_equal(head.size, 300);
    assert_only_this_head_verifies(key, &head);
    signature_key_free(key);
    buffer_done(&note);
}

static void chromes_list_verifies_with_the_key_in_the_program_and_no_changed_list_does(void **state) {
    (void) state;
    struct buffer json = corpus_read("a-ct/log-lists/chrome/all_logs_list.json");
    struct buffer signature = corpus_read("a-ct/log-lists/chrome/all_logs_list.sig");
    assert_ptr_equal(signature_check_log_list(buffer_span(&json), buffer_span(&signature)), OK);
    json.bytes[json.size / 2] ^= 1;
    assert_ptr_equal(signature_check_log_list(buffer_span(&json), buffer_span(&signature)), &fault_signature_wrong);
    json.bytes[json.size / 2] ^= 1;
    signature.bytes[100] ^= 1;
    assert_ptr_equal(signature_check_log_list(buffer_span(&json), buffer_span(&signature)), &fault_signature_wrong);
    signature.bytes[100] ^= 1;
    assert_ptr_equal(signature_check_log_list(buffer_span(&json), span_of(signature.bytes, 511)), &fault_signature_wrong);
    assert_ptr_equal(signature_check_log_list(buffer_span(&json), span_of(NULL, 0)), &fault_signature_wrong);
    buffer_done(&json);
    buffer_done(&signature);
}

static void the_list_key_in_the_program_has_the_published_hash(void **state) {
    (void) state;
    uint8_t hash[32], wanted[32];
    EVP_Digest(log_list_key, LOG_LIST_KEY_SIZE, hash, NULL, EVP_sha256(), NULL);
    assert_ptr_equal(
        text_to_hex(span_of_text("f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85"), wanted, 32), OK);
    assert_memory_equal(hash, wanted, 32);
}

/* A fresh key, its SPKI in `ret_der`, and a DigitallySigned over `message`. */
static EVP_PKEY *fresh_key(EVP_PKEY *key, uint8_t ret_der[2048], size_t *ret_size) {
    unsigned char *at = ret_der;
    assert_non_null(key);
    *ret_size = (size_t) i2d_PUBKEY(key, &at);
    return key;
}

static void sign(EVP_PKEY *key, uint8_t algorithm, struct span message, struct tree_head *head) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = TREE_HEAD_SIGNATURE_MAX - 4;
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, head->signature + 4, &size, message.bytes, message.size), 1);
    EVP_MD_CTX_free(context);
    head->signature[0] = 4;
    head->signature[1] = algorithm;
    head->signature[2] = (uint8_t) (size >> 8);
    head->signature[3] = (uint8_t) size;
    head->signature_size = size + 4;
}

static void a_head_signed_with_rsa_verifies_and_no_spoiled_one(void **state) {
    (void) state;
    uint8_t der[2048], message[TREE_HEAD_SIGNED_SIZE];
    size_t size;
    struct tree_head head = {.size = 5, .timestamp_ms = 6};
    struct signature_key *key;
    EVP_PKEY *secret = fresh_key(EVP_RSA_gen(2048), der, &size);
    tree_head_signed_bytes(&head, message);
    sign(secret, 1, span_of(message, sizeof message), &head);
    assert_ptr_equal(signature_key_new(span_of(der, size), &key), OK);
    assert_only_this_head_verifies(key, &head);
    head.signature[1] = 3;
    assert_ptr_equal(signature_check_tree_head(key, &head), &fault_signature_form);
    signature_key_free(key);
    EVP_PKEY_free(secret);
}

static void keys_that_logs_may_not_have_are_refused(void **state) {
    (void) state;
    EVP_PKEY *keys[] = {EVP_RSA_gen(1024), EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"),
                        EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), EVP_RSA_gen(2048)};
    for (size_t i = 0; i < 5; i++) {
        uint8_t der[2048];
        size_t size;
        struct signature_key *key = NULL;
        fresh_key(keys[i], der, &size);
        result outcome = signature_key_new(span_of(der, size), &key);
        assert_ptr_equal(outcome, i < 4 ? &fault_key_format : OK);
        struct signature_key *none = NULL;
        assert_ptr_equal(signature_key_new(span_of(der, size - 1), &none), &fault_key_format);
        der[size] = 0;
        assert_ptr_equal(signature_key_new(span_of(der, size + 1), &none), &fault_key_format);
        signature_key_free(key);
        EVP_PKEY_free(keys[i]);
    }
}

static void a_key_is_read_from_pem_der_and_base64_alike(void **state) {
    (void) state;
    static const char base64[] = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbNmWXyYsF2pohGOAiNELea6UL4/XioI3w6ChE5Udlos0HUqM7KOHIP9qBuWC"
                                 "Vs6VAdtDXrvanmxKq52Whh2+2w==";
    char text[600];
    uint8_t der[1024], again[1024];
    size_t size, again_size;
    assert_ptr_equal(signature_key_read(span_of_text(base64), der, &size), OK);
    assert_int_equal(size, 91);
    assert_ptr_equal(signature_key_read(span_of(der, size), again, &again_size), OK);
    assert_int_equal(again_size, 91);
    assert_memory_equal(der, again, 91);
    snprintf(text, sizeof text, "a comment\n-----BEGIN PUBLIC KEY-----\r\n%.64s\r\n%s\n-----END PUBLIC KEY-----\n", base64,
             base64 + 64);
    memset(again, 0, sizeof again);
    assert_ptr_equal(signature_key_read(span_of_text(text), again, &again_size), OK);
    assert_memory_equal(der, again, 91);
    snprintf(text, sizeof text, " %s\n", base64);
    assert_ptr_equal(signature_key_read(span_of_text(text), again, &again_size), OK);
}

static void a_text_that_holds_no_key_is_refused_and_leaves_the_output(void **state) {
    (void) state;
    static const char *const texts[] = {"", "x", "-----BEGIN PUBLIC KEY-----\nMFkw", "MFkwEwYHKoZIzj0CAQ==", "\n\n",
                                        "-----BEGIN CERTIFICATE-----\nMFkw\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint8_t der[1024] = {7};
        size_t size = 99;
        assert_ptr_equal(signature_key_read(span_of_text(texts[i]), der, &size), &fault_key_format);
        assert_int_equal(der[0], 7);
        assert_int_equal(size, 99);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_2014_head_of_google_pilot_verifies_and_no_spoiled_one),
        cmocka_unit_test(the_head_whose_signature_is_known_to_be_invalid_is_refused),
        cmocka_unit_test(a_real_static_ct_checkpoint_verifies_and_no_spoiled_one),
        cmocka_unit_test(a_checkpoint_spoiled_in_any_byte_never_yields_another_head_that_verifies),
        cmocka_unit_test(the_checkpoint_of_a_finished_synthetic_log_verifies),
        cmocka_unit_test(chromes_list_verifies_with_the_key_in_the_program_and_no_changed_list_does),
        cmocka_unit_test(the_list_key_in_the_program_has_the_published_hash),
        cmocka_unit_test(a_head_signed_with_rsa_verifies_and_no_spoiled_one),
        cmocka_unit_test(keys_that_logs_may_not_have_are_refused),
        cmocka_unit_test(a_key_is_read_from_pem_der_and_base64_alike),
        cmocka_unit_test(a_text_that_holds_no_key_is_refused_and_leaves_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
