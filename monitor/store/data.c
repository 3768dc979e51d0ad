#include "store/data.h"

#include "store/payload.h"
#include "store/pin_rows.h"
#include "store/watch_rows.h"

#define LIMIT_DEFAULT 100

/* Three texts per watch, as the functions of sql/0004-people.sql take them. */
struct watch_columns {
    const char **kinds, **values, **policies; /* owned arrays of borrowed texts */
};

static void watch_columns_done(struct watch_columns *columns) {
    memory_free(columns->kinds);
    memory_free(columns->values);
    memory_free(columns->policies);
}

static result watch_columns_init(struct store *store, struct watch_columns *columns, const struct store_watch *watches,
                                 size_t count) {
    columns->kinds = memory_new_array(count + 1, sizeof(char *));
    columns->values = memory_new_array(count + 1, sizeof(char *));
    columns->policies = memory_new_array(count + 1, sizeof(char *));
    if (columns->kinds == NULL || columns->values == NULL || columns->policies == NULL)
        return store_no_memory(store);
    for (size_t i = 0; i < count; i++) {
        columns->kinds[i] = watch_kind_text(watches[i].kind);
        columns->values[i] = watches[i].value;
        columns->policies[i] = watches[i].policy == NULL ? "" : watches[i].policy;
    }
    return OK;
}

static void params_watches(struct store_params *params, const struct watch_columns *columns, size_t count) {
    params_text_array(params, columns->kinds, count);
    params_text_array(params, columns->values, count);
    params_text_array(params, columns->policies, count);
}

result store_watches_add(struct store *store, const struct store_author *author, const struct store_watch *watches, size_t count,
                         size_t *ret_added) {
    CLEANUP(watch_columns_done) struct watch_columns columns = {0};
    TRY(watch_columns_init(store, &columns, watches, count));
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, author->tenant_id);
    params_watches(&params, &columns, count);
    params_text(&params, author->is_apply ? "apply" : "cli");
    params_text(&params, author->who);
    params_time_ms(&params, author->now_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT watches_add($1, $2, $3, $4, $5, $6, $7)", &params, "i", ROWS_ONE, &rows));
    *ret_added = (size_t) rows_int8(&rows, 0, 0);
    return OK;
}

result store_policy_set(struct store *store, const struct store_author *author, const struct store_policy *policy) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, author->tenant_id);
    params_text(&params, policy->name);
    params_json(&params, policy->rules);
    params_text(&params, author->who);
    params_time_ms(&params, author->now_ms);
    return store_do(store, "SELECT policy_set($1, $2, $3, $4, $5)", &params);
}

result store_watch_remove(struct store *store, const struct store_author *author, enum watch_kind kind, const char *value) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, author->tenant_id);
    params_text(&params, watch_kind_text(kind));
    params_text(&params, value);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT watch_remove($1, $2, $3)", &params, "B", ROWS_ONE, &rows));
    if (!rows_bool(&rows, 0, 0))
        return store_fail(store, &fault_store_not_found, "watch: %s \"%s\" is not watched", watch_kind_text(kind), value);
    return OK;
}

/* Watches of one tenant after (kind, value); with `only_applied` only those of apply. */
static result watches_page(struct store *store, const struct store_params *params, struct arena *arena,
                           struct store_watch **ret_watches, size_t *ret_count) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT tenant_id, watch_id, kind, value, policy, set_by = 'apply', set_who, set_at FROM watch"
                  " WHERE tenant_id = $1 AND (kind, value) > ($2, $3) AND (NOT $4 OR set_by = 'apply')"
                  " ORDER BY kind, value LIMIT $5",
                  params, "nittt?Bt?s", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_watch *watches = take_rows(&taker, sizeof(*watches));
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_watch(&taker, row, &watches[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_watches = watches;
    *ret_count = (size_t) rows.count;
    return OK;
}

result store_watches_list(struct store *store, int32_t tenant_id, const struct store_watch *after, unsigned limit,
                          struct arena *arena, struct store_watch_set *ret_set) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, tenant_id);
    params_text(&params, after == NULL ? "" : watch_kind_text(after->kind));
    params_text(&params, after == NULL ? "" : after->value);
    params_bool(&params, false);
    params_int8(&params, limit == 0 ? LIMIT_DEFAULT : limit);
    struct store_watch_set set = {0};
    TRY(watches_page(store, &params, arena, &set.watches, &set.watch_count));
    *ret_set = set;
    return OK;
}

static result policies_load(struct store *store, const struct store_params *params, struct arena *arena, struct store_data *data) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT tenant_id, name, rules, set_by = 'apply', set_who, set_at FROM policy"
                  " WHERE tenant_id = $1 AND (NOT $2 OR set_by = 'apply') ORDER BY name",
                  params, "ntjBts", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    data->policies = take_rows(&taker, sizeof(*data->policies));
    data->policy_count = (size_t) rows.count;
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_policy(&taker, row, &data->policies[row]);
    return taker.failed ? store_no_memory(store) : OK;
}

static result channels_load(struct store *store, const struct store_params *params, struct arena *arena, struct store_data *data) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT tenant_id, name, kind, configuration, secret_name, least_severity, is_enabled, set_by = 'apply',"
                  "       set_who, set_at FROM channel WHERE tenant_id = $1 AND (NOT $2 OR set_by = 'apply') ORDER BY name",
                  params, "nttjt?tBBts", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    data->channels = take_rows(&taker, sizeof(*data->channels));
    data->channel_count = (size_t) rows.count;
    for (int row = 0; !taker.failed && row < rows.count; row++)
        data->channels[row] = (struct store_channel){.tenant_id = rows_int4(&rows, row, 0),
                                                     .name = take_text(&taker, row, 1),
                                                     .kind = take_text(&taker, row, 2),
                                                     .configuration = take_text(&taker, row, 3),
                                                     .secret_name = take_text(&taker, row, 4),
                                                     .least_severity = take_text(&taker, row, 5),
                                                     .is_enabled = rows_bool(&rows, row, 6),
                                                     .set_by_apply = rows_bool(&rows, row, 7),
                                                     .set_who = take_text(&taker, row, 8),
                                                     .set_ms = rows_time_ms(&rows, row, 9)};
    return taker.failed ? store_no_memory(store) : OK;
}

static result data_load(struct store *store, int32_t tenant_id, bool only_applied, struct arena *arena, struct store_data *data) {
    CLEANUP(params_done) struct store_params watches = {0}, others = {0};
    params_int4(&watches, tenant_id);
    params_text(&watches, "");
    params_text(&watches, "");
    params_bool(&watches, only_applied);
    params_int8(&watches, INT32_MAX);
    params_int4(&others, tenant_id);
    params_bool(&others, only_applied);
    TRY(store_do(store, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", NULL));
    TRY(watches_page(store, &watches, arena, &data->watches, &data->watch_count));
    TRY(policies_load(store, &others, arena, data));
    TRY(channels_load(store, &others, arena, data));
    return pins_data_load(store, &others, arena, data);
}

result store_data_load(struct store *store, int32_t tenant_id, bool only_applied, struct arena *arena,
                       struct store_data *ret_data) {
    struct store_data data = {0};
    TRY(store_begin(store));
    result outcome = data_load(store, tenant_id, only_applied, arena, &data);
    if (outcome != OK) {
        store_rollback(store);
        return outcome;
    }
    TRY(store_commit(store));
    *ret_data = data;
    return OK;
}

static void add_wanted(struct payload *payload, const struct store_data *wanted) {
    json_t *policies = payload_array(payload, payload->root, "policies");
    for (size_t i = 0; i < wanted->policy_count; i++) {
        json_t *item = payload_append(payload, policies);
        payload_text(payload, item, "name", wanted->policies[i].name);
        payload_set(payload, item, "rules", json_loads(wanted->policies[i].rules, JSON_REJECT_DUPLICATES, NULL));
    }
    json_t *channels = payload_array(payload, payload->root, "channels");
    for (size_t i = 0; i < wanted->channel_count; i++) {
        const struct store_channel *channel = &wanted->channels[i];
        json_t *item = payload_append(payload, channels);
        payload_text(payload, item, "name", channel->name);
        payload_text(payload, item, "kind", channel->kind);
        payload_set(payload, item, "configuration", json_loads(channel->configuration, JSON_REJECT_DUPLICATES, NULL));
        payload_text(payload, item, "secret_name", channel->secret_name ? channel->secret_name : "");
        payload_text(payload, item, "least_severity", channel->least_severity);
        payload_set(payload, item, "is_enabled", json_boolean(channel->is_enabled));
    }
}

/* Texts of one apply, while it runs. */
struct apply_texts {
    char *policies, *channels; /* from Jansson */
};

static void apply_texts_done(struct apply_texts *texts) {
    memory_free_foreign(texts->policies);
    memory_free_foreign(texts->channels);
}

static result changes_ask(struct store *store, const struct store_params *params, struct arena *arena, struct change_list *changes) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT what, name, change, before, after FROM data_apply($1, $2, $3, $4, $5, $6, $7, $8)", params,
                  CHANGE_SHAPE, ROWS_ANY, &rows));
    return take_changes(store, &rows, arena, changes);
}

/* In this order, so that whoever changes pins and whoever applies a file wait for each other and never both. */
static result apply_all(struct store *store, const struct store_apply *apply, const struct store_params *params, struct arena *arena, struct change_list *changes) {
    struct change_list pins = {0}, data = {0};
    TRY(pins_apply_ask(store, apply, arena, &pins));
    TRY(changes_ask(store, params, arena, &data));
    changes->items = arena_take_array(arena, data.count + pins.count + 1, sizeof *changes->items);
    if (changes->items == NULL)
        return store_no_memory(store);
    memcpy(changes->items, data.items, data.count * sizeof *data.items);
    memcpy(changes->items + data.count, pins.items, pins.count * sizeof *pins.items);
    changes->count = data.count + pins.count;
    return OK;
}

result store_data_apply(struct store *store, const struct store_apply *apply, struct arena *arena,
                        struct store_change **ret_changes, size_t *ret_count) {
    const struct store_data *wanted = apply->wanted;
    CLEANUP(watch_columns_done) struct watch_columns columns = {0};
    TRY(watch_columns_init(store, &columns, wanted->watches, wanted->watch_count));
    CLEANUP(payload_done) struct payload payload;
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    add_wanted(&payload, wanted);
    if (payload.failed)
        return store_fail(store, &fault_store_value, "apply: rules or configuration that are no JSON, or no memory");
    CLEANUP(apply_texts_done) struct apply_texts texts = {
        .policies = payload_dump(&payload, json_object_get(payload.root, "policies")),
        .channels = payload_dump(&payload, json_object_get(payload.root, "channels")),
    };
    if (texts.policies == NULL || texts.channels == NULL)
        return store_no_memory(store);
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, apply->author->tenant_id);
    params_watches(&params, &columns, wanted->watch_count);
    params_json(&params, texts.policies);
    params_json(&params, texts.channels);
    params_text(&params, apply->author->who);
    params_time_ms(&params, apply->author->now_ms);
    struct change_list changes = {0};
    TRY(store_begin(store));
    result outcome = apply_all(store, apply, &params, arena, &changes);
    if (outcome != OK || apply->is_dry_run)
        store_rollback(store);
    else
        outcome = store_commit(store);
    TRY(outcome);
    *ret_changes = changes.items;
    *ret_count = changes.count;
    return OK;
}
