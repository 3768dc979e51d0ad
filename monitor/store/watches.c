#include "store/watch_rows.h"

#define PAGE_ROWS 50000 /* of a set of millions, so that libpq never holds all of it besides the arena */

#define WATCHES_OF_CERTIFICATE 10000

static const char *const kind_names[watch_kind_count] = {
    [WATCH_NAME] = "name", [WATCH_SUBTREE] = "subtree", [WATCH_ADDRESS] = "address", [WATCH_KEY] = "key",
    [WATCH_EMAIL] = "email",
};

const char *watch_kind_text(enum watch_kind kind) {
    return kind_names[kind];
}

static bool kind_of_text(const char *text, enum watch_kind *ret_kind) {
    for (int kind = 0; kind < watch_kind_count; kind++) {
        if (strcmp(kind_names[kind], text) == 0) {
            *ret_kind = (enum watch_kind) kind;
            return true;
        }
    }
    return false;
}

void take_watch(struct row_taker *taker, int row, struct store_watch *ret_watch) {
    const struct store_rows *rows = taker->rows;
    ret_watch->tenant_id = rows_int4(rows, row, 0);
    ret_watch->watch_id = rows_int8(rows, row, 1);
    taker->failed |= !kind_of_text(rows_text(rows, row, 2), &ret_watch->kind);
    ret_watch->value = take_text(taker, row, 3);
    ret_watch->policy = rows_is_null(rows, row, 4) ? "" : take_text(taker, row, 4);
    ret_watch->set_by_apply = rows_bool(rows, row, 5);
    ret_watch->set_who = rows_is_null(rows, row, 6) ? "" : take_text(taker, row, 6);
    ret_watch->set_ms = rows_time_ms(rows, row, 7);
}

void take_policy(struct row_taker *taker, int row, struct store_policy *ret_policy) {
    const struct store_rows *rows = taker->rows;
    *ret_policy = (struct store_policy){
        .tenant_id = rows_int4(rows, row, 0),
        .name = take_text(taker, row, 1),
        .rules = take_text(taker, row, 2),
        .set_by_apply = rows_bool(rows, row, 3),
        .set_who = take_text(taker, row, 4),
        .set_ms = rows_time_ms(rows, row, 5),
    };
}

result store_generation_load(struct store *store, struct store_generation *ret_generation) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT watches, policies, channels, pins FROM generation", NULL, "iiii", ROWS_ONE, &rows));
    *ret_generation = (struct store_generation){
        .watches = (uint64_t) rows_int8(&rows, 0, 0),
        .policies = (uint64_t) rows_int8(&rows, 0, 1),
        .channels = (uint64_t) rows_int8(&rows, 0, 2),
        .pins = (uint64_t) rows_int8(&rows, 0, 3),
    };
    return OK;
}

/* One page after (kind, value, tenant); *ret_page is how many rows came. */
static result page_load(struct store *store, const struct store_watch *after, struct arena *arena, struct store_watch *room,
                        size_t room_count, size_t *ret_page) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, after == NULL ? "" : kind_names[after->kind]);
    params_text(&params, after == NULL ? "" : after->value);
    params_int4(&params, after == NULL ? -1 : after->tenant_id);
    params_int8(&params, room_count > PAGE_ROWS ? PAGE_ROWS : (int64_t) room_count);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT tenant_id, watch_id, kind, value, policy, set_by = 'apply', NULL::text, set_at FROM watch"
                  " WHERE (kind, value, tenant_id) > ($1, $2, $3) ORDER BY kind, value, tenant_id LIMIT $4",
                  &params, "nittt?Bt?s", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    for (int row = 0; row < rows.count; row++)
        take_watch(&taker, row, &room[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_page = (size_t) rows.count;
    return OK;
}

static result watches_load(struct store *store, struct arena *arena, struct store_watch_set *ret_set) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT count(*) FROM watch", NULL, "i", ROWS_ONE, &rows));
    size_t count = (size_t) rows_int8(&rows, 0, 0);
    struct store_watch *watches = arena_take_array(arena, count + 1, sizeof(*watches));
    if (watches == NULL)
        return store_no_memory(store);
    size_t used = 0;
    while (used < count) {
        size_t page = 0;
        TRY(page_load(store, used == 0 ? NULL : &watches[used - 1], arena, watches + used, count - used, &page));
        if (page == 0)
            break;
        used += page;
    }
    ret_set->watches = watches;
    ret_set->watch_count = used;
    return OK;
}

static result policies_load(struct store *store, struct arena *arena, struct store_watch_set *ret_set) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT tenant_id, name, rules, set_by = 'apply', set_who, set_at FROM policy ORDER BY tenant_id, name",
                  NULL, "ntjBts", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_policy *policies = take_rows(&taker, sizeof(*policies));
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_policy(&taker, row, &policies[row]);
    if (taker.failed)
        return store_no_memory(store);
    ret_set->policies = policies;
    ret_set->policy_count = (size_t) rows.count;
    return OK;
}

result store_watch_set_load(struct store *store, struct arena *arena, struct store_watch_set *ret_set) {
    struct store_watch_set set = {0};
    TRY(store_begin(store));
    result outcome = store_do(store, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", NULL);
    if (outcome == OK)
        outcome = store_generation_load(store, &set.generation);
    if (outcome == OK)
        outcome = watches_load(store, arena, &set);
    if (outcome == OK)
        outcome = policies_load(store, arena, &set);
    if (outcome != OK) {
        store_rollback(store);
        return outcome;
    }
    TRY(store_commit(store));
    *ret_set = set;
    return OK;
}

result store_watches_of_certificate(struct store *store, int64_t certificate_id, struct arena *arena, struct store_watch **ret_watches, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, certificate_id);
    params_int4(&params, WATCHES_OF_CERTIFICATE);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT w.tenant_id, w.watch_id, w.kind, w.value, NULL::text, false, NULL::text, w.set_at FROM match m"
                  "  JOIN watch w ON w.tenant_id = m.tenant_id AND w.watch_id = m.watch_id"
                  " WHERE m.certificate_id = $1 ORDER BY w.tenant_id, w.watch_id LIMIT $2",
                  &params, "nitt" "t?Bt?s", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_watch *watches = take_rows(&taker, sizeof *watches);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_watch(&taker, row, &watches[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_watches = watches;
    *ret_count = (size_t) rows.count;
    return OK;
}
