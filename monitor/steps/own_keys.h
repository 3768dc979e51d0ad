/* Keys that belong into certificates of watched names alone: the known keys of policies, and the leaf keys that releases pin. */
#pragma once

#include "base/arena.h"
#include "formats/policy_rules.h"
#include "steps/pin_world.h"
#include "store/watches.h"

struct own_key {
    struct hash spki_sha256;
    int32_t tenant_id;
    const char *whose; /* "a known key of policy web", "pinned in app.apk" */
};

struct own_keys {
    struct own_key *keys; /* by key, then tenant, each once */
    size_t count;
};

struct own_keys_wish {
    const struct store_watch_set *rows;
    const struct policy_rules *policies; /* as rows->policies */
    const struct pin_world *world;       /* NULL: nothing is pinned */
};
/* A pinned key counts unless it is a CA's, or its pin is of one. Everything in `arena`; fails only without memory. */
MUST_CHECK result own_keys_list(const struct own_keys_wish *wish, struct arena *arena, struct own_keys *ret_keys);
/* Those of this key; how many are in *ret_count. */
const struct own_key *own_keys_find(const struct own_keys *keys, const struct hash *spki_sha256, size_t *ret_count);
