/* Verdicts about certificates from the CAA history: which are due, what came out, what nobody has heard of yet (docs/schema.md, CAA). */
#pragma once

#include "base/arena.h"
#include "formats/entry_report.h"
#include "rules/caa_history.h"
#include "store/connection.h"

struct store_caa_case_name {
    const char *value; /* as in the certificate */
    bool is_address;
};
struct store_caa_case {
    int64_t certificate_id;
    int64_t queued_ms;             /* since then its names are asked for anew; 0: they need not be */
    int64_t issued_ms;             /* T */
    bool is_by_our_clock;          /* it is when we saw it, and that was minutes before the first log dated it: some clock was wrong */
    const char *issuer_state;      /* verified, pending, unverifiable */
    struct known_hash issuer_spki_sha256;
    const struct store_caa_case_name *names;
    size_t name_count;
};
struct store_caa_taking {
    int64_t now_ms, until_ms; /* nobody else takes them before */
    unsigned limit;
};
/* Takes cases that are due. Everything in `arena`. */
MUST_CHECK result store_caa_cases_take(struct store *store, const struct store_caa_taking *taking, struct arena *arena, struct store_caa_case **ret_cases,
                                       size_t *ret_count);
/* Nobody takes it before then. */
MUST_CHECK result store_caa_case_put_off(struct store *store, int64_t certificate_id, int64_t until_ms);

struct store_caa_verdict {
    const char *name;
    struct caa_judgement judgement; /* borrowed texts */
};
struct store_caa_verdicts {
    const struct store_caa_case *about;
    const struct store_caa_verdict *verdicts;
    size_t count;
    const char *finding; /* JSON object with "severity" and what the finding says; NULL: nothing is inconsistent */
    int64_t due_ms;      /* judge again then; 0: settled */
    int64_t now_ms;
};
/* One transaction. *ret_is_saved is false when time or issuer of the certificate have changed meanwhile: it is due again by itself. */
MUST_CHECK result store_caa_verdicts_save(struct store *store, const struct store_caa_verdicts *verdicts, bool *ret_is_saved);

/* What is recorded about a certificate. */
struct store_caa_verdict_row {
    const char *name, *verdict, *reason, *resolver, *owner, *today;
    int64_t issued_ms, window_begin_ms, judged_ms; /* window_begin_ms is 0 where there is none */
    const struct caa_record *records;
    size_t record_count;
    bool is_authenticated;
};
MUST_CHECK result store_caa_verdicts_load(struct store *store, int64_t certificate_id, struct arena *arena, struct store_caa_verdict_row **ret_rows,
                                          size_t *ret_count);

/* What a climb meets: what is taken for true at an owner, or who may issue there only since a change that the tenant has not heard of: its alert was not
 * delivered and nobody decided about the finding. */
struct store_caa_climb_row {
    const char *owner;
    bool is_news;
    enum caa_outcome outcome; /* not of news */
    struct span records;
    struct caa_issuers gained, wildcard_gained; /* of news */
};
struct store_caa_climb_wish {
    int32_t tenant_id;
    const char *const *owners;
    size_t owner_count;
    bool needs_decision; /* a delivery is not enough */
};
MUST_CHECK result store_caa_climb_load(struct store *store, const struct store_caa_climb_wish *wish, struct arena *arena,
                                       struct store_caa_climb_row **ret_rows, size_t *ret_count);
