#include "drill/keys.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/digest.h"
#include "drill/folder.h"

#define PEM_SIZE_MAX ((size_t) 8192)
#define SIGNATURE_MAX 512

void key_free_at(EVP_PKEY **key) {
    EVP_PKEY_free(*key);
}

static void bio_free_at(BIO **bio) {
    BIO_free(*bio);
}

static void digest_context_free_at(EVP_MD_CTX **context) {
    EVP_MD_CTX_free(*context);
}

result key_new(EVP_PKEY **ret_key) {
    *ret_key = EVP_EC_gen("P-256");
    return *ret_key == NULL ? &fault_library : OK;
}

result key_save(const char *folder, const char *name, EVP_PKEY *key, struct reason *reason) {
    CLEANUP(bio_free_at) BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    if (bio == NULL || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return reason_set(reason, &fault_library, "%s: OpenSSL cannot write the key", name);
    long size = BIO_get_mem_data(bio, &text);
    return folder_write(folder, name, span_of(text, (size_t) size), 0600, reason);
}

result key_open(const char *folder, const char *name, EVP_PKEY **ret_key, struct reason *reason) {
    CLEANUP(key_free_at) EVP_PKEY *key = NULL;
    bool is_there;
    TRY(folder_look_for(folder, name, &is_there, reason));
    if (is_there) {
        CLEANUP(buffer_done) struct buffer text = buffer_with_limit(PEM_SIZE_MAX);
        TRY(folder_read(folder, name, &text, reason));
        CLEANUP(bio_free_at) BIO *bio = BIO_new_mem_buf(text.bytes, (int) text.size);
        key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        if (key == NULL)
            return reason_set(reason, &fault_drill_folder, "%s/%s: not a private key in PEM", folder, name);
    } else {
        TRY(key_new(&key));
        TRY(key_save(folder, name, key, reason));
    }
    *ret_key = TAKE(key);
    return OK;
}

result key_spki(EVP_PKEY *key, struct spki *ret_spki) {
    int size = i2d_PUBKEY(key, NULL);
    uint8_t *end = ret_spki->bytes;
    if (size <= 0 || size > DRILL_SPKI_MAX || i2d_PUBKEY(key, &end) != size)
        return &fault_library;
    ret_spki->size = (size_t) size;
    digest_of(span_of(ret_spki->bytes, ret_spki->size), &ret_spki->sha256);
    return OK;
}

result key_sign(EVP_PKEY *key, struct span message, struct buffer *out) {
    uint8_t signature[SIGNATURE_MAX];
    size_t size = sizeof signature;
    CLEANUP(digest_context_free_at) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &size, message.bytes, message.size) != 1)
        return &fault_library;
    bool fits = buffer_add_number(out, 1, 4) && buffer_add_number(out, 1, 3) && buffer_add_vector(out, 2, span_of(signature, size));
    return fits ? OK : &fault_no_memory;
}
