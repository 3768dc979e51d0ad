/* Why a client's pins were not satisfied, as far as its report, its certificates and Certificate Transparency tell. Pure, no clock. A report is
 * unauthenticated: whoever sends it chooses every byte, so a cause is never graver than what the certificates themselves prove. */
#pragma once

#include "formats/client_report.h"
#include "rules/known_logs.h"
#include "rules/trust_paths.h"

enum report_known { REPORT_NO, REPORT_YES, REPORT_UNKNOWN };

/* What the report's certificates say by themselves. */
struct report_facts {
    bool has_leaf;               /* false: no certificate could be read, and nothing below is known */
    struct span leaf;            /* DER, in the report's memory: the first of the validated chain, else of the served one */
    struct hash certificate_sha256, spki_sha256;
    bool has_issuer, has_tbs, has_validity; /* whether what follows is known */
    struct hash issuer_spki_sha256; /* whose signature verifies */
    struct hash tbs_sha256;         /* as CT logs sign it, without SCTs and poison */
    int64_t not_before, not_after;
    enum report_known is_for_host;   /* a server's, by its DNS names; the common name does not count */
    enum report_known is_valid_then; /* leaf and chain, at the time of the report */
    enum report_known is_public;     /* a path with verified signatures to a root of the store; NO: all paths end at a root of nobody's */
    enum report_known is_refused_by_pins; /* would the pins that the report names refuse this chain? NO: the report contradicts itself */
    size_t scts, scts_verified;      /* embedded; verified by the keys of known logs */
};

/* What Certificate Transparency, as far as we read it, says beside that. */
struct report_seen {
    bool is_logged;         /* we have recorded it (certificate or precertificate) */
    bool is_life_covered;   /* every usable log was read without a hole from its notBefore until a maximum merge delay after it */
    bool is_over;           /* the certificate was not valid when the report came: that it was when the client saw it is a claim */
    bool is_pinned_by_live; /* some live release of ours pins the host */
    bool is_refused_by_live;/* and refuses this certificate */
};

enum report_cause {
    REPORT_STALE_PIN,    /* a publicly trusted certificate of the host that the client's pins do not know: we lock out users, or soon would */
    REPORT_PRIVATE_ROOT, /* the chain ends at a root that no platform ships: a proxy, antivirus, or a test machine */
    REPORT_ATTACK,       /* a publicly trusted certificate that no log has: see report_cause_find for all that must hold */
    REPORT_CANNOT_TELL,
};
const char *report_cause_name(enum report_cause cause); /* "stale-pin", "private-root", "attack", "cannot-tell" */

struct report_cause_found {
    enum report_cause cause;
    const char *why;        /* a constant sentence */
};

/* Whose roots count for the client: Android's, Apple's for TrustKit elsewhere, Mozilla's for HPKP. */
enum trust_store report_store_of(const struct client_report *report);
/* Was somebody locked out? NO where the client only reports, and for HPKP, which no browser enforces any more. As the client says. */
enum report_known report_locked_out(const struct client_report *report);
/* `arena` may be emptied afterwards; ret_facts->leaf lies in the report's. Fails only without memory (CLIENT_REPORT_ARENA_SIZE is enough). */
MUST_CHECK result report_facts_find(const struct client_report *report, enum trust_store store, struct arena *arena, struct report_facts *ret_facts);
/* ATTACK only if the host matches, the chain verifies and was valid when reported, notBefore is 2018-05-01 or later, no embedded SCT verifies, it is
 * not logged, and our coverage spans its life. STALE_PIN only where the chain is publicly trusted, for this host, and logged or with a verified SCT. */
void report_cause_find(const struct client_report *report, const struct report_facts *facts, const struct report_seen *seen, struct report_cause_found *ret_found);
