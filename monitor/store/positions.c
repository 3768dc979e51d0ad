#include "store/logs.h"
#include "store/statement.h"

/* Columns: size, root, signed_at, signature, raw, state, received_at. */
static void take_head(struct row_taker *taker, int row, struct store_head *ret_head) {
    const struct store_rows *rows = taker->rows;
    ret_head->size = (uint64_t) rows_int8(rows, row, 0);
    ret_head->root = rows_hash(rows, row, 1).hash;
    ret_head->timestamp_ms = (uint64_t) rows_time_ms(rows, row, 2);
    ret_head->signature = take_bytes(taker, row, 3);
    ret_head->raw = take_bytes(taker, row, 4);
    ret_head->state = strcmp(rows_text(rows, row, 5), "pending") == 0 ? STORE_HEAD_PENDING : STORE_HEAD_VERIFIED;
    ret_head->received_ms = rows_time_ms(rows, row, 6);
}

static result heads_load(struct store *store, const struct hash *log_id, struct arena *arena,
                         struct store_saved_position *ret_position) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash(&params, log_id);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT size, root, signed_at, signature, raw, state, received_at FROM head"
                  " WHERE log_id = $1 AND state IN ('pending', 'verified') ORDER BY size, signed_at, root",
                  &params, "ihsbbts", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_head *heads = take_rows(&taker, sizeof(*heads));
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_head(&taker, row, &heads[row]);
    if (taker.failed)
        return store_no_memory(store);
    ret_position->heads = heads;
    ret_position->head_count = (size_t) rows.count;
    return OK;
}

/* Columns: first_index, size, frontier, head_size, head_root, head_time, verified_at, signature. */
static result take_position(struct store *store, const struct store_rows *rows, struct store_saved_position *ret_position) {
    uint64_t size = (uint64_t) rows_int8(rows, 0, 1);
    if (compact_range_from_bytes(size, rows_bytes(rows, 0, 2), &ret_position->frontier) != OK)
        return store_fail(store, &fault_store_rows, "position: a frontier of %zu bytes does not fit %llu entries",
                          rows_bytes(rows, 0, 2).size, (unsigned long long) size);
    ret_position->first_index = (uint64_t) rows_int8(rows, 0, 0);
    ret_position->head.size = (uint64_t) rows_int8(rows, 0, 3);
    ret_position->head.root = rows_hash(rows, 0, 4).hash;
    ret_position->head.timestamp_ms = (uint64_t) rows_time_ms(rows, 0, 5);
    ret_position->verified_ms = rows_time_ms(rows, 0, 6);
    struct span signature = rows_bytes(rows, 0, 7);
    if (signature.size > 0 && signature.size <= TREE_HEAD_SIGNATURE_MAX) {
        memcpy(ret_position->head.signature, signature.bytes, signature.size);
        ret_position->head.signature_size = signature.size;
    }
    ret_position->exists = true;
    return OK;
}

result store_position_load(struct store *store, const struct hash *log_id, struct arena *arena,
                           struct store_saved_position *ret_position) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash(&params, log_id);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT p.first_index, p.size, p.frontier, p.head_size, p.head_root, p.head_time, p.verified_at, h.signature"
                  "  FROM position p LEFT JOIN head h ON h.log_id = p.log_id AND h.size = p.head_size AND h.root = p.head_root"
                  "                                  AND h.signed_at = p.head_time"
                  " WHERE p.log_id = $1",
                  &params, "iibihssb?", ROWS_ANY, &rows));
    struct store_saved_position position = {0};
    if (rows.count > 0)
        TRY(take_position(store, &rows, &position));
    TRY(heads_load(store, log_id, arena, &position));
    *ret_position = position;
    return OK;
}

result store_log_is_of_first_start(struct store *store, const struct hash *log_id, bool *ret_is_of_first_start) {
    CLEANUP(params_done) struct store_params params = {0};
    params_hash(&params, log_id);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT l.first_seen_at <= (SELECT min(o.first_seen_at) FROM log o WHERE o.source NOT IN ('settings', 'drill'))"
                  "       + interval '1 hour'"
                  "  FROM log l WHERE l.log_id = $1 AND l.source NOT IN ('settings', 'drill')",
                  &params, "B", ROWS_ANY, &rows));
    *ret_is_of_first_start = rows.count == 0 || rows_bool(&rows, 0, 0);
    return OK;
}

static void take_log_row(struct row_taker *taker, int row, struct store_log_row *ret_row) {
    const struct store_rows *rows = taker->rows;
    ret_row->log_id = rows_hash(rows, row, 0).hash;
    ret_row->description = take_text(taker, row, 1);
    ret_row->operator_name = take_text(taker, row, 2);
    ret_row->protocol = take_text(taker, row, 3);
    ret_row->url = take_text(taker, row, 4);
    ret_row->monitoring_url = take_text(taker, row, 5);
    ret_row->list_state = take_text(taker, row, 6);
    ret_row->source = take_text(taker, row, 7);
    ret_row->reason = take_text(taker, row, 8);
    ret_row->is_followed = rows_bool(rows, row, 9);
    ret_row->is_drill = rows_bool(rows, row, 10);
    ret_row->has_position = !rows_is_null(rows, row, 11);
    ret_row->first_index = (uint64_t) rows_int8(rows, row, 11);
    ret_row->position = (uint64_t) rows_int8(rows, row, 12);
    ret_row->verified_ms = rows_time_ms(rows, row, 13);
    ret_row->holder = take_text(taker, row, 14);
}

/* Columns from 15 on. */
static void take_status(struct row_taker *taker, int row, struct store_log_row *ret_row) {
    const struct store_rows *rows = taker->rows;
    ret_row->has_status = !rows_is_null(rows, row, 15);
    ret_row->status = (struct store_log_status){
        .log_id = ret_row->log_id,
        .state = take_text(taker, row, 15),
        .head_size = (uint64_t) rows_int8(rows, row, 16),
        .head_time_ms = rows_time_ms(rows, row, 17),
        .entries_per_second = rows_double(rows, row, 18),
        .eta_seconds = rows_is_null(rows, row, 19) ? -1 : rows_double(rows, row, 19),
        .batch_size = (unsigned) rows_int4(rows, row, 20),
        .parallel = (unsigned) rows_int4(rows, row, 21),
        .stale_views = (uint64_t) rows_int8(rows, row, 22),
        .last_error = take_text(taker, row, 23),
        .last_error_ms = rows_time_ms(rows, row, 24),
        .last_success_ms = rows_time_ms(rows, row, 25),
    };
    ret_row->proven_by_ms = rows_time_ms(rows, row, 26);
    ret_row->reported_ms = rows_time_ms(rows, row, 27);
}

result store_logs_list(struct store *store, bool followed_only, struct arena *arena, struct store_log_row **ret_rows,
                       size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_bool(&params, followed_only);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT l.log_id, l.description, l.operator, l.protocol, l.url, l.monitoring_url, l.state, l.source, l.reason,"
                  "       l.is_followed, l.is_drill, p.first_index, p.size, p.verified_at,"
                  "       CASE WHEN e.expires_at > lease_instant() THEN e.holder END,"
                  "       s.state, s.head_size, s.head_time, s.entries_per_second, s.eta_seconds, s.batch_size, s.parallel,"
                  "       s.stale_views, s.last_error, s.last_error_at, s.last_success_at, p.head_time,"
                  "       s.updated_at"
                  "  FROM log l LEFT JOIN position p USING (log_id) LEFT JOIN lease e USING (log_id)"
                  "  LEFT JOIN log_status s USING (log_id)"
                  " WHERE l.is_followed OR NOT $1 ORDER BY l.operator, l.description, l.log_id",
                  &params, "htttttt?ttBBi?i?s?t?t?i?s?f?f?n?n?i?t?s?s?s?s?", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_log_row *list = take_rows(&taker, sizeof(*list));
    for (int row = 0; !taker.failed && row < rows.count; row++) {
        take_log_row(&taker, row, &list[row]);
        take_status(&taker, row, &list[row]);
    }
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}
