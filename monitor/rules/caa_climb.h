/* Which records are relevant for a name: RFC 8659 3, one question after the other. Pure: the caller asks. */
#pragma once

#include "rules/caa_answer.h"

#define CAA_STEPS_MAX 128 /* a name has at most 127 labels */

struct caa_step {
    struct dns_name owner;
    struct caa_answer answer; /* borrowed texts: keep them as long as the climb */
};

struct caa_climb {
    struct dns_name name; /* without "*." */
    bool is_wildcard;     /* the name began with "*." */
    struct caa_step steps[CAA_STEPS_MAX];
    size_t step_count;
    struct dns_name next; /* to be asked */
    bool is_done;
};

/* IP addresses are none of its business. The root itself has no climb: done at once, nothing relevant. */
void caa_climb_start(struct caa_climb *climb, const struct dns_name *name);
/* The owner to ask about next; false at the end. */
bool caa_climb_next(const struct caa_climb *climb, struct dns_name *ret_owner);
/* Takes the answer about that owner. RECORDS end the climb; EMPTY goes on with the parent (never with the parents of an alias's target);
 * FAILED and BOGUS end it: below them nothing is known. */
void caa_climb_answer(struct caa_climb *climb, const struct caa_answer *answer);

/* The relevant set, where the climb found one; NULL when every owner up to the top-level domain is empty, or when it failed. */
const struct caa_step *caa_climb_relevant(const struct caa_climb *climb);
bool caa_climb_has_failed(const struct caa_climb *climb);

enum caa_dnssec { CAA_DNSSEC_SECURE, CAA_DNSSEC_INSECURE, CAA_DNSSEC_BOGUS, CAA_DNSSEC_UNKNOWN };
const char *caa_dnssec_name(enum caa_dnssec dnssec); /* "secure", "insecure", "bogus", "unknown" */
/* secure: every step came with AD from a validating resolver; unknown: a resolver that does not validate, or a step that failed. */
enum caa_dnssec caa_climb_dnssec(const struct caa_climb *climb);
