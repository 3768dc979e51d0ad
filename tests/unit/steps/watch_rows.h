/* Hand-made watches and policies, as the store would hand them over. */
#pragma once

#include "steps/watch_set.h"

#define ROWS_MAX 200

struct watch_rows {
    struct store_watch watches[ROWS_MAX];
    struct store_policy policies[10];
    struct store_watch_set set;
};

/* Call in the order of kind and value; returns the row's id. */
static inline int64_t row_add(struct watch_rows *rows, int32_t tenant_id, enum watch_kind kind, const char *value, const char *policy) {
    size_t at = rows->set.watch_count++;
    rows->watches[at] = (struct store_watch){
        .tenant_id = tenant_id, .watch_id = 100 + (int64_t) at, .kind = kind, .value = value, .policy = policy, .set_who = ""};
    return 100 + (int64_t) at;
}

static inline void row_policy(struct watch_rows *rows, int32_t tenant_id, const char *name, const char *json) {
    rows->policies[rows->set.policy_count++] = (struct store_policy){.tenant_id = tenant_id, .name = name, .rules = json, .set_who = ""};
}

static inline result rows_load(struct watch_rows *rows, struct watch_set **ret_set, struct reason *reason) {
    rows->set.watches = rows->watches;
    rows->set.policies = rows->policies;
    rows->set.generation.watches = 7;
    return watch_set_of_rows(&rows->set, ret_set, reason);
}
