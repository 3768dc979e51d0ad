/* The next certificate by itself, whatever is pinned: would clients take it for the host? Read as strictly as the strictest of them. */
#include <libpsl.h>

#include "base/ascii.h"
#include "base/text.h"
#include "formats/certificate.h"
#include "formats/key_type.h"
#include "rules/pin_gate_work.h"

enum { TAG_DNS_NAME = 2, RSA_BITS_MIN = 2048 };

/* What a strict reader refuses a whole certificate for. */
#define ODDITIES_REFUSED                                                                                                                                            \
    (ODDITY_BIT(ODDITY_BER) | ODDITY_BIT(ODDITY_TRAILING_BYTES) | ODDITY_BIT(ODDITY_TBS_TRAILING_BYTES) | ODDITY_BIT(ODDITY_VERSION) | ODDITY_BIT(ODDITY_SIGNATURE_FORM) | \
     ODDITY_BIT(ODDITY_SIGNATURE_ALGORITHM_DIFFERS) | ODDITY_BIT(ODDITY_EXTENSION_UNREADABLE) | ODDITY_BIT(ODDITY_EXTENSIONS_CUT) | ODDITY_BIT(ODDITY_EXTENSION_TWICE) |   \
     ODDITY_BIT(ODDITY_SAN_TWICE))

/* ---- names */

static bool is_same_name(struct span name, struct span host) {
    if (name.size != host.size)
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (ascii_lower(name.bytes[i]) != host.bytes[i])
            return false;
    return true;
}

/* RFC 9525 6.3: the name itself, or "*." in place of its first label; clients take none for a public suffix, or for a name of one label. */
static bool is_for(struct span name, const char *host) {
    const char *dot = strchr(host, '.');
    if (is_same_name(name, span_of_text(host)))
        return true;
    if (dot == NULL || name.size < 2 || memcmp(name.bytes, "*.", 2) != 0 || !is_same_name(span_of(name.bytes + 1, name.size - 1), span_of_text(dot)))
        return false;
    return strchr(dot + 1, '.') != NULL && !psl_is_public_suffix2(psl_builtin(), dot + 1, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE);
}

/* The bytes as they stand: what watches read generously (a URL, a dot at the end, two names in one) clients do not. */
static bool is_for_host(struct span san, const char *host) {
    struct cursor cursor = cursor_of(san);
    struct der_element list, name;
    bool is_named = false;
    if (der_read(&cursor, &list) != OK || list.tag != DER_SEQUENCE || !cursor_at_end(&cursor))
        return false;
    cursor = cursor_of(list.content);
    while (!cursor_at_end(&cursor)) {
        if (der_read(&cursor, &name) != OK)
            return false;
        is_named = is_named || (name.tag == DER_CONTEXT(TAG_DNS_NAME) && is_for(name.content, host));
    }
    return is_named;
}

/* ---- use */

/* RFC 5280 4.2.1.12: serverAuth, or anyExtendedKeyUsage. */
static bool is_for_servers(struct span eku) {
    static const uint8_t server_auth[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01}, any_use[] = {0x55, 0x1d, 0x25, 0x00};
    struct cursor cursor = cursor_of(eku);
    struct span list, oid;
    bool is_server = false;
    if (der_take(&cursor, DER_SEQUENCE, &list) != OK)
        return false;
    cursor = cursor_of(list);
    while (!cursor_at_end(&cursor) && der_take(&cursor, DER_OID, &oid) == OK)
        is_server = is_server || span_equal(oid, span_of(server_auth, sizeof server_auth)) || span_equal(oid, span_of(any_use, sizeof any_use));
    return is_server;
}

static const char *obstacle_of(const struct certificate *certificate) {
    if (certificate->has_poison)
        return "it is a precertificate (RFC 6962 3.1): serve the certificate that was issued for it";
    if (certificate->eku.size > 0 && !is_for_servers(certificate->eku))
        return "its extended key usage is not that of a TLS server";
    return NULL;
}

/* ---- strength */

/* By MD2, MD4, MD5 or SHA-1: with RSA, ECDSA, DSA. */
static bool is_signed_weakly(struct span algorithm) {
    static const uint8_t rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01}, ecdsa[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01},
                         dsa[] = {0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03};
    enum { RSA_MD2 = 2, RSA_SHA1 = 5 };
    struct cursor cursor = cursor_of(algorithm);
    struct span content, oid;
    if (der_take(&cursor, DER_SEQUENCE, &content) != OK)
        return false;
    cursor = cursor_of(content);
    if (der_take(&cursor, DER_OID, &oid) != OK)
        return false;
    if (oid.size == sizeof rsa + 1 && memcmp(oid.bytes, rsa, sizeof rsa) == 0)
        return oid.bytes[sizeof rsa] >= RSA_MD2 && oid.bytes[sizeof rsa] <= RSA_SHA1;
    return span_equal(oid, span_of(ecdsa, sizeof ecdsa)) || span_equal(oid, span_of(dsa, sizeof dsa));
}

static bool is_key_weak(struct span spki) {
    static const char rsa[] = "rsa-";
    char type[KEY_TYPE_SIZE];
    uint64_t bits = 0;
    if (spki.size == 0)
        return false;
    key_type_text(spki, type);
    if (strncmp(type, rsa, sizeof rsa - 1) != 0)
        return strcmp(type, "dsa") == 0;
    const char *number = strrchr(type, '-') + 1;
    return text_to_number(span_of_text(number), UINT16_MAX, &bits) == OK && bits < RSA_BITS_MIN;
}

void gate_look_at_certificate(struct gate_work *work) {
    struct gate_certificate *about = &work->certificate;
    struct certificate certificate;
    struct span bytes = work->question->next->certificate;
    if (is_key_weak(work->question->next->spki))
        about->doubt = "the key is RSA of less than 2048 bits, or DSA, which many clients refuse: make a stronger one";
    about->is_given = bytes.size > 0;
    if (!about->is_given || certificate_parse(bytes, &certificate) != OK)
        return;
    about->has_validity = certificate.has_not_before && certificate.has_not_after;
    about->not_before = certificate.not_before;
    about->not_after = certificate.not_after;
    about->is_for_host = certificate.has_san && is_for_host(certificate.san, work->question->host);
    about->obstacle = obstacle_of(&certificate);
    if (about->doubt == NULL && is_signed_weakly(certificate.algorithm))
        about->doubt = "the certificate is signed with SHA-1 or weaker, which many clients refuse: get one with SHA-256";
    if (about->doubt == NULL && (certificate.oddities & ODDITIES_REFUSED) != 0)
        about->doubt = "the certificate is malformed (`pinwatch cert show` says how), and some clients refuse such";
}
