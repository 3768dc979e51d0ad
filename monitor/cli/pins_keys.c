#include "cli/pins_keys.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/memory.h"
#include "cli/read_file.h"
#include "formats/certificate.h"

#define KEY_FILE_MAX ((size_t) 4 * 1024 * 1024)

FAULT(fault_pins_key, FAULT_INPUT, "pins.key", "key file", "", "it cannot be used", "a certificate, a certificate request or a public key, in PEM or DER");

static const char *const wanted = "wanted a certificate, a certificate request or a public key, in PEM or DER";

const char *pins_key_kind_name(enum pins_key_kind kind) {
    static const char *const names[] = {[PINS_KEY_CERTIFICATE] = "certificate", [PINS_KEY_REQUEST] = "request", [PINS_KEY_PUBLIC] = "public key"};
    return names[kind];
}

static void bio_free_at(BIO **bio) {
    BIO_free(*bio);
}

static result add(const struct pins_key *key, struct pins_keys *keys, struct reason *reason) {
    if (keys->count == PINS_KEYS_MAX)
        return reason_set(reason, &fault_pins_key, "%s: more than %d certificates and keys at once", key->source, PINS_KEYS_MAX);
    keys->items[keys->count++] = *key;
    return OK;
}

result pins_keys_add_certificate(struct span der, const char *source, struct pins_keys *keys, struct reason *reason) {
    struct certificate certificate;
    if (certificate_parse(der, &certificate) != OK)
        return reason_set(reason, &fault_pins_key, "%s: a certificate that cannot be read", source);
    return add(&(struct pins_key){.kind = PINS_KEY_CERTIFICATE, .source = source, .spki = certificate.spki, .certificate = certificate.whole}, keys, reason);
}

/* ---- requests and bare keys, through OpenSSL */

/* Takes `der` over. */
static result keep_spki(unsigned char *der, int size, struct arena *arena, struct pins_key *key, struct pins_keys *keys, struct reason *reason) {
    if (size <= 0)
        return &fault_no_memory;
    uint8_t *copy = arena_copy(arena, span_of(der, (size_t) size));
    OPENSSL_free(der);
    key->spki = span_of(copy, (size_t) size);
    return copy == NULL ? &fault_no_memory : add(key, keys, reason);
}

/* False: it is no request. */
static bool add_request(struct span der, const char *source, struct arena *arena, struct pins_keys *keys, result *ret_outcome, struct reason *reason) {
    const unsigned char *at = der.bytes;
    unsigned char *spki = NULL;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long) der.size);
    if (request == NULL)
        return false;
    int size = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &spki);
    *ret_outcome = keep_spki(spki, size, arena, &(struct pins_key){.kind = PINS_KEY_REQUEST, .source = source}, keys, reason);
    X509_REQ_free(request);
    return true;
}

static bool add_public(EVP_PKEY *public, const char *source, struct arena *arena, struct pins_keys *keys, result *ret_outcome, struct reason *reason) {
    unsigned char *spki = NULL;
    if (public == NULL)
        return false;
    int size = i2d_PUBKEY(public, &spki);
    *ret_outcome = keep_spki(spki, size, arena, &(struct pins_key){.kind = PINS_KEY_PUBLIC, .source = source}, keys, reason);
    EVP_PKEY_free(public);
    return true;
}

/* ---- files */

static result refuse_kind(const char *path, const char *what, struct reason *reason) {
    ERR_clear_error();
    return reason_set(reason, &fault_pins_key, "%s: %s, %s", path, what, wanted);
}

static result take_der(struct span der, const char *path, struct arena *arena, struct pins_keys *keys, struct reason *reason) {
    const unsigned char *at = der.bytes;
    struct certificate certificate;
    result outcome = OK;
    if (certificate_parse(der, &certificate) == OK)
        return pins_keys_add_certificate(der, path, keys, reason);
    if (add_request(der, path, arena, keys, &outcome, reason) || add_public(d2i_PUBKEY(NULL, &at, (long) der.size), path, arena, keys, &outcome, reason)) {
        ERR_clear_error();
        return outcome;
    }
    return refuse_kind(path, "nothing in it has a public key", reason);
}

static result take_block(const char *kind, struct span der, const char *path, struct arena *arena, struct pins_keys *keys, struct reason *reason) {
    const unsigned char *at = der.bytes;
    result outcome = OK;
    if (strcmp(kind, PEM_STRING_X509) == 0 || strcmp(kind, PEM_STRING_X509_OLD) == 0 || strcmp(kind, PEM_STRING_X509_TRUSTED) == 0)
        return pins_keys_add_certificate(der, path, keys, reason);
    if (strcmp(kind, PEM_STRING_X509_REQ) == 0 || strcmp(kind, PEM_STRING_X509_REQ_OLD) == 0)
        return add_request(der, path, arena, keys, &outcome, reason) ? outcome : refuse_kind(path, "a certificate request that cannot be read", reason);
    if (strcmp(kind, PEM_STRING_PUBLIC) == 0)
        return add_public(d2i_PUBKEY(NULL, &at, (long) der.size), path, arena, keys, &outcome, reason) ? outcome : refuse_kind(path, "a public key that cannot be read", reason);
    if (strcmp(kind, PEM_STRING_RSA_PUBLIC) == 0)
        return add_public(d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long) der.size), path, arena, keys, &outcome, reason) ? outcome : refuse_kind(path, "a public key that cannot be read", reason);
    if (strstr(kind, "PRIVATE KEY") != NULL)
        return reason_set(reason, &fault_pins_key, "%s: a private key; show it to nobody. Wanted its public half: openssl pkey -in %s -pubout", path, path);
    return OK; /* parameters, CRLs and what else stands in such files */
}

/* A block that was kept lies in the arena. */
static result take_blocks(BIO *input, const char *path, struct arena *arena, struct pins_keys *keys, struct reason *reason) {
    char *kind = NULL, *header = NULL;
    unsigned char *bytes = NULL;
    long size = 0;
    result outcome = OK;
    while (outcome == OK && PEM_read_bio(input, &kind, &header, &bytes, &size) == 1) {
        uint8_t *copy = arena_copy(arena, span_of(bytes, (size_t) size));
        outcome = copy == NULL ? &fault_no_memory : take_block(kind, span_of(copy, (size_t) size), path, arena, keys, reason);
        OPENSSL_free(kind);
        OPENSSL_free(header);
        OPENSSL_clear_free(bytes, (size_t) size);
    }
    ERR_clear_error();
    return outcome;
}

result pins_keys_read(const char *path, struct arena *arena, struct pins_keys *keys, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer content = buffer_with_limit(KEY_FILE_MAX);
    size_t before = keys->count;
    TRY(read_file(path, &content, reason));
    if (content.size == 0)
        return refuse_kind(path, "the file is empty", reason);
    CLEANUP(bio_free_at) BIO *input = BIO_new_mem_buf(content.bytes, (int) content.size);
    if (input == NULL)
        return &fault_no_memory;
    TRY(take_blocks(input, path, arena, keys, reason));
    if (keys->count > before)
        return OK;
    uint8_t *copy = arena_copy(arena, buffer_span(&content));
    return copy == NULL ? &fault_no_memory : take_der(span_of(copy, content.size), path, arena, keys, reason);
}
