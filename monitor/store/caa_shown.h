/* What the commands about CAA ask beside the history: changes with who was told, certificates that a set governs, policies that expect issuers. */
#pragma once

#include "base/arena.h"
#include "formats/caa_record.h"
#include "formats/entry_report.h"
#include "rules/caa_permit.h"
#include "store/caa_history.h"

struct store_caa_told_finding {
    int32_t tenant_id;
    int64_t finding_id;
    const char *state;
};
/* A change of what an owner has itself, and who may issue since that could not before. */
struct store_caa_change_shown {
    int64_t change_id;
    const char *owner, *resolver;         /* that said so first */
    const char *before_outcome, *after_outcome;
    const struct caa_record *before, *after;
    size_t before_count, after_count;
    int64_t changed_ms, last_ms, times;   /* the same to and fro within a day is one change */
    struct caa_issuers gained, wildcard_gained;
    const struct store_caa_told_finding *findings;
    size_t finding_count;
};
/* Changes at these owners that were last seen since from_ms, oldest first. to_ms is not looked at. */
MUST_CHECK result store_caa_changes_show(struct store *store, const struct store_caa_wish *wish, struct arena *arena,
                                         struct store_caa_change_shown **ret_changes, size_t *ret_count);

/* A name of a certificate that has not expired, is not of a drill, and matched somebody's watch. */
struct store_caa_seen {
    int64_t certificate_id, not_after_ms;
    const char *issuer;                   /* as the certificate says; proves nothing */
    struct known_hash issuer_spki_sha256; /* of a verified issuer */
    const char *name;                     /* may begin with "*." */
    const char *nearer;                   /* the owner between it and `owner` that is known to have records of its own; "" when none */
};
#define STORE_CAA_SEEN_MAX 200000
/* Names at or below `owner` (text), by certificate; at most STORE_CAA_SEEN_MAX. */
MUST_CHECK result store_caa_seen_load(struct store *store, const char *owner, int64_t now_ms, struct arena *arena, struct store_caa_seen **ret_rows,
                                      size_t *ret_count);

struct store_caa_policy {
    int32_t tenant_id;
    const char *name, *rules; /* JSON, formats/policy_rules.h */
};
/* Policies of watches at or below `owner`, and of subtrees that hold it. */
MUST_CHECK result store_caa_policies_load(struct store *store, const char *owner, struct arena *arena, struct store_caa_policy **ret_policies,
                                          size_t *ret_count);
