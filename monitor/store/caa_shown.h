/* What the commands about CAA ask beside the history: changes with who was told, certificates that a set governs, policies that expect issuers. */
#pragma once

#include "base/arena.h"
#include "formats/caa_record.h"
#include "rules/caa_usage.h"
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

/* Names at or below `owner` (text), by certificate; at most `limit`. */
struct store_caa_seen_wish {
    const char *owner;
    int64_t now_ms;
    unsigned limit;
    bool has_unjudged; /* those without a verdict too: all of them are read */
};
MUST_CHECK result store_caa_seen_load(struct store *store, const struct store_caa_seen_wish *wish, struct arena *arena, struct caa_seen_row **ret_rows,
                                      size_t *ret_count);

struct store_caa_policy {
    int32_t tenant_id;
    const char *name, *rules; /* JSON, formats/policy_rules.h */
};
/* Policies of watches at or below `owner`, and of subtrees that hold it. */
MUST_CHECK result store_caa_policies_load(struct store *store, const char *owner, struct arena *arena, struct store_caa_policy **ret_policies,
                                          size_t *ret_count);

/* What keeps CAA records from being polled or recorded: open findings of the service's tenant. */
struct store_caa_obstacle {
    const char *rule, *because; /* "" where the finding gives no reason */
};
MUST_CHECK result store_caa_obstacles_load(struct store *store, struct arena *arena, struct store_caa_obstacle **ret_rows, size_t *ret_count);
