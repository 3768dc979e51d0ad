/* A CA of the drill: root, intermediate, and what it issues. */
#pragma once

#include <openssl/x509.h>

#include "drill/keys.h"

#define DRILL_NAMES_MAX 100

struct authority {
    const char *name;  /* "expected", "unexpected": file names and drill.json */
    const char *owner; /* as it stands in the subjects */
    EVP_PKEY *root_key, *key;
    X509 *root, *intermediate;
    struct buffer root_der, intermediate_der;
    struct spki root_spki, spki; /* of root and intermediate */
};

struct certificate_order {
    const char *names[DRILL_NAMES_MAX]; /* DNS names or IP addresses, the first is also the common name */
    size_t name_count;
    EVP_PKEY *key; /* public is enough */
    int64_t not_before; /* Unix seconds */
    int64_t lifetime_seconds;
};

/* A certificate before its precertificate and its SCTs (RFC 6962 3.1). */
struct draft {
    X509 *certificate; /* signed, without poison and SCT list */
    struct buffer tbs; /* its TBSCertificate */
};

extern const struct fault fault_drill_order;

/* Opens or makes `<name>-root.key`, `<name>.key`, `<name>-root.pem`, `<name>.pem` in the folder. */
MUST_CHECK result authority_open(const char *folder, int64_t now_seconds, struct authority *authority, struct reason *reason);
void authority_done(struct authority *authority);
MUST_CHECK result authority_draft(const struct authority *authority, const struct certificate_order *order,
                                  struct draft *ret_draft, struct reason *reason);
void draft_done(struct draft *draft);
/* DER with the critical poison. */
MUST_CHECK result draft_precertificate(const struct authority *authority, const struct draft *draft, struct buffer *out);
/* DER with the SCT list (a SignedCertificateTimestampList, RFC 6962 3.3), or without when it is empty. */
MUST_CHECK result draft_certificate(const struct authority *authority, const struct draft *draft, struct span sct_list,
                                    struct buffer *out);
