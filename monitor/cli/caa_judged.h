/* What `caa check` makes of the lookups: who may issue, for the one issuer that was asked about and in general. */
#pragma once

#include "cli/caa_lookup.h"
#include "rules/caa_lint.h"
#include "rules/caa_permit.h"

enum caa_check_verdict { CAA_CHECK_NONE /* no issuer was named */, CAA_CHECK_ALLOWED, CAA_CHECK_FORBIDDEN, CAA_CHECK_UNKNOWN };
const char *caa_check_verdict_name(enum caa_check_verdict verdict); /* "none", "allowed", "forbidden", "unknown" */

/* The issuer in question. */
struct caa_candidate {
    const char *text;             /* as given; NULL: nobody in particular */
    const char *const *domains;   /* NULL-terminated */
    const struct ca_owner *owner; /* where it is an owner's name */
    bool is_known;                /* the table knows it */
};
/* A CAA domain, or the name of an owner of the table. Errors: fault_caa_candidate with a sentence, fault_no_memory. */
MUST_CHECK result caa_candidate_of(const char *text, struct arena *arena, struct caa_candidate *ret_candidate, struct reason *reason);

/* One lookup. */
struct caa_view {
    const struct caa_lookup *lookup;
    const struct caa_step *relevant; /* NULL: none, or the climb failed */
    bool has_failed;
    struct caa_issuers host, wildcard; /* nobody where it failed */
    enum caa_check_verdict verdict;
    enum caa_dnssec dnssec;
};

struct caa_judged {
    const struct dns_name *name;
    bool is_wildcard;                /* a wildcard certificate is meant */
    const struct caa_candidate *candidate;
    struct caa_view *views;
    size_t count;
    const struct caa_view *agreed;   /* what all say; NULL: they do not say the same, or nobody knows */
    bool is_resolved;
    enum caa_check_verdict verdict;
    enum caa_dnssec dnssec;
    struct caa_lint_remark *remarks; /* about the agreed set */
    size_t remark_count;
};

/* Fails only without memory. */
MUST_CHECK result caa_judge_lookups(const struct caa_lookups *lookups, bool is_wildcard, const struct caa_candidate *candidate,
                                    struct arena *arena, struct caa_judged *ret_judged);
/* Why nothing is agreed, a clause for people; NULL without memory. */
const char *caa_judged_failure(const struct caa_judged *judged, struct arena *arena);
