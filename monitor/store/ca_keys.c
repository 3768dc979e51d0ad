#include "store/ca_keys.h"

#include "base/text.h"
#include "store/payload.h"

result store_ca_generation(struct store *store, uint64_t *ret_generation) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT ca_keys FROM generation", NULL, "i", ROWS_ONE, &rows));
    *ret_generation = (uint64_t) rows_int8(&rows, 0, 0);
    return OK;
}

/* ------------------------------------------------------------------ loading */

/* "a.example b.example" → a NULL-terminated list. NULL without memory. */
static const char *const *list_of(struct arena *arena, const char *text) {
    size_t count = 1;
    char *copy = arena_copy_text(arena, text);
    for (const char *at = text; *at != '\0'; at++)
        count += *at == ' ' ? 1 : 0;
    const char **list = copy == NULL ? NULL : arena_take_array(arena, count + 1, sizeof *list);
    for (size_t i = 0; list != NULL && *copy != '\0'; i++) {
        list[i] = copy;
        copy += strcspn(copy, " ");
        if (*copy == ' ')
            *copy++ = '\0';
    }
    return list;
}

/* Owner and domains that many keys share: taken once. */
struct shared {
    const struct ca_owner *owner;
    const char *const *path;
};

/* The shipped owner's address for reports, where this is its name. */
static void copy_problem_report(struct ca_owner *owner) {
    const struct ca_owner *shipped;
    for (size_t i = 0; (shipped = ca_table_owner_at(i)) != NULL; i++)
        if (strcmp(shipped->name, owner->name) == 0)
            owner->problem_report = shipped->problem_report;
}

static bool take_shared(struct row_taker *taker, int row, struct shared *shared) {
    struct ca_owner *owner = arena_take(taker->arena, sizeof *owner);
    const char *name = take_text(taker, row, 2);
    const char *const *domains = list_of(taker->arena, rows_text(taker->rows, row, 3));
    shared->path = list_of(taker->arena, rows_text(taker->rows, row, 4));
    taker->failed |= owner == NULL || domains == NULL || shared->path == NULL;
    if (taker->failed)
        return false;
    *owner = (struct ca_owner){.name = name, .caa_domains = domains, .problem_report = ""};
    copy_problem_report(owner);
    shared->owner = owner;
    return true;
}

static void take_key(struct row_taker *taker, int row, struct shared *all, struct ca_import_row *ret_row) {
    const struct store_rows *rows = taker->rows;
    int64_t number = rows_int8(rows, row, 1) - 1;
    if (number < 0 || number >= rows->count) {
        taker->failed = true;
        return;
    }
    struct shared *shared = &all[number];
    if (shared->owner == NULL && !take_shared(taker, row, shared))
        return;
    ret_row->row = (struct ca_row){.spki_sha256 = rows_hash(rows, row, 0).hash, .owner = shared->owner, .path_domains = shared->path,
                                   .kind = rows_bool(rows, row, 5) ? CA_ROOT : CA_INTERMEDIATE, .is_path_complete = rows_bool(rows, row, 6),
                                   .is_certain = rows_bool(rows, row, 7), .source = CA_FROM_IMPORT};
    ret_row->certificate_sha256 = rows_hash(rows, row, 8).hash;
    ret_row->name = take_text(taker, row, 9);
}

static result load_keys(struct store *store, struct arena *arena, struct store_ca_keys *keys) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT spki_sha256, dense_rank() OVER (ORDER BY owner, caa_domains, path_domains), owner, "
                  "array_to_string(caa_domains, ' '), array_to_string(path_domains, ' '), is_root, is_path_complete, is_certain, "
                  "certificate_sha256, name FROM ca_key ORDER BY spki_sha256",
                  NULL, "hitttBBBht", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct shared *shared = take_rows(&taker, sizeof *shared);
    keys->rows = take_rows(&taker, sizeof *keys->rows);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        take_key(&taker, row, shared, &keys->rows[row]);
    keys->count = (size_t) rows.count;
    return taker.failed ? store_no_memory(store) : OK;
}

static result load_links(struct store *store, struct arena *arena, struct store_ca_keys *keys) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT spki_sha256, issuer_spki_sha256 FROM ca_link ORDER BY spki_sha256, issuer_spki_sha256", NULL, "hh", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    keys->links = take_rows(&taker, sizeof *keys->links);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        keys->links[row] = (struct ca_link){rows_hash(&rows, row, 0).hash, rows_hash(&rows, row, 1).hash};
    keys->link_count = (size_t) rows.count;
    return taker.failed ? store_no_memory(store) : OK;
}

static result load_table_date(struct store *store, struct arena *arena, struct store_ca_keys *keys) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT coalesce(min(table_date)::text, '') FROM ca_key", NULL, "t", ROWS_ONE, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    keys->table_date = take_text(&taker, 0, 0);
    return taker.failed ? store_no_memory(store) : OK;
}

result store_ca_imports(struct store *store, struct arena *arena, struct store_ca_import **ret_imports, size_t *ret_count) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT import_id, imported_at, imported_by, is_reset, table_date::text, reports, added, changed, gone FROM ca_import "
                  "ORDER BY import_id DESC",
                  NULL, "istBtjiii", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_ca_import *imports = take_rows(&taker, sizeof *imports);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        imports[row] = (struct store_ca_import){
            .import_id = rows_int8(&rows, row, 0), .imported_ms = rows_time_ms(&rows, row, 1), .imported_by = take_text(&taker, row, 2),
            .is_reset = rows_bool(&rows, row, 3), .table_date = take_text(&taker, row, 4), .reports = take_text(&taker, row, 5),
            .added = rows_int8(&rows, row, 6), .changed = rows_int8(&rows, row, 7), .gone = rows_int8(&rows, row, 8)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_imports = imports;
    *ret_count = (size_t) rows.count;
    return OK;
}

static result load_import(struct store *store, struct arena *arena, struct store_ca_keys *keys) {
    struct store_ca_import *imports;
    size_t count;
    TRY(store_ca_imports(store, arena, &imports, &count));
    keys->import = count > 0 ? imports[0] : (struct store_ca_import){.imported_by = "", .table_date = "", .reports = "[]"};
    return OK;
}

static result load_all(struct store *store, bool with_import, struct arena *arena, struct store_ca_keys *keys) {
    TRY(store_do(store, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", NULL));
    TRY(store_ca_generation(store, &keys->generation));
    TRY(load_keys(store, arena, keys));
    TRY(load_links(store, arena, keys));
    TRY(load_table_date(store, arena, keys));
    return with_import ? load_import(store, arena, keys) : OK;
}

result store_ca_keys_load(struct store *store, bool with_import, struct arena *arena, struct store_ca_keys *ret_keys) {
    struct store_ca_keys keys = {0};
    TRY(store_begin(store));
    result outcome = load_all(store, with_import, arena, &keys);
    if (outcome != OK) {
        store_rollback(store);
        return outcome;
    }
    TRY(store_commit(store));
    *ret_keys = keys;
    return OK;
}

result store_ca_keys_use(const struct store_ca_keys *keys, struct arena *arena, struct ca_extra_rows *ret_extra) {
    bool is_older = strcmp(keys->table_date, ca_table_date()) < 0;
    struct ca_row *rows = arena_take_array(arena, keys->count + 1, sizeof *rows);
    size_t count = 0;
    if (rows == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < keys->count; i++) {
        struct ca_row shipped;
        if (!is_older || !ca_table_find(&keys->rows[i].row.spki_sha256, NULL, &shipped))
            rows[count++] = keys->rows[i].row;
    }
    *ret_extra = (struct ca_extra_rows){.rows = rows, .count = count, .links = keys->links, .link_count = keys->link_count};
    return OK;
}

/* ------------------------------------------------------------------ saving */

static void add_list(struct payload *payload, json_t *item, const char *name, const char *const *list) {
    json_t *array = payload_array(payload, item, name);
    for (size_t i = 0; list[i] != NULL; i++)
        payload_append_value(payload, array, json_of_text(list[i]));
}

static void add_row(struct payload *payload, json_t *items, const struct ca_import_row *row) {
    json_t *item = payload_append(payload, items);
    payload_hash(payload, item, "spki", &row->row.spki_sha256);
    payload_text(payload, item, "owner", row->row.owner->name);
    payload_set(payload, item, "root", json_boolean(row->row.kind == CA_ROOT));
    add_list(payload, item, "domains", row->row.owner->caa_domains);
    add_list(payload, item, "path", ca_row_domains(&row->row));
    payload_set(payload, item, "complete", json_boolean(row->row.is_path_complete));
    payload_set(payload, item, "certain", json_boolean(row->row.is_certain));
    payload_hash(payload, item, "certificate", &row->certificate_sha256);
    payload_text(payload, item, "name", row->name);
}

static result send_import(struct store *store, const struct store_ca_import *import, const char *keys) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, import->import_id);
    params_text(&params, import->imported_by);
    params_time_ms(&params, import->imported_ms);
    params_bool(&params, import->is_reset);
    params_text(&params, import->table_date);
    params_json(&params, import->reports);
    params_int8(&params, import->added);
    params_int8(&params, import->changed);
    params_int8(&params, import->gone);
    params_json(&params, keys);
    return store_do(store, "SELECT ca_import_save($1, $2, $3, $4, $5::date, $6, $7, $8, $9, $10)", &params);
}

result store_ca_import_save(struct store *store, const struct store_ca_import *import, const struct ca_import_row *rows, size_t count) {
    CLEANUP(payload_done) struct payload payload;
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    json_t *items = payload_array(&payload, payload.root, "keys");
    for (size_t i = 0; i < count; i++)
        add_row(&payload, items, &rows[i]);
    char *json = payload_dump(&payload, items);
    if (json == NULL)
        return store_no_memory(store);
    result outcome = send_import(store, import, json);
    memory_free_foreign(json);
    return outcome;
}

result store_ca_links_save(struct store *store, const struct ca_link *links, size_t count, int64_t now_ms) {
    struct span *keys = memory_new_array(2 * count + 1, sizeof *keys);
    if (keys == NULL)
        return store_no_memory(store);
    for (size_t i = 0; i < count; i++) {
        keys[i] = span_of(links[i].spki_sha256.bytes, HASH_SIZE);
        keys[count + i] = span_of(links[i].issuer_spki_sha256.bytes, HASH_SIZE);
    }
    CLEANUP(params_done) struct store_params params = {0};
    params_bytes_array(&params, keys, count);
    params_bytes_array(&params, keys + count, count);
    params_time_ms(&params, now_ms);
    result outcome = store_do(store, "SELECT ca_links_save($1, $2, $3)", &params);
    memory_free(keys);
    return outcome;
}

/* ------------------------------------------------------------------ what links are looked for */

/* Both questions are answered by the index of (issuer_spki_sha256, tbs_sha256) alone, however many certificates a key has. */
result store_issuer_key_after(struct store *store, const struct hash *after, struct hash *ret_key, bool *ret_has_key) {
    CLEANUP(params_done) struct store_params params = {0};
    CLEANUP(rows_done) struct store_rows rows = {0};
    params_hash(&params, after);
    TRY(store_ask(store, "SELECT issuer_spki_sha256 FROM certificate WHERE issuer_spki_sha256 > $1 ORDER BY issuer_spki_sha256, tbs_sha256 LIMIT 1", &params, "h",
                  ROWS_ANY, &rows));
    *ret_has_key = rows.count == 1;
    if (*ret_has_key)
        *ret_key = rows_hash(&rows, 0, 0).hash;
    return OK;
}

result store_issued_by(struct store *store, const struct hash *issuer_spki_sha256, struct arena *arena, struct store_issued *ret_issued) {
    CLEANUP(params_done) struct store_params params = {0};
    CLEANUP(rows_done) struct store_rows rows = {0};
    params_hash(&params, issuer_spki_sha256);
    TRY(store_ask(store,
                  "SELECT coalesce(c.certificate, c.precertificate), c.chain, o.log_id FROM certificate c "
                  "CROSS JOIN LATERAL (SELECT log_id FROM observation WHERE certificate_id = c.certificate_id LIMIT 1) o "
                  "WHERE c.issuer_spki_sha256 = $1 AND c.issuer_state = 'verified' AND cardinality(c.chain) > 1 "
                  "AND coalesce(c.certificate, c.precertificate) IS NOT NULL LIMIT 1",
                  &params, "bAh", ROWS_ANY, &rows));
    *ret_issued = (struct store_issued){.certificate = span_of(NULL, 0)};
    if (rows.count == 0)
        return OK;
    struct row_taker taker = {.rows = &rows, .arena = arena};
    ret_issued->certificate = take_bytes(&taker, 0, 0);
    ret_issued->chain = take_hashes(&taker, 0, 1, &ret_issued->chain_count);
    ret_issued->log_id = rows_hash(&rows, 0, 2).hash;
    return taker.failed ? store_no_memory(store) : OK;
}

static result recorded_since(struct store *store, int64_t *ret_time_ms) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT first_seen_at FROM log WHERE NOT is_drill ORDER BY first_seen_at LIMIT 1", NULL, "s", ROWS_ANY, &rows));
    *ret_time_ms = rows.count == 0 ? INT64_MAX : rows_time_ms(&rows, 0, 0);
    return OK;
}

result store_issuers_seen(struct store *store, int64_t since_ms, const char *family, struct arena *arena, struct store_issuers_seen *ret_seen) {
    CLEANUP(params_done) struct store_params params = {0};
    CLEANUP(rows_done) struct store_rows rows = {0};
    params_time_ms(&params, since_ms);
    params_text(&params, family);
    TRY(recorded_since(store, &ret_seen->recorded_since_ms));
    /* What is logged is seen later; a day for clocks that differ. */
    TRY(store_ask(store,
                  "SELECT issuer_spki_sha256, count(*), count(*) FILTER (WHERE split_part(key_type, '-', 1) = $2) FROM certificate "
                  "WHERE first_seen_at >= $1 - interval '1 day' AND first_timestamp >= $1 AND issuer_state = 'verified' AND NOT is_drill AND NOT is_ca "
                  "AND issuer_spki_sha256 IS NOT NULL GROUP BY 1 ORDER BY 1",
                  &params, "hii", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    ret_seen->rows = take_rows(&taker, sizeof *ret_seen->rows);
    ret_seen->count = (size_t) rows.count;
    for (int i = 0; i < rows.count && !taker.failed; i++)
        ret_seen->rows[i] = (struct store_issuer_seen){.spki_sha256 = rows_hash(&rows, i, 0).hash, .count = (uint64_t) rows_int8(&rows, i, 1),
                                                       .alike_count = (uint64_t) rows_int8(&rows, i, 2)};
    return taker.failed ? store_no_memory(store) : OK;
}
