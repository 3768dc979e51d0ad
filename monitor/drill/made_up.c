#include "drill/made_up.h"

#include <stdio.h>

#include "base/digest.h"
#include "drill/der_write.h"
#include "drill/made_up_names.h"

#define PIECE_LIMIT ((size_t) 64 * 1024)
#define DAY_SECONDS ((int64_t) 24 * 3600)
#define RSA_MODULUS_SIZE 256
#define SPKI_MAX 300
#define SERIAL_SIZE 16
#define SCT_SIGNATURE_SIZE 71

#define OID(...) span_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define OID_CN OID(0x55, 0x04, 0x03)
#define OID_O OID(0x55, 0x04, 0x0a)
#define OID_C OID(0x55, 0x04, 0x06)
#define OID_ECDSA_SHA256 OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)
#define OID_RSA OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01)
#define OID_EXTENSION(last) OID(0x55, 0x1d, last)
#define OID_AIA OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01)
#define OID_OCSP OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01)
#define OID_CA_ISSUERS OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02)
#define OID_SERVER_AUTH OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01)
#define OID_CLIENT_AUTH OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02)
#define OID_DOMAIN_VALIDATED OID(0x67, 0x81, 0x0c, 0x01, 0x02, 0x01)
#define OID_SCT_LIST OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02)
#define OID_POISON OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03)

enum { EXT_SKI = 0x0e, EXT_KEY_USAGE = 0x0f, EXT_SAN = 0x11, EXT_BASIC = 0x13, EXT_CRL = 0x1f, EXT_POLICIES = 0x20, EXT_AKI = 0x23, EXT_EKU = 0x25 };
enum { TAG_VERSION = 0xa0, TAG_EXTENSIONS = 0xa3, TAG_DNS = 0x82, TAG_URI = 0x86, TAG_KEY_ID = 0x80 };

static const char *const organisations[MADE_UP_ISSUERS] = {"Example Encrypt", "Example Encrypt", "Made-up Trust Services", "Sample Sign",
                                                           "Cloud Example", "Test Certs Limited", "Specimen CA", "Example Encrypt"};

/* ---- pieces ---- */

static void add_name_part(struct buffer *out, struct span oid, unsigned tag, const char *value) {
    size_t set = der_begin(out, DER_SET), pair = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, oid);
    der_add_text(out, tag, value);
    der_end(out, pair);
    der_end(out, set);
}

static void add_algorithm(struct buffer *out) {
    size_t place = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, OID_ECDSA_SHA256);
    der_end(out, place);
}

struct extension_place {
    size_t whole, octets;
};

static struct extension_place begin_extension(struct buffer *out, struct span oid, bool is_critical) {
    struct extension_place place = {.whole = der_begin(out, DER_SEQUENCE)};
    der_add(out, DER_OID, oid);
    if (is_critical)
        der_add(out, DER_BOOLEAN, span_of("\xff", 1));
    place.octets = der_begin(out, DER_OCTETS);
    return place;
}

static void end_extension(struct buffer *out, struct extension_place place) {
    der_end(out, place.octets);
    der_end(out, place.whole);
}

static void add_extension(struct buffer *out, struct span oid, bool is_critical, struct span value) {
    struct extension_place place = begin_extension(out, oid, is_critical);
    buffer_add(out, value);
    end_extension(out, place);
}

static void add_serial(struct buffer *out, uint64_t *random) {
    uint8_t serial[SERIAL_SIZE];
    weak_random_bytes(random, serial, sizeof serial);
    serial[0] = (uint8_t) ((serial[0] & 0x3f) | 0x40);
    der_add(out, DER_INTEGER, span_of(serial, sizeof serial));
}

/* An RSA public key whose modulus is a random odd number: nobody checks that it has two factors. */
static void add_rsa_spki(struct buffer *out, uint64_t *random) {
    uint8_t modulus[1 + RSA_MODULUS_SIZE] = {0};
    weak_random_bytes(random, modulus + 1, RSA_MODULUS_SIZE);
    modulus[1] |= 0x80;
    modulus[RSA_MODULUS_SIZE] |= 1;
    size_t spki = der_begin(out, DER_SEQUENCE), algorithm = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, OID_RSA);
    der_add(out, DER_NULL, span_of(NULL, 0));
    der_end(out, algorithm);
    size_t bits = der_begin(out, DER_BITS);
    buffer_add_number(out, 1, 0);
    size_t key = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_INTEGER, span_of(modulus, sizeof modulus));
    der_add(out, DER_INTEGER, span_of("\x01\x00\x01", 3));
    der_end(out, key);
    der_end(out, bits);
    der_end(out, spki);
}

/* TBSCertificate from what stands before the extensions, and two runs of extensions. */
static void assemble_tbs(struct buffer *out, struct span head, struct span extensions, struct span special) {
    buffer_reset(out);
    size_t tbs = der_begin(out, DER_SEQUENCE);
    buffer_add(out, head);
    size_t tag = der_begin(out, TAG_EXTENSIONS), list = der_begin(out, DER_SEQUENCE);
    buffer_add(out, extensions);
    buffer_add(out, special);
    der_end(out, list);
    der_end(out, tag);
    der_end(out, tbs);
}

static bool assemble_certificate(struct buffer *out, struct weak_signer *signer, struct span tbs) {
    buffer_reset(out);
    size_t certificate = der_begin(out, DER_SEQUENCE);
    buffer_add(out, tbs);
    add_algorithm(out);
    size_t bits = der_begin(out, DER_BITS);
    buffer_add_number(out, 1, 0);
    bool is_signed = weak_sign(signer, tbs, out);
    der_end(out, bits);
    der_end(out, certificate);
    return is_signed && !out->failed;
}

static void add_head(struct buffer *out, uint64_t *random, struct span issuer, int64_t not_before, int64_t lifetime_seconds) {
    buffer_reset(out);
    size_t version = der_begin(out, TAG_VERSION);
    der_add(out, DER_INTEGER, span_of("\x02", 1));
    der_end(out, version);
    add_serial(out, random);
    add_algorithm(out);
    buffer_add(out, issuer);
    size_t validity = der_begin(out, DER_SEQUENCE);
    der_add_time(out, not_before);
    der_add_time(out, not_before + lifetime_seconds);
    der_end(out, validity);
}

/* ---- CAs ---- */

static result make_key(struct made_up_issuer *issuer, uint64_t *random) {
    TRY(weak_signer_new(random, &issuer->signer));
    weak_signer_spki(issuer->signer, issuer->spki);
    digest_of(span_of(issuer->spki, sizeof issuer->spki), &issuer->spki_sha256);
    memcpy(issuer->key_id, issuer->spki_sha256.bytes, sizeof issuer->key_id);
    return OK;
}

static void make_name(struct made_up_issuer *issuer, const char *organisation, const char *role, size_t number) {
    issuer->organisation = organisation;
    snprintf(issuer->common_name, sizeof issuer->common_name, "%s %zu", role, number + 1);
    issuer->name = buffer_with_limit(PIECE_LIMIT);
    size_t name = der_begin(&issuer->name, DER_SEQUENCE);
    add_name_part(&issuer->name, OID_C, DER_PRINTABLE, "XX");
    add_name_part(&issuer->name, OID_O, DER_UTF8, organisation);
    add_name_part(&issuer->name, OID_CN, DER_UTF8, issuer->common_name);
    der_end(&issuer->name, name);
}

static result make_ca(struct made_up *made_up, struct made_up_issuer *ca, struct made_up_issuer *signer) {
    static const int64_t begin = 1704067200; /* 2024-01-01 */
    struct buffer *extensions = &made_up->extensions;
    add_head(&made_up->head, &made_up->random, buffer_span(&signer->name), begin, 3650 * DAY_SECONDS);
    buffer_add(&made_up->head, buffer_span(&ca->name));
    buffer_add(&made_up->head, span_of(ca->spki, sizeof ca->spki));
    buffer_reset(extensions);
    add_extension(extensions, OID_EXTENSION(EXT_BASIC), true, span_of("\x30\x03\x01\x01\xff", 5));
    add_extension(extensions, OID_EXTENSION(EXT_KEY_USAGE), true, span_of("\x03\x02\x01\x06", 4));
    struct extension_place ski = begin_extension(extensions, OID_EXTENSION(EXT_SKI), false);
    der_add(extensions, DER_OCTETS, span_of(ca->key_id, sizeof ca->key_id));
    end_extension(extensions, ski);
    assemble_tbs(&made_up->tbs, buffer_span(&made_up->head), buffer_span(extensions), span_of(NULL, 0));
    ca->certificate = buffer_with_limit(PIECE_LIMIT);
    return assemble_certificate(&ca->certificate, signer->signer, buffer_span(&made_up->tbs)) ? OK : &fault_library;
}

result made_up_init(struct made_up *made_up, uint64_t seed) {
    struct buffer *const pieces[] = {&made_up->head, &made_up->extensions, &made_up->special, &made_up->tbs,
                                     &made_up->poisoned, &made_up->certificate, &made_up->names, &made_up->scratch};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        *pieces[i] = buffer_with_limit(PIECE_LIMIT);
    made_up->random = seed;
    for (size_t i = 0; i < sizeof made_up->sct_logs / sizeof made_up->sct_logs[0]; i++)
        weak_random_bytes(&made_up->random, made_up->sct_logs[i].bytes, HASH_SIZE);
    for (size_t i = 0; i < MADE_UP_ROOTS; i++) {
        make_name(&made_up->roots[i], organisations[i + 1], "Made-up Root", i);
        TRY(make_key(&made_up->roots[i], &made_up->random));
        TRY(make_ca(made_up, &made_up->roots[i], &made_up->roots[i]));
    }
    for (size_t i = 0; i < MADE_UP_ISSUERS; i++) {
        made_up->issuers[i].root = i % MADE_UP_ROOTS;
        make_name(&made_up->issuers[i], organisations[i], "Made-up CA", i);
        TRY(make_key(&made_up->issuers[i], &made_up->random));
        TRY(make_ca(made_up, &made_up->issuers[i], &made_up->roots[i % MADE_UP_ROOTS]));
    }
    return OK;
}

static void issuer_done(struct made_up_issuer *issuer) {
    buffer_done(&issuer->name);
    buffer_done(&issuer->certificate);
    weak_signer_free(issuer->signer);
}

void made_up_done(struct made_up *made_up) {
    for (size_t i = 0; i < MADE_UP_ROOTS; i++)
        issuer_done(&made_up->roots[i]);
    for (size_t i = 0; i < MADE_UP_ISSUERS; i++)
        issuer_done(&made_up->issuers[i]);
    struct buffer *const pieces[] = {&made_up->head, &made_up->extensions, &made_up->special, &made_up->tbs,
                                     &made_up->poisoned, &made_up->certificate, &made_up->names, &made_up->scratch};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        buffer_done(pieces[i]);
}

/* ---- entries ---- */

/* GeneralNames into made_up->names; the first goes to ret_first. */
static void make_names(struct made_up *made_up, const struct made_up_order *order, char ret_first[MADE_UP_NAME_SIZE]) {
    char domain[MADE_UP_NAME_SIZE], name[MADE_UP_NAME_SIZE];
    uint64_t *random = &made_up->random;
    made_up_domain(random, order->index, domain);
    unsigned count = made_up_name_count(random);
    unsigned watched_at = order->watched == NULL ? count : (unsigned) (weak_random(random) % count);
    buffer_reset(&made_up->names);
    size_t list = der_begin(&made_up->names, DER_SEQUENCE);
    for (unsigned i = 0; i < count; i++) {
        made_up_host(random, domain, i, name);
        if (i == watched_at)
            snprintf(name, sizeof name, "%s", order->watched);
        if (i == 0)
            memcpy(ret_first, name, sizeof name);
        der_add_text(&made_up->names, TAG_DNS, name);
    }
    der_end(&made_up->names, list);
}

static result add_spki(struct made_up *made_up, struct made_up_issuer *issuer) {
    uint8_t spki[P256_SPKI_SIZE];
    if (weak_random(&made_up->random) % 100 < 70) {
        add_rsa_spki(&made_up->head, &made_up->random);
        return OK;
    }
    TRY(weak_spki_new(issuer->signer, &made_up->random, spki));
    buffer_add(&made_up->head, span_of(spki, sizeof spki));
    return OK;
}

static void add_access(struct buffer *out, struct span method, const char *service, size_t number) {
    char url[64];
    snprintf(url, sizeof url, "http://%s.ca%zu.example/", service, number);
    size_t access = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, method);
    der_add_text(out, TAG_URI, url);
    der_end(out, access);
}

static void add_key_ids(struct buffer *out, const struct made_up_issuer *issuer, uint64_t *random) {
    uint8_t key_id[20];
    weak_random_bytes(random, key_id, sizeof key_id);
    struct extension_place place = begin_extension(out, OID_EXTENSION(EXT_SKI), false);
    der_add(out, DER_OCTETS, span_of(key_id, sizeof key_id));
    end_extension(out, place);
    place = begin_extension(out, OID_EXTENSION(EXT_AKI), false);
    size_t list = der_begin(out, DER_SEQUENCE);
    der_add(out, TAG_KEY_ID, span_of(issuer->key_id, sizeof issuer->key_id));
    der_end(out, list);
    end_extension(out, place);
}

static void add_usage(struct buffer *out, uint64_t *random) {
    add_extension(out, OID_EXTENSION(EXT_KEY_USAGE), true, span_of("\x03\x02\x07\x80", 4));
    struct extension_place place = begin_extension(out, OID_EXTENSION(EXT_EKU), false);
    size_t list = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, OID_SERVER_AUTH);
    if (weak_random(random) % 2 == 0)
        der_add(out, DER_OID, OID_CLIENT_AUTH);
    der_end(out, list);
    end_extension(out, place);
    add_extension(out, OID_EXTENSION(EXT_BASIC), true, span_of("\x30\x00", 2));
}

/* certificatePolicies and one CRL distribution point. */
static void add_policy_and_crl(struct buffer *out, size_t issuer_number) {
    char url[64];
    snprintf(url, sizeof url, "http://crl.ca%zu.example/17.crl", issuer_number);
    struct extension_place place = begin_extension(out, OID_EXTENSION(EXT_POLICIES), false);
    size_t list = der_begin(out, DER_SEQUENCE), policy = der_begin(out, DER_SEQUENCE);
    der_add(out, DER_OID, OID_DOMAIN_VALIDATED);
    der_end(out, policy);
    der_end(out, list);
    end_extension(out, place);
    place = begin_extension(out, OID_EXTENSION(EXT_CRL), false);
    size_t points = der_begin(out, DER_SEQUENCE), point = der_begin(out, DER_SEQUENCE);
    size_t name = der_begin(out, TAG_VERSION), full = der_begin(out, TAG_VERSION); /* [0] { [0] fullName } */
    der_add_text(out, TAG_URI, url);
    der_end(out, full);
    der_end(out, name);
    der_end(out, point);
    der_end(out, points);
    end_extension(out, place);
}

static void make_extensions(struct made_up *made_up, const struct made_up_issuer *issuer, size_t issuer_number) {
    struct buffer *out = &made_up->extensions;
    buffer_reset(out);
    add_usage(out, &made_up->random);
    add_key_ids(out, issuer, &made_up->random);
    struct extension_place place = begin_extension(out, OID_AIA, false);
    size_t list = der_begin(out, DER_SEQUENCE);
    add_access(out, OID_OCSP, "ocsp", issuer_number);
    add_access(out, OID_CA_ISSUERS, "crt", issuer_number);
    der_end(out, list);
    end_extension(out, place);
    add_extension(out, OID_EXTENSION(EXT_SAN), false, buffer_span(&made_up->names));
    add_policy_and_crl(out, issuer_number);
}

/* Two or three SCTs of logs that do not exist. */
static void make_sct_list(struct made_up *made_up, uint64_t timestamp_ms) {
    struct buffer *list = &made_up->scratch;
    uint8_t signature[SCT_SIGNATURE_SIZE];
    size_t count = 2 + weak_random(&made_up->random) % 2, first = weak_random(&made_up->random) % 4;
    buffer_reset(list);
    for (size_t i = 0; i < count; i++) {
        weak_random_bytes(&made_up->random, signature, sizeof signature);
        buffer_add_number(list, 2, 1 + HASH_SIZE + 8 + 2 + 4 + sizeof signature);
        buffer_add_number(list, 1, 0);
        buffer_add(list, span_of(made_up->sct_logs[first + i % 3].bytes, HASH_SIZE));
        buffer_add_number(list, 8, timestamp_ms - 2000 + i);
        buffer_add_number(list, 2, 0);
        buffer_add_number(list, 2, 0x0403);
        buffer_add_vector(list, 2, span_of(signature, sizeof signature));
    }
    struct extension_place place = begin_extension(&made_up->special, OID_SCT_LIST, false);
    size_t octets = der_begin(&made_up->special, DER_OCTETS);
    buffer_add_vector(&made_up->special, 2, buffer_span(list));
    der_end(&made_up->special, octets);
    end_extension(&made_up->special, place);
}

/* Everything of the TBS but the extensions that differ between precertificate and certificate. */
static result make_body(struct made_up *made_up, const struct made_up_order *order, size_t issuer_number) {
    static const int64_t lifetimes_days[] = {90, 90, 90, 47, 199, 365};
    struct made_up_issuer *issuer = &made_up->issuers[issuer_number];
    char first[MADE_UP_NAME_SIZE];
    make_names(made_up, order, first);
    int64_t not_before = (int64_t) (order->timestamp_ms / 1000) - 3600;
    int64_t days = lifetimes_days[weak_random(&made_up->random) % (sizeof lifetimes_days / sizeof lifetimes_days[0])];
    add_head(&made_up->head, &made_up->random, buffer_span(&issuer->name), not_before, days * DAY_SECONDS - 1);
    size_t subject = der_begin(&made_up->head, DER_SEQUENCE);
    if (strlen(first) <= 64)
        add_name_part(&made_up->head, OID_CN, DER_UTF8, first);
    der_end(&made_up->head, subject);
    TRY(add_spki(made_up, issuer));
    make_extensions(made_up, issuer, issuer_number);
    return OK;
}

result made_up_entry(struct made_up *made_up, const struct made_up_order *order, struct drill_entry *ret_entry) {
    size_t issuer_number = weak_random(&made_up->random) % MADE_UP_ISSUERS;
    struct made_up_issuer *issuer = &made_up->issuers[issuer_number];
    bool is_precertificate = weak_random(&made_up->random) % 100 < 60;
    TRY(make_body(made_up, order, issuer_number));
    buffer_reset(&made_up->special);
    if (is_precertificate)
        add_extension(&made_up->special, OID_POISON, true, span_of("\x05\x00", 2));
    else
        make_sct_list(made_up, order->timestamp_ms);
    assemble_tbs(&made_up->poisoned, buffer_span(&made_up->head), buffer_span(&made_up->extensions), buffer_span(&made_up->special));
    assemble_tbs(&made_up->tbs, buffer_span(&made_up->head), buffer_span(&made_up->extensions), span_of(NULL, 0));
    if (!assemble_certificate(&made_up->certificate, issuer->signer, buffer_span(&made_up->poisoned)))
        return &fault_library;
    *ret_entry = (struct drill_entry){.timestamp_ms = order->timestamp_ms,
                                      .kind = is_precertificate ? ENTRY_PRECERTIFICATE : ENTRY_CERTIFICATE,
                                      .issuer_key_hash = issuer->spki_sha256,
                                      .chain = {buffer_span(&issuer->certificate), buffer_span(&made_up->roots[issuer->root].certificate)},
                                      .chain_count = 2,
                                      .has_leaf_index = true,
                                      .leaf_index = order->index};
    if (is_precertificate) {
        ret_entry->tbs = buffer_span(&made_up->tbs);
        ret_entry->precertificate = buffer_span(&made_up->certificate);
    } else {
        ret_entry->certificate = buffer_span(&made_up->certificate);
    }
    return OK;
}
