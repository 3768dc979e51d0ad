/* Who issued a certificate of a static-ct-api log: the issuer certificate is fetched by its hash, cached, and a reader checks
 * the signature with it. */
#pragma once

#include "formats/entry_report.h"
#include "steps/follow.h"

struct issuer_fetch;

struct issuer_query {
    const char *monitoring_url;     /* of the log */
    struct hash fingerprint;        /* SHA-256 of the issuer certificate */
    struct span certificate;        /* DER of the certificate that it issued; copied */
    struct span known_issuer;       /* DER when already at hand, else empty; copied */
};

struct issuer_answer {
    result fault;                   /* OK: the question is settled, either way; else: ask again later */
    struct known_hash issuer_spki;  /* known: its key verifies the signature */
    const struct entry_report *report; /* of the certificate, as the reader sees it; NULL when it sees nothing; valid during the call */
    struct span issuer_certificate; /* DER; empty when it could not be had; valid during the call */
};

typedef void (*issuer_done)(void *context, const struct issuer_answer *verdict);

MUST_CHECK result issuer_fetch_new(const struct follow_world *world, struct issuer_fetch **ret_fetch);
void issuer_fetch_free(struct issuer_fetch *fetch);
/* `done` is called exactly once, from the loop. */
MUST_CHECK result issuer_fetch_ask(struct issuer_fetch *fetch, const struct issuer_query *query, issuer_done done, void *context);
