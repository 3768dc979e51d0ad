#include "store/caa_history.h"

#include "base/text.h"
#include "store/statement.h"

enum caa_outcome store_caa_outcome(const char *text) {
    for (int outcome = 0; outcome < caa_outcome_count; outcome++)
        if (strcmp(caa_outcome_name((enum caa_outcome) outcome), text) == 0)
            return (enum caa_outcome) outcome;
    return CAA_FAILED; /* the table takes no other */
}

/* ---- runs */

/* Columns 0 to 15 of the statement below. */
static result take_run(struct row_taker *taker, int row, struct caa_run *ret_run) {
    const struct store_rows *rows = taker->rows;
    struct caa_answer answer = {.outcome = store_caa_outcome(rows_text(rows, row, 2)), .why = take_text(taker, row, 3),
                                .detail = take_text(taker, row, 4), .is_from_validator = rows_bool(rows, row, 12),
                                .is_authenticated = rows_bool(rows, row, 13), .is_nonexistent = rows_bool(rows, row, 14)};
    struct span set = take_bytes(taker, row, 5);
    answer.chain = take_words(taker, row, 15, &answer.chain_count);
    struct caa_record *records = NULL;
    if (!taker->failed)
        TRY(caa_set_decode(set, taker->arena, &records, &answer.record_count));
    answer.records = records;
    *ret_run = (struct caa_run){
        .first_answered_ms = rows_time_ms(rows, row, 6), .last_answered_ms = rows_time_ms(rows, row, 7),
        .first_true_ms = rows_time_ms(rows, row, 8), .last_true_ms = rows_time_ms(rows, row, 9),
        .interval_s = (uint32_t) rows_int4(rows, row, 10), .ttl_max_s = (uint32_t) rows_int8(rows, row, 11),
    };
    answer.ttl_s = ret_run->ttl_max_s;
    answer.answered_ms = ret_run->last_answered_ms;
    ret_run->answer = answer;
    return OK;
}

/* The resolver's history, begun anew where a new resolver's rows begin. */
static struct caa_resolver_history *history_at(struct row_taker *taker, const struct store_caa_wish *wish, const char *resolver,
                                               struct caa_resolver_history *list, size_t *count) {
    if (*count > 0 && strcmp(list[*count - 1].resolver, resolver) == 0)
        return &list[*count - 1];
    struct caa_owner_history *owners = arena_take_array(taker->arena, wish->owner_count + 1, sizeof *owners);
    taker->failed |= owners == NULL;
    for (size_t i = 0; owners != NULL && i < wish->owner_count; i++)
        owners[i] = (struct caa_owner_history){.owner = wish->owners[i]};
    list[*count] = (struct caa_resolver_history){.resolver = arena_copy_text(taker->arena, resolver), .owners = owners,
                                                 .owner_count = wish->owner_count};
    taker->failed |= list[*count].resolver == NULL;
    return &list[(*count)++];
}

/* Rows come by resolver, owner and time, so that the runs of one owner stand together. */
static result take_history(struct row_taker *taker, const struct store_caa_wish *wish, struct caa_resolver_history *list, size_t *ret_count) {
    struct caa_run *runs = take_rows(taker, sizeof *runs);
    *ret_count = 0;
    for (int row = 0; !taker->failed && row < taker->rows->count; row++) {
        struct caa_resolver_history *history = history_at(taker, wish, rows_text(taker->rows, row, 0), list, ret_count);
        const char *owner = rows_text(taker->rows, row, 1);
        TRY(take_run(taker, row, &runs[row]));
        for (size_t i = 0; !taker->failed && i < wish->owner_count; i++) {
            struct caa_owner_history *of = (struct caa_owner_history *) &history->owners[i]; /* made above */
            if (strcmp(of->owner, owner) != 0)
                continue;
            of->runs = of->runs == NULL ? &runs[row] : of->runs;
            of->count++;
        }
    }
    return OK;
}

result store_caa_history_load(struct store *store, const struct store_caa_wish *wish, struct arena *arena,
                              struct caa_resolver_history **ret_resolvers, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text_array(&params, wish->owners, wish->owner_count);
    params_time_ms(&params, wish->from_ms);
    params_time_ms(&params, wish->to_ms);
    params_int8(&params, wish->bytes_max == 0 ? INT64_MAX : (int64_t) wish->bytes_max);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT resolver, owner, outcome, why, detail, records, first_answered_at, last_answered_at, first_true_at, last_true_at,"
                  "       interval_seconds, ttl_max, is_from_validator, is_authenticated, is_nonexistent, array_to_string(chain, ' ')"
                  "  FROM (SELECT *, sum(length(records)) OVER (PARTITION BY resolver, owner ORDER BY first_answered_at DESC, last_answered_at DESC"
                  "                                             ROWS UNBOUNDED PRECEDING) AS bytes"
                  "          FROM caa_run WHERE owner = ANY ($1) AND last_answered_at >= $2 AND first_true_at <= $3) r"
                  " WHERE bytes <= $4"
                  " ORDER BY resolver, owner, first_answered_at, last_answered_at",
                  &params, "tttttb" "ssss" "ni" "BBB" "t", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct caa_resolver_history *list = take_rows(&taker, sizeof *list);
    result fault = taker.failed ? OK : take_history(&taker, wish, list, ret_count);
    if (taker.failed || fault == &fault_no_memory)
        return store_no_memory(store);
    if (fault != OK)
        return store_fail(store, &fault_store_rows, "CAA history: a recorded set is not in its canonical form");
    *ret_resolvers = list;
    return OK;
}

/* ---- status */

result store_caa_status_load(struct store *store, struct arena *arena, struct store_caa_status **ret_rows, size_t *ret_count) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT resolver, is_validating, state, owners, owners_failing, answers_per_second, overdue_seconds, last_error, last_error_at,"
                  "       last_success_at, updated_at FROM caa_status ORDER BY resolver",
                  NULL, "tBtiifft" "s?s?s", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_status *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        list[row] = (struct store_caa_status){
            .resolver = take_text(&taker, row, 0), .is_validating = rows_bool(&rows, row, 1), .state = take_text(&taker, row, 2),
            .owners = (uint64_t) rows_int8(&rows, row, 3), .owners_failing = (uint64_t) rows_int8(&rows, row, 4),
            .answers_per_second = rows_double(&rows, row, 5), .overdue_seconds = rows_double(&rows, row, 6),
            .last_error = take_text(&taker, row, 7), .last_error_ms = rows_time_ms(&rows, row, 8),
            .last_success_ms = rows_time_ms(&rows, row, 9), .updated_ms = rows_time_ms(&rows, row, 10),
        };
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}

result store_caa_accepted_load(struct store *store, const char *const *owners, size_t count, struct arena *arena,
                               struct store_caa_accepted **ret_rows, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text_array(&params, owners, count);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT owner, outcome, records FROM caa_owner WHERE owner = ANY ($1)", &params, "ttb", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_accepted *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        list[row] = (struct store_caa_accepted){.owner = take_text(&taker, row, 0), .outcome = store_caa_outcome(rows_text(&rows, row, 1)),
                                                .records = take_bytes(&taker, row, 2)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}
