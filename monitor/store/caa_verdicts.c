#include "store/caa_verdicts.h"

#include "store/caa_history.h"
#include "store/payload.h"
#include "store/statement.h"

/* ---- cases */

/* The case of this row: the last one, or a new one where another certificate begins. */
static struct store_caa_case *case_at(struct row_taker *taker, int row, struct store_caa_case *cases, struct store_caa_case_name *names, size_t *count) {
    const struct store_rows *rows = taker->rows;
    int64_t certificate_id = rows_int8(rows, row, 0);
    if (*count > 0 && cases[*count - 1].certificate_id == certificate_id)
        return &cases[*count - 1];
    cases[*count] = (struct store_caa_case){.certificate_id = certificate_id, .queued_ms = rows_time_ms(rows, row, 1), .issued_ms = rows_time_ms(rows, row, 2),
                                            .is_by_our_clock = rows_bool(rows, row, 7), .issuer_state = take_text(taker, row, 3), .issuer_spki_sha256 = rows_hash(rows, row, 4), .names = &names[row]};
    return &cases[(*count)++];
}

result store_caa_cases_take(struct store *store, const struct store_caa_taking *taking, struct arena *arena, struct store_caa_case **ret_cases,
                            size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_time_ms(&params, taking->now_ms);
    params_time_ms(&params, taking->until_ms);
    params_int4(&params, (int32_t) taking->limit);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT t.*, coalesce((SELECT date_trunc('milliseconds', c.first_seen_at) = t.issued_at AND c.first_timestamp > t.issued_at + interval '5 minutes'"
                  "                        FROM certificate c WHERE c.certificate_id = t.certificate_id), false)"
                  "  FROM caa_cases_take($1, $2, $3) t",
                  &params, "isst" "h?t?t?B", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_case *cases = take_rows(&taker, sizeof *cases);
    struct store_caa_case_name *names = take_rows(&taker, sizeof *names);
    size_t count = 0;
    for (int row = 0; !taker.failed && row < rows.count; row++) {
        struct store_caa_case *of = case_at(&taker, row, cases, names, &count);
        if (rows_is_null(&rows, row, 6)) /* no name that CAA is about */
            continue;
        names[row] = (struct store_caa_case_name){.value = take_text(&taker, row, 6), .is_address = strcmp(rows_text(&rows, row, 5), "ip") == 0};
        of->name_count++;
    }
    if (taker.failed)
        return store_no_memory(store);
    *ret_cases = cases;
    *ret_count = count;
    return OK;
}

result store_caa_case_put_off(struct store *store, int64_t certificate_id, int64_t until_ms) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, certificate_id);
    params_time_ms(&params, until_ms);
    return store_do(store, "SELECT caa_case_put_off($1, $2)", &params);
}

/* ---- verdicts */

static void add_row(struct payload *payload, json_t *list, const struct store_caa_verdict *verdict, struct span records) {
    const struct caa_judgement *judgement = &verdict->judgement;
    json_t *item = payload_append(payload, list);
    payload_text(payload, item, "name", verdict->name);
    payload_text(payload, item, "verdict", caa_verdict_name(judgement->verdict));
    payload_text(payload, item, "reason", judgement->reason);
    if (judgement->verdict != CAA_NOT_APPLICABLE)
        payload_number(payload, item, "window_begin_ms", judgement->window_begin_ms);
    payload_text(payload, item, "resolver", judgement->resolver);
    payload_text(payload, item, "owner", judgement->owner);
    payload_blob(payload, item, "records", records);
    payload_set(payload, item, "is_authenticated", json_boolean(judgement->answer != NULL && judgement->answer->is_authenticated));
    payload_text(payload, item, "today", caa_now_name(judgement->now));
}

/* Where each set of `encoded` begins is known by its size only when all are in. */
static result encode_sets(const struct store_caa_verdicts *verdicts, struct buffer *encoded, size_t *ret_ends) {
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct caa_answer *answer = verdicts->verdicts[i].judgement.answer;
        if (answer != NULL)
            TRY(caa_set_encode(answer->records, answer->record_count, encoded));
        ret_ends[i] = encoded->size;
    }
    return OK;
}

#define SETS_MAX ((size_t) 64 * 1024 * 1024)

static result fill_payload(const struct store_caa_verdicts *verdicts, const struct buffer *encoded, const size_t *ends, struct payload *payload) {
    json_t *list = payload_array(payload, payload->root, "rows");
    for (size_t i = 0; i < verdicts->count; i++) {
        size_t begin = i == 0 ? 0 : ends[i - 1];
        struct span set = ends[i] > begin ? span_of(encoded->bytes + begin, ends[i] - begin) : (struct span){0}; /* without any set there are no bytes */
        add_row(payload, list, &verdicts->verdicts[i], set);
    }
    return payload->failed ? &fault_no_memory : OK;
}

static result send(struct store *store, const struct store_caa_verdicts *verdicts, const struct payload *payload, bool *ret_is_saved) {
    char *rows_json = payload_dump(payload, json_object_get(payload->root, "rows"));
    if (rows_json == NULL)
        return store_no_memory(store);
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, verdicts->about->certificate_id);
    params_time_ms(&params, verdicts->about->issued_ms);
    params_known_hash(&params, &verdicts->about->issuer_spki_sha256);
    params_json(&params, rows_json);
    params_bytes_array(&params, payload->blobs, payload->blob_count);
    params_json(&params, verdicts->finding);
    if (verdicts->due_ms > 0)
        params_time_ms(&params, verdicts->due_ms);
    params_time_ms(&params, verdicts->now_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    const char *statement = verdicts->due_ms > 0 ? "SELECT caa_verdicts_save($1, $2, $3, $4, $5, $6, $7, $8)"
                                                 : "SELECT caa_verdicts_save($1, $2, $3, $4, $5, $6, NULL, $7)";
    result outcome = store_ask(store, statement, &params, "B", ROWS_ONE, &rows);
    memory_free_foreign(rows_json);
    if (outcome == OK)
        *ret_is_saved = rows_bool(&rows, 0, 0);
    return outcome;
}

result store_caa_verdicts_save(struct store *store, const struct store_caa_verdicts *verdicts, bool *ret_is_saved) {
    CLEANUP(buffer_done) struct buffer encoded = buffer_with_limit(SETS_MAX);
    CLEANUP(payload_done) struct payload payload = {0};
    AUTO_FREE size_t *ends = memory_new_array(verdicts->count + 1, sizeof *ends);
    if (ends == NULL || payload_init(&payload) != OK)
        return store_no_memory(store);
    result fault = encode_sets(verdicts, &encoded, ends);
    if (fault == OK)
        fault = fill_payload(verdicts, &encoded, ends, &payload);
    if (fault != OK)
        return fault == &fault_no_memory ? store_no_memory(store) : store_fail(store, fault, "CAA verdicts: too many records");
    return send(store, verdicts, &payload, ret_is_saved);
}

result store_caa_verdicts_load(struct store *store, int64_t certificate_id, struct arena *arena, struct store_caa_verdict_row **ret_rows, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, certificate_id);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT name, verdict, reason, resolver, owner, today, issued_at, window_begin, judged_at, records, is_authenticated"
                  "  FROM caa_verdict WHERE certificate_id = $1 ORDER BY name",
                  &params, "ttttttss?sbB", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_verdict_row *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++) {
        struct caa_record *records = NULL;
        list[row] = (struct store_caa_verdict_row){
            .name = take_text(&taker, row, 0), .verdict = take_text(&taker, row, 1), .reason = take_text(&taker, row, 2), .resolver = take_text(&taker, row, 3),
            .owner = take_text(&taker, row, 4), .today = take_text(&taker, row, 5), .issued_ms = rows_time_ms(&rows, row, 6),
            .window_begin_ms = rows_time_ms(&rows, row, 7), .judged_ms = rows_time_ms(&rows, row, 8), .is_authenticated = rows_bool(&rows, row, 10)};
        struct span set = take_bytes(&taker, row, 9);
        result fault = taker.failed ? &fault_no_memory : caa_set_decode(set, arena, &records, &list[row].record_count);
        if (fault != OK && fault != &fault_no_memory)
            return store_fail(store, &fault_store_rows, "CAA verdicts: a recorded set is not in its canonical form");
        taker.failed |= fault != OK;
        list[row].records = records;
    }
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}

/* ---- a climb */

result store_caa_climb_load(struct store *store, const struct store_caa_climb_wish *wish, struct arena *arena, struct store_caa_climb_row **ret_rows,
                            size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, wish->tenant_id);
    params_text_array(&params, wish->owners, wish->owner_count);
    params_bool(&params, wish->needs_decision);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT owner, outcome, records, array_to_string(gained, ' '), is_any_gained, array_to_string(wildcard_gained, ' '), is_wildcard_any_gained"
                  "  FROM caa_climb($1, $2, $3)",
                  &params, "tt?b?" "t?B?t?B?", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_climb_row *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++) {
        bool is_news = rows_is_null(&rows, row, 1);
        list[row] = (struct store_caa_climb_row){.owner = take_text(&taker, row, 0), .is_news = is_news, .outcome = store_caa_outcome(rows_text(&rows, row, 1)),
                                                 .records = take_bytes(&taker, row, 2)};
        list[row].gained = (struct caa_issuers){.is_any = rows_bool(&rows, row, 4), .critical_tag = ""};
        list[row].wildcard_gained = (struct caa_issuers){.is_any = rows_bool(&rows, row, 6), .critical_tag = ""};
        list[row].gained.domains = take_words(&taker, row, 3, &list[row].gained.count);
        list[row].wildcard_gained.domains = take_words(&taker, row, 5, &list[row].wildcard_gained.count);
    }
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}
