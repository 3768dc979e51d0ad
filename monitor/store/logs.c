#include "store/logs.h"

#include "store/payload.h"

static void payload_optional_ms(struct payload *payload, json_t *object, const char *name, int64_t ms) {
    payload_set(payload, object, name, ms == 0 ? json_null() : json_integer(ms));
}

static const char *source_name(unsigned sources) {
    if (sources & SOURCE_DRILL)
        return "drill";
    if (sources & SOURCE_SETTINGS)
        return "settings";
    bool is_chrome = sources & SOURCE_CHROME, is_apple = sources & SOURCE_APPLE;
    return is_chrome && is_apple ? "chrome+apple" : is_apple ? "apple" : "chrome";
}

static void add_log(struct payload *payload, json_t *logs, const struct chosen_log *chosen) {
    const struct listed_log *log = &chosen->log;
    json_t *item = payload_append(payload, logs);
    payload_hash(payload, item, "log_id", &log->log_id);
    payload_text(payload, item, "description", log->description);
    payload_text(payload, item, "operator", log->operator_name);
    payload_text(payload, item, "protocol", log_protocol_name(log->protocol));
    payload_text(payload, item, "url", log->url);
    payload_text(payload, item, "monitoring_url", log->monitoring_url);
    payload_text(payload, item, "origin", chosen->origin ? chosen->origin : "");
    payload_blob(payload, item, "key", log->key);
    payload_set(payload, item, "mmd_seconds", log->mmd_seconds == 0 ? json_null() : json_integer(log->mmd_seconds));
    payload_set(payload, item, "state",
                log->state == LOG_STATE_NONE ? json_null() : json_string(log_state_name(log->state)));
    if (log->has_interval) {
        payload_number(payload, item, "interval_begin_ms", log->interval_begin * 1000);
        payload_number(payload, item, "interval_end_ms", log->interval_end * 1000);
    }
    if (log->has_final_head) {
        payload_unsigned(payload, item, "final_size", log->final_size);
        payload_hash(payload, item, "final_root", &log->final_root);
    }
    payload_text(payload, item, "source", source_name(chosen->sources));
    payload_set(payload, item, "is_followed", json_boolean(chosen->is_followed));
    payload_text(payload, item, "reason", chosen->reason ? chosen->reason : "");
    payload_set(payload, item, "is_drill", json_boolean((chosen->sources & SOURCE_DRILL) != 0));
}

/* Sends an array, its blobs (only for `with_blobs`) and the time to one function. */
static result send_array(struct store *store, const char *sql, const struct payload *payload, bool with_blobs, int64_t now_ms) {
    char *json = payload_dump(payload, json_object_get(payload->root, "rows"));
    if (json == NULL)
        return store_no_memory(store);
    CLEANUP(params_done) struct store_params params = {0};
    params_json(&params, json);
    if (with_blobs)
        params_bytes_array(&params, payload->blobs, payload->blob_count);
    params_time_ms(&params, now_ms);
    result outcome = store_do(store, sql, &params);
    memory_free_foreign(json);
    return outcome;
}

result store_logs_save(struct store *store, const struct chosen_log *logs, size_t count, int64_t now_ms) {
    CLEANUP(payload_done) struct payload payload;
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    json_t *rows = payload_array(&payload, payload.root, "rows");
    for (size_t i = 0; i < count; i++)
        add_log(&payload, rows, &logs[i]);
    return send_array(store, "SELECT logs_save($1, $2, $3)", &payload, true, now_ms);
}

static unsigned sources_of(const char *source) {
    static const struct {
        const char *name;
        unsigned sources;
    } names[] = {{"chrome", SOURCE_CHROME}, {"apple", SOURCE_APPLE}, {"chrome+apple", SOURCE_CHROME | SOURCE_APPLE},
                 {"settings", SOURCE_SETTINGS}, {"drill", SOURCE_DRILL}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i].name, source) == 0)
            return names[i].sources;
    return 0;
}

static enum log_state state_of(const char *name) {
    for (int state = LOG_STATE_NONE; state < log_state_count; state++)
        if (strcmp(log_state_name((enum log_state) state), name) == 0)
            return (enum log_state) state;
    return LOG_STATE_NONE;
}

static void take_log(struct row_taker *taker, int row, struct chosen_log *ret_log) {
    const struct store_rows *rows = taker->rows;
    struct listed_log *log = &ret_log->log;
    log->log_id = rows_hash(rows, row, 0).hash;
    log->protocol = strcmp(rows_text(rows, row, 1), "static-ct") == 0 ? LOG_STATIC_CT : LOG_RFC6962;
    log->description = take_text(taker, row, 2);
    log->operator_name = take_text(taker, row, 3);
    log->url = take_text(taker, row, 4);
    log->monitoring_url = take_text(taker, row, 5);
    ret_log->origin = take_text(taker, row, 6);
    log->key = take_bytes(taker, row, 7);
    log->mmd_seconds = (uint32_t) rows_int4(rows, row, 8);
    log->state = state_of(rows_text(rows, row, 9));
    log->has_interval = !rows_is_null(rows, row, 10) && !rows_is_null(rows, row, 11);
    log->interval_begin = rows_time_ms(rows, row, 10) / 1000;
    log->interval_end = rows_time_ms(rows, row, 11) / 1000;
    log->has_final_head = !rows_is_null(rows, row, 12) && !rows_is_null(rows, row, 13);
    log->final_size = (uint64_t) rows_int8(rows, row, 12);
    log->final_root = rows_hash(rows, row, 13).hash;
    log->log_type = "prod";
    ret_log->sources = sources_of(rows_text(rows, row, 14));
    ret_log->chrome_state = ret_log->sources & SOURCE_CHROME ? log->state : LOG_STATE_NONE;
    ret_log->apple_state = ret_log->sources & SOURCE_APPLE ? log->state : LOG_STATE_NONE;
    ret_log->reason = take_text(taker, row, 15);
    ret_log->is_followed = true;
}

result store_logs_load(struct store *store, struct arena *arena, struct chosen_log **ret_logs, size_t *ret_count) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT log_id, protocol, description, operator, url, monitoring_url, origin, key, mmd_seconds, state,"
                  "       interval_begin, interval_end, final_size, final_root, source, reason"
                  "  FROM log WHERE is_followed ORDER BY operator, description, log_id",
                  NULL, "htttttt" "bn?t?s?s?i?h?tt", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct chosen_log *logs = take_rows(&taker, sizeof(*logs));
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_log(&taker, row, &logs[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_logs = logs;
    *ret_count = (size_t) rows.count;
    return OK;
}

result store_leases_take(struct store *store, const struct hash *log_ids, size_t count, const struct store_lease_wish *wish,
                         int64_t *ret_fencings) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash_array(&params, log_ids, count);
    params_text(&params, wish->holder);
    params_text(&params, wish->predecessor ? wish->predecessor : "");
    params_int4(&params, wish->ttl_seconds > 86400 ? 86400 : (int32_t) wish->ttl_seconds);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT log_id, fencing FROM leases_take($1, $2, $3, $4)", &params, "hi", ROWS_ANY, &rows));
    memset(ret_fencings, 0, count * sizeof(*ret_fencings));
    for (int row = 0; row < rows.count; row++) {
        struct known_hash taken = rows_hash(&rows, row, 0);
        for (size_t i = 0; i < count; i++)
            if (hash_equal(&taken.hash, &log_ids[i]))
                ret_fencings[i] = rows_int8(&rows, row, 1);
    }
    return OK;
}

result store_logs_count_known(struct store *store, const struct hash *log_ids, size_t count, size_t *ret_known) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash_array(&params, log_ids, count);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT count(*) FROM log WHERE log_id = ANY ($1)", &params, "i", ROWS_ONE, &rows));
    *ret_known = (size_t) rows_int8(&rows, 0, 0);
    return OK;
}

result store_lease_release(struct store *store, const struct hash *log_id, const struct store_lease *lease) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash(&params, log_id);
    params_text(&params, lease->holder);
    params_int8(&params, lease->fencing);
    return store_do(store, "SELECT lease_release($1, $2, $3)", &params);
}

result store_status_save(struct store *store, const struct store_log_status *rows, size_t count, int64_t now_ms) {
    CLEANUP(payload_done) struct payload payload;
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    json_t *array = payload_array(&payload, payload.root, "rows");
    for (size_t i = 0; i < count; i++) {
        json_t *item = payload_append(&payload, array);
        payload_hash(&payload, item, "log_id", &rows[i].log_id);
        payload_text(&payload, item, "state", rows[i].state);
        payload_unsigned(&payload, item, "head_size", rows[i].head_size);
        payload_optional_ms(&payload, item, "head_time_ms", rows[i].head_time_ms);
        payload_set(&payload, item, "entries_per_second", json_real(rows[i].entries_per_second));
        payload_set(&payload, item, "eta_seconds", rows[i].eta_seconds < 0 ? json_null() : json_real(rows[i].eta_seconds));
        payload_number(&payload, item, "batch_size", rows[i].batch_size);
        payload_number(&payload, item, "parallel", rows[i].parallel);
        payload_unsigned(&payload, item, "stale_views", rows[i].stale_views);
        payload_text(&payload, item, "last_error", rows[i].last_error ? rows[i].last_error : "");
        payload_optional_ms(&payload, item, "last_error_ms", rows[i].last_error_ms);
        payload_optional_ms(&payload, item, "last_success_ms", rows[i].last_success_ms);
    }
    return send_array(store, "SELECT status_save($1, $2)", &payload, false, now_ms);
}
