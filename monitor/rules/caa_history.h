/* Was a certificate issued against the CAA records that were in force? From the recorded history alone (docs/caa.md, Verdicts). */
#pragma once

#include "rules/caa_permit.h"
#include "rules/caa_answer.h"

/* One run: a resolver said the same about an owner from first to last, without a gap over twice the poll interval. */
struct caa_run {
    int64_t first_answered_ms, last_answered_ms; /* when we heard it */
    int64_t first_true_ms, last_true_ms;         /* answer time less the age that the remaining TTL betrays; failures: as answered */
    uint32_t interval_s;                         /* the longest poll interval in it */
    uint32_t ttl_max_s;
    struct caa_answer answer;                    /* the last one */
};
/* One owner as one resolver sees it, oldest run first. */
struct caa_owner_history {
    const char *owner; /* text */
    const struct caa_run *runs;
    size_t count;
};
/* One resolver: the owners of a climb, the name itself first, its top-level domain last. */
struct caa_resolver_history {
    const char *resolver; /* "192.0.2.1:53" */
    const struct caa_owner_history *owners;
    size_t owner_count;
};

enum caa_verdict { CAA_CONSISTENT, CAA_INCONSISTENT, CAA_UNKNOWN, CAA_NOT_APPLICABLE, caa_verdict_count };
const char *caa_verdict_name(enum caa_verdict verdict); /* "consistent", "inconsistent", "unknown", "not-applicable" */

enum caa_now { CAA_NOW_PERMITS, CAA_NOW_FORBIDS, CAA_NOW_UNKNOWN };
const char *caa_now_name(enum caa_now now); /* "permits", "forbids", "unknown" */

struct caa_case {
    bool is_wildcard;
    int64_t issued_ms;                 /* T: the earliest log timestamp seen or verified embedded SCT */
    const char *const *issuer_domains; /* of the issuer, NULL-terminated; NULL: the issuer is not mapped */
    bool is_issuer_certain;            /* mapped explicitly: only then `inconsistent` is possible */
};

struct caa_judgement {
    enum caa_verdict verdict;
    const char *reason;          /* a clause for people that names the rule, the owner and the times */
    int64_t window_begin_ms, window_end_ms;
    const char *resolver;        /* whose records decided; "" when unknown */
    const char *owner;           /* where the relevant set stood; "" when none */
    const struct caa_answer *answer; /* the evidence; NULL when unknown */
    enum caa_now now;            /* by the latest answers; never judges */
    bool is_waiting;             /* unknown, and an answer that is yet to come can still decide: judge again then */
};

/* The window is [T - max(8 h, TTL) - TTL - 1 h, T] (Baseline Requirements 3.2.2.8; one TTL more for the CA's resolver, an hour for late logging), the TTL
 * being the largest recorded in it. What was first answered after T judges nobody.
 *   consistent    a set that stood in the window, below which every owner may have been empty, permits; who permits everybody permits unmapped issuers too;
 *   inconsistent  one resolver's answers cover the whole window, T included, without a failure, and forbid whatever state the gaps between them may hide,
 *                 no resolver's answers may have permitted or were bogus, and the issuer is certain;
 *   unknown       everything else.
 * Texts are in `arena` or borrowed from the histories. Fails only without memory. */
MUST_CHECK result caa_judge(const struct caa_case *question, const struct caa_resolver_history *resolvers, size_t resolver_count,
                            struct arena *arena, struct caa_judgement *ret_judgement);
