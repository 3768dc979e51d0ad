/* OpenSSL, and where random bytes come from. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <sys/random.h>

#include "failing/calls/calls.h"

#define REFUSED(value) (openssl_refuse(), (value))

#define OPENSSL_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_OPENSSL, type, name, parameters, arguments, failure)
OPENSSL_CALL(EVP_MD *, EVP_MD_fetch, (OSSL_LIB_CTX * context, const char *name, const char *query), (context, name, query),
             REFUSED(NULL))
OPENSSL_CALL(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), REFUSED(NULL)) /* by OpenSSL too */
OPENSSL_CALL(int, EVP_DigestVerifyInit_ex,
             (EVP_MD_CTX * digest, EVP_PKEY_CTX **key_context, const char *name, OSSL_LIB_CTX *context, const char *query, EVP_PKEY *key,
              const OSSL_PARAM settings[]),
             (digest, key_context, name, context, query, key, settings), REFUSED(0))
OPENSSL_CALL(int, EVP_DigestVerify, (EVP_MD_CTX * digest, const unsigned char *signature, size_t size, const unsigned char *text, size_t length),
             (digest, signature, size, text, length), REFUSED(-1))
OPENSSL_CALL(EVP_PKEY *, d2i_PUBKEY, (EVP_PKEY * *key, const unsigned char **bytes, long size), (key, bytes, size),
             REFUSED(NULL))
OPENSSL_CALL(X509 *, d2i_X509, (X509 * *certificate, const unsigned char **bytes, long size), (certificate, bytes, size),
             REFUSED(NULL))

/* Allocates the first time only. */
int EVP_DigestInit_ex2(EVP_MD_CTX *digest, const EVP_MD *how, const OSSL_PARAM settings[]) {
    static int (*real)(EVP_MD_CTX *, const EVP_MD *, const OSSL_PARAM[]);
    if (EVP_MD_CTX_get0_md(digest) == NULL && call_fails_as(CALL_OPENSSL, "EVP_DigestInit_ex2"))
        return REFUSED(0);
    FIND_REAL(EVP_DigestInit_ex2)
    return real(digest, how, settings);
}

OPENSSL_CALL(int, EVP_DigestSignInit, (EVP_MD_CTX * digest, EVP_PKEY_CTX **key_context, const EVP_MD *how, ENGINE *engine, EVP_PKEY *key),
             (digest, key_context, how, engine, key), REFUSED(0))
OPENSSL_CALL(int, EVP_DigestSign, (EVP_MD_CTX * digest, unsigned char *out, size_t *size, const unsigned char *text, size_t length),
             (digest, out, size, text, length), REFUSED(0))
OPENSSL_CALL(unsigned char *, HMAC,
             (const EVP_MD *how, const void *key, int key_size, const unsigned char *text, size_t length, unsigned char *out, unsigned *size),
             (how, key, key_size, text, length, out, size), REFUSED(NULL))
OPENSSL_CALL(BIO *, BIO_new, (const BIO_METHOD *kind), (kind), REFUSED(NULL))
OPENSSL_CALL(BIO *, BIO_new_mem_buf, (const void *bytes, int size), (bytes, size), REFUSED(NULL))
OPENSSL_CALL(X509 *, PEM_read_bio_X509, (BIO * in, X509 **out, pem_password_cb *call, void *context), (in, out, call, context),
             REFUSED(NULL))
OPENSSL_CALL(EVP_PKEY *, PEM_read_bio_PrivateKey, (BIO * in, EVP_PKEY **out, pem_password_cb *call, void *context),
             (in, out, call, context), REFUSED(NULL))
OPENSSL_CALL(int, PEM_write_bio_X509, (BIO * out, const X509 *what), (out, what), REFUSED(0))
OPENSSL_CALL(X509 *, X509_new, (void), (), REFUSED(NULL))
OPENSSL_CALL(X509 *, X509_dup, (const X509 *what), (what), REFUSED(NULL))
OPENSSL_CALL(int, X509_sign, (X509 * what, EVP_PKEY *key, const EVP_MD *how), (what, key, how), REFUSED(0))
OPENSSL_CALL(int, X509_verify, (X509 * what, EVP_PKEY *key), (what, key), REFUSED(-1))
OPENSSL_CALL(int, X509_add_ext, (X509 * what, X509_EXTENSION *extension, int at), (what, extension, at), REFUSED(0))
OPENSSL_CALL(EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_name, (OSSL_LIB_CTX * library, const char *name, const char *query),
             (library, name, query), REFUSED(NULL))
OPENSSL_CALL(int, EVP_PKEY_get_group_name, (const EVP_PKEY *key, char *name, size_t room, size_t *size), (key, name, room, size),
             REFUSED(0))
OPENSSL_CALL(int, i2d_PUBKEY, (const EVP_PKEY *key, unsigned char **out), (key, out), REFUSED(-1))
OPENSSL_CALL(int, i2d_X509, (const X509 *what, unsigned char **out), (what, out), REFUSED(-1))

#define RANDOM_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_RANDOM, type, name, parameters, arguments, failure)
RANDOM_CALL(int, RAND_bytes, (unsigned char *bytes, int size), (bytes, size), 0)
RANDOM_CALL(int, RAND_priv_bytes, (unsigned char *bytes, int size), (bytes, size), 0)
RANDOM_CALL(ssize_t, getrandom, (void *bytes, size_t size, unsigned flags), (bytes, size, flags), WITH_ERRNO(EAGAIN, -1))
