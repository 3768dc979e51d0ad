#include "formats/names_openssl.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/buffer.h"
#include "base/memory.h"

enum { WRAPPED_SIZE_MAX = 17 * 1024 * 1024 };

static void free_x509(X509 **x509) {
    X509_free(*x509);
}

static struct span span_of_string(const ASN1_STRING *string) {
    int size = ASN1_STRING_length(string);
    return span_of(ASN1_STRING_get0_data(string), size < 0 ? 0 : (size_t) size);
}

static X509 *decode(struct span der) {
    const unsigned char *at = der.bytes;
    return der.size > LONG_MAX ? NULL : d2i_X509(NULL, &at, (long) der.size);
}

/* OpenSSL decodes no TBS alone: give it a signature that nobody will check. */
static X509 *decode_tbs(struct span tbs) {
    static const uint8_t signature[] = {DER_SEQUENCE, 3, DER_OID, 1, 0x2a, DER_BIT_STRING, 1, 0};
    CLEANUP(buffer_done) struct buffer whole = buffer_with_limit(WRAPPED_SIZE_MAX);
    uint8_t header[6];
    if (tbs.size > WRAPPED_SIZE_MAX - 64)
        return NULL;
    size_t size = der_header(DER_SEQUENCE, tbs.size + sizeof signature, header);
    buffer_add(&whole, span_of(header, size));
    buffer_add(&whole, tbs);
    buffer_add(&whole, span_of(signature, sizeof signature));
    return whole.failed ? NULL : decode(buffer_span(&whole));
}

static void read_general_name(const GENERAL_NAME *name, struct name_reader *reader) {
    switch (name->type) {
    case GEN_DNS:
        name_read_dns(reader, span_of_string(name->d.dNSName));
        break;
    case GEN_EMAIL:
        name_read_email(reader, span_of_string(name->d.rfc822Name), NAME_FROM_SAN);
        break;
    case GEN_URI:
        name_read_uri(reader, span_of_string(name->d.uniformResourceIdentifier));
        break;
    case GEN_IPADD:
        name_read_address(reader, span_of_string(name->d.iPAddress));
        break;
    default:
        break;
    }
}

static bool read_sans(const X509 *x509, struct name_reader *reader) {
    bool is_good = true;
    for (int at = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1); at >= 0;
         at = X509_get_ext_by_NID(x509, NID_subject_alt_name, at)) {
        GENERAL_NAMES *names = X509V3_EXT_d2i(X509_get_ext(x509, at));
        is_good = is_good && names != NULL;
        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
            read_general_name(sk_GENERAL_NAME_value(names, i), reader);
        GENERAL_NAMES_free(names);
    }
    return is_good;
}

static void read_common_names(const X509 *x509, struct name_reader *reader) {
    const X509_NAME *subject = X509_get_subject_name(x509);
    for (int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0;
         at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) {
        const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        name_read_common_name(reader, (uint8_t) ASN1_STRING_type(value), span_of_string(value));
    }
}

bool names_of_openssl(struct span der, bool is_tbs, struct name_reader *reader) {
    CLEANUP(free_x509) X509 *x509 = is_tbs ? decode_tbs(der) : decode(der);
    bool is_good = x509 != NULL && read_sans(x509, reader);
    if (x509 != NULL)
        read_common_names(x509, reader);
    ERR_clear_error();
    return is_good;
}
