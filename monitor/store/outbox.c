#include "store/outbox.h"

#include "store/payload.h"

static void take_delivery(struct row_taker *taker, int row, struct store_delivery *ret_delivery) {
    const struct store_rows *rows = taker->rows;
    *ret_delivery = (struct store_delivery){
        .tenant_id = rows_int4(rows, row, 0),
        .delivery_id = rows_int8(rows, row, 1),
        .alert_id = rows_int8(rows, row, 2),
        .finding_id = rows_int8(rows, row, 3),
        .is_test = rows_bool(rows, row, 4),
        .rule = take_text(taker, row, 5),
        .severity = take_text(taker, row, 6),
        .body = take_text(taker, row, 7),
        .pem = take_text(taker, row, 8),
        .created_ms = rows_time_ms(rows, row, 9),
        .attempts = (unsigned) rows_int4(rows, row, 11),
        .channel_tenant_id = rows_int4(rows, row, 12),
        .channel = take_text(taker, row, 13),
        .channel_kind = take_text(taker, row, 14),
        .configuration = take_text(taker, row, 15),
        .secret_name = take_text(taker, row, 16),
    };
    rows_uuid(rows, row, 10, ret_delivery->idempotency_key);
}

result store_outbox_claim(struct store *store, const struct store_claim *claim, struct arena *arena,
                          struct store_delivery **ret_deliveries, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, claim->holder == NULL ? "" : claim->holder);
    params_time_ms(&params, claim->now_ms);
    params_time_ms(&params, claim->now_ms + claim->claim_ms);
    params_int4(&params, claim->per_channel_max > INT32_MAX ? INT32_MAX : (int32_t) claim->per_channel_max);
    params_int4(&params, claim->limit > INT32_MAX ? INT32_MAX : (int32_t) claim->limit);
    params_json(&params, claim->full_channels == NULL ? "[]" : claim->full_channels);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT * FROM deliveries_claim($1, $2, $3, $4, $5, $6)", &params, "niii?Bttjtsunnttjt?", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_delivery *deliveries = take_rows(&taker, sizeof(*deliveries));
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_delivery(&taker, row, &deliveries[row]);
    if (taker.failed)
        return store_no_memory(store); /* they stay claimed and come again later */
    *ret_deliveries = deliveries;
    *ret_count = (size_t) rows.count;
    return OK;
}

result store_outbox_take_over(struct store *store, const char *predecessor) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, predecessor);
    return store_do(store, "SELECT deliveries_take_over($1)", &params);
}

result store_outbox_clock_set_back(struct store *store, const char *mine, int64_t now_ms) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, mine);
    params_time_ms(&params, now_ms);
    return store_do(store, "SELECT deliveries_clock_set_back($1, $2)", &params);
}

static void params_delivery(struct store_params *params, const struct store_delivery *delivery) {
    params_int4(params, delivery->tenant_id);
    params_int8(params, delivery->delivery_id);
}

result store_outbox_delivered(struct store *store, const struct store_delivery *delivery, int64_t now_ms) {
    CLEANUP(params_done) struct store_params params = {0};
    params_delivery(&params, delivery);
    params_time_ms(&params, now_ms);
    return store_do(store, "SELECT delivery_done($1, $2, $3)", &params);
}

/* What a channel answered, which may be anything, as the last parameter. */
static result send_error(struct store *store, const char *sql, struct store_params *params, const char *error) {
    json_t *text = json_of_text(error);
    if (text == NULL)
        return store_no_memory(store);
    params_text(params, json_string_value(text));
    result outcome = store_do(store, sql, params);
    json_decref(text);
    return outcome;
}

result store_outbox_retry(struct store *store, const struct store_delivery *delivery, int64_t next_ms, const char *error) {
    CLEANUP(params_done) struct store_params params = {0};
    params_delivery(&params, delivery);
    params_time_ms(&params, next_ms);
    return send_error(store, "SELECT delivery_again($1, $2, $3, $4)", &params, error);
}

result store_outbox_dead(struct store *store, const struct store_delivery *delivery, const char *error) {
    CLEANUP(params_done) struct store_params params = {0};
    params_delivery(&params, delivery);
    return send_error(store, "SELECT delivery_dead($1, $2, $3)", &params, error);
}

result store_tell_channel(struct store *store, const struct store_delivery *delivery, bool is_over, const char *body,
                          int64_t now_ms) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, delivery->channel_tenant_id);
    params_text(&params, delivery->channel);
    params_json(&params, body);
    params_bool(&params, is_over);
    params_time_ms(&params, now_ms);
    return store_do(store, "SELECT tell_channel_event($1, $2, $3, $4, $5)", &params);
}
