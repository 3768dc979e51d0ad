/* What the CAA poller writes, and goes on with. One polls at a time, its lease checked in every commit (docs/schema.md, CAA). */
#pragma once

#include "rules/caa_unrest.h"
#include "store/caa_history.h"

struct store_caa_lease {
    const char *holder, *predecessor; /* "" for none: whose lease is known to be dead */
    int64_t fencing;                  /* 0: somebody else polls */
    int64_t commits;                  /* number of the last commit */
};
/* Takes or renews; fills fencing, and where that changed, commits. */
MUST_CHECK result store_caa_lease_take(struct store *store, unsigned ttl_seconds, struct store_caa_lease *lease);
MUST_CHECK result store_caa_lease_release(struct store *store, const struct store_caa_lease *lease);

/* A DNS name of an unexpired certificate that matched somebody's watch. */
struct store_caa_name {
    int64_t certificate_id;
    const char *name;     /* "" where the certificate has none: it is there for its id */
    int64_t not_after_ms;
};
/* The next certificates after an id, with all their names. */
MUST_CHECK result store_caa_names_page(struct store *store, int64_t after_id, int64_t now_ms, struct arena *arena,
                                       struct store_caa_name **ret_names, size_t *ret_count);
/* Those that matched since the last call; a call that fails may have taken them all the same: then read all anew. */
MUST_CHECK result store_caa_names_fresh(struct store *store, const struct store_caa_lease *lease, int64_t now_ms, struct arena *arena,
                                        struct store_caa_name **ret_names, size_t *ret_count);
/* To be called before all names are read anew. */
MUST_CHECK result store_caa_names_forget(struct store *store, const struct store_caa_lease *lease);

/* Where an owner stands with one resolver. */
struct store_caa_state {
    const char *owner, *resolver;
    enum caa_outcome outcome;
    const char *why;
    struct span records;                      /* canonical */
    int64_t first_answered_ms, last_answered_ms, first_true_ms, last_true_ms;
    uint32_t interval_s, ttl_max_s, ttl_first_s;
    bool is_authenticated;
    bool has_good;                            /* it fails now, and had said this before */
    enum caa_outcome good_outcome;
    struct span good_records;
};
MUST_CHECK result store_caa_states_load(struct store *store, const char *const *owners, size_t count, struct arena *arena,
                                        struct store_caa_state **ret_states, size_t *ret_count);
/* Conditions that are open: rule and subject. */
struct store_caa_condition {
    const char *rule, *subject;
};
MUST_CHECK result store_caa_conditions_load(struct store *store, struct arena *arena, struct store_caa_condition **ret_rows, size_t *ret_count);

/* One commit is built piece by piece and may be sent again: what was recorded before does nothing. Adders fail silently, the sender says so. */
struct store_caa_commit;
MUST_CHECK result store_caa_commit_new(struct store_caa_commit **ret_commit);
void store_caa_commit_free(struct store_caa_commit *commit);

/* An answer: the run it belongs to, as it stands with it. Spans and texts must live until the commit is freed. */
struct store_caa_answer {
    const char *owner, *resolver;
    bool begins;                 /* a new run; the one before has ended */
    const struct caa_answer *answer;
    struct span records;         /* canonical */
    int64_t answered_ms, first_true_ms, last_true_ms;
    uint32_t interval_s, ttl_max_s;
    bool has_good;               /* begins, and fails: what it had said before */
    enum caa_outcome good_outcome;
    struct span good_records;
    int64_t good_ms;
};
void store_caa_add_answer(struct store_caa_commit *commit, const struct store_caa_answer *answer);
/* From now on this is taken for true at the owner. */
void store_caa_add_accepted(struct store_caa_commit *commit, const struct store_caa_answer *answer);

/* Somebody who is told: a finding's severity and body (JSON object, docs/alerts.md). */
struct store_caa_told {
    int32_t tenant_id;
    const char *severity, *body;
    const char *telling;  /* of a change: "alone", "together", "unheard" (rules/caa_unrest.h); NULL: alone */
    const char *restless; /* the body of caa.restless, where that is told; NULL */
};
struct store_caa_change_item {
    const char *owner, *resolver;
    int64_t at_ms;
    enum caa_outcome before_outcome, after_outcome; /* of the owner itself */
    struct span before, after;
    const struct caa_issuers *gained, *wildcard_gained;
    const struct caa_unrest *unrest; /* with this change */
    const struct store_caa_told *told;
    size_t told_count;
};
void store_caa_add_change(struct store_caa_commit *commit, const struct store_caa_change_item *change);
/* What is recorded of an owner's changes since the last calm day; `ret_unrest` as after caa_unrest_new where there are none. */
MUST_CHECK result store_caa_unrest_load(struct store *store, const char *owner, struct caa_sets *sets, const struct ca_extra_rows *extra,
                                        struct caa_unrest *ret_unrest);
/* Ends caa.restless of those that have not changed since `until_ms`. */
MUST_CHECK result store_caa_unrest_end(struct store *store, const struct store_caa_lease *lease, int64_t until_ms, int64_t now_ms);
/* A condition that holds for exactly these tenants from now on; for none: it is over. Another fingerprint is another fact. */
struct store_caa_condition_item {
    const char *rule, *subject, *fingerprint;
    const char *note; /* why findings end, where they do */
    const struct store_caa_told *told;
    size_t told_count;
};
void store_caa_add_condition(struct store_caa_commit *commit, const struct store_caa_condition_item *condition);
bool store_caa_commit_is_empty(const struct store_caa_commit *commit);

/* A commit may be sent in parts: what it holds about those owners whose hashes end in `bits`, of which there are `depth`. Whatever is about one
 * owner (of a condition: its subject, without "caa:") stands in one part. The texts and spans of the whole must outlive it. */
struct store_caa_part {
    unsigned depth; /* at most 64 */
    uint64_t bits;
};
MUST_CHECK result store_caa_commit_part(const struct store_caa_commit *commit, struct store_caa_part part, struct store_caa_commit **ret_part);
/* How many owners: 0, 1, or 2 for more. *ret_owner is the first, borrowed; "" for none. */
unsigned store_caa_commit_owners(const struct store_caa_commit *commit, const char **ret_owner);
bool store_caa_commit_is_about(const struct store_caa_commit *commit, const char *owner);
void store_caa_commit_drop(struct store_caa_commit *commit, const char *owner);
/* One transaction. Errors: fault_store_lease_lost, fault_store_position (load everything anew), and those of every statement. */
MUST_CHECK result store_caa_commit_send(struct store *store, const struct store_caa_lease *lease, struct store_caa_commit *commit, int64_t now_ms);

MUST_CHECK result store_caa_status_save(struct store *store, const struct store_caa_lease *lease, const struct store_caa_status *rows, size_t count,
                                        int64_t now_ms);
/* Housekeeping, once a day and at start, as store_keep_house does for observations. */
MUST_CHECK result store_caa_keep_house(struct store *store, unsigned retention_days, int64_t now_ms);
