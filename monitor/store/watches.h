/* What is watched, as the monitor loads it. */
#pragma once

#include "base/arena.h"
#include "rules/watch_image.h"
#include "store/connection.h"

/* Grow with every change; cheap to ask for. */
struct store_generation {
    uint64_t watches, policies, channels, pins;
};
MUST_CHECK result store_generation_load(struct store *store, struct store_generation *ret_generation);

struct store_watch {
    int32_t tenant_id;
    int64_t watch_id;
    enum watch_kind kind;
    const char *value;  /* normalised */
    const char *policy; /* "" when none */
    bool set_by_apply;
    const char *set_who;
    int64_t set_ms;
};

struct store_policy {
    int32_t tenant_id;
    const char *name;
    const char *rules; /* JSON object, docs/watches.md */
    bool set_by_apply;
    const char *set_who;
    int64_t set_ms;
};

struct store_watch_set {
    struct store_generation generation;
    struct store_watch *watches; /* by kind, value, tenant: duplicates of several tenants stand together */
    size_t watch_count;
    struct store_policy *policies;
    size_t policy_count;
};
/* Everything of all tenants, as of one instant, in `arena`. set_who stays "" here. */
MUST_CHECK result store_watch_set_load(struct store *store, struct arena *arena, struct store_watch_set *ret_set);
/* Those that a certificate matched, the first 10,000 by tenant. policy and set_who stay "". */
MUST_CHECK result store_watches_of_certificate(struct store *store, int64_t certificate_id, struct arena *arena, struct store_watch **ret_watches, size_t *ret_count);
