/* Fast, repeatable ECDSA over P-256 for made-up logs. Its nonces come from a small pool and its key from a seed: anybody can compute
 * the key from two signatures. It must never sign anything that is to be believed. */
#pragma once

#include <openssl/evp.h>

#include "base/buffer.h"
#include "base/result.h"
#include "base/span.h"

#define P256_SPKI_SIZE 91
#define WEAK_SIGNATURE_MAX 72

/* splitmix64: every random byte of a made-up log. */
uint64_t weak_random(uint64_t *state);
void weak_random_bytes(uint64_t *state, uint8_t *ret_bytes, size_t size);

struct weak_signer;
MUST_CHECK result weak_signer_new(uint64_t *random, struct weak_signer **ret_signer);
void weak_signer_free(struct weak_signer *signer);
/* Appends the DER signature over SHA-256 of `message`. */
bool weak_sign(struct weak_signer *signer, struct span message, struct buffer *out);
void weak_signer_spki(const struct weak_signer *signer, uint8_t ret_spki[P256_SPKI_SIZE]);
/* The key as OpenSSL has it; the caller frees it. */
MUST_CHECK result weak_signer_key(const struct weak_signer *signer, EVP_PKEY **ret_key);
/* SPKI of a fresh key whose private part is forgotten. */
MUST_CHECK result weak_spki_new(struct weak_signer *signer, uint64_t *random, uint8_t ret_spki[P256_SPKI_SIZE]);
