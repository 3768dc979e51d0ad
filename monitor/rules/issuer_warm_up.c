#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/memory.h"
#include "formats/names.h"
#include "rules/issuer_check.h"
#include "rules/signature.h"

/* OpenSSL loads configuration, providers and algorithms when they are first wanted. A sandboxed reader can load nothing,
 * so everything that it will want is used once before: with keys made here, because none of them is a secret. */

enum { LIFETIME_SECONDS = 60, CERTIFICATE_SIZE_MAX = 2048 };

static void free_x509(X509 **x509) {
    X509_free(*x509);
}

static void free_key(EVP_PKEY **key) {
    EVP_PKEY_free(*key);
}

static void ignore_name(void *context, const struct name_reading *reading) {
    (void) context;
    (void) reading;
}

static bool fill(X509 *x509, EVP_PKEY *key, const EVP_MD *digest) {
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    return X509_set_version(x509, X509_VERSION_3) == 1 && X509_gmtime_adj(X509_getm_notBefore(x509), 0) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(x509), LIFETIME_SECONDS) != NULL && X509_set_pubkey(x509, key) == 1 &&
           X509_sign(x509, key, digest) > 0;
}

/* Makes a self-signed certificate and checks it as a reader would. */
static bool rehearse(EVP_PKEY *made_key, const EVP_MD *digest) {
    CLEANUP(free_key) EVP_PKEY *key = made_key;
    CLEANUP(free_x509) X509 *x509 = X509_new();
    uint8_t der[CERTIFICATE_SIZE_MAX];
    uint8_t *at = der;
    struct certificate certificate;
    struct hash spki;
    uint64_t oddities = 0;
    if (key == NULL || x509 == NULL || !fill(x509, key, digest))
        return false;
    int size = i2d_X509(x509, NULL);
    if (size <= 0 || size > CERTIFICATE_SIZE_MAX || i2d_X509(x509, &at) != size)
        return false;
    struct span bytes = span_of(der, (size_t) size);
    return certificate_parse(bytes, &certificate) == OK && issuer_check(&certificate, &certificate, &spki) == OK &&
           names_visit_refused(bytes, false, ignore_name, NULL, &oddities) == OK;
}

/* An RSA key takes too long to make; the log list's is there, and a wrong signature takes the same way. */
static bool rehearse_rsa(void) {
    static const uint8_t wrong[512];
    result outcome = signature_check_log_list(span_of_text("{}"), span_of(wrong, sizeof wrong));
    return outcome == &fault_signature_wrong;
}

result issuer_check_warm_up(void) {
    bool is_good = rehearse(EVP_EC_gen("P-256"), EVP_sha256()) && rehearse(EVP_EC_gen("P-384"), EVP_sha384()) &&
                   rehearse(EVP_EC_gen("P-521"), EVP_sha512()) &&
                   rehearse(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL) && rehearse_rsa();
    ERR_clear_error();
    return is_good ? OK : &fault_library;
}
