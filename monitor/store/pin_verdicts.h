/* Verdicts about certificates by the pins of live releases: which are due, what came out (docs/schema.md, Pins). */
#pragma once

#include "base/arena.h"
#include "formats/entry_report.h"
#include "rules/pin_verdict.h"
#include "store/connection.h"

/* As of which everything is judged. */
struct store_pin_generations {
    uint64_t pins, ca_keys;
};
MUST_CHECK result store_pin_generations_load(struct store *store, struct store_pin_generations *ret_generations);

struct store_pin_renewal {
    struct store_pin_generations generations;
    int64_t turned_ms; /* when something last began or ended by itself: a release, its support, pins; 0: never */
    int64_t now_ms;
    unsigned limit;    /* certificates at once */
};
/* Queues unexpired certificates again where what they are judged by has changed since that was last done. One transaction. */
MUST_CHECK result store_pin_cases_renew(struct store *store, const struct store_pin_renewal *renewal, bool *ret_has_more);

struct store_pin_case {
    int64_t certificate_id;
    int64_t queued_ms;
    bool is_news;             /* it matched; false: what it is judged by has changed */
    bool is_pending;          /* its issuer is still to be proven */
    bool is_over;             /* it has expired */
    struct known_hash issuer_spki_sha256, spki_sha256, certificate_sha256;
    const int64_t *tenants;   /* whose watches it matched */
    size_t tenant_count;
    const char *const *names; /* DNS names */
    size_t name_count;
};
struct store_pin_taking {
    int64_t now_ms, until_ms; /* nobody else takes them before */
    unsigned limit;
};
/* Takes cases that are due. Everything in `arena`. */
MUST_CHECK result store_pin_cases_take(struct store *store, const struct store_pin_taking *taking, struct arena *arena, struct store_pin_case **ret_cases,
                                       size_t *ret_count);
/* While nobody has releases: settles due cases about which nothing is recorded, all together. */
MUST_CHECK result store_pin_cases_settle(struct store *store, uint64_t pins, int64_t now_ms, unsigned limit);
/* Nobody takes it before then. */
MUST_CHECK result store_pin_case_put_off(struct store *store, int64_t certificate_id, int64_t until_ms);

struct store_pin_tenant {
    int32_t tenant_id;
    const struct pin_verdicts *verdicts;
    const char *const *documents; /* names, by the number of a view */
    const struct pin_view *views;
    const char *finding;          /* JSON object: "severity", "severity_unexpected" and what the finding says; NULL: nobody refuses it */
};
struct store_pin_verdicts {
    const struct store_pin_case *about;
    struct store_pin_generations generations; /* judged by */
    const struct store_pin_tenant *tenants;   /* all that it matched; none: it is not judged, and what is recorded stays */
    size_t count;
    int64_t now_ms;
};
/* One transaction; settles the case. *ret_is_saved is false when the issuer or what it was judged by has changed meanwhile: it is due again by itself. */
MUST_CHECK result store_pin_verdicts_save(struct store *store, const struct store_pin_verdicts *verdicts, bool *ret_is_saved);

/* What stands about a certificate. */
struct store_pin_verdict_row {
    int32_t tenant_id;
    const char *app, *platform, *version, *name, *host, *verdict, *role, *pin, *document, *why;
    bool is_enforced;
    int64_t from_ms;
};
MUST_CHECK result store_pin_verdicts_load(struct store *store, int64_t certificate_id, struct arena *arena, struct store_pin_verdict_row **ret_rows,
                                          size_t *ret_count);
