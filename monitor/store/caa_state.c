/* What the CAA poller goes on with after a start. */
#include "store/caa_poll.h"
#include "store/statement.h"

result store_caa_states_load(struct store *store, const char *const *owners, size_t count, struct arena *arena,
                             struct store_caa_state **ret_states, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text_array(&params, owners, count);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT owner, resolver, outcome, why, records, first_answered_at, last_answered_at, first_true_at, last_true_at,"
                  "       interval_seconds, ttl_max, ttl_first, is_authenticated, good_outcome, good_records"
                  "  FROM caa_now WHERE owner = ANY ($1)",
                  &params, "ttttb" "ssss" "nii" "B" "t?b?", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_state *states = take_rows(&taker, sizeof *states);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        states[row] = (struct store_caa_state){
            .owner = take_text(&taker, row, 0), .resolver = take_text(&taker, row, 1), .outcome = store_caa_outcome(rows_text(&rows, row, 2)),
            .why = take_text(&taker, row, 3), .records = take_bytes(&taker, row, 4), .first_answered_ms = rows_time_ms(&rows, row, 5),
            .last_answered_ms = rows_time_ms(&rows, row, 6), .first_true_ms = rows_time_ms(&rows, row, 7),
            .last_true_ms = rows_time_ms(&rows, row, 8), .interval_s = (uint32_t) rows_int4(&rows, row, 9),
            .ttl_max_s = (uint32_t) rows_int8(&rows, row, 10), .ttl_first_s = (uint32_t) rows_int8(&rows, row, 11),
            .is_authenticated = rows_bool(&rows, row, 12), .has_good = !rows_is_null(&rows, row, 13),
            .good_outcome = store_caa_outcome(rows_text(&rows, row, 13)), .good_records = take_bytes(&taker, row, 14),
        };
    if (taker.failed)
        return store_no_memory(store);
    *ret_states = states;
    *ret_count = (size_t) rows.count;
    return OK;
}

result store_caa_conditions_load(struct store *store, struct arena *arena, struct store_caa_condition **ret_rows, size_t *ret_count) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT rule, subject FROM caa_conditions()", NULL, "tt", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_condition *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        list[row] = (struct store_caa_condition){.rule = take_text(&taker, row, 0), .subject = take_text(&taker, row, 1)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}
