#include "store/pin_verdicts.h"

#include "rules/pin_holder.h"
#include "store/payload.h"
#include "store/statement.h"

/* ---- generations */

result store_pin_generations_load(struct store *store, struct store_pin_generations *ret_generations) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT pins, ca_keys FROM generation", NULL, "ii", ROWS_ONE, &rows));
    *ret_generations = (struct store_pin_generations){.pins = (uint64_t) rows_int8(&rows, 0, 0), .ca_keys = (uint64_t) rows_int8(&rows, 0, 1)};
    return OK;
}

result store_pin_cases_renew(struct store *store, const struct store_pin_renewal *renewal, bool *ret_has_more) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, (int64_t) renewal->generations.pins);
    params_int8(&params, (int64_t) renewal->generations.ca_keys);
    params_time_ms(&params, renewal->turned_ms);
    params_time_ms(&params, renewal->now_ms);
    params_int4(&params, (int32_t) renewal->limit);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT pin_cases_renew($1, $2, $3, $4, $5)", &params, "B", ROWS_ONE, &rows));
    *ret_has_more = rows_bool(&rows, 0, 0);
    return OK;
}

/* ---- cases */

/* The case of this row: the last one, or a new one where another certificate begins. */
static struct store_pin_case *case_at(struct row_taker *taker, int row, struct store_pin_case *cases, const char *const *names, size_t *count) {
    const struct store_rows *rows = taker->rows;
    int64_t certificate_id = rows_int8(rows, row, 0);
    if (*count > 0 && cases[*count - 1].certificate_id == certificate_id)
        return &cases[*count - 1];
    struct store_pin_case *made = &cases[(*count)++];
    *made = (struct store_pin_case){.certificate_id = certificate_id, .queued_ms = rows_time_ms(rows, row, 1), .is_news = rows_bool(rows, row, 2),
                                    .is_pending = strcmp(rows_text(rows, row, 3), "pending") == 0, .issuer_spki_sha256 = rows_hash(rows, row, 4),
                                    .spki_sha256 = rows_hash(rows, row, 5), .certificate_sha256 = rows_hash(rows, row, 6), .is_over = rows_bool(rows, row, 7),
                                    .names = &names[row]};
    made->tenants = take_numbers(taker, row, 8, &made->tenant_count);
    return made;
}

result store_pin_cases_take(struct store *store, const struct store_pin_taking *taking, struct arena *arena, struct store_pin_case **ret_cases,
                            size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_time_ms(&params, taking->now_ms);
    params_time_ms(&params, taking->until_ms);
    params_int4(&params, (int32_t) taking->limit);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT * FROM pin_cases_take($1, $2, $3)", &params, "isBt" "h?h?h?BIt?", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_pin_case *cases = take_rows(&taker, sizeof *cases);
    const char **names = take_rows(&taker, sizeof *names);
    size_t count = 0;
    for (int row = 0; !taker.failed && row < rows.count; row++) {
        struct store_pin_case *of = case_at(&taker, row, cases, names, &count);
        if (rows_is_null(&rows, row, 9)) /* without DNS names */
            continue;
        names[row] = take_text(&taker, row, 9);
        of->name_count++;
    }
    if (taker.failed)
        return store_no_memory(store);
    *ret_cases = cases;
    *ret_count = count;
    return OK;
}

result store_pin_cases_settle(struct store *store, uint64_t pins, int64_t now_ms, unsigned limit) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, (int64_t) pins);
    params_time_ms(&params, now_ms);
    params_int4(&params, (int32_t) limit);
    return store_do(store, "SELECT pin_cases_settle($1, $2, $3)", &params);
}

result store_pin_case_put_off(struct store *store, int64_t certificate_id, int64_t until_ms) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, certificate_id);
    params_time_ms(&params, until_ms);
    return store_do(store, "SELECT pin_case_put_off($1, $2)", &params);
}

/* ---- verdicts */

static void add_row(struct payload *payload, json_t *list, const struct store_pin_tenant *tenant, const struct pin_verdict_row *row, struct arena *arena) {
    const struct release *release = row->client->release;
    const struct pin_judgement *judgement = &row->judgement;
    json_t *item = payload_append(payload, list);
    const char *pin = judgement->by == NULL ? "" : pin_long_text(judgement->by, arena);
    payload_text(payload, item, "app", release->app);
    payload_text(payload, item, "platform", release->platform);
    payload_text(payload, item, "version", release->version);
    payload_text(payload, item, "name", row->name);
    payload_text(payload, item, "host", row->host);
    payload_text(payload, item, "verdict", pin_verdict_word(judgement->verdict));
    payload_text(payload, item, "role", pin_verdict_role(judgement));
    payload_set(payload, item, "is_enforced", json_boolean(judgement->is_enforced));
    payload_text(payload, item, "pin", pin == NULL ? "" : pin);
    payload_text(payload, item, "document", tenant->documents[tenant->views[row->view].number]);
    payload_text(payload, item, "why", judgement->why);
    payload->failed |= pin == NULL;
}

static void add_tenant(struct payload *payload, json_t *list, const struct store_pin_tenant *tenant, struct arena *arena) {
    json_t *item = payload_append(payload, list);
    payload_number(payload, item, "tenant", tenant->tenant_id);
    json_t *rows = payload_array(payload, item, "rows");
    for (size_t i = 0; i < tenant->verdicts->count; i++)
        add_row(payload, rows, tenant, &tenant->verdicts->rows[i], arena);
    json_t *finding = tenant->finding == NULL ? json_null() : json_loads(tenant->finding, 0, NULL);
    payload->failed |= finding == NULL;
    payload_set(payload, item, "finding", finding);
}

#define ARENA_LIMIT ((size_t) 16 * 1024 * 1024)

/* The tenants as JSON; memory_free_foreign it. NULL without memory. */
static char *dump_tenants(const struct store_pin_verdicts *verdicts) {
    CLEANUP(payload_done) struct payload payload = {0};
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    if (arena == NULL || payload_init(&payload) != OK)
        return NULL;
    json_t *list = payload_array(&payload, payload.root, "tenants");
    for (size_t i = 0; i < verdicts->count; i++)
        add_tenant(&payload, list, &verdicts->tenants[i], arena);
    return payload_dump(&payload, json_object_get(payload.root, "tenants"));
}

result store_pin_verdicts_save(struct store *store, const struct store_pin_verdicts *verdicts, bool *ret_is_saved) {
    char *tenants = dump_tenants(verdicts);
    if (tenants == NULL)
        return store_no_memory(store);
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, verdicts->about->certificate_id);
    params_known_hash(&params, &verdicts->about->issuer_spki_sha256);
    params_int8(&params, (int64_t) verdicts->generations.pins);
    params_int8(&params, (int64_t) verdicts->generations.ca_keys);
    params_json(&params, tenants);
    params_time_ms(&params, verdicts->now_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    result outcome = store_ask(store, "SELECT pin_verdicts_save($1, $2, $3, $4, $5, NULL, $6)", &params, "B", ROWS_ONE, &rows);
    memory_free_foreign(tenants);
    if (outcome == OK)
        *ret_is_saved = rows_bool(&rows, 0, 0);
    return outcome;
}

result store_pin_verdicts_load(struct store *store, int64_t certificate_id, struct arena *arena, struct store_pin_verdict_row **ret_rows, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, certificate_id);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT tenant_id, app, platform, version, name, host, verdict, role, pin, document, why, is_enforced, from_at FROM pin_verdict"
                  " WHERE certificate_id = $1 AND until_at IS NULL ORDER BY tenant_id, app, platform, version, name LIMIT 1000",
                  &params, "nttttttttttBs", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_pin_verdict_row *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        list[row] = (struct store_pin_verdict_row){
            .tenant_id = rows_int4(&rows, row, 0), .app = take_text(&taker, row, 1), .platform = take_text(&taker, row, 2), .version = take_text(&taker, row, 3),
            .name = take_text(&taker, row, 4), .host = take_text(&taker, row, 5), .verdict = take_text(&taker, row, 6), .role = take_text(&taker, row, 7),
            .pin = take_text(&taker, row, 8), .document = take_text(&taker, row, 9), .why = take_text(&taker, row, 10), .is_enforced = rows_bool(&rows, row, 11),
            .from_ms = rows_time_ms(&rows, row, 12)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}
