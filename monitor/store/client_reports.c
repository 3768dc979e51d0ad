#include "store/client_reports.h"

#include "store/payload.h"
#include "store/statement.h"

static const char *const outcome_names[] = {
    [CLIENT_REPORT_KEPT] = "kept",         [CLIENT_REPORT_REPEATED] = "repeated",   [CLIENT_REPORT_FOREIGN] = "foreign",
    [CLIENT_REPORT_NO_ROOM] = "no-room",   [CLIENT_REPORT_UNREADABLE] = "unreadable", [CLIENT_REPORT_TOO_LARGE] = "too-large",
    [CLIENT_REPORT_SOURCE_LIMIT] = "source-limit", [CLIENT_REPORT_LIMIT] = "limit",
};

const char *client_report_outcome_name(enum client_report_outcome outcome) {
    return outcome_names[outcome];
}

static bool outcome_of(const char *name, enum client_report_outcome *ret_outcome) {
    for (unsigned i = 0; i < client_report_outcome_count; i++)
        if (strcmp(outcome_names[i], name) == 0) {
            *ret_outcome = (enum client_report_outcome) i;
            return true;
        }
    return false;
}

static result wrong_rows(struct store *store, const char *what) {
    return store_fail(store, &fault_store_rows, "reports of clients: the database answers with %s", what);
}

/* ---- receiving */

static char *dump_refused(const uint64_t *refused) {
    CLEANUP(payload_done) struct payload payload = {0};
    if (payload_init(&payload) != OK)
        return NULL;
    json_t *list = payload_array(&payload, payload.root, "refused");
    for (unsigned i = 0; i < client_report_outcome_count; i++) {
        if (refused[i] == 0)
            continue;
        json_t *item = payload_append(&payload, list);
        payload_text(&payload, item, "outcome", outcome_names[i]);
        payload_unsigned(&payload, item, "reports", refused[i]);
    }
    return payload_dump(&payload, json_object_get(payload.root, "refused"));
}

static result take_outcomes(struct store *store, const struct store_rows *rows, size_t count, enum client_report_outcome *ret_outcomes) {
    if ((size_t) rows->count != count)
        return wrong_rows(store, "another number of reports");
    for (int row = 0; row < rows->count; row++) {
        int64_t place = rows_int8(rows, row, 0);
        if (place != row + 1 || !outcome_of(rows_text(rows, row, 1), &ret_outcomes[row]))
            return wrong_rows(store, "an outcome of none of them");
    }
    return OK;
}

result store_client_reports_take(struct store *store, const struct store_client_reports *reports, enum client_report_outcome *ret_outcomes) {
    char *refused = dump_refused(reports->refused);
    if (refused == NULL)
        return store_no_memory(store);
    CLEANUP(params_done) struct store_params params = {0};
    params_json(&params, reports->list);
    params_json(&params, refused);
    params_int4(&params, (int32_t) reports->room);
    params_time_ms(&params, reports->now_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    result outcome = store_ask(store, "SELECT place, outcome FROM client_reports_take($1, $2, $3, $4) ORDER BY place", &params, "it", ROWS_ANY, &rows);
    memory_free_foreign(refused);
    return outcome != OK ? outcome : take_outcomes(store, &rows, reports->count, ret_outcomes);
}

/* ---- joining */

result store_pinned_hosts_save(struct store *store, const struct store_pinned_host *hosts, size_t count, uint64_t pins) {
    CLEANUP(payload_done) struct payload payload = {0};
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    json_t *list = payload_array(&payload, payload.root, "hosts");
    for (size_t i = 0; i < count; i++) {
        json_t *item = payload_append(&payload, list);
        payload_number(&payload, item, "tenant", hosts[i].tenant_id);
        payload_text(&payload, item, "host", hosts[i].host);
        payload_set(&payload, item, "covers_below", json_boolean(hosts[i].covers_below));
    }
    char *text = payload_dump(&payload, list);
    if (text == NULL)
        return store_no_memory(store);
    CLEANUP(params_done) struct store_params params = {0};
    params_json(&params, text);
    params_int8(&params, (int64_t) pins);
    result outcome = store_do(store, "SELECT pinned_hosts_save($1, $2)", &params);
    memory_free_foreign(text);
    return outcome;
}

static enum report_known known_of(const char *word) {
    return strcmp(word, "yes") == 0 ? REPORT_YES : strcmp(word, "no") == 0 ? REPORT_NO : REPORT_UNKNOWN;
}

static void take_facts(const struct store_rows *rows, int row, struct report_facts *facts) {
    struct known_hash certificate = rows_hash(rows, row, 10), spki = rows_hash(rows, row, 11), issuer = rows_hash(rows, row, 12), tbs = rows_hash(rows, row, 13);
    *facts = (struct report_facts){
        .has_leaf = rows_bool(rows, row, 9) && certificate.is_known && spki.is_known, .certificate_sha256 = certificate.hash, .spki_sha256 = spki.hash, .has_issuer = issuer.is_known,
        .issuer_spki_sha256 = issuer.hash, .has_tbs = tbs.is_known, .tbs_sha256 = tbs.hash, .has_validity = !rows_is_null(rows, row, 14) && !rows_is_null(rows, row, 15),
        .not_before = rows_time_ms(rows, row, 14) / 1000, .not_after = rows_time_ms(rows, row, 15) / 1000, .is_for_host = known_of(rows_text(rows, row, 16)),
        .is_valid_then = known_of(rows_text(rows, row, 17)), .is_public = known_of(rows_text(rows, row, 18)), .is_refused_by_pins = known_of(rows_text(rows, row, 19)),
        .scts = (size_t) rows_int4(rows, row, 20), .scts_verified = (size_t) rows_int4(rows, row, 21)};
}

result store_client_reports_due(struct store *store, const struct store_client_report_taking *taking, struct arena *arena, struct store_client_report **ret_reports,
                                size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_time_ms(&params, taking->now_ms);
    params_time_ms(&params, taking->until_ms);
    params_int4(&params, (int32_t) taking->limit);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT * FROM client_reports_due($1, $2, $3)", &params, "nitttttB?n?Bh?h?h?h?s?s?ttttnnsBB?B?", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_client_report *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++) {
        list[row] = (struct store_client_report){
            .tenant_id = rows_int4(&rows, row, 0), .report_id = rows_int8(&rows, row, 1),
            .format = strcmp(rows_text(&rows, row, 2), client_report_format_name(CLIENT_REPORT_HPKP)) == 0 ? CLIENT_REPORT_HPKP : CLIENT_REPORT_TRUSTKIT,
            .host = take_text(&taker, row, 3), .app = take_text(&taker, row, 4), .version = take_text(&taker, row, 5), .platform = take_text(&taker, row, 6),
            .has_enforcement = !rows_is_null(&rows, row, 7), .is_enforced = rows_bool(&rows, row, 7),
            .has_result = !rows_is_null(&rows, row, 8), .result = rows_int4(&rows, row, 8), .first_ms = rows_time_ms(&rows, row, 22),
            .is_logged = rows_bool(&rows, row, 23), .is_covered = rows_bool(&rows, row, 24), .is_drill_covered = rows_bool(&rows, row, 25)};
        take_facts(&rows, row, &list[row].facts);
    }
    if (taker.failed)
        return store_no_memory(store);
    *ret_reports = list;
    *ret_count = (size_t) rows.count;
    return OK;
}

static void add_found(struct payload *payload, json_t *list, const struct store_client_report_found *found) {
    json_t *item = payload_append(payload, list);
    payload_number(payload, item, "tenant", found->tenant_id);
    payload_number(payload, item, "report", found->report_id);
    payload_text(payload, item, "cause", report_cause_name(found->cause));
    payload_text(payload, item, "why", found->why);
    payload_text(payload, item, "severity", found->severity);
    payload_text(payload, item, "release_app", found->release_app);
    payload_text(payload, item, "verdict", found->verdict);
    payload_set(payload, item, "is_drill", json_boolean(found->is_drill));
    payload_set(payload, item, "again_ms", found->looks_again ? json_integer((json_int_t) found->again_ms) : json_null());
}

result store_client_reports_save(struct store *store, const struct store_client_report_found *found, size_t count, int64_t now_ms) {
    CLEANUP(payload_done) struct payload payload = {0};
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    json_t *list = payload_array(&payload, payload.root, "found");
    for (size_t i = 0; i < count; i++)
        add_found(&payload, list, &found[i]);
    char *text = payload_dump(&payload, list);
    if (text == NULL)
        return store_no_memory(store);
    CLEANUP(params_done) struct store_params params = {0};
    params_json(&params, text);
    params_time_ms(&params, now_ms);
    result outcome = store_do(store, "SELECT client_reports_save($1, $2)", &params);
    memory_free_foreign(text);
    return outcome;
}

result store_client_reports_dropped(struct store *store, int64_t now_ms, struct store_client_reports_dropped *ret_dropped) {
    CLEANUP(params_done) struct store_params params = {0};
    params_time_ms(&params, now_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT outcome, reports, first_at, last_at FROM client_reports_dropped($1)", &params, "tiss", ROWS_ANY, &rows));
    *ret_dropped = (struct store_client_reports_dropped){0};
    for (int row = 0; row < rows.count; row++) {
        bool is_room = strcmp(rows_text(&rows, row, 0), outcome_names[CLIENT_REPORT_NO_ROOM]) == 0;
        int64_t first_ms = rows_time_ms(&rows, row, 2), last_ms = rows_time_ms(&rows, row, 3);
        *(is_room ? &ret_dropped->no_room : &ret_dropped->limit) = rows_int8(&rows, row, 1);
        ret_dropped->first_ms = row == 0 || first_ms < ret_dropped->first_ms ? first_ms : ret_dropped->first_ms;
        ret_dropped->last_ms = last_ms > ret_dropped->last_ms ? last_ms : ret_dropped->last_ms;
    }
    return OK;
}

result store_client_reports_forget(struct store *store, int64_t before_ms) {
    CLEANUP(params_done) struct store_params params = {0};
    params_time_ms(&params, before_ms);
    return store_do(store, "SELECT client_reports_forget($1)", &params);
}

/* ---- showing */

result store_client_reports_list(struct store *store, const struct store_client_report_query *query, struct arena *arena, struct store_client_report_row **ret_rows,
                                 size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, query->tenant_id);
    params_text(&params, query->host);
    params_text(&params, query->cause);
    params_int4(&params, (int32_t) query->limit);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT report_id, reports, cardinality(sources), host, app, version, platform, library, format, coalesce(cause, ''), coalesce(why, ''),"
                  " coalesce(severity, ''), coalesce(verdict, ''), is_enforced, is_drill, certificate_sha256, issuer_spki_sha256, array_to_string(pins, ' '),"
                  " first_at, last_at, claimed_at FROM client_report"
                  " WHERE tenant_id = $1 AND ($2 = '' OR host = $2 OR right(host, length($2) + 1) = '.' || $2) AND ($3 = '' OR cause = $3)"
                  " ORDER BY last_at DESC, report_id DESC LIMIT $4",
                  &params, "iinttttttttttB?Bh?h?tsss?", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_client_report_row *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        list[row] = (struct store_client_report_row){
            .report_id = rows_int8(&rows, row, 0), .reports = rows_int8(&rows, row, 1), .sources = rows_int4(&rows, row, 2), .host = take_text(&taker, row, 3),
            .app = take_text(&taker, row, 4), .version = take_text(&taker, row, 5), .platform = take_text(&taker, row, 6), .library = take_text(&taker, row, 7),
            .format = take_text(&taker, row, 8), .cause = take_text(&taker, row, 9), .why = take_text(&taker, row, 10), .severity = take_text(&taker, row, 11),
            .verdict = take_text(&taker, row, 12), .has_enforcement = !rows_is_null(&rows, row, 13), .is_enforced = rows_bool(&rows, row, 13),
            .is_drill = rows_bool(&rows, row, 14), .certificate_sha256 = rows_hash(&rows, row, 15), .issuer_spki_sha256 = rows_hash(&rows, row, 16),
            .pins = take_text(&taker, row, 17), .first_ms = rows_time_ms(&rows, row, 18), .last_ms = rows_time_ms(&rows, row, 19),
            .has_claimed = !rows_is_null(&rows, row, 20), .claimed_ms = rows_time_ms(&rows, row, 20)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}

result store_client_report_counts(struct store *store, int32_t tenant_id, unsigned days, struct arena *arena, struct store_client_report_count **ret_counts,
                                  size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, tenant_id);
    params_int4(&params, (int32_t) days);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT day::text, outcome, sum(reports)::bigint FROM client_report_count WHERE tenant_id IN (0, $1)"
                  " AND day IN (SELECT DISTINCT day FROM client_report_count ORDER BY day DESC LIMIT $2) GROUP BY day, outcome ORDER BY day DESC, outcome",
                  &params, "tti", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_client_report_count *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        list[row] = (struct store_client_report_count){.day = take_text(&taker, row, 0), .outcome = take_text(&taker, row, 1), .reports = rows_int8(&rows, row, 2)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_counts = list;
    *ret_count = (size_t) rows.count;
    return OK;
}
