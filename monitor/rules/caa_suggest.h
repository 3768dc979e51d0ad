/* The CAA set that fits a name: who issued its certificates, whom its policies expect, what stands there already. Pure. */
#pragma once

#include "rules/caa_lint.h"

/* An issuer of certificates that have not expired. */
struct caa_use {
    const struct ca_owner *owner; /* NULL: not mapped */
    const char *name;             /* for people when it is not mapped */
    size_t plain_count;           /* certificates with a name without a wildcard */
    size_t wildcard_count;        /* with a wildcard */
};

struct caa_suggest_facts {
    const struct dns_name *owner;       /* where the set is to stand */
    const struct caa_use *uses;         /* one per owner */
    size_t use_count;
    const char *const *expected_domains; /* that policies expect, NULL-terminated, may be NULL; those of expected owners among them */
    const struct caa_record *standing;  /* the relevant set as it is */
    size_t standing_count;
    const struct ca_extra_rows *extra;
};

struct caa_suggestion {
    const char *record; /* zone file form; "": a remark about what is not among the records */
    const char *why;    /* a sentence without full stop */
};

/* issue and issuewild as the uses and policies want them, each CA in the words that stand already where it has some (with its parameters);
 * issuewild only where it says something else than issue; iodef, contacts, issuemail and issuevmc as they stand. Nobody is locked out by want of
 * knowledge: while an issuer in use is not mapped, or none is known at all, no record says "nobody". Records first, then remarks; everything in
 * `arena`; fails only without memory. */
MUST_CHECK result caa_suggest(const struct caa_suggest_facts *facts, struct arena *arena, struct caa_suggestion **ret_suggestions, size_t *ret_count);
