/* Certificates and TBSCertificates (RFC 5280 4.1) as spans into the bytes they came from.
 *
 * Lies on the way of every log entry: no allocation, no copy, one walk. It gives up only where no reader could find the
 * names; everything else that is wrong becomes an oddity, so that one bad extension hides nothing. */
#pragma once

#include "formats/der.h"

/* What is odd about a certificate: bit numbers in certificate.oddities, sentences in certificate_oddity_sentence. */
enum certificate_oddity {
    ODDITY_BER,                /* a length is indefinite or not minimal */
    ODDITY_TRAILING_BYTES,     /* bytes behind the certificate */
    ODDITY_TBS_TRAILING_BYTES, /* elements behind the extensions */
    ODDITY_VERSION,            /* version unknown, or extensions without version 3 */
    ODDITY_SERIAL,             /* negative, zero, empty, or more than 20 bytes */
    ODDITY_TIME_FORM,          /* a time in a form that RFC 5280 forbids */
    ODDITY_TIME_UNREADABLE,
    ODDITY_SIGNATURE_FORM,     /* algorithm or value behind the TBS is missing or malformed */
    ODDITY_SIGNATURE_ALGORITHM_DIFFERS,
    ODDITY_EXTENSION_UNREADABLE, /* one extension has not the form of RFC 5280 4.1 */
    ODDITY_EXTENSIONS_CUT,       /* the list of extensions breaks off */
    ODDITY_EXTENSION_TWICE,
    ODDITY_SAN_TWICE,
    ODDITY_SAN_UNREADABLE,     /* the list of names breaks off or is not one */
    ODDITY_SAN_TRAILING_BYTES,
    ODDITY_SAN_EMPTY,
    ODDITY_SAN_CONSTRUCTED,    /* a name in pieces (X.690 8.21) */
    ODDITY_SUBJECT_UNREADABLE,
    ODDITY_NAME_NUL,
    ODDITY_NAME_NOT_ASCII,
    ODDITY_NAME_LABEL,         /* a label that cannot be read: "?" stands for it */
    ODDITY_NAME_TOO_LONG,
    ODDITY_NAME_DOTS,          /* a dot at an end */
    ODDITY_NAME_IS_URL,        /* scheme, port or path in a host name */
    ODDITY_NAME_LIST,          /* several names in one */
    ODDITY_NAME_EMPTY,
    ODDITY_ADDRESS_SIZE,       /* iPAddress of neither 4 nor 16 bytes */
    ODDITY_ADDRESS_AS_NAME,    /* an IP address written as a dNSName */
    ODDITY_POISON_FORM,        /* poison not critical, or not NULL (RFC 6962 3.1) */
    ODDITY_POISON_AND_SCTS,
    ODDITY_SCT_LIST_UNREADABLE,
    ODDITY_SLOW_NAMES_CUT,     /* so many odd names that the rest was taken as unreadable */
    ODDITY_SECOND_READING,     /* names that only a lenient reader (OpenSSL) shows */
    certificate_oddity_count
};

#define ODDITY_BIT(oddity) ((uint64_t) 1 << (oddity))
/* Oddities behind which names may hide that another reader shows: names_visit then asks OpenSSL as well. */
#define ODDITIES_HIDE_NAMES \
    (ODDITY_BIT(ODDITY_EXTENSION_UNREADABLE) | ODDITY_BIT(ODDITY_EXTENSIONS_CUT) | ODDITY_BIT(ODDITY_SAN_UNREADABLE) | \
     ODDITY_BIT(ODDITY_SAN_CONSTRUCTED) | ODDITY_BIT(ODDITY_SUBJECT_UNREADABLE) | ODDITY_BIT(ODDITY_BER) | \
     ODDITY_BIT(ODDITY_TBS_TRAILING_BYTES))

/* All spans point into the input; absent parts are empty. "Element" includes tag and length, "content" does not. */
struct certificate {
    struct span whole;         /* Certificate element without bytes behind it; empty after tbs_parse */
    struct span tbs;           /* TBSCertificate element */
    struct span tbs_head;      /* content of the TBS before the extensions' [3] */
    struct span tbs_tail;      /* content behind the extensions; nothing belongs there */
    struct span tbs_algorithm; /* AlgorithmIdentifier elements */
    struct span algorithm;
    struct span signature;     /* bytes of the BIT STRING */
    struct span serial;        /* INTEGER content */
    struct span issuer;        /* Name elements */
    struct span subject;
    struct span spki;          /* SubjectPublicKeyInfo element: what key hashes are over */
    struct span extensions;    /* content of the SEQUENCE OF Extension */
    /* extnValue contents of the first extension of each kind */
    struct span san, sct_list, aki, ski, eku;
    bool has_extensions, has_san, has_sct_list, has_poison;
    bool is_ca;                /* basicConstraints */
    bool has_not_before, has_not_after;
    uint8_t version;           /* as written: 0 is v1, 2 is v3 */
    int64_t not_before, not_after; /* Unix seconds */
    uint64_t oddities;
};

/* One Extension (RFC 5280 4.1). */
struct extension {
    struct span oid;   /* content */
    struct span value; /* content of extnValue */
    struct span whole;
    bool is_critical;
};

extern const struct fault fault_certificate_form; /* not even the frame of a certificate: its names cannot be found */

/* A Certificate; bytes behind it are an oddity. Errors: faults of der.h, fault_certificate_form. */
MUST_CHECK result certificate_parse(struct span der, struct certificate *ret_certificate);
/* A TBSCertificate alone, as in a precertificate's leaf (RFC 6962 3.2). */
MUST_CHECK result tbs_parse(struct span tbs, struct certificate *ret_certificate);

/* The next extension of certificate.extensions; false at the end or where the list breaks (then cursor->failed). An
 * extension with a bad inside has an empty oid. */
bool extension_next(struct cursor *extensions, struct extension *ret_extension, bool *is_ber);

const char *certificate_oddity_sentence(enum certificate_oddity oddity);

/* DER contents of the object identifiers that more than one file asks for. */
extern const struct span oid_san, oid_poison, oid_sct_list, oid_aki, oid_common_name;
