/* Certificates against OpenSSL: what OpenSSL parses we describe too, every plain name that it shows is among ours, and where its own
 * encoding of what it read is the input again, serial, validity, issuer, subject and key are the same bytes and times.
 *
 * parser: formats/names.c formats/names_openssl.c
 * seeds: certificate names subject
 * leaves: decode_tbs
 * corpora: b-x509 */
#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "base/memory.h"
#include "formats/certificate_report.h"
#include "formats/names.h"
#include "fuzz/harness.h"

#define SET_LIMIT ((size_t) 64 * 1024 * 1024)
enum { EXPECTED_SIZE = 512 };

/* What we emitted: texts and hosts, each behind a newline. */
static void collect(void *context, const struct name_reading *reading) {
    struct buffer *set = context;
    buffer_add_text(set, "\n");
    buffer_add(set, reading->text);
    buffer_add_text(set, "\n");
    buffer_add(set, reading->host);
}

static bool set_has(const struct buffer *set, const char *text) {
    char wanted[EXPECTED_SIZE + 2];
    size_t size = (size_t) snprintf(wanted, sizeof wanted, "\n%s\n", text);
    return memmem(set->bytes, set->size, wanted, size) != NULL;
}

/* A name that every reader reads in the same way: letters, digits, '-', '_', '*' and single dots. In lower case. */
static bool is_plain(struct span name, char ret_text[EXPECTED_SIZE]) {
    size_t size = 0;
    while (name.size > 0 && name.bytes[name.size - 1] == '.')
        name.size--;
    if (name.size == 0 || name.size >= EXPECTED_SIZE || name.bytes[0] == '.')
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.bytes[i];
        if (byte > 0x7f || !(isalnum(byte) || byte == '-' || byte == '_' || byte == '*' || byte == '.') ||
            (byte == '.' && name.bytes[i - 1] == '.'))
            return false;
        ret_text[size++] = (char) tolower(byte);
    }
    ret_text[size] = '\0';
    return true;
}

static struct span span_of_string(const ASN1_STRING *string) {
    return span_of(ASN1_STRING_get0_data(string), (size_t) ASN1_STRING_length(string));
}

static void require_mail(struct span address, const struct buffer *set) {
    char text[EXPECTED_SIZE];
    const uint8_t *at = address.size == 0 ? NULL : memrchr(address.bytes, '@', address.size);
    if (at != NULL && is_plain(span_of(at + 1, address.size - (size_t) (at - address.bytes) - 1), text))
        require(set_has(set, text));
}

static void require_address(struct span address, const struct buffer *set) {
    char text[EXPECTED_SIZE];
    if (address.size != 4 && address.size != 16)
        return;
    require(inet_ntop(address.size == 4 ? AF_INET : AF_INET6, address.bytes, text, sizeof text) != NULL && set_has(set, text));
}

static void require_uri(struct span uri, const struct buffer *set) {
    static const char scheme[] = "https://";
    char text[EXPECTED_SIZE];
    if (uri.size > 8 && memcmp(uri.bytes, scheme, 8) == 0 && is_plain(span_of(uri.bytes + 8, uri.size - 8), text) &&
        inet_addr(text) == INADDR_NONE)
        require(set_has(set, text));
}

static void require_general_name(const GENERAL_NAME *name, const struct buffer *set) {
    char text[EXPECTED_SIZE];
    if (name->type == GEN_DNS && is_plain(span_of_string(name->d.dNSName), text))
        require(set_has(set, text));
    if (name->type == GEN_EMAIL)
        require_mail(span_of_string(name->d.rfc822Name), set);
    if (name->type == GEN_IPADD)
        require_address(span_of_string(name->d.iPAddress), set);
    if (name->type == GEN_URI)
        require_uri(span_of_string(name->d.uniformResourceIdentifier), set);
}

/* Says whether OpenSSL could read every SAN extension. */
static bool require_names(const X509 *x509, const struct buffer *set) {
    char text[EXPECTED_SIZE];
    bool is_readable = true;
    for (int at = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1); at >= 0;
         at = X509_get_ext_by_NID(x509, NID_subject_alt_name, at)) {
        GENERAL_NAMES *names = X509V3_EXT_d2i(X509_get_ext(x509, at));
        is_readable = is_readable && names != NULL;
        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
            require_general_name(sk_GENERAL_NAME_value(names, i), set);
        GENERAL_NAMES_free(names);
    }
    const X509_NAME *subject = X509_get_subject_name(x509);
    for (int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0;
         at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) {
        unsigned char *utf8 = NULL;
        int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (size > 0 && size < 250 && is_plain(span_of(utf8, (size_t) size), text) && strchr(text, '.') != NULL)
            require(set_has(set, text));
        OPENSSL_free(utf8);
    }
    return is_readable;
}

/* OpenSSL's own encoding of a part, compared with ours. */
static void require_same(int size, unsigned char *encoded, struct span ours) {
    require(size >= 0 && span_equal(span_of(encoded, (size_t) size), ours));
    OPENSSL_free(encoded);
}

static void require_time(const ASN1_TIME *time, bool has, int64_t seconds) {
    struct tm date;
    if (ASN1_TIME_to_tm(time, &date) != 1 || date.tm_year < -1900 + 1)
        return;
    require(has && timegm(&date) == seconds);
}

static void require_fields(X509 *x509, const struct certificate *certificate) {
    unsigned char *bytes = NULL;
    const unsigned char *der;
    size_t size;
    int encoded = i2d_re_X509_tbs(x509, &bytes);
    bool is_der = encoded > 0 && span_equal(span_of(bytes, (size_t) encoded), certificate->tbs);
    OPENSSL_free(bytes);
    if (!is_der)
        return;
    require_time(X509_get0_notBefore(x509), certificate->has_not_before, certificate->not_before);
    require_time(X509_get0_notAfter(x509), certificate->has_not_after, certificate->not_after);
    require(X509_NAME_get0_der(X509_get_issuer_name(x509), &der, &size) == 1 && span_equal(span_of(der, size), certificate->issuer));
    require(X509_NAME_get0_der(X509_get_subject_name(x509), &der, &size) == 1 && span_equal(span_of(der, size), certificate->subject));
    bytes = NULL;
    encoded = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &bytes);
    require_same(encoded, bytes, certificate->spki);
    bytes = NULL;
    encoded = i2d_ASN1_INTEGER(X509_get_serialNumber(x509), &bytes);
    struct cursor serial = cursor_of(span_of(bytes, encoded < 0 ? 0 : (size_t) encoded));
    struct span content;
    require(der_take(&serial, DER_INTEGER, &content) == OK && span_equal(content, certificate->serial));
    OPENSSL_free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const unsigned char *end = bytes;
    X509 *x509 = d2i_X509(NULL, &end, (long) size);
    if (x509 != NULL) {
        CLEANUP(buffer_done) struct buffer set = buffer_with_limit(SET_LIMIT);
        struct certificate certificate;
        uint64_t oddities = 0;
        bool is_parsed = certificate_parse(span_of(bytes, size), &certificate) == OK;
        result outcome = is_parsed ? names_visit(&certificate, collect, &set)
                                   : names_visit_refused(span_of(bytes, size), false, collect, &set, &oddities);
        buffer_add_text(&set, "\n");
        bool is_readable = require_names(x509, &set);
        require(outcome == OK || !is_readable);
        if (is_parsed) {
            require(certificate.whole.size == (size_t) (end - bytes));
            require_fields(x509, &certificate);
        }
    }
    X509_free(x509);
    ERR_clear_error();
    return 0;
}
