#include "drill/authority.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "drill/folder.h"

FAULT(fault_drill_order, FAULT_INPUT, "drill.order", "order of a certificate", "", "cannot be issued",
      "1 to 100 printable names and a public key");

#define CERTIFICATE_PEM_MAX ((size_t) 16384)
#define CERTIFICATE_DER_MAX ((size_t) 64 * 1024)
#define YEAR_SECONDS ((int64_t) 365 * 24 * 3600)
#define COMMON_NAME_MAX 64 /* RFC 5280, ub-common-name */
#define FILE_NAME_SIZE 64

static void x509_free_at(X509 **certificate) {
    X509_free(*certificate);
}

static void bio_free_at(BIO **bio) {
    BIO_free(*bio);
}

static bool add_constant_extension(X509 *certificate, X509 *issuer, int kind, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    bool is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

struct serial {
    uint8_t bytes[16];
};

static result draw_serial(struct serial *ret_serial, struct reason *reason) {
    if (RAND_bytes(ret_serial->bytes, sizeof ret_serial->bytes) != 1)
        return reason_set(reason, &fault_machine, "no random bytes for a serial number, wanted %zu", sizeof ret_serial->bytes);
    ret_serial->bytes[0] = (uint8_t) ((ret_serial->bytes[0] & 0x3f) | 0x40); /* positive and of full length */
    return OK;
}

static bool set_serial(X509 *certificate, const struct serial *serial) {
    BIGNUM *number = BN_bin2bn(serial->bytes, sizeof serial->bytes, NULL);
    bool is_set = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_set;
}

static bool add_name_part(X509_NAME *name, const char *part, const char *value) {
    return X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8, (const unsigned char *) value, -1, -1, 0) == 1;
}

/* Version, serial, times, key and issuer; the subject and extensions are the caller's. */
static X509 *new_certificate(X509 *issuer, EVP_PKEY *key, const struct serial *serial, int64_t not_before, int64_t lifetime_seconds) {
    CLEANUP(x509_free_at) X509 *certificate = X509_new();
    bool is_made = certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate, serial) &&
                   ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t) not_before) != NULL &&
                   ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t) (not_before + lifetime_seconds - 1)) != NULL &&
                   X509_set_pubkey(certificate, key) == 1 &&
                   (issuer == NULL || X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
    return is_made ? TAKE(certificate) : NULL;
}

/* ---- the CA's own certificates ---- */

struct ca_certificate {
    const char *owner, *role;
    EVP_PKEY *key, *issuer_key;
    X509 *issuer; /* NULL: self-signed */
    int64_t not_before;
    struct serial serial;
};

static X509 *make_ca_certificate(const struct ca_certificate *wanted) {
    char common_name[COMMON_NAME_MAX + 1];
    snprintf(common_name, sizeof common_name, "%s %s", wanted->owner, wanted->role);
    CLEANUP(x509_free_at) X509 *certificate = new_certificate(wanted->issuer, wanted->key, &wanted->serial, wanted->not_before, 10 * YEAR_SECONDS);
    if (certificate == NULL)
        return NULL;
    X509_NAME *subject = X509_get_subject_name(certificate);
    bool is_made = add_name_part(subject, "O", wanted->owner) && add_name_part(subject, "CN", common_name) &&
                   (wanted->issuer != NULL || X509_set_issuer_name(certificate, subject) == 1);
    X509 *issuer = wanted->issuer == NULL ? certificate : wanted->issuer;
    is_made = is_made &&
              add_constant_extension(certificate, issuer, NID_basic_constraints,
                                     wanted->issuer == NULL ? "critical,CA:TRUE" : "critical,CA:TRUE,pathlen:0") &&
              add_constant_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign") &&
              add_constant_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
              (wanted->issuer == NULL || add_constant_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always")) &&
              X509_sign(certificate, wanted->issuer_key, EVP_sha256()) > 0;
    return is_made ? TAKE(certificate) : NULL;
}

static result save_certificate(const char *folder, const char *name, X509 *certificate, struct reason *reason) {
    CLEANUP(bio_free_at) BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    if (bio == NULL || PEM_write_bio_X509(bio, certificate) != 1)
        return reason_set(reason, &fault_library, "%s: OpenSSL cannot write the certificate", name);
    long size = BIO_get_mem_data(bio, &text);
    return folder_write(folder, name, span_of(text, (size_t) size), 0644, reason);
}

static result open_ca_certificate(const char *folder, const char *name, struct ca_certificate *wanted, X509 **ret_certificate,
                                  struct reason *reason) {
    CLEANUP(x509_free_at) X509 *certificate = NULL;
    bool is_there;
    TRY(folder_look_for(folder, name, &is_there, reason));
    if (is_there) {
        CLEANUP(buffer_done) struct buffer text = buffer_with_limit(CERTIFICATE_PEM_MAX);
        TRY(folder_read(folder, name, &text, reason));
        CLEANUP(bio_free_at) BIO *bio = BIO_new_mem_buf(text.bytes, (int) text.size);
        certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate == NULL || X509_check_private_key(certificate, wanted->key) != 1)
            return reason_set(reason, &fault_drill_folder, "%s/%s: not the certificate of the key beside it", folder, name);
    } else {
        TRY(draw_serial(&wanted->serial, reason));
        certificate = make_ca_certificate(wanted);
        if (certificate == NULL)
            return reason_set(reason, &fault_library, "%s: OpenSSL cannot make the certificate", name);
        TRY(save_certificate(folder, name, certificate, reason));
    }
    *ret_certificate = TAKE(certificate);
    return OK;
}

static result encode(X509 *certificate, struct buffer *out) {
    int size = i2d_X509(certificate, NULL);
    uint8_t *place = size <= 0 ? NULL : buffer_reserve(out, (size_t) size);
    if (place == NULL)
        return size <= 0 ? &fault_library : &fault_no_memory;
    if (i2d_X509(certificate, &place) != size)
        return &fault_library;
    buffer_grew(out, (size_t) size);
    return OK;
}

result authority_open(const char *folder, int64_t now_seconds, struct authority *authority, struct reason *reason) {
    char name[FILE_NAME_SIZE];
    int64_t not_before = now_seconds - 24 * 3600;
    snprintf(name, sizeof name, "%s-root.key", authority->name);
    TRY(key_open(folder, name, &authority->root_key, reason));
    snprintf(name, sizeof name, "%s.key", authority->name);
    TRY(key_open(folder, name, &authority->key, reason));
    struct ca_certificate root = {.owner = authority->owner, .role = "root", .key = authority->root_key, .issuer_key = authority->root_key,
                                  .not_before = not_before};
    snprintf(name, sizeof name, "%s-root.pem", authority->name);
    TRY(open_ca_certificate(folder, name, &root, &authority->root, reason));
    struct ca_certificate below = {.owner = authority->owner, .role = "CA 1", .key = authority->key, .issuer_key = authority->root_key,
                                   .issuer = authority->root, .not_before = not_before};
    snprintf(name, sizeof name, "%s.pem", authority->name);
    TRY(open_ca_certificate(folder, name, &below, &authority->intermediate, reason));
    authority->root_der = buffer_with_limit(CERTIFICATE_DER_MAX);
    authority->intermediate_der = buffer_with_limit(CERTIFICATE_DER_MAX);
    TRY(encode(authority->root, &authority->root_der));
    TRY(encode(authority->intermediate, &authority->intermediate_der));
    TRY(key_spki(authority->root_key, &authority->root_spki));
    return key_spki(authority->key, &authority->spki);
}

void authority_done(struct authority *authority) {
    EVP_PKEY_free(authority->root_key);
    EVP_PKEY_free(authority->key);
    X509_free(authority->root);
    X509_free(authority->intermediate);
    buffer_done(&authority->root_der);
    buffer_done(&authority->intermediate_der);
}

/* ---- what it issues ---- */

static GENERAL_NAME *general_name_of(const char *text) {
    uint8_t address[16];
    int size = inet_pton(AF_INET, text, address) == 1 ? 4 : inet_pton(AF_INET6, text, address) == 1 ? 16 : 0;
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = ASN1_STRING_type_new(size > 0 ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    bool is_set = name != NULL && value != NULL &&
                  ASN1_STRING_set(value, size > 0 ? (const void *) address : text, size > 0 ? size : -1) == 1;
    if (!is_set) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, size > 0 ? GEN_IPADD : GEN_DNS, value);
    return name;
}

static bool add_names(X509 *certificate, const struct certificate_order *order) {
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool is_added = names != NULL;
    for (size_t i = 0; i < order->name_count && is_added; i++) {
        GENERAL_NAME *name = general_name_of(order->names[i]);
        is_added = name != NULL && sk_GENERAL_NAME_push(names, name) > 0;
    }
    is_added = is_added && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(names);
    return is_added;
}

static result check_order(const struct certificate_order *order, struct reason *reason) {
    if (order->name_count == 0 || order->name_count > DRILL_NAMES_MAX)
        return reason_set(reason, &fault_drill_order, "%zu names, wanted 1 to %d", order->name_count, DRILL_NAMES_MAX);
    for (size_t i = 0; i < order->name_count; i++) {
        struct span name = span_of_text(order->names[i]);
        if (name.size == 0 || name.size > 253 || !text_is_printable(name) || memchr(name.bytes, ' ', name.size) != NULL)
            return reason_set(reason, &fault_drill_order, "name %zu: wanted 1 to 253 printable ASCII characters", i + 1);
    }
    return OK;
}

static result encode_tbs(X509 *certificate, struct buffer *out) {
    uint8_t *tbs = NULL;
    int size = i2d_re_X509_tbs(certificate, &tbs);
    if (size <= 0)
        return &fault_library;
    bool fits = buffer_add(out, span_of(tbs, (size_t) size));
    OPENSSL_free(tbs);
    return fits ? OK : &fault_no_memory;
}

CLEANUP_OF_POINTER(struct draft, draft_done)

result authority_draft(const struct authority *authority, const struct certificate_order *order, struct draft *ret_draft,
                       struct reason *reason) {
    TRY(check_order(order, reason));
    struct draft draft = {.tbs = buffer_with_limit(CERTIFICATE_DER_MAX)};
    CLEANUP(draft_done_at) struct draft *undone = &draft;
    struct serial serial;
    TRY(draw_serial(&serial, reason));
    draft.certificate = new_certificate(authority->intermediate, order->key, &serial, order->not_before, order->lifetime_seconds);
    X509 *certificate = draft.certificate;
    if (certificate == NULL)
        return reason_set(reason, &fault_library, "OpenSSL cannot make the certificate");
    const char *common_name = order->names[0];
    bool is_made = (strlen(common_name) > COMMON_NAME_MAX || add_name_part(X509_get_subject_name(certificate), "CN", common_name)) &&
                   add_constant_extension(certificate, authority->intermediate, NID_key_usage, "critical,digitalSignature") &&
                   add_constant_extension(certificate, authority->intermediate, NID_ext_key_usage, "serverAuth") &&
                   add_constant_extension(certificate, authority->intermediate, NID_basic_constraints, "critical,CA:FALSE") &&
                   add_constant_extension(certificate, authority->intermediate, NID_subject_key_identifier, "hash") &&
                   add_constant_extension(certificate, authority->intermediate, NID_authority_key_identifier, "keyid:always") &&
                   add_names(certificate, order) && X509_sign(certificate, authority->key, EVP_sha256()) > 0;
    if (!is_made || encode_tbs(certificate, &draft.tbs) != OK)
        return reason_set(reason, &fault_library, "OpenSSL cannot sign the certificate");
    (void) TAKE(undone);
    *ret_draft = draft;
    return OK;
}

void draft_done(struct draft *draft) {
    if (draft == NULL)
        return;
    X509_free(draft->certificate);
    buffer_done(&draft->tbs);
}

/* The poison or the SCT list goes last, so that taking it out again leaves the draft's TBS. */
static result sign_with_extension(const struct authority *authority, const struct draft *draft, X509_EXTENSION *extension,
                                  struct buffer *out) {
    CLEANUP(x509_free_at) X509 *certificate = X509_dup(draft->certificate);
    if (certificate == NULL || extension == NULL || X509_add_ext(certificate, extension, -1) != 1 ||
        X509_sign(certificate, authority->key, EVP_sha256()) <= 0)
        return &fault_library;
    return encode(certificate, out);
}

static X509_EXTENSION *new_extension(int kind, bool is_critical, struct span value) {
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    if (octets != NULL && ASN1_OCTET_STRING_set(octets, value.bytes, (int) value.size) == 1)
        extension = X509_EXTENSION_create_by_NID(NULL, kind, is_critical, octets);
    ASN1_OCTET_STRING_free(octets);
    return extension;
}

result draft_precertificate(const struct authority *authority, const struct draft *draft, struct buffer *out) {
    static const uint8_t asn1_null[] = {5, 0};
    X509_EXTENSION *poison = new_extension(NID_ct_precert_poison, true, span_of(asn1_null, sizeof asn1_null));
    result outcome = sign_with_extension(authority, draft, poison, out);
    X509_EXTENSION_free(poison);
    return outcome;
}

/* The extension's value is an OCTET STRING around the list. */
static bool wrap_octets(struct span content, struct buffer *out) {
    if (content.size > 0xffff)
        return false;
    bool fits = buffer_add_number(out, 1, 4);
    if (content.size > 0xff)
        fits = fits && buffer_add_number(out, 1, 0x82) && buffer_add_number(out, 2, content.size);
    else if (content.size > 0x7f)
        fits = fits && buffer_add_number(out, 1, 0x81) && buffer_add_number(out, 1, content.size);
    else
        fits = fits && buffer_add_number(out, 1, content.size);
    return fits && buffer_add(out, content);
}

result draft_certificate(const struct authority *authority, const struct draft *draft, struct span sct_list, struct buffer *out) {
    if (sct_list.size == 0)
        return encode(draft->certificate, out);
    CLEANUP(buffer_done) struct buffer value = buffer_with_limit(CERTIFICATE_DER_MAX);
    if (!wrap_octets(sct_list, &value))
        return &fault_limit_reached;
    X509_EXTENSION *extension = new_extension(NID_ct_precert_scts, false, buffer_span(&value));
    result outcome = sign_with_extension(authority, draft, extension, out);
    X509_EXTENSION_free(extension);
    return outcome;
}
