/* Certificates that were seen, as the commands show them. */
#pragma once

#include "base/arena.h"
#include "formats/entry_report.h"
#include "store/connection.h"

struct store_certificate_row {
    int64_t certificate_id;
    struct known_hash issuer_spki_sha256;
    struct hash tbs_sha256;
    const char *issuer_state;         /* verified, pending, unverifiable */
    struct known_hash spki_sha256;
    const char *serial, *issuer, *subject, *key_type;
    bool has_validity;
    int64_t not_before_ms, not_after_ms;
    const char *names;                /* JSON array of {"type","value","from"} */
    const char *scts, *oddities;      /* JSON arrays */
    bool is_ca, is_drill;
    struct known_hash precertificate_sha256, certificate_sha256;
    int64_t first_timestamp_ms;       /* earliest log timestamp */
    int64_t first_seen_ms;
    uint64_t observation_count;
    const char *caa_verdict;          /* the gravest of its names: inconsistent, unknown, consistent, not-applicable; "" not judged */
};

struct store_certificate_filter {
    int32_t tenant_id;       /* -1: whatever matched anybody's watch */
    const char *name;        /* "": any; a DNS name that stands in the certificate's names, exactly, or ".example.com" for it and below */
    struct known_hash sha256; /* any of tbs, spki, certificate, precertificate, issuer key */
    const char *issuer_state; /* "" any */
    int64_t since_ms;        /* first seen at or after; 0: any */
    bool with_drills;
    int64_t before_id;       /* page: ids smaller than this; 0: from the newest */
    unsigned limit;          /* 0: 100 */
};
/* Newest first. Certificates that raised something without a watch (tenant 0) are included. */
MUST_CHECK result store_certificates_list(struct store *store, const struct store_certificate_filter *filter,
                                          struct arena *arena, struct store_certificate_row **ret_rows, size_t *ret_count);

struct store_observation {
    struct hash log_id;
    const char *log_description;
    uint64_t log_index;
    int64_t timestamp_ms;
    const char *kind;         /* certificate, precertificate */
    struct known_hash cert_sha256;
    int64_t seen_ms;
};
struct store_certificate_watch {
    int32_t tenant_id;
    int64_t watch_id;
    const char *kind, *value; /* "" when the watch is gone */
    int64_t matched_ms;
};
struct store_certificate_detail {
    struct store_certificate_row certificate;
    struct span precertificate, der;            /* DER, may be empty */
    const struct hash *chain;
    size_t chain_count;
    struct store_observation *observations;     /* oldest first, at most 1000 */
    size_t observation_count;
    struct store_certificate_watch *watches;
    size_t watch_count;
    int64_t *finding_ids;
    size_t finding_count;
};
/* Error: fault_store_not_found. */
MUST_CHECK result store_certificate_show(struct store *store, int64_t certificate_id, struct arena *arena,
                                         struct store_certificate_detail *ret_detail);
