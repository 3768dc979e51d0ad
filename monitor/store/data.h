/* Watches, policies, channels, pins and releases as people change them: by command, one at a time, or by `apply`, as one file. */
#pragma once

#include "store/watches.h"

struct store_pin_document;
struct store_release;

struct store_channel {
    int32_t tenant_id;
    const char *name, *kind;    /* webhook, email, hook */
    const char *configuration;  /* JSON object, docs/channels.md; never a secret */
    const char *secret_name;    /* "" when none */
    const char *least_severity; /* info, notice, warning, critical */
    bool is_enabled;
    bool set_by_apply;
    const char *set_who;
    int64_t set_ms;
};

/* Who changes something, when, for whom. */
struct store_author {
    int32_t tenant_id; /* 1 unless several tenants are served */
    const char *who;
    bool is_apply;     /* the origin that the rows get; also which rows may be removed by store_data_apply */
    int64_t now_ms;
};

/* Adds watches (kind, value, policy of each row are read; "" is no policy); those that exist get the policy named. One
 * transaction. Errors: fault_store_not_found for an unknown policy. */
MUST_CHECK result store_watches_add(struct store *store, const struct store_author *author, const struct store_watch *watches,
                                    size_t count, size_t *ret_added);
/* Name and rules of the policy are read. One of that name with the same rules is left as it is, with other rules it is refused. */
MUST_CHECK result store_policy_set(struct store *store, const struct store_author *author, const struct store_policy *policy);
/* Error: fault_store_not_found. */
MUST_CHECK result store_watch_remove(struct store *store, const struct store_author *author, enum watch_kind kind,
                                     const char *value);
/* Watches of a tenant by kind and value; `after` is the last row of the page before, NULL for the first page. */
MUST_CHECK result store_watches_list(struct store *store, int32_t tenant_id, const struct store_watch *after, unsigned limit,
                                     struct arena *arena, struct store_watch_set *ret_set);

/* Everything that a tenant has set, for `export`; with `only_applied` only what `apply` set. */
struct store_data {
    struct store_watch *watches; /* by kind, value */
    size_t watch_count;
    struct store_policy *policies; /* by name */
    size_t policy_count;
    struct store_channel *channels; /* by name */
    size_t channel_count;
    struct store_pin_document *documents; /* in force, by name; see store/pins.h */
    size_t document_count;
    struct store_release *releases; /* in force and not retired */
    size_t release_count;
};
MUST_CHECK result store_data_load(struct store *store, int32_t tenant_id, bool only_applied, struct arena *arena,
                                  struct store_data *ret_data);

struct store_change {
    const char *what;   /* "policy", "watch", "channel", "pins", "release" */
    const char *name;   /* of the policy, channel or pins; "subtree example.com"; "Bank android 4.2" */
    const char *change; /* "add", "change", "remove", "adopt" (was set by command, is now the file's) */
    const char *before, *after; /* JSON, "" where there is none */
};
/* Makes the rows of `apply` equal to `wanted`, in one transaction; with `is_dry_run` only says what would change. Rows set by command stay
 * unless the file names them. Texts in `arena`. */
struct store_apply {
    const struct store_author *author; /* is_apply must be true */
    const struct store_data *wanted;
    bool is_dry_run;
};
MUST_CHECK result store_data_apply(struct store *store, const struct store_apply *apply, struct arena *arena,
                                   struct store_change **ret_changes, size_t *ret_count);
