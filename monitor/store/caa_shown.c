#include "store/caa_shown.h"

#include "store/statement.h"

/* ---- changes */

static result take_set(struct row_taker *taker, int row, int column, const struct caa_record **ret_records, size_t *ret_count) {
    struct caa_record *records = NULL;
    struct span set = take_bytes(taker, row, column);
    TRY(taker->failed ? &fault_no_memory : caa_set_decode(set, taker->arena, &records, ret_count));
    *ret_records = records;
    return OK;
}

static result take_change(struct row_taker *taker, int row, struct store_caa_change_shown *change) {
    const struct store_rows *rows = taker->rows;
    *change = (struct store_caa_change_shown){
        .change_id = rows_int8(rows, row, 0), .owner = take_text(taker, row, 1), .resolver = take_text(taker, row, 2), .before_outcome = take_text(taker, row, 3),
        .after_outcome = take_text(taker, row, 5), .changed_ms = rows_time_ms(rows, row, 7), .last_ms = rows_time_ms(rows, row, 8),
        .times = rows_int8(rows, row, 9), .gained = {.is_any = rows_bool(rows, row, 11), .critical_tag = ""},
        .wildcard_gained = {.is_any = rows_bool(rows, row, 13), .critical_tag = ""}};
    change->gained.domains = take_words(taker, row, 10, &change->gained.count);
    change->wildcard_gained.domains = take_words(taker, row, 12, &change->wildcard_gained.count);
    TRY(take_set(taker, row, 4, &change->before, &change->before_count));
    return take_set(taker, row, 6, &change->after, &change->after_count);
}

/* A row for each finding; a change that nobody was told of has one without. */
static result take_changes(struct row_taker *taker, struct store_caa_change_shown *changes, size_t *ret_count) {
    struct store_caa_told_finding *findings = take_rows(taker, sizeof *findings);
    size_t count = 0;
    for (int row = 0; !taker->failed && row < taker->rows->count; row++) {
        bool is_next = count == 0 || changes[count - 1].change_id != rows_int8(taker->rows, row, 0);
        if (is_next) {
            TRY(take_change(taker, row, &changes[count]));
            changes[count++].findings = &findings[row];
        }
        if (rows_is_null(taker->rows, row, 14))
            continue;
        findings[row] = (struct store_caa_told_finding){rows_int4(taker->rows, row, 14), rows_int8(taker->rows, row, 15), take_text(taker, row, 16)};
        changes[count - 1].finding_count++;
    }
    *ret_count = count;
    return taker->failed ? &fault_no_memory : OK;
}

result store_caa_changes_show(struct store *store, const struct store_caa_wish *wish, struct arena *arena, struct store_caa_change_shown **ret_changes,
                              size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text_array(&params, wish->owners, wish->owner_count);
    params_time_ms(&params, wish->from_ms);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT c.change_id, c.owner, c.resolver, c.before_outcome, c.before_records, c.after_outcome, c.after_records, c.changed_at, c.last_at,"
                  "       c.times, array_to_string(c.gained, ' '), c.is_any_gained, array_to_string(c.wildcard_gained, ' '), c.is_wildcard_any_gained,"
                  "       t.tenant_id, t.finding_id, f.state"
                  "  FROM caa_change c LEFT JOIN caa_change_told t ON t.change_id = c.change_id AND t.finding_id IS NOT NULL"
                  "  LEFT JOIN finding f ON f.tenant_id = t.tenant_id AND f.finding_id = t.finding_id"
                  " WHERE c.owner = ANY ($1) AND c.last_at >= $2 ORDER BY c.changed_at, c.change_id, t.tenant_id",
                  &params, "itttbtb" "ssi" "tBtB" "n?i?t?", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_change_shown *list = take_rows(&taker, sizeof *list);
    result fault = taker.failed ? &fault_no_memory : take_changes(&taker, list, ret_count);
    if (fault != OK)
        return fault == &fault_no_memory ? store_no_memory(store) : store_fail(store, &fault_store_rows, "CAA changes: a recorded set is not in its canonical form");
    *ret_changes = list;
    return OK;
}

/* ---- certificates, policies */

/* Lateral to `n`: its certificate where that counts. OFFSET: looked up one by one, in n's order. */
#define OF_USE                                                                                                                                        \
    "SELECT * FROM certificate o WHERE o.certificate_id = n.certificate_id AND o.not_after > $2 AND NOT o.is_drill"                                    \
    " AND EXISTS (SELECT FROM match m WHERE m.certificate_id = o.certificate_id) OFFSET 0"

/* Names below an owner by the index of verdicts, which has those of every certificate that matched and was judged. What waits for its first verdict has none
 * yet: taking the names of all these apart takes its time. */
result store_caa_seen_load(struct store *store, const struct store_caa_seen_wish *wish, struct arena *arena, struct caa_seen_row **ret_rows,
                           size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, wish->owner);
    params_time_ms(&params, wish->now_ms);
    params_int4(&params, (int32_t) wish->limit);
    params_bool(&params, wish->has_unjudged);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "WITH own AS MATERIALIZED (SELECT n.certificate_id, n.name FROM caa_verdict n CROSS JOIN LATERAL (" OF_USE ") c"
                  "          WHERE (reverse(n.name) || '.') COLLATE \"C\" >= reverse($1) || '.' AND (reverse(n.name) || '.') COLLATE \"C\" < reverse($1) || '/'"
                  "          ORDER BY (reverse(n.name) || '.') COLLATE \"C\", n.certificate_id LIMIT $3),"
                  "     unjudged AS MATERIALIZED (SELECT n.certificate_id, x->>'value' FROM caa_case n CROSS JOIN LATERAL (" OF_USE ") c"
                  "           CROSS JOIN LATERAL jsonb_array_elements(c.names) x"
                  "          WHERE $4 AND position($1 IN c.names::text) > 0 AND x->>'type' = 'dns'"
                  "            AND (x->>'value' = $1 OR right(x->>'value', length($1) + 1) = '.' || $1))"
                  "SELECT c.certificate_id, c.not_after, c.issuer, c.issuer_spki_sha256, n.name, coalesce(nearer.owner, '')"
                  "  FROM (SELECT * FROM own UNION SELECT * FROM unjudged) n CROSS JOIN LATERAL (" OF_USE ") c"
                  "  LEFT JOIN LATERAL (SELECT o.owner FROM string_to_array(n.name, '.') AS l (labels),"
                  "             generate_series(1, cardinality(l.labels) - cardinality(string_to_array($1, '.'))) k CROSS JOIN LATERAL"
                  "             (SELECT a.owner FROM caa_owner a WHERE a.owner = array_to_string(l.labels[k:], '.') AND a.outcome = 'records' OFFSET 0) o"
                  "         ORDER BY k LIMIT 1) nearer ON true"
                  " ORDER BY c.certificate_id, n.name LIMIT $3",
                  &params, "ist?h?tt", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct caa_seen_row *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        list[row] = (struct caa_seen_row){.certificate_id = rows_int8(&rows, row, 0), .not_after_ms = rows_time_ms(&rows, row, 1),
                                            .issuer = take_text(&taker, row, 2), .issuer_spki_sha256 = rows_hash(&rows, row, 3),
                                            .name = take_text(&taker, row, 4), .nearer = take_text(&taker, row, 5)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}

result store_caa_policies_load(struct store *store, const char *owner, struct arena *arena, struct store_caa_policy **ret_policies, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, owner);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT p.tenant_id, p.name, p.rules FROM policy p WHERE EXISTS ("
                  "    SELECT FROM watch w WHERE w.tenant_id = p.tenant_id AND w.policy = p.name AND w.kind IN ('name', 'subtree')"
                  "       AND (w.value = $1 OR right(w.value, length($1) + 1) = '.' || $1"
                  "            OR (w.kind = 'subtree' AND (w.value = '' OR right($1, length(w.value) + 1) = '.' || w.value))))"
                  " ORDER BY p.tenant_id, p.name",
                  &params, "ntj", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_policy *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        list[row] = (struct store_caa_policy){.tenant_id = rows_int4(&rows, row, 0), .name = take_text(&taker, row, 1), .rules = take_text(&taker, row, 2)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_policies = list;
    *ret_count = (size_t) rows.count;
    return OK;
}

result store_caa_obstacles_load(struct store *store, struct arena *arena, struct store_caa_obstacle **ret_rows, size_t *ret_count) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT rule, CASE rule WHEN 'caa.unrecordable' THEN coalesce(evidence->'names'->>0, '') || ': ' ELSE '' END"
                  "             || coalesce(evidence->'reasons'->>0, '')"
                  "  FROM finding WHERE tenant_id = 0 AND subject = 'service' AND rule LIKE 'caa.%' AND state IN ('open', 'acknowledged')"
                  "   AND rule IN ('caa.not-polled', 'caa.unrecordable', 'caa.too-many-names') ORDER BY rule",
                  NULL, "tt", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_obstacle *list = take_rows(&taker, sizeof *list);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        list[row] = (struct store_caa_obstacle){.rule = take_text(&taker, row, 0), .because = take_text(&taker, row, 1)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_rows = list;
    *ret_count = (size_t) rows.count;
    return OK;
}
