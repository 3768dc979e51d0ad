/* What a policy says (docs/watches.md): the struct, and the JSON form that the database keeps in policy.rules. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

/* Ceilings: a policy is written by a person; larger ones are mistakes. */
enum { POLICY_LIST_MAX = 200, POLICY_TEXT_MAX = 255, POLICY_LIFETIME_DAYS_MAX = 36500 };
#define POLICY_JSON_MAX ((size_t) 256 * 1024)

struct policy_rules {
    /* Expected issuers: any one that fits is enough. Nothing of it: no issuer is expected. */
    const char *const *caa_domains; /* lower case, "letsencrypt.org" */
    size_t caa_domain_count;
    const char *const *owners;      /* as the table of CA keys spells them */
    size_t owner_count;
    const struct hash *ca_keys;     /* SHA-256 of the CA's SPKI */
    size_t ca_key_count;
    bool expects_caa_records;       /* whoever the recorded CAA set of the name allows */
    const struct hash *known_keys;  /* own SPKI hashes */
    size_t known_key_count;
    const char *const *key_types;   /* "ec-p256", "rsa-2048", …; empty: any */
    size_t key_type_count;
    unsigned max_lifetime_days;     /* 0: any */
    bool reports_new;
    bool allows_wildcards;          /* true unless said otherwise */
};

extern const struct fault fault_policy;

/* The policy that says nothing. */
struct policy_rules policy_rules_default(void);
/* Strict: unknown fields, wrong types and sizes are refused with a sentence. Texts and lists are in `arena`. */
MUST_CHECK result policy_rules_from_json(struct span json, struct arena *arena, struct policy_rules *ret_rules,
                                         struct reason *reason);
/* One canonical form: fixed order of fields, defaults left out, lists in the given order; equal policies give equal text. */
MUST_CHECK result policy_rules_to_json(const struct policy_rules *rules, struct buffer *out);
