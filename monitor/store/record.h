/* What the monitor writes down about logs: verified ranges with everything found in them, resolved issuers, events. Each call is one
 * round trip and one transaction: all of it, or nothing. */
#pragma once

#include "formats/entry_report.h"
#include "rules/merkle.h"
#include "store/connection.h"

/* A watch that a certificate matched. */
struct store_match {
    int32_t tenant_id;
    int64_t watch_id;
};

/* A finding that the judge raises about one report. The subject follows from the report: 'certificate:<id>', or
 * 'log:<hex>:<reason>' for an unreadable entry. */
struct store_finding {
    int32_t tenant_id;
    const char *rule;     /* "certificate.unexpected-issuer" */
    const char *severity; /* info, notice, warning, critical */
    const char *body;     /* JSON object: evidence and body of the alert, docs/alerts.md; "opened_at" and "certificate_id" are added */
};

struct store_judgement {
    const struct entry_report *report;
    const struct store_match *matches;
    size_t match_count;
    const struct store_finding *findings; /* may be none; an unreadable report raises entry.unreadable for tenant 0 by itself */
    size_t finding_count;
    bool is_drill;
};

enum store_head_state { STORE_HEAD_PENDING, STORE_HEAD_VERIFIED, STORE_HEAD_CONTRADICTS, store_head_state_count };

struct store_head {
    uint64_t size;
    uint64_t timestamp_ms;
    struct hash root;
    struct span signature, raw;
    enum store_head_state state;
    int64_t received_ms;
};

/* Proof of being the one who follows a log: from store_lease_take. */
struct store_lease {
    const char *holder;
    int64_t fencing;
};

struct store_range {
    struct hash log_id;
    struct store_lease lease;
    uint64_t first_index;                 /* where reading this log began */
    uint64_t begin, end;                  /* begin must be the recorded position (first_index when there is none yet) */
    const struct compact_range *frontier; /* of [0, end) */
    const struct store_head *heads;       /* upserted by size, root and time; verified ones are kept as the newest 64 */
    size_t head_count;
    const struct store_head *against;     /* the signed head that proves `end`; NULL: the position stays (begin == end) */
    const struct store_judgement *judgements;
    size_t judgement_count;
    int64_t now_ms;
};

/* Records the range. A call repeated after a lost connection finds its own work done and says OK without doubling anything.
 * Errors: fault_store_lease_lost, fault_store_position, and those of every statement. */
MUST_CHECK result store_record_range(struct store *store, const struct store_range *range);

/* Entries [begin, end) within one tile whose bytes were never seen: what the log served in their place was not readable. */
struct store_unseen {
    struct hash log_id;
    uint64_t begin, end; /* equal: none */
};
/* The next ones from (after->log_id, after->end) on. */
MUST_CHECK result store_unseen_entries(struct store *store, const struct store_unseen *after, struct store_unseen *ret_next);
/* Records [begin, end) of a range, read anew behind the position: nothing there is unseen any more. */
MUST_CHECK result store_second_look(struct store *store, const struct store_range *range);

/* A certificate whose issuer was not proven when its entry was read (static-ct-api logs name issuers by hash). */
struct store_pending_issuer {
    int64_t certificate_id;
    struct hash log_id;                /* a log that has it, and whose monitoring prefix serves the issuer */
    uint64_t log_index;
    uint64_t timestamp_ms;             /* of that entry */
    struct span certificate;           /* DER */
    const struct hash *chain;          /* fingerprints, issuer first */
    size_t chain_count;
    struct span known_issuer;          /* DER of chain[0] when it is already stored; empty otherwise */
    const struct store_match *matches; /* who wants to know the verdict */
    size_t match_count;
    int64_t first_seen_ms;             /* when it was recorded */
};
/* The oldest `limit` with an id greater than `after_id`. Everything in `arena`. */
MUST_CHECK result store_pending_issuers(struct store *store, int64_t after_id, unsigned limit, struct arena *arena,
                                        struct store_pending_issuer **ret_rows, size_t *ret_count);

struct store_resolution {
    int64_t certificate_id;
    struct known_hash issuer_spki_sha256;  /* not known: nobody can prove it; the certificate becomes 'unverifiable' */
    struct span issuer_certificate;        /* DER, may be empty */
    const struct store_finding *findings;
    size_t finding_count;
    bool is_drill;
    int64_t now_ms;
};
/* Sets the issuer. When the same issuance is already recorded under its issuer, both become one: observations, matches and
 * findings move there. *ret_certificate_id (may be NULL) is the id that stands after that. No longer pending: OK, nothing done. */
MUST_CHECK result store_resolve_issuer(struct store *store, const struct store_resolution *resolution,
                                       int64_t *ret_certificate_id);
/* The findings of a certificate whose issuer is not to be had, told once; it stays pending. */
MUST_CHECK result store_issuer_withheld(struct store *store, const struct store_resolution *resolution);
/* Keeps an issuer certificate that was fetched by its fingerprint. */
MUST_CHECK result store_issuer_save(struct store *store, struct span der, int64_t now_ms);
/* DER by fingerprint, in `arena`; an empty span when it is not stored. */
MUST_CHECK result store_issuer_load(struct store *store, const struct hash *sha256, struct arena *arena, struct span *ret_der);

/* Something about a log itself: opens or updates the one finding of tenant 0 about (rule, log, detail), or resolves it. Its alerts go
 * to the channels of all tenants. An event that is over and was never open is nothing. */
struct store_event {
    const struct hash *log_id; /* NULL: about the service, the subject is 'service' */
    const char *rule;
    const char *severity;
    const char *detail;        /* "" when the log alone is the subject */
    const char *body;          /* JSON object, docs/alerts.md */
    bool is_over;
    int64_t now_ms;
};
MUST_CHECK result store_tell(struct store *store, const struct store_event *event);

/* Housekeeping, once a day and at start: monthly partitions of observation from one month back to three ahead; with
 * retention_days > 0 drops what is older (docs/schema.md, Retention). */
MUST_CHECK result store_keep_house(struct store *store, unsigned retention_days, int64_t now_ms);
