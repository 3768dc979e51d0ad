#include "drill/weak_signer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include "base/digest.h"
#include "base/memory.h"

#define NONCES 512
#define SCALAR_SIZE 32
#define POINT_SIZE 65

/* SEQUENCE { SEQUENCE { ecPublicKey, prime256v1 }, BIT STRING of 66 bytes } up to the point */
static const uint8_t spki_head[P256_SPKI_SIZE - POINT_SIZE] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                               0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                               0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

struct nonce {
    BIGNUM *r;       /* x of k*G */
    BIGNUM *inverse; /* 1/k */
    BIGNUM *rd;      /* r times the private key */
};

struct weak_signer {
    EC_GROUP *group;
    const BIGNUM *order; /* the group's */
    BN_CTX *context;
    BIGNUM *private_key;
    BIGNUM *s, *digest;
    uint8_t point[POINT_SIZE];
    struct nonce nonces[NONCES];
    size_t next;
};

uint64_t weak_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void weak_random_bytes(uint64_t *state, uint8_t *ret_bytes, size_t size) {
    for (size_t at = 0; at < size; at += 8) {
        uint64_t chunk = weak_random(state);
        memcpy(ret_bytes + at, &chunk, size - at < 8 ? size - at : 8);
    }
}

/* 1 to 2^255, so always below the order. */
static BIGNUM *random_scalar(uint64_t *random) {
    uint8_t raw[SCALAR_SIZE];
    weak_random_bytes(random, raw, sizeof raw);
    raw[0] &= 0x7f;
    raw[SCALAR_SIZE - 1] |= 1;
    return BN_bin2bn(raw, sizeof raw, NULL);
}

static bool multiply_base(struct weak_signer *signer, const BIGNUM *scalar, uint8_t ret_point[POINT_SIZE]) {
    EC_POINT *point = EC_POINT_new(signer->group);
    bool is_done = point != NULL && scalar != NULL && EC_POINT_mul(signer->group, point, scalar, NULL, NULL, signer->context) == 1 &&
                   EC_POINT_point2oct(signer->group, point, POINT_CONVERSION_UNCOMPRESSED, ret_point, POINT_SIZE,
                                      signer->context) == POINT_SIZE;
    EC_POINT_free(point);
    return is_done;
}

static bool make_nonce(struct weak_signer *signer, uint64_t *random, struct nonce *nonce) {
    uint8_t point[POINT_SIZE];
    BIGNUM *k = random_scalar(random);
    bool is_made = multiply_base(signer, k, point);
    nonce->r = BN_bin2bn(point + 1, SCALAR_SIZE, NULL);
    nonce->rd = BN_new();
    nonce->inverse = BN_mod_inverse(NULL, k, signer->order, signer->context);
    is_made = is_made && nonce->r != NULL && nonce->rd != NULL && nonce->inverse != NULL &&
              BN_nnmod(nonce->r, nonce->r, signer->order, signer->context) == 1 &&
              BN_mod_mul(nonce->rd, nonce->r, signer->private_key, signer->order, signer->context) == 1;
    BN_free(k);
    return is_made;
}

CLEANUP_OF_POINTER(struct weak_signer, weak_signer_free)

result weak_signer_new(uint64_t *random, struct weak_signer **ret_signer) {
    CLEANUP(weak_signer_free_at) struct weak_signer *signer = memory_new(sizeof *signer);
    if (signer == NULL)
        return &fault_no_memory;
    signer->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    signer->context = BN_CTX_new();
    signer->private_key = random_scalar(random);
    signer->s = BN_new();
    signer->digest = BN_new();
    if (signer->group == NULL || signer->context == NULL || signer->s == NULL || signer->digest == NULL)
        return &fault_no_memory;
    signer->order = EC_GROUP_get0_order(signer->group);
    bool is_made = multiply_base(signer, signer->private_key, signer->point);
    for (size_t i = 0; i < NONCES && is_made; i++)
        is_made = make_nonce(signer, random, &signer->nonces[i]);
    if (!is_made)
        return &fault_library;
    *ret_signer = TAKE(signer);
    return OK;
}

void weak_signer_free(struct weak_signer *signer) {
    if (signer == NULL)
        return;
    for (size_t i = 0; i < NONCES; i++) {
        BN_free(signer->nonces[i].r);
        BN_free(signer->nonces[i].rd);
        BN_free(signer->nonces[i].inverse);
    }
    BN_free(signer->private_key);
    BN_free(signer->s);
    BN_free(signer->digest);
    BN_CTX_free(signer->context);
    EC_GROUP_free(signer->group);
    memory_free(signer);
}

/* A positive INTEGER of at most 32 bytes. */
static size_t encode_integer(const BIGNUM *number, uint8_t *ret_bytes) {
    uint8_t raw[SCALAR_SIZE];
    size_t size = (size_t) BN_bn2bin(number, raw);
    size_t padding = size == 0 || raw[0] >= 0x80 ? 1 : 0;
    ret_bytes[0] = 2;
    ret_bytes[1] = (uint8_t) (size + padding);
    ret_bytes[2] = 0;
    memcpy(ret_bytes + 2 + padding, raw, size);
    return 2 + padding + size;
}

bool weak_sign(struct weak_signer *signer, struct span message, struct buffer *out) {
    struct hash hash;
    uint8_t signature[WEAK_SIGNATURE_MAX] = {0x30};
    const struct nonce *nonce = &signer->nonces[signer->next];
    signer->next = (signer->next + 1) % NONCES;
    digest_of(message, &hash);
    /* s = (z + r d) / k */
    if (BN_bin2bn(hash.bytes, HASH_SIZE, signer->digest) == NULL ||
        BN_mod_add(signer->s, signer->digest, nonce->rd, signer->order, signer->context) != 1 ||
        BN_mod_mul(signer->s, signer->s, nonce->inverse, signer->order, signer->context) != 1)
        return false;
    size_t size = 2 + encode_integer(nonce->r, signature + 2);
    size += encode_integer(signer->s, signature + size);
    signature[1] = (uint8_t) (size - 2);
    return buffer_add(out, span_of(signature, size));
}

static void put_spki(const uint8_t point[POINT_SIZE], uint8_t ret_spki[P256_SPKI_SIZE]) {
    memcpy(ret_spki, spki_head, sizeof spki_head);
    memcpy(ret_spki + sizeof spki_head, point, POINT_SIZE);
}

void weak_signer_spki(const struct weak_signer *signer, uint8_t ret_spki[P256_SPKI_SIZE]) {
    put_spki(signer->point, ret_spki);
}

result weak_spki_new(struct weak_signer *signer, uint64_t *random, uint8_t ret_spki[P256_SPKI_SIZE]) {
    uint8_t point[POINT_SIZE];
    BIGNUM *scalar = random_scalar(random);
    bool is_made = multiply_base(signer, scalar, point);
    BN_free(scalar);
    if (is_made)
        put_spki(point, ret_spki);
    return is_made ? OK : &fault_library;
}

static OSSL_PARAM *key_parameters(const struct weak_signer *signer) {
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    if (builder != NULL && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, signer->point, POINT_SIZE) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, signer->private_key) == 1)
        parameters = OSSL_PARAM_BLD_to_param(builder);
    OSSL_PARAM_BLD_free(builder);
    return parameters;
}

result weak_signer_key(const struct weak_signer *signer, EVP_PKEY **ret_key) {
    OSSL_PARAM *parameters = key_parameters(signer);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    *ret_key = NULL;
    bool is_made = parameters != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
                   EVP_PKEY_fromdata(context, ret_key, EVP_PKEY_KEYPAIR, parameters) == 1;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return is_made ? OK : &fault_library;
}
