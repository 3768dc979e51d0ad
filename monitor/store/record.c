#include "store/record.h"

#include "store/record_payload.h"

#define DAY_MS ((int64_t) 86400 * 1000)
#define HOUSEKEEPING_MS 600000 /* dropping months of rows takes longer than a usual statement */

static void add_head(struct payload *payload, json_t *heads, const struct store_head *head) {
    static const char *const states[store_head_state_count] = {"pending", "verified", "contradicts"};
    json_t *item = payload_append(payload, heads);
    payload_unsigned(payload, item, "size", head->size);
    payload_hash(payload, item, "root", &head->root);
    payload_unsigned(payload, item, "timestamp_ms", head->timestamp_ms);
    payload_blob(payload, item, "signature", head->signature);
    payload_blob(payload, item, "raw", head->raw);
    payload_text(payload, item, "state", states[head->state]);
    payload_number(payload, item, "received_ms", head->received_ms);
}

static void add_range(struct payload *payload, const struct store_range *range) {
    json_t *heads = payload_array(payload, payload->root, "heads");
    for (size_t i = 0; i < range->head_count; i++)
        add_head(payload, heads, &range->heads[i]);
    if (range->against != NULL) {
        json_t *against = json_object();
        payload_unsigned(payload, against, "size", range->against->size);
        payload_hash(payload, against, "root", &range->against->root);
        payload_unsigned(payload, against, "timestamp_ms", range->against->timestamp_ms);
        payload_set(payload, payload->root, "against", against);
    }
    json_t *items = payload_array(payload, payload->root, "items");
    for (size_t i = 0; i < range->judgement_count; i++)
        payload_add_judgement(payload, items, &range->judgements[i]);
}

static result range_check(struct store *store, const struct store_range *range) {
    if (range->end > INT64_MAX || range->begin > range->end || range->first_index > range->begin)
        return store_fail(store, &fault_store_value, "range: wanted first_index <= begin <= end < 2^63");
    if (range->end == range->begin && range->judgement_count > 0)
        return store_fail(store, &fault_store_value, "range: entries to record, but begin and end are the same");
    for (size_t i = 0; i < range->head_count; i++)
        if (range->heads[i].size > INT64_MAX)
            return store_fail(store, &fault_store_value, "head: wanted a size below 2^63");
    return OK;
}

static result range_send(struct store *store, const struct store_range *range, struct payload *payload, const char *json) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash(&params, &range->log_id);
    params_text(&params, range->lease.holder);
    params_int8(&params, range->lease.fencing);
    params_int8(&params, (int64_t) range->first_index);
    params_int8(&params, (int64_t) range->begin);
    params_int8(&params, (int64_t) range->end);
    params_bytes(&params, span_of(range->frontier->hashes, (size_t) range->frontier->count * HASH_SIZE));
    params_time_ms(&params, range->now_ms);
    params_json(&params, json);
    params_bytes_array(&params, payload->blobs, payload->blob_count);
    return store_do(store, "SELECT record_range($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", &params);
}

static result second_look_send(struct store *store, const struct store_range *range, struct payload *payload, const char *json) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash(&params, &range->log_id);
    params_text(&params, range->lease.holder);
    params_int8(&params, range->lease.fencing);
    params_int8(&params, (int64_t) range->begin);
    params_int8(&params, (int64_t) range->end);
    params_time_ms(&params, range->now_ms);
    params_json(&params, json);
    params_bytes_array(&params, payload->blobs, payload->blob_count);
    return store_do(store, "SELECT second_look_record($1, $2, $3, $4, $5, $6, $7, $8)", &params);
}

typedef result (*range_sender)(struct store *store, const struct store_range *range, struct payload *payload, const char *json);

static result record_by(struct store *store, const struct store_range *range, range_sender send) {
    TRY(range_check(store, range));
    CLEANUP(payload_done) struct payload payload;
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    add_range(&payload, range);
    char *json = payload_dump(&payload, NULL);
    if (json == NULL)
        return store_no_memory(store);
    result outcome = send(store, range, &payload, json);
    memory_free_foreign(json);
    return outcome;
}

result store_record_range(struct store *store, const struct store_range *range) {
    return record_by(store, range, range_send);
}

result store_second_look(struct store *store, const struct store_range *range) {
    return record_by(store, range, second_look_send);
}

result store_unseen_entries(struct store *store, const struct store_unseen *after, struct store_unseen *ret_next) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash(&params, &after->log_id);
    params_int8(&params, (int64_t) after->end);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT log_id, log_index FROM unseen_entries($1, $2)", &params, "hi", ROWS_ANY, &rows));
    *ret_next = (struct store_unseen){.log_id = {{0}}};
    for (int row = 0; row < rows.count; row++) {
        struct hash log_id = rows_hash(&rows, row, 0).hash;
        uint64_t index = (uint64_t) rows_int8(&rows, row, 1);
        if (row == 0)
            *ret_next = (struct store_unseen){.log_id = log_id, .begin = index, .end = index};
        if (!hash_equal(&log_id, &ret_next->log_id) || index != ret_next->end || index / 256 != ret_next->begin / 256)
            break;
        ret_next->end = index + 1;
    }
    return OK;
}

/* Fills one pending certificate from its row. */
static void take_pending(struct row_taker *taker, int row, struct store_pending_issuer *ret_pending) {
    const struct store_rows *rows = taker->rows;
    size_t tenant_count;
    ret_pending->certificate_id = rows_int8(rows, row, 0);
    ret_pending->log_id = rows_hash(rows, row, 1).hash;
    ret_pending->log_index = (uint64_t) rows_int8(rows, row, 2);
    ret_pending->timestamp_ms = (uint64_t) rows_time_ms(rows, row, 3);
    ret_pending->certificate = take_bytes(taker, row, 4);
    ret_pending->chain = take_hashes(taker, row, 5, &ret_pending->chain_count);
    ret_pending->known_issuer = take_bytes(taker, row, 6);
    ret_pending->first_seen_ms = rows_time_ms(rows, row, 9);
    const int64_t *tenants = take_numbers(taker, row, 7, &tenant_count);
    const int64_t *watches = take_numbers(taker, row, 8, &ret_pending->match_count);
    struct store_match *matches = arena_take_array(taker->arena, tenant_count + 1, sizeof(*matches));
    taker->failed |= matches == NULL || tenant_count != ret_pending->match_count;
    for (size_t i = 0; !taker->failed && i < tenant_count; i++)
        matches[i] = (struct store_match){.tenant_id = (int32_t) tenants[i], .watch_id = watches[i]};
    ret_pending->matches = matches;
}

result store_pending_issuers(struct store *store, int64_t after_id, unsigned limit, struct arena *arena,
                             struct store_pending_issuer **ret_rows, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, after_id);
    params_int8(&params, limit);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT c.certificate_id, o.log_id, o.log_index, o.leaf_timestamp, coalesce(c.certificate, ''), c.chain,"
                  "       i.der, ARRAY(SELECT m.tenant_id::bigint FROM match m WHERE m.certificate_id = c.certificate_id"
                  "                     ORDER BY m.tenant_id, m.watch_id),"
                  "       ARRAY(SELECT m.watch_id FROM match m WHERE m.certificate_id = c.certificate_id"
                  "              ORDER BY m.tenant_id, m.watch_id), c.first_seen_at"
                  "  FROM certificate c"
                  " CROSS JOIN LATERAL (SELECT * FROM observation x WHERE x.certificate_id = c.certificate_id"
                  "                      ORDER BY x.kind, x.seen_at DESC LIMIT 1) o" /* 'certificate' comes first */
                  "  LEFT JOIN issuer_certificate i ON i.sha256 = c.chain[1]"
                  " WHERE c.issuer_state = 'pending' AND c.certificate_id > $1 ORDER BY c.certificate_id LIMIT $2",
                  &params, "ihisbAb?IIs", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_pending_issuer *pending = take_rows(&taker, sizeof(*pending));
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_pending(&taker, row, &pending[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = pending;
    *ret_count = (size_t) rows.count;
    return OK;
}

static result resolution_send(struct store *store, const struct store_resolution *resolution, const char *findings,
                              int64_t *ret_certificate_id) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, resolution->certificate_id);
    params_known_hash(&params, &resolution->issuer_spki_sha256);
    params_bytes(&params, resolution->issuer_certificate.size > 0 ? resolution->issuer_certificate : span_of(NULL, 0));
    params_json(&params, findings);
    params_bool(&params, resolution->is_drill);
    params_time_ms(&params, resolution->now_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT issuer_proven($1, $2, $3, $4, $5, $6)", &params, "i?", ROWS_ONE, &rows));
    if (ret_certificate_id != NULL)
        *ret_certificate_id = rows_is_null(&rows, 0, 0) ? resolution->certificate_id : rows_int8(&rows, 0, 0);
    return OK;
}

static result withheld_send(struct store *store, const struct store_resolution *resolution, const char *findings,
                            int64_t *unused_certificate_id) {
    (void) unused_certificate_id;
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, resolution->certificate_id);
    params_json(&params, findings);
    params_time_ms(&params, resolution->now_ms);
    return store_do(store, "SELECT issuer_withheld($1, $2, $3)", &params);
}

typedef result (*resolution_sender)(struct store *store, const struct store_resolution *resolution, const char *findings,
                                    int64_t *ret_certificate_id);

static result resolve_by(struct store *store, const struct store_resolution *resolution, resolution_sender send,
                         int64_t *ret_certificate_id) {
    CLEANUP(payload_done) struct payload payload;
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    payload_add_findings(&payload, payload.root, resolution->findings, resolution->finding_count);
    char *findings = payload_dump(&payload, json_object_get(payload.root, "findings"));
    if (findings == NULL)
        return store_no_memory(store);
    result outcome = send(store, resolution, findings, ret_certificate_id);
    memory_free_foreign(findings);
    return outcome;
}

result store_issuer_withheld(struct store *store, const struct store_resolution *resolution) {
    return resolve_by(store, resolution, withheld_send, NULL);
}

result store_resolve_issuer(struct store *store, const struct store_resolution *resolution, int64_t *ret_certificate_id) {
    return resolve_by(store, resolution, resolution_send, ret_certificate_id);
}

result store_issuer_save(struct store *store, struct span der, int64_t now_ms) {
    CLEANUP(params_done) struct store_params params = {0};
    params_bytes(&params, der);
    params_time_ms(&params, now_ms);
    return store_do(store, "SELECT issuer_save($1, $2)", &params);
}

result store_issuer_load(struct store *store, const struct hash *sha256, struct arena *arena, struct span *ret_der) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash(&params, sha256);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT der FROM issuer_certificate WHERE sha256 = $1", &params, "b", ROWS_ANY, &rows));
    *ret_der = span_of(NULL, 0);
    if (rows.count == 0)
        return OK;
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct span der = take_bytes(&taker, 0, 0);
    if (taker.failed)
        return store_no_memory(store);
    *ret_der = der;
    return OK;
}

result store_tell(struct store *store, const struct store_event *event) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash(&params, event->log_id);
    params_text(&params, event->rule);
    params_text(&params, event->severity);
    params_text(&params, event->detail);
    params_json(&params, event->body);
    params_bool(&params, event->is_over);
    params_time_ms(&params, event->now_ms);
    return store_do(store, "SELECT tell_log_event($1, $2, $3, $4, $5, $6, $7)", &params);
}

static result keep_house(struct store *store, unsigned retention_days, int64_t now_ms) {
    CLEANUP(params_done) struct store_params patience = {0};
    params_int4(&patience, HOUSEKEEPING_MS);
    TRY(store_do(store, "SELECT set_config('statement_timeout', $1::text, true)", &patience));
    CLEANUP(params_done) struct store_params span = {0};
    params_time_ms(&span, now_ms - 31 * DAY_MS);
    params_time_ms(&span, now_ms + 92 * DAY_MS);
    TRY(store_do(store, "SELECT ensure_partitions($1, $2)", &span));
    if (retention_days == 0)
        return OK;
    CLEANUP(params_done) struct store_params before = {0};
    params_time_ms(&before, now_ms - retention_days * DAY_MS);
    /* A clock that runs ahead must not drop what is still wanted: heads are signed, and date from today where logs are read. */
    params_int4(&before, (int32_t) retention_days);
    return store_do(store, "SELECT drop_older(least($1, coalesce((SELECT max(head_time) FROM position), '-infinity')"
                           " + make_interval(days => 1 - $2)))", &before);
}

result store_keep_house(struct store *store, unsigned retention_days, int64_t now_ms) {
    TRY(store_begin(store));
    store_be_patient(store, HOUSEKEEPING_MS);
    result outcome = keep_house(store, retention_days, now_ms);
    store_be_patient(store, 0);
    if (outcome == OK)
        return store_commit(store);
    store_rollback(store);
    return outcome;
}
