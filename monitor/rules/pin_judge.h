/* Would a client with these pin sets accept this chain? Each platform's own rules; pure, no clock. */
#pragma once

#include "formats/pin_set.h"

/* One certificate or bare key of a path. */
struct pin_link {
    struct span spki;        /* DER; empty: only the digests below are known */
    struct span certificate; /* DER; empty for a key or request, whose certificate does not exist yet */
    struct hash spki_sha256;
    struct hash certificate_sha256; /* zero when `certificate` is empty and it is not known */
    bool has_certificate_sha256;
};

/* From the leaf up to a trust anchor, each signature verified. */
struct pin_path {
    const struct pin_link *links;
    size_t count;
    bool is_complete; /* ends at a root of the platform in question; else what stands above is not known */
};

enum pin_verdict {
    PIN_VERDICT_NOT_PINNED,
    PIN_VERDICT_ACCEPTS,
    PIN_VERDICT_REFUSES,
    PIN_VERDICT_CANNOT_TELL,
};

struct pin_judgement {
    enum pin_verdict verdict;
    bool is_enforced;        /* a refusal locks clients out; false: it is only reported, or nobody enforces it (HPKP) */
    const struct pin_set *set; /* the set that decided, NULL: none */
    const struct pin *by;    /* the first pin that accepts; NULL */
    size_t by_place;         /* its place in the path: 0 is the leaf */
    const char *why;         /* a constant sentence */
};

struct pin_question {
    const char *host;        /* A-labels, lower case */
    uint16_t port;           /* for TLSA; 0: 443 */
    const char *protocol;    /* "" : tcp */
    bool is_smtp;            /* RFC 7672: usages 0 and 1 do not count */
    const struct pin_path *paths; /* every path that a client may build; none: the chain is not known */
    size_t path_count;
    bool is_paths_whole;     /* no other path can exist */
    int64_t now;             /* Unix seconds */
};

/* Which of a document's sets hold for the host, by its format's rule (exact, longest parent, union): at most `rooms` in `ret_sets`, those
 * that unite one after the other; returns how many. An unpinning entry that wins is returned alone. */
size_t pin_sets_for_host(const struct pin_document *document, const char *host, uint16_t port, const char *protocol,
                         const struct pin_set **ret_sets, size_t rooms);

/* One client with the pins of one document. TRUE on every path: accepts; on none (and no other path can exist): refuses; else cannot tell. */
void pin_judge(const struct pin_document *document, const struct pin_question *question, struct pin_judgement *ret_judgement);

/* Is `pin` satisfied by the certificate at `place` of the path (position, kind, algorithm)? */
bool pin_matches(const struct pin *pin, const struct pin_path *path, size_t place);
