#include "store/certificates.h"

#include "store/statement.h"

#define LIMIT_DEFAULT 100

#define CERTIFICATE_COLUMNS \
    "c.certificate_id, c.issuer_spki_sha256, c.tbs_sha256, c.issuer_state, c.spki_sha256, c.serial, c.issuer, c.subject," \
    " c.key_type, c.not_before, c.not_after, c.names, c.scts, c.oddities, c.is_ca, c.is_drill, c.precertificate_sha256," \
    " c.certificate_sha256, c.first_timestamp, c.first_seen_at," \
    " (SELECT count(*) FROM observation o WHERE o.certificate_id = c.certificate_id)," \
    " (SELECT v.verdict FROM caa_verdict v WHERE v.certificate_id = c.certificate_id ORDER BY" \
    "   array_position(ARRAY['inconsistent', 'unknown', 'consistent', 'not-applicable'], v.verdict) LIMIT 1)"
#define CERTIFICATE_SHAPE "ih?hth?tttts?s?jjjBBh?h?ssit?"
#define CERTIFICATE_COLUMN_COUNT 22

static void take_certificate(struct row_taker *taker, int row, struct store_certificate_row *ret_row) {
    const struct store_rows *rows = taker->rows;
    *ret_row = (struct store_certificate_row){
        .certificate_id = rows_int8(rows, row, 0),
        .issuer_spki_sha256 = rows_hash(rows, row, 1),
        .tbs_sha256 = rows_hash(rows, row, 2).hash,
        .issuer_state = take_text(taker, row, 3),
        .spki_sha256 = rows_hash(rows, row, 4),
        .serial = take_text(taker, row, 5),
        .issuer = take_text(taker, row, 6),
        .subject = take_text(taker, row, 7),
        .key_type = take_text(taker, row, 8),
        .has_validity = !rows_is_null(rows, row, 9) && !rows_is_null(rows, row, 10),
        .not_before_ms = rows_time_ms(rows, row, 9),
        .not_after_ms = rows_time_ms(rows, row, 10),
        .names = take_text(taker, row, 11),
        .scts = take_text(taker, row, 12),
        .oddities = take_text(taker, row, 13),
        .is_ca = rows_bool(rows, row, 14),
        .is_drill = rows_bool(rows, row, 15),
        .precertificate_sha256 = rows_hash(rows, row, 16),
        .certificate_sha256 = rows_hash(rows, row, 17),
        .first_timestamp_ms = rows_time_ms(rows, row, 18),
        .first_seen_ms = rows_time_ms(rows, row, 19),
        .observation_count = (uint64_t) rows_int8(rows, row, 20),
        .caa_verdict = take_text(taker, row, 21),
    };
}

static const char *text_or_empty(const char *text) {
    return text == NULL ? "" : text;
}

result store_certificates_list(struct store *store, const struct store_certificate_filter *filter, struct arena *arena,
                               struct store_certificate_row **ret_rows, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, filter->tenant_id);
    params_text(&params, text_or_empty(filter->name));
    params_known_hash(&params, &filter->sha256);
    params_text(&params, text_or_empty(filter->issuer_state));
    params_time_ms(&params, filter->since_ms);
    params_bool(&params, filter->with_drills);
    params_int8(&params, filter->before_id);
    params_int8(&params, filter->limit == 0 ? LIMIT_DEFAULT : filter->limit);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT " CERTIFICATE_COLUMNS " FROM certificate c"
                  " WHERE ($1 < 0 OR EXISTS (SELECT FROM match m WHERE m.certificate_id = c.certificate_id AND m.tenant_id = $1)"
                  "        OR EXISTS (SELECT FROM finding f WHERE f.certificate_id = c.certificate_id AND f.tenant_id IN (0, $1)))"
                  "   AND ($2 = '' OR EXISTS (SELECT FROM jsonb_array_elements(c.names) n WHERE n->>'value' = ltrim($2, '.')"
                  "        OR (starts_with($2, '.') AND right(n->>'value', length($2)) = $2)))"
                  "   AND ($3 IS NULL OR $3 IN (c.tbs_sha256, c.spki_sha256, c.certificate_sha256, c.precertificate_sha256,"
                  "        c.issuer_spki_sha256))"
                  "   AND ($4 = '' OR c.issuer_state = $4) AND c.first_seen_at >= $5 AND ($6 OR NOT c.is_drill)"
                  "   AND ($7 = 0 OR c.certificate_id < $7) ORDER BY c.certificate_id DESC LIMIT $8",
                  &params, CERTIFICATE_SHAPE, ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_certificate_row *list = take_rows(&taker, sizeof(*list));
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_certificate(&taker, row, &list[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}

static result detail_load(struct store *store, const struct store_params *params, struct arena *arena,
                          struct store_certificate_detail *detail) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT " CERTIFICATE_COLUMNS ", c.precertificate, c.certificate, c.chain,"
                  " ARRAY(SELECT f.finding_id FROM finding f WHERE f.certificate_id = c.certificate_id ORDER BY 1)"
                  " FROM certificate c WHERE c.certificate_id = $1",
                  params, CERTIFICATE_SHAPE "b?b?AI", ROWS_ANY, &rows));
    if (rows.count == 0)
        return store_fail(store, &fault_store_not_found, "certificate: there is none with this number");
    struct row_taker taker = {.rows = &rows, .arena = arena};
    take_certificate(&taker, 0, &detail->certificate);
    detail->precertificate = take_bytes(&taker, 0, CERTIFICATE_COLUMN_COUNT);
    detail->der = take_bytes(&taker, 0, CERTIFICATE_COLUMN_COUNT + 1);
    detail->chain = take_hashes(&taker, 0, CERTIFICATE_COLUMN_COUNT + 2, &detail->chain_count);
    const int64_t *ids = take_numbers(&taker, 0, CERTIFICATE_COLUMN_COUNT + 3, &detail->finding_count);
    detail->finding_ids = arena_take_array(arena, detail->finding_count + 1, sizeof(int64_t));
    if (taker.failed || detail->finding_ids == NULL)
        return store_no_memory(store);
    memcpy(detail->finding_ids, ids, detail->finding_count * sizeof(int64_t));
    return OK;
}

static result observations_load(struct store *store, const struct store_params *params, struct arena *arena,
                                struct store_certificate_detail *detail) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT o.log_id, l.description, o.log_index, o.leaf_timestamp, o.kind, o.cert_sha256, o.seen_at"
                  "  FROM observation o LEFT JOIN log l USING (log_id) WHERE o.certificate_id = $1"
                  " ORDER BY o.leaf_timestamp, o.log_id, o.log_index LIMIT 1000",
                  params, "ht?isth?s", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    detail->observations = take_rows(&taker, sizeof(*detail->observations));
    detail->observation_count = (size_t) rows.count;
    for (int row = 0; !taker.failed && row < rows.count; row++)
        detail->observations[row] = (struct store_observation){.log_id = rows_hash(&rows, row, 0).hash,
                                                               .log_description = take_text(&taker, row, 1),
                                                               .log_index = (uint64_t) rows_int8(&rows, row, 2),
                                                               .timestamp_ms = rows_time_ms(&rows, row, 3),
                                                               .kind = take_text(&taker, row, 4),
                                                               .cert_sha256 = rows_hash(&rows, row, 5),
                                                               .seen_ms = rows_time_ms(&rows, row, 6)};
    return taker.failed ? store_no_memory(store) : OK;
}

static result matches_load(struct store *store, const struct store_params *params, struct arena *arena,
                           struct store_certificate_detail *detail) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT m.tenant_id, m.watch_id, w.kind, w.value, m.matched_at FROM match m"
                  "  LEFT JOIN watch w ON w.tenant_id = m.tenant_id AND w.watch_id = m.watch_id"
                  " WHERE m.certificate_id = $1 ORDER BY m.tenant_id, m.watch_id",
                  params, "nit?t?s", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    detail->watches = take_rows(&taker, sizeof(*detail->watches));
    detail->watch_count = (size_t) rows.count;
    for (int row = 0; !taker.failed && row < rows.count; row++)
        detail->watches[row] = (struct store_certificate_watch){.tenant_id = rows_int4(&rows, row, 0),
                                                                .watch_id = rows_int8(&rows, row, 1),
                                                                .kind = take_text(&taker, row, 2),
                                                                .value = take_text(&taker, row, 3),
                                                                .matched_ms = rows_time_ms(&rows, row, 4)};
    return taker.failed ? store_no_memory(store) : OK;
}

result store_certificate_show(struct store *store, int64_t certificate_id, struct arena *arena,
                              struct store_certificate_detail *ret_detail) {
    struct store_certificate_detail detail = {0};
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, certificate_id);
    TRY(detail_load(store, &params, arena, &detail));
    TRY(observations_load(store, &params, arena, &detail));
    TRY(matches_load(store, &params, arena, &detail));
    *ret_detail = detail;
    return OK;
}
