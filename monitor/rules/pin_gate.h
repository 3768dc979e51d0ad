/* The gate: may this key or certificate be served from this day on, or would released apps refuse it? Pure, no clock. */
#pragma once

#include "formats/release_file.h"
#include "rules/pin_judge.h"
#include "rules/trust_paths.h"

/* One release with what its pin documents say. */
struct gate_release {
    const struct release *release;        /* NULL: pin files given without a release: live, share not known */
    const struct pin_document *documents;
    size_t document_count;
};

enum gate_caa { GATE_CAA_NOT_ASKED, GATE_CAA_ALLOWED, GATE_CAA_FORBIDDEN, GATE_CAA_UNKNOWN };

struct gate_question {
    const char *host;         /* A-labels, lower case */
    uint16_t port;
    const char *protocol;     /* "tcp" */
    bool is_smtp;
    const struct gate_release *releases;
    size_t release_count;
    /* What would be served, once for each way that it may be signed: one where the chain is given; where its CA alone is known one for each
     * key with which that may sign; none: the issuer is not known, and CA pins cannot be told. */
    const struct trust_question *candidates; /* `store` and `now` are set for each release */
    size_t candidate_count;
    const char *issuers_note; /* which keys these are, told where CA pins matter; "" or NULL: nothing is to be said */
    const struct ca_extra_rows *extra; /* CA keys beside those of the shipped tables; NULL: none */
    const struct pin_link *next;  /* the leaf itself */
    const struct pin_link *current; /* what is served today; NULL: not known */
    const struct pin_document *tlsa; /* records of the host with their TTLs; NULL: not asked */
    bool has_tlsa_since, has_tlsa_ttl;
    int64_t tlsa_since;       /* since when the record of the next key is published */
    uint32_t tlsa_ttl_s;      /* the largest of the records', as the zone says it, not what is left of it in a cache */
    const char *tlsa_trouble; /* why it is not known which records there are, a clause; NULL: it is, or nobody asked */
    bool has_tlsa_seen;
    int64_t tlsa_seen;        /* when the records were seen in the DNS: published then at the latest */
    enum gate_caa caa;
    const char *caa_why;      /* harmless sentence, "" when not asked */
    int64_t on;               /* the day of the rotation, Unix seconds */
    double max_share;         /* of an app's users that may be refused: 0 */
    unsigned min_age_days;    /* that a release with the next pin must be out */
};

enum gate_verdict { GATE_SAFE, GATE_LOCKS_OUT, GATE_CANNOT_TELL }; /* exit codes 0, 1, 2 */
const char *gate_verdict_name(enum gate_verdict verdict); /* "safe", "locks-out", "cannot-tell" */

struct gate_release_answer {
    const struct gate_release *release; /* NULL: the TLSA records */
    enum pin_verdict verdict;  /* NOT_PINNED counts as accepting */
    bool is_live;
    struct pin_judgement by;   /* `set` and `by` are in the release's documents */
};
/* Would connections be made? What is only reported refuses nothing. */
enum gate_acceptance { GATE_ACCEPTS, GATE_REFUSES, GATE_UNKNOWN };
enum gate_acceptance gate_acceptance_of(const struct pin_judgement *judgement);

struct gate_answer {
    enum gate_verdict verdict;
    struct gate_release_answer *releases; /* as asked, gravest first */
    size_t release_count;
    bool has_safe_from;
    int64_t safe_from;         /* the first day from `on` at which no live release above the threshold refuses */
    bool has_staged_since;
    int64_t staged_since;      /* since when every live release that pins the host accepts the next key; releases whose end is not dated left out */
    size_t backups_left;       /* pins of the leanest live release that are neither the next nor the current leaf's, and no CA's; one fewer where
                                * `current` is not known and no pin is called current */
    double refused_share;      /* of the app that is hit most; 1 where the share of one that refuses is not known */
    const char *refused_app;   /* "" when none */
    const char *const *reasons; /* sentences for a person: what was found and what to do; NULL-terminated */
};

/* What is unknown and matters makes the verdict CANNOT_TELL: a document of which entries were left out, an issuer that is not known, records
 * without a date. A release whose share is not known counts as all of its app's users. For other days than `on` the CA certificates are taken
 * to be valid as on that day. Everything in `arena`; fails only without memory. */
MUST_CHECK result pin_gate(const struct gate_question *question, struct arena *arena, struct gate_answer *ret_answer);
/* "Bank android 4.1", or the file's name; NULL: the TLSA records. In `arena`; NULL without memory. */
const char *gate_release_name(const struct gate_release *release, struct arena *arena);
