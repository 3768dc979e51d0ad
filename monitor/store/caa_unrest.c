/* What is recorded of owners whose records do not come to rest. */
#include "store/caa_poll.h"
#include "store/statement.h"

#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

struct asking {
    struct store *store;
    const char *owner;
    struct arena *arena;
    struct caa_sets *sets;
    const struct ca_extra_rows *extra;
    struct caa_unrest *unrest;
};

static result load_changes(struct asking *asking) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, asking->owner);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(asking->store,
                  "SELECT since_at, last_at, changes, is_restless, ARRAY(SELECT (extract(epoch FROM t) * 1000)::bigint FROM unnest(recent) WITH ORDINALITY AS r (t, n)"
                  " ORDER BY n) FROM caa_unrest WHERE owner = $1",
                  &params, "ssiBI", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = asking->arena};
    size_t count = 0;
    if (rows.count == 0)
        return OK;
    const int64_t *recent_ms = take_numbers(&taker, 0, 4, &count);
    if (taker.failed)
        return store_no_memory(asking->store);
    asking->unrest->since_ms = rows_time_ms(&rows, 0, 0);
    asking->unrest->last_ms = rows_time_ms(&rows, 0, 1);
    asking->unrest->changes = rows_int8(&rows, 0, 2);
    asking->unrest->is_restless = rows_bool(&rows, 0, 3);
    for (size_t i = 0; i < count && i < CAA_RESTLESS_FROM - 1; i++)
        asking->unrest->recent_ms[CAA_RESTLESS_FROM - 2 - i] = recent_ms[count - 1 - i];
    return OK;
}

static result load_rights(struct asking *asking) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, asking->owner);
    params_time_ms(&params, asking->unrest->since_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(asking->store,
                  "SELECT tenant_id, array_to_string(gained, ' '), is_any_gained, array_to_string(wildcard_gained, ' '), is_wildcard_any_gained"
                  "  FROM caa_rights_told($1, $2)",
                  &params, "ntBtB", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = asking->arena};
    for (int row = 0; row < rows.count; row++) {
        struct caa_issuers plain = {.is_any = rows_bool(&rows, row, 2)}, wildcard = {.is_any = rows_bool(&rows, row, 4)};
        plain.domains = take_words(&taker, row, 1, &plain.count);
        wildcard.domains = take_words(&taker, row, 3, &wildcard.count);
        struct caa_gain gain = {.tenant_id = rows_int4(&rows, row, 0), .plain = &plain, .wildcard = &wildcard, .extra = asking->extra};
        if (taker.failed || caa_unrest_remember(asking->unrest, &gain) != OK)
            return store_no_memory(asking->store);
    }
    return OK;
}

static result load_sets(struct asking *asking) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, asking->owner);
    params_time_ms(&params, asking->unrest->since_ms);
    params_int4(&params, CAA_SEEN_MAX);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(asking->store, "SELECT after_records, times, last_at FROM caa_change WHERE owner = $1 AND last_at >= $2 ORDER BY last_at DESC LIMIT $3", &params, "bis",
                  ROWS_ANY, &rows));
    for (int row = 0; row < rows.count; row++) {
        struct caa_seen seen = {.set = caa_set_ref(asking->sets, rows_bytes(&rows, row, 0)), .times = rows_int8(&rows, row, 1), .last_ms = rows_time_ms(&rows, row, 2)};
        if (seen.set == NULL)
            return store_no_memory(asking->store);
        caa_unrest_see(asking->unrest, asking->sets, seen);
    }
    return OK;
}

result store_caa_unrest_load(struct store *store, const char *owner, struct caa_sets *sets, const struct ca_extra_rows *extra, struct caa_unrest *ret_unrest) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    struct asking asking = {.store = store, .owner = owner, .arena = arena, .sets = sets, .extra = extra, .unrest = ret_unrest};
    if (arena == NULL)
        return store_no_memory(store);
    TRY(load_changes(&asking));
    if (ret_unrest->changes == 0)
        return OK;
    TRY(load_rights(&asking));
    return load_sets(&asking);
}

result store_caa_unrest_end(struct store *store, const struct store_caa_lease *lease, int64_t until_ms, int64_t now_ms) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, lease->holder);
    params_int8(&params, lease->fencing);
    params_time_ms(&params, until_ms);
    params_time_ms(&params, now_ms);
    return store_do(store, "SELECT caa_unrest_end($1, $2, $3, $4)", &params);
}
