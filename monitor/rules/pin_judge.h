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
    bool is_given;           /* served by the server, or given by a person; else known from the shipped table alone */
};

/* From the leaf up, each signature verified. All paths of a question begin with the same leaf. */
struct pin_path {
    const struct pin_link *links;
    size_t count;
    bool is_complete; /* ends at a root of the platform in question */
    bool is_foreign;  /* ends at a self-signed certificate that the platform does not have: only clients that were given it build this path */
    /* Neither: what stands above the last link is not known. */
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
    bool is_paths_whole;     /* each path that a client may build is among them, or begins as one does whose end is not known */
    int64_t now;             /* Unix seconds */
};

/* Which of a document's sets hold for the host, by its format's rule (exact, longest parent, union): at most `rooms` in `ret_sets`, those
 * that unite one after the other, in the order of the document; returns how many there are. An unpinning entry that wins is returned alone.
 * A document may hold sets of several formats (our YAML): each chooses by its own rule. Sets without a host hold for every host that is
 * asked for, where the document names no host for that format. */
size_t pin_sets_for_host(const struct pin_document *document, const char *host, uint16_t port, const char *protocol,
                         const struct pin_set **ret_sets, size_t rooms);

/* One client with the pins of one document. Satisfied on every path: accepts; on none (and no other path can exist): refuses; else cannot
 * tell. Only pins are judged: whether the client trusts the chain, and the leaf's names and validity, are others' questions. Paths to
 * foreign roots count where none is complete. Of sets of several formats the worst verdict counts. */
void pin_judge(const struct pin_document *document, const struct pin_question *question, struct pin_judgement *ret_judgement);

enum pin_match { PIN_MATCH_NO, PIN_MATCH_YES, PIN_MATCH_UNKNOWN /* the bytes that are pinned are not known here */ };
/* Is `pin` satisfied by the certificate at `place` of the path (position, kind, algorithm)? */
enum pin_match pin_matches(const struct pin *pin, const struct pin_path *path, size_t place);
/* "accepts", "refuses", "not pinned", "cannot tell" */
const char *pin_verdict_name(enum pin_verdict verdict);
