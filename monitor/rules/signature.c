#include "rules/signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/cursor.h"
#include "base/memory.h"
#include "base/text.h"
#include "rules/log_list_key.h"

FAULT(fault_key_format, FAULT_INPUT, "key.format", "public key", "RFC 6962 2.1.4",
      "not an SPKI of a supported key", "an EC P-256 or RSA key of 2048 bits or more, as DER, base64 or PEM");
FAULT(fault_signature_form, FAULT_LOG, "signature.form", "signature", "RFC 5246 4.7, RFC 6962 2.1.4",
      "not a DigitallySigned that fits the key", "SHA-256 with the key's algorithm and no bytes left over");
FAULT(fault_signature_wrong, FAULT_LOG, "signature.wrong", "signature", "RFC 6962 2.1.4",
      "not made by this key over these bytes", "a signature that verifies");

/* RFC 5246 7.4.1.4.1 */
enum { TLS_HASH_SHA256 = 4, TLS_SIGNATURE_RSA = 1, TLS_SIGNATURE_ECDSA = 3 };

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* what TREE_HEAD_SIGNATURE_MAX can hold; larger ones only cost time */
#define KEY_DER_MAX 1024
#define KEY_TEXT_MAX 4096

struct signature_key {
    EVP_PKEY *key;
    uint8_t algorithm; /* of DigitallySigned */
};

static void evp_key_free(EVP_PKEY **key) {
    EVP_PKEY_free(*key);
}

static void digest_context_free(EVP_MD_CTX **context) {
    EVP_MD_CTX_free(*context);
}

/* 0 for a key that logs may not have. */
static uint8_t algorithm_of(const EVP_PKEY *key) {
    char group[32] = "";
    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1)
        return strcmp(group, "prime256v1") == 0 ? TLS_SIGNATURE_ECDSA : 0;
    int bits = EVP_PKEY_get_bits(key);
    return EVP_PKEY_is_a(key, "RSA") && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX ? TLS_SIGNATURE_RSA : 0;
}

result signature_key_new(struct span spki_der, struct signature_key **ret_key) {
    if (spki_der.size == 0 || spki_der.size > KEY_DER_MAX * 2)
        return &fault_key_format;
    const unsigned char *at = spki_der.bytes;
    uint64_t mark = memory_mark(); /* OpenSSL does not say that it had no memory for a key */
    CLEANUP(evp_key_free) EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long) spki_der.size);
    bool is_whole = key != NULL && at == spki_der.bytes + spki_der.size;
    uint8_t algorithm = is_whole ? algorithm_of(key) : 0;
    ERR_clear_error();
    if (algorithm == 0)
        return memory_mark() != mark ? &fault_no_memory : &fault_key_format;
    struct signature_key *made = memory_new(sizeof *made);
    if (made == NULL)
        return &fault_no_memory;
    made->key = TAKE(key);
    made->algorithm = algorithm;
    *ret_key = made;
    return OK;
}

void signature_key_free(struct signature_key *key) {
    if (key == NULL)
        return;
    EVP_PKEY_free(key->key);
    memory_free(key);
}

CLEANUP_OF_POINTER(struct signature_key, signature_key_free)

static result verify(EVP_PKEY *key, struct span message, struct span signature) {
    uint64_t mark = memory_mark();
    CLEANUP(digest_context_free) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL)
        return &fault_no_memory;
    if (EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) != 1) {
        ERR_clear_error();
        return memory_mark() != mark ? &fault_no_memory : &fault_library;
    }
    int outcome = EVP_DigestVerify(context, signature.bytes, signature.size, message.bytes, message.size);
    ERR_clear_error();
    return outcome == 1 ? OK : memory_mark() != mark ? &fault_no_memory : &fault_signature_wrong;
}

result signature_check(const struct signature_key *key, struct span message, struct span digitally_signed) {
    struct cursor cursor = cursor_of(digitally_signed);
    uint8_t hash = 0, algorithm = 0;
    struct span signature = {0};
    cursor_u8(&cursor, &hash);
    cursor_u8(&cursor, &algorithm);
    cursor_vector(&cursor, 2, &signature);
    if (!cursor_at_end(&cursor) || hash != TLS_HASH_SHA256 || algorithm != key->algorithm || signature.size == 0)
        return &fault_signature_form;
    return verify(key->key, message, signature);
}

result signature_check_tree_head(const struct signature_key *key, const struct tree_head *head) {
    uint8_t message[TREE_HEAD_SIGNED_SIZE];
    tree_head_signed_bytes(head, message);
    return signature_check(key, span_of(message, sizeof message), span_of(head->signature, head->signature_size));
}

result signature_check_log_list(struct span json, struct span signature) {
    CLEANUP(signature_key_free_at) struct signature_key *key = NULL;
    TRY(signature_key_new(span_of(log_list_key, LOG_LIST_KEY_SIZE), &key));
    return verify(key->key, json, signature);
}

static bool is_space(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* What stands between the PEM lines, or the whole text when there are none. */
static result pem_body(struct span text, struct span *ret_body) {
    static const char begin[] = "-----BEGIN PUBLIC KEY-----", end[] = "-----END PUBLIC KEY-----";
    const uint8_t *start = memmem(text.bytes, text.size, begin, sizeof begin - 1);
    if (start == NULL) {
        *ret_body = text;
        return OK;
    }
    start += sizeof begin - 1;
    size_t rest = text.size - (size_t) (start - text.bytes);
    const uint8_t *stop = memmem(start, rest, end, sizeof end - 1);
    if (stop == NULL)
        return &fault_key_format;
    *ret_body = span_of(start, (size_t) (stop - start));
    return OK;
}

static result der_of_base64(struct span text, uint8_t ret_der[KEY_DER_MAX], size_t *ret_size) {
    struct span body;
    uint8_t packed[(KEY_DER_MAX + 2) / 3 * 4], der[sizeof packed];
    size_t count = 0, size;
    TRY(pem_body(text, &body));
    for (size_t i = 0; i < body.size; i++) {
        if (is_space(body.bytes[i]))
            continue;
        if (count == sizeof packed)
            return &fault_key_format;
        packed[count++] = body.bytes[i];
    }
    if (text_to_base64(span_of(packed, count), der, &size) != OK || size > KEY_DER_MAX)
        return &fault_key_format;
    memcpy(ret_der, der, size);
    *ret_size = size;
    return OK;
}

result signature_key_read(struct span text, uint8_t ret_der[1024], size_t *ret_size) {
    CLEANUP(signature_key_free_at) struct signature_key *key = NULL;
    uint8_t der[KEY_DER_MAX];
    size_t size = 0;
    if (text.size == 0 || text.size > KEY_TEXT_MAX)
        return &fault_key_format;
    result as_der = text.size <= KEY_DER_MAX ? signature_key_new(text, &key) : &fault_key_format;
    if (as_der == &fault_no_memory)
        return as_der;
    if (as_der == OK) {
        memcpy(ret_der, text.bytes, text.size);
        *ret_size = text.size;
        return OK;
    }
    TRY(der_of_base64(text, der, &size));
    TRY(signature_key_new(span_of(der, size), &key));
    memcpy(ret_der, der, size);
    *ret_size = size;
    return OK;
}
