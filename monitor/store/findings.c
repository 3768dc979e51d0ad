#include "store/findings.h"

#include "store/statement.h"

#define LIMIT_DEFAULT 100

#define FINDING_COLUMNS \
    "tenant_id, finding_id, rule, severity, subject, state, evidence, occurrences, certificate_id, log_id, opened_at," \
    " last_seen_at, closed_at"
#define FINDING_SHAPE "nittttjii?h?sss?"

static void take_finding(struct row_taker *taker, int row, struct store_finding_row *ret_finding) {
    const struct store_rows *rows = taker->rows;
    *ret_finding = (struct store_finding_row){
        .tenant_id = rows_int4(rows, row, 0),
        .finding_id = rows_int8(rows, row, 1),
        .rule = take_text(taker, row, 2),
        .severity = take_text(taker, row, 3),
        .subject = take_text(taker, row, 4),
        .state = take_text(taker, row, 5),
        .evidence = take_text(taker, row, 6),
        .occurrences = (uint64_t) rows_int8(rows, row, 7),
        .certificate_id = rows_int8(rows, row, 8),
        .log_id = rows_hash(rows, row, 9),
        .opened_ms = rows_time_ms(rows, row, 10),
        .last_seen_ms = rows_time_ms(rows, row, 11),
        .closed_ms = rows_time_ms(rows, row, 12),
    };
}

static const char *text_or_empty(const char *text) {
    return text == NULL ? "" : text;
}

result store_findings_list(struct store *store, const struct store_finding_filter *filter, struct arena *arena,
                           struct store_finding_row **ret_rows, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, filter->tenant_id);
    params_text(&params, text_or_empty(filter->state));
    params_text(&params, text_or_empty(filter->rule));
    params_text(&params, text_or_empty(filter->least_severity));
    params_int8(&params, filter->certificate_id);
    params_int8(&params, filter->before_id);
    params_int8(&params, filter->limit == 0 ? LIMIT_DEFAULT : filter->limit);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT " FINDING_COLUMNS " FROM finding"
                  " WHERE ($1 < 0 OR tenant_id IN (0, $1)) AND ($2 = '' OR state = $2)"
                  "   AND ($3 = '' OR rule = $3 OR (right($3, 1) = '.' AND starts_with(rule, $3)))"
                  "   AND ($4 = '' OR severity_rank(severity) >= severity_rank($4))"
                  "   AND ($5 = 0 OR certificate_id = $5) AND ($6 = 0 OR finding_id < $6)"
                  " ORDER BY finding_id DESC LIMIT $7",
                  &params, FINDING_SHAPE, ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_finding_row *list = take_rows(&taker, sizeof(*list));
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_finding(&taker, row, &list[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}

static result finding_fail(struct store *store, int64_t finding_id) {
    return store_fail(store, &fault_store_not_found, "finding %lld: there is none with this number", (long long) finding_id);
}

static result finding_load(struct store *store, int64_t finding_id, struct arena *arena, struct store_finding_row *ret_finding) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, finding_id);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT " FINDING_COLUMNS " FROM finding WHERE finding_id = $1", &params, FINDING_SHAPE, ROWS_ANY, &rows));
    if (rows.count == 0)
        return finding_fail(store, finding_id);
    struct row_taker taker = {.rows = &rows, .arena = arena};
    take_finding(&taker, 0, ret_finding);
    return taker.failed ? store_no_memory(store) : OK;
}

result store_finding_show(struct store *store, int64_t finding_id, struct arena *arena,
                          struct store_finding_detail *ret_detail) {
    struct store_finding_detail detail = {0};
    TRY(finding_load(store, finding_id, arena, &detail.finding));
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, finding_id);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT at, who, what, note FROM finding_event WHERE finding_id = $1 ORDER BY event_id", &params, "sttt",
                  ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    detail.events = take_rows(&taker, sizeof(*detail.events));
    detail.event_count = (size_t) rows.count;
    for (int row = 0; !taker.failed && row < rows.count; row++)
        detail.events[row] = (struct store_finding_event){.at_ms = rows_time_ms(&rows, row, 0),
                                                          .who = take_text(&taker, row, 1),
                                                          .what = take_text(&taker, row, 2),
                                                          .note = take_text(&taker, row, 3)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_detail = detail;
    return OK;
}

result store_finding_decide(struct store *store, const struct store_decision *decision, bool *ret_was_changed) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, decision->finding_id);
    params_text(&params, decision->state);
    params_text(&params, decision->who);
    params_text(&params, text_or_empty(decision->note));
    params_time_ms(&params, decision->now_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT finding_decide($1, $2, $3, $4, $5)", &params, "B?", ROWS_ONE, &rows));
    if (rows_is_null(&rows, 0, 0))
        return finding_fail(store, decision->finding_id);
    if (ret_was_changed != NULL)
        *ret_was_changed = rows_bool(&rows, 0, 0);
    return OK;
}

static void take_delivery_row(struct row_taker *taker, int row, struct store_delivery_row *ret_row) {
    const struct store_rows *rows = taker->rows;
    *ret_row = (struct store_delivery_row){
        .tenant_id = rows_int4(rows, row, 0),
        .delivery_id = rows_int8(rows, row, 1),
        .alert_id = rows_int8(rows, row, 2),
        .finding_id = rows_int8(rows, row, 3),
        .is_test = rows_bool(rows, row, 4),
        .rule = take_text(taker, row, 5),
        .severity = take_text(taker, row, 6),
        .channel = take_text(taker, row, 7),
        .state = take_text(taker, row, 8),
        .attempts = (unsigned) rows_int4(rows, row, 10),
        .created_ms = rows_time_ms(rows, row, 11),
        .next_attempt_ms = rows_time_ms(rows, row, 12),
        .delivered_ms = rows_time_ms(rows, row, 13),
        .last_error = take_text(taker, row, 14),
    };
    rows_uuid(rows, row, 9, ret_row->idempotency_key);
}

result store_deliveries_list(struct store *store, const struct store_delivery_filter *filter, struct arena *arena,
                             struct store_delivery_row **ret_rows, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, filter->tenant_id);
    params_text(&params, text_or_empty(filter->state));
    params_text(&params, text_or_empty(filter->channel));
    params_int8(&params, filter->alert_id);
    params_int8(&params, filter->finding_id);
    params_int8(&params, filter->before_id);
    params_int8(&params, filter->limit == 0 ? LIMIT_DEFAULT : filter->limit);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT d.tenant_id, d.delivery_id, d.alert_id, a.finding_id, a.is_test, a.rule, a.severity, d.channel,"
                  "       d.state, d.idempotency_key, d.attempts, a.created_at, d.next_attempt_at, d.delivered_at, d.last_error"
                  "  FROM delivery d JOIN alert a ON a.tenant_id = d.tenant_id AND a.alert_id = d.alert_id"
                  " WHERE ($1 < 0 OR d.channel_tenant_id = $1) AND ($2 = '' OR d.state = $2) AND ($3 = '' OR d.channel = $3)"
                  "   AND ($4 = 0 OR d.alert_id = $4) AND ($5 = 0 OR a.finding_id = $5) AND ($6 = 0 OR d.delivery_id < $6)"
                  " ORDER BY d.delivery_id DESC LIMIT $7",
                  &params, "niii?Bttttunsss?t", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_delivery_row *list = take_rows(&taker, sizeof(*list));
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_delivery_row(&taker, row, &list[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}

result store_alert_test(struct store *store, const struct store_test_alert *test, int64_t *ret_alert_id) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, test->tenant_id);
    params_text(&params, test->channel);
    params_text(&params, test->who);
    params_time_ms(&params, test->now_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT alert_test($1, $2, $3, $4)", &params, "i?", ROWS_ONE, &rows));
    if (rows_is_null(&rows, 0, 0))
        return store_fail(store, &fault_store_not_found, "channel \"%s\": there is none of this name", test->channel);
    *ret_alert_id = rows_int8(&rows, 0, 0);
    return OK;
}

result store_delivery_requeue(struct store *store, int64_t delivery_id, int64_t now_ms) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, delivery_id);
    params_time_ms(&params, now_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT delivery_requeue($1, $2)", &params, "B", ROWS_ONE, &rows));
    if (!rows_bool(&rows, 0, 0))
        return store_fail(store, &fault_store_not_found, "delivery %lld: there is no dead one with this number and a channel",
                          (long long) delivery_id);
    return OK;
}
