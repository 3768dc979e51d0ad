#include "rules/issuer_check.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/digest.h"
#include "base/memory.h"

FAULT(fault_issuer_key, FAULT_INPUT, "issuer.key", "issuer certificate", "RFC 5280 4.1.2.7",
      "its key cannot be read or used", "an RSA, EC or EdDSA key that OpenSSL knows");
FAULT(fault_issuer_signature, FAULT_INPUT, "issuer.signature", "certificate", "RFC 5280 4.1.1.3",
      "the issuer's key does not verify its signature", "a signature by the key of the certificate above it");

static void free_x509(X509 **x509) {
    X509_free(*x509);
}

static void free_key(EVP_PKEY **key) {
    EVP_PKEY_free(*key);
}

static EVP_PKEY *read_key(struct span spki) {
    const unsigned char *at = spki.bytes;
    return spki.size > LONG_MAX ? NULL : d2i_PUBKEY(NULL, &at, (long) spki.size);
}

static X509 *read_certificate(struct span der) {
    const unsigned char *at = der.bytes;
    return der.size > LONG_MAX ? NULL : d2i_X509(NULL, &at, (long) der.size);
}

static result verify(const struct certificate *certificate, const struct certificate *issuer) {
    CLEANUP(free_key) EVP_PKEY *key = read_key(issuer->spki);
    if (key == NULL)
        return &fault_issuer_key;
    CLEANUP(free_x509) X509 *x509 = read_certificate(certificate->whole);
    return x509 != NULL && X509_verify(x509, key) == 1 ? OK : &fault_issuer_signature;
}

result issuer_check(const struct certificate *certificate, const struct certificate *issuer,
                    struct hash *ret_issuer_spki) {
    uint64_t mark = memory_mark(); /* OpenSSL does not always say that it had no memory */
    result outcome = certificate->whole.size == 0 ? &fault_issuer_signature : verify(certificate, issuer);
    bool has_no_memory = outcome != OK && memory_mark() != mark;
    ERR_clear_error();
    TRY(has_no_memory ? &fault_no_memory : outcome);
    digest_of(issuer->spki, ret_issuer_spki);
    return OK;
}
