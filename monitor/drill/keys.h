/* P-256 keys of the drill's logs and CAs, and their signatures. */
#pragma once

#include <openssl/evp.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/reason.h"
#include "base/span.h"

#define DRILL_SPKI_MAX 1024

struct spki {
    uint8_t bytes[DRILL_SPKI_MAX];
    size_t size;
    struct hash sha256; /* of the DER: a log's id, a CA's issuer key hash */
};

void key_free_at(EVP_PKEY **key);

/* Reads `<folder>/<name>` (PEM, mode 0600), or makes it with a new key. The caller frees with EVP_PKEY_free. */
MUST_CHECK result key_open(const char *folder, const char *name, EVP_PKEY **ret_key, struct reason *reason);
MUST_CHECK result key_new(EVP_PKEY **ret_key);
MUST_CHECK result key_save(const char *folder, const char *name, EVP_PKEY *key, struct reason *reason);
MUST_CHECK result key_spki(EVP_PKEY *key, struct spki *ret_spki);
/* Appends a TLS DigitallySigned: SHA-256, ECDSA, u16 length, signature (RFC 5246 4.7). */
MUST_CHECK result key_sign(EVP_PKEY *key, struct span message, struct buffer *out);
