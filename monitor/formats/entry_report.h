/* What a reader found in one log entry that matched a watch or could not be read; also what `cert show` decodes.
 *
 * Produced in a reader, sent as bytes, decoded and checked by the owner: everything in here came from outside. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/cursor.h"
#include "base/result.h"

enum entry_kind { ENTRY_CERTIFICATE = 0, ENTRY_PRECERTIFICATE = 1 }; /* RFC 6962 3.1 LogEntryType */
enum name_type { NAME_DNS, NAME_IP, NAME_EMAIL, NAME_URI, name_type_count };
enum name_origin { NAME_FROM_SAN, NAME_FROM_CN, name_origin_count };
enum sct_verdict { SCT_UNKNOWN, SCT_VALID, SCT_INVALID, sct_verdict_count }; /* unknown: log or issuer unknown */

/* Ceilings of one report; more is counted but not carried. */
enum {
    REPORT_NAMES_MAX = 2000,
    REPORT_NAME_SIZE_MAX = 1024,
    REPORT_TERMINALS_MAX = 256,
    REPORT_SCTS_MAX = 32,
    REPORT_ODDITIES_MAX = 64,
    REPORT_CHAIN_MAX = 16,
    REPORT_TEXT_MAX = 4096,
};
#define REPORT_CERTIFICATE_MAX ((size_t) 16 * 1024 * 1024) /* a u24 length */
#define REPORT_SIZE_MAX ((size_t) 48 * 1024 * 1024)

/* A hash that may be unreadable or unproven. */
struct known_hash {
    bool is_known;
    struct hash hash;
};

struct report_name {
    enum name_type type;
    enum name_origin origin;
    const char *value; /* normalised: A-labels in lower case, RFC 5952 addresses; printable ASCII */
};

struct report_sct {
    struct hash log_id;
    uint64_t timestamp_ms;
    enum sct_verdict verdict;
};

struct entry_report {
    uint64_t index;
    uint64_t timestamp_ms;
    enum entry_kind kind;
    struct hash leaf_hash;

    bool is_unreadable;      /* then only the fields above, `raw`, `reason` and what could be read are set */
    const char *reason;      /* name of the fault, [a-z0-9.-], "" when readable */
    const char *reason_text; /* its sentence */
    struct span raw;         /* unreadable: the entry as logged (at most 64 KiB of it) */

    /* Terminals of the watch image that the names, addresses or key reach; of too many the lowest. */
    const uint32_t *terminals;
    size_t terminal_count;
    uint64_t terminal_total;  /* may exceed terminal_count */
    bool matches_nearly_all;  /* a name such as *.com; the watches under it are joined later */
    const char *broad_suffix; /* "com" for the case above, else "" */

    struct span certificate;       /* DER as logged: the certificate, or the precertificate if it fits the leaf; may be empty */
    struct span tbs;               /* precertificates: the leaf's TBSCertificate */
    struct known_hash cert_sha256; /* of `certificate` */
    struct known_hash tbs_sha256;  /* of the TBS without poison and SCT list */
    struct known_hash spki_sha256;
    struct known_hash issuer_spki_sha256; /* proven: leaf's issuer_key_hash, or the signature verified with that key */
    bool is_issuer_pending;               /* certificate on a static log: chain is named in `chain_fingerprints` only */
    bool is_ca;

    bool has_validity;
    int64_t not_before, not_after; /* Unix seconds */
    const char *serial;            /* hex */
    const char *issuer, *subject;  /* RFC 4514 */
    const char *key_type;          /* "rsa-2048", "ec-p256", "ed25519", … or the OID */

    const struct report_name *names; /* sorted by value, unique */
    size_t name_count;
    const struct report_sct *scts;
    size_t sct_count;
    const char *const *oddities; /* short sentences, e.g. "SAN holds a NUL" */
    size_t oddity_count;
    const struct hash *chain_fingerprints; /* SHA-256 of each chain certificate, issuer first */
    size_t chain_count;
    struct span issuer_certificate; /* DER of the first chain certificate when the log delivered it */
};

extern const struct fault fault_report_format;

/* Appends the report to `out`; fails only when `out` does. */
MUST_CHECK result entry_report_encode(const struct entry_report *report, struct buffer *out);
/* Decodes the next report; every count, length, enumeration and text is checked. Spans point into the cursor's bytes,
 * arrays and texts are in `arena`. Errors: fault_report_format, fault_no_memory. */
MUST_CHECK result entry_report_decode(struct cursor *input, struct arena *arena, struct entry_report *ret_report);
