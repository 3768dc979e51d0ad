#include "formats/key_type.h"

#include <stdio.h>

#include "formats/der.h"

struct named_oid {
    uint8_t oid[9];
    size_t size;
    const char *name;
};

static const struct named_oid algorithms[] = {
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01}, 9, "rsa"},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a}, 9, "rsa-pss"},
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01}, 7, "ec"},
    {{0x2b, 0x65, 0x70}, 3, "ed25519"},
    {{0x2b, 0x65, 0x71}, 3, "ed448"},
    {{0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01}, 7, "dsa"},
};

static const struct named_oid curves[] = {
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 8, "p256"},
    {{0x2b, 0x81, 0x04, 0x00, 0x22}, 5, "p384"},
    {{0x2b, 0x81, 0x04, 0x00, 0x23}, 5, "p521"},
    {{0x2b, 0x81, 0x04, 0x00, 0x0a}, 5, "secp256k1"},
};

static const char *name_of(struct span oid, const struct named_oid *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (span_equal(oid, span_of(table[i].oid, table[i].size)))
            return table[i].name;
    return NULL;
}

/* Bits of the modulus in an RSAPublicKey (RFC 8017 A.1.1); 0 when it cannot be read. */
static size_t modulus_bits(struct span key) {
    struct cursor cursor = cursor_of(key);
    struct span body, modulus;
    uint8_t unused;
    if (!cursor_u8(&cursor, &unused) || der_take(&cursor, DER_SEQUENCE, &body) != OK)
        return 0;
    cursor = cursor_of(body);
    if (der_take(&cursor, DER_INTEGER, &modulus) != OK)
        return 0;
    size_t zeros = 0;
    while (zeros < modulus.size && modulus.bytes[zeros] == 0)
        zeros++;
    if (zeros == modulus.size)
        return 0;
    size_t bits = (modulus.size - zeros) * 8;
    for (uint8_t first = modulus.bytes[zeros]; (first & 0x80) == 0; first = (uint8_t) (first << 1))
        bits--;
    return bits;
}

static void write_ec(struct cursor *parameters, char *ret_text) {
    struct span curve;
    char text[KEY_TYPE_SIZE - 3] = "?";
    const char *name = NULL;
    if (der_take(parameters, DER_OID, &curve) == OK) {
        name = name_of(curve, curves, sizeof curves / sizeof *curves);
        if (name == NULL && !der_oid_text(curve, text, sizeof text))
            snprintf(text, sizeof text, "?");
    }
    snprintf(ret_text, KEY_TYPE_SIZE, "ec-%s", name != NULL ? name : text);
}

void key_type_text(struct span spki, char ret_text[KEY_TYPE_SIZE]) {
    struct cursor cursor = cursor_of(spki);
    struct span body, algorithm, oid, key;
    snprintf(ret_text, KEY_TYPE_SIZE, "?");
    if (der_take(&cursor, DER_SEQUENCE, &body) != OK)
        return;
    cursor = cursor_of(body);
    if (der_take(&cursor, DER_SEQUENCE, &algorithm) != OK || der_take(&cursor, DER_BIT_STRING, &key) != OK)
        return;
    cursor = cursor_of(algorithm);
    if (der_take(&cursor, DER_OID, &oid) != OK)
        return;
    const char *name = name_of(oid, algorithms, sizeof algorithms / sizeof *algorithms);
    if (name == NULL) {
        if (!der_oid_text(oid, ret_text, KEY_TYPE_SIZE))
            snprintf(ret_text, KEY_TYPE_SIZE, "?");
    } else if (strncmp(name, "rsa", 3) == 0) {
        snprintf(ret_text, KEY_TYPE_SIZE, "%s-%zu", name, modulus_bits(key));
    } else if (strcmp(name, "ec") == 0) {
        write_ec(&cursor, ret_text);
    } else {
        snprintf(ret_text, KEY_TYPE_SIZE, "%s", name);
    }
}
