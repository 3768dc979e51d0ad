#include "store/valid_certificates.h"

#include "store/statement.h"

static void take_certificate(struct row_taker *taker, int row, struct store_valid_certificate *ret_certificate) {
    const struct store_rows *rows = taker->rows;
    *ret_certificate = (struct store_valid_certificate){
        .certificate_id = rows_int8(rows, row, 0), .issuer_spki_sha256 = rows_hash(rows, row, 1), .spki_sha256 = rows_hash(rows, row, 2),
        .certificate_sha256 = rows_hash(rows, row, 3), .not_before_ms = rows_time_ms(rows, row, 4), .not_after_ms = rows_time_ms(rows, row, 5)};
    ret_certificate->names = take_words(taker, row, 6, &ret_certificate->name_count);
}

result store_valid_certificates(struct store *store, const struct store_valid_wish *wish, struct arena *arena, struct store_valid_certificate **ret_certificates,
                                size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    CLEANUP(rows_done) struct store_rows rows = {0};
    params_int4(&params, wish->tenant_id);
    params_time_ms(&params, wish->now_ms);
    params_bool(&params, wish->with_drills);
    params_int8(&params, wish->limit);
    TRY(store_ask(store,
                  "SELECT c.certificate_id, c.issuer_spki_sha256, c.spki_sha256, c.certificate_sha256, c.not_before, c.not_after,"
                  " coalesce((SELECT string_agg(DISTINCT lower(n->>'value'), ' ') FROM jsonb_array_elements(c.names) n"
                  "            WHERE n->>'type' = 'dns' AND position(' ' IN n->>'value') = 0), '')"
                  " FROM certificate c WHERE c.not_before IS NOT NULL AND c.not_after >= $2 AND NOT c.is_ca AND ($3 OR NOT c.is_drill)"
                  "   AND EXISTS (SELECT FROM match m WHERE m.certificate_id = c.certificate_id AND m.tenant_id = $1)"
                  " ORDER BY c.certificate_id DESC LIMIT $4",
                  &params, "ih?h?h?sst", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_valid_certificate *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_certificate(&taker, row, &list[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_certificates = list;
    *ret_count = (size_t) rows.count;
    return OK;
}
