#include "store/pins.h"

#include "base/text.h"
#include "formats/pin_file.h"
#include "store/payload.h"
#include "store/pin_rows.h"

#define LIMIT_ALL INT32_MAX

result store_pins_generation(struct store *store, uint64_t *ret_generation) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT pins FROM generation", NULL, "i", ROWS_ONE, &rows));
    *ret_generation = (uint64_t) rows_int8(&rows, 0, 0);
    return OK;
}

/* ------------------------------------------------------------------ documents */

#define DOCUMENT_SHAPE "nttthnB" "BtsB?ts?"
#define DOCUMENT_COLUMNS(content, who, ended_who) \
    "tenant_id, name, " content ", source, sha256, version, is_applied, set_by = 'apply', " who ", from_at, ended_by = 'apply', " ended_who ", until_at, format"

static void take_document(struct row_taker *taker, int row, struct store_pin_document *ret_document) {
    const struct store_rows *rows = taker->rows;
    *ret_document = (struct store_pin_document){
        .tenant_id = rows_int4(rows, row, 0), .name = take_text(taker, row, 1), .content = take_text(taker, row, 2), .source = take_text(taker, row, 3),
        .sha256 = rows_hash(rows, row, 4).hash, .version = rows_int4(rows, row, 5), .is_applied = rows_bool(rows, row, 6),
        .set_by_apply = rows_bool(rows, row, 7), .set_who = take_text(taker, row, 8), .from_ms = rows_time_ms(rows, row, 9),
        .ended_by_apply = rows_bool(rows, row, 10), .ended_who = take_text(taker, row, 11), .has_ended = !rows_is_null(rows, row, 12),
        .until_ms = rows_time_ms(rows, row, 12), .format = PIN_FORMAT_YAML};
    (void) pin_format_of_name(rows_text(rows, row, 13), &ret_document->format); /* of a later version's: the content says all */
}

static result take_documents(struct store *store, const struct store_rows *rows, struct arena *arena, struct store_pin_document **ret_documents,
                             size_t *ret_count) {
    struct row_taker taker = {.rows = rows, .arena = arena};
    struct store_pin_document *documents = take_rows(&taker, sizeof *documents);
    for (int row = 0; !taker.failed && row < rows->count; row++)
        take_document(&taker, row, &documents[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_documents = documents;
    *ret_count = (size_t) rows->count;
    return OK;
}

result store_pin_document_read(const struct store_pin_document *stored, struct arena *arena, struct pin_document *ret_document, struct reason *reason) {
    struct pin_document document = {.source = stored->name, .format = stored->format};
    struct reason why = {""};
    result outcome = pin_yaml_read(span_of_text(stored->content), arena, &document, &why);
    if (outcome == &fault_no_memory)
        return outcome;
    /* We wrote it: what cannot be read of it was written by another version. */
    for (size_t i = 0; outcome == OK && i < document.remark_count; i++)
        if (document.remarks[i].kind == PIN_REMARK_ERROR)
            outcome = reason_set(&why, &fault_pin_file, "%s", document.remarks[i].text);
    if (outcome != OK)
        return reason_set(reason, &fault_pin_file, "pins \"%s\", version %d: %s; wanted pins that this version of pinwatch can read", stored->name,
                          stored->version, why.text);
    *ret_document = document;
    return OK;
}

result store_pin_documents_list(struct store *store, const struct store_pin_question *question, struct arena *arena,
                                struct store_pin_document **ret_documents, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    CLEANUP(rows_done) struct store_rows rows = {0};
    params_int4(&params, question->tenant_id);
    params_text(&params, question->name);
    params_bool(&params, question->with_content);
    params_int8(&params, question->limit == 0 ? LIMIT_ALL : question->limit);
    TRY(store_ask(store,
                  "SELECT " DOCUMENT_COLUMNS("CASE WHEN $3 THEN content ELSE '' END", "set_who", "coalesce(ended_who, '')") " FROM pin_document"
                  " WHERE tenant_id = $1 AND CASE WHEN $2 IS NULL THEN until_at IS NULL ELSE name = $2 END ORDER BY name, version DESC LIMIT $4",
                  &params, DOCUMENT_SHAPE "t", ROWS_ANY, &rows));
    return take_documents(store, &rows, arena, ret_documents, ret_count);
}

/* ------------------------------------------------------------------ releases */

#define RELEASE_SHAPE "nttti?f?i?js?nBBts"
#define RELEASE_COLUMNS(who) \
    "tenant_id, app, platform, version, extract(epoch FROM released_on)::bigint, share, extract(epoch FROM end_of_support)::bigint, to_jsonb(pins), " \
    "retired_at, revision, is_applied, set_by = 'apply', " who ", from_at"

static const char *const *take_names(struct row_taker *taker, int row, int column) {
    json_t *list = json_loads(rows_text(taker->rows, row, column), 0, NULL);
    const char **names = arena_take_array(taker->arena, json_array_size(list) + 1, sizeof *names);
    taker->failed |= list == NULL || names == NULL;
    for (size_t i = 0; !taker->failed && i < json_array_size(list); i++) {
        names[i] = arena_copy_text(taker->arena, json_string_value(json_array_get(list, i)));
        taker->failed |= names[i] == NULL;
    }
    json_decref(list);
    return names;
}

static void take_release(struct row_taker *taker, int row, struct store_release *ret_release) {
    const struct store_rows *rows = taker->rows;
    *ret_release = (struct store_release){
        .tenant_id = rows_int4(rows, row, 0), .retired_ms = rows_time_ms(rows, row, 8), .revision = rows_int4(rows, row, 9),
        .is_applied = rows_bool(rows, row, 10), .set_by_apply = rows_bool(rows, row, 11), .set_who = take_text(taker, row, 12),
        .from_ms = rows_time_ms(rows, row, 13)};
    ret_release->facts = (struct release){
        .app = take_text(taker, row, 1), .platform = take_text(taker, row, 2), .version = take_text(taker, row, 3),
        .has_released_on = !rows_is_null(rows, row, 4), .released_on = rows_int8(rows, row, 4), .has_share = !rows_is_null(rows, row, 5),
        .share = rows_double(rows, row, 5), .has_end_of_support = !rows_is_null(rows, row, 6), .end_of_support = rows_int8(rows, row, 6),
        .pins = take_names(taker, row, 7), .is_retired = !rows_is_null(rows, row, 8)};
}

static result take_releases(struct store *store, const struct store_rows *rows, struct arena *arena, struct store_release **ret_releases, size_t *ret_count) {
    struct row_taker taker = {.rows = rows, .arena = arena};
    struct store_release *releases = take_rows(&taker, sizeof *releases);
    for (int row = 0; !taker.failed && row < rows->count; row++)
        take_release(&taker, row, &releases[row]);
    if (taker.failed)
        return store_no_memory(store);
    *ret_releases = releases;
    *ret_count = (size_t) rows->count;
    return OK;
}

result store_releases_list(struct store *store, const struct store_release_question *question, struct arena *arena, struct store_release **ret_releases,
                           size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    CLEANUP(rows_done) struct store_rows rows = {0};
    params_int4(&params, question->tenant_id);
    params_text(&params, question->app);
    params_bool(&params, question->with_retired);
    params_int8(&params, question->limit == 0 ? LIMIT_ALL : question->limit);
    TRY(store_ask(store,
                  "SELECT " RELEASE_COLUMNS("set_who") " FROM release WHERE tenant_id = $1 AND until_at IS NULL AND ($2 IS NULL OR app = $2)"
                  " AND ($3 OR retired_at IS NULL) ORDER BY app, platform, released_on NULLS FIRST, version LIMIT $4",
                  &params, RELEASE_SHAPE, ROWS_ANY, &rows));
    return take_releases(store, &rows, arena, ret_releases, ret_count);
}

/* ------------------------------------------------------------------ everything, for the monitor */

static result load_documents(struct store *store, struct arena *arena, struct store_pins *pins) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT " DOCUMENT_COLUMNS("content", "''", "''") " FROM pin_document WHERE until_at IS NULL ORDER BY tenant_id, name COLLATE \"C\"", NULL,
                  DOCUMENT_SHAPE "t", ROWS_ANY, &rows));
    return take_documents(store, &rows, arena, &pins->documents, &pins->document_count);
}

static result load_releases(struct store *store, struct arena *arena, struct store_pins *pins) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT " RELEASE_COLUMNS("''") " FROM release WHERE until_at IS NULL AND retired_at IS NULL"
                  " ORDER BY tenant_id, app, platform, released_on NULLS FIRST, version",
                  NULL, RELEASE_SHAPE, ROWS_ANY, &rows));
    return take_releases(store, &rows, arena, &pins->releases, &pins->release_count);
}

static result load_all(struct store *store, struct arena *arena, struct store_pins *pins) {
    TRY(store_do(store, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", NULL));
    TRY(store_pins_generation(store, &pins->generation));
    TRY(load_documents(store, arena, pins));
    return load_releases(store, arena, pins);
}

result store_pins_load(struct store *store, struct arena *arena, struct store_pins *ret_pins) {
    struct store_pins pins = {0};
    TRY(store_begin(store));
    result outcome = load_all(store, arena, &pins);
    if (outcome != OK) {
        store_rollback(store);
        return outcome;
    }
    TRY(store_commit(store));
    *ret_pins = pins;
    return OK;
}

/* The first document that is not before the tenant's name, in the order of the list. */
static size_t place_of(const struct store_pins *pins, int32_t tenant_id, const char *name) {
    size_t low = 0, high = pins->document_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct store_pin_document *document = &pins->documents[middle];
        if (document->tenant_id < tenant_id || (document->tenant_id == tenant_id && strcmp(document->name, name) < 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct store_pin_document *store_pins_find(const struct store_pins *pins, int32_t tenant_id, const char *name, size_t *ret_count) {
    char parts[PIN_DOCUMENT_NAME_MAX + 2];
    size_t place = place_of(pins, tenant_id, name), size = strlen(name) + 1;
    *ret_count = 0;
    if (size >= sizeof parts)
        return pins->documents;
    if (place < pins->document_count && pins->documents[place].tenant_id == tenant_id && strcmp(pins->documents[place].name, name) == 0) {
        *ret_count = 1;
        return &pins->documents[place];
    }
    memcpy(parts, name, size - 1);
    memcpy(parts + size - 1, "/", 2);
    place = place_of(pins, tenant_id, parts);
    for (size_t i = place; i < pins->document_count && pins->documents[i].tenant_id == tenant_id && strncmp(pins->documents[i].name, parts, size) == 0; i++)
        (*ret_count)++;
    return pins->documents + place;
}

/* ------------------------------------------------------------------ changes by people */

static void params_author(struct store_params *params, const struct store_author *author) {
    params_text(params, author->is_apply ? "apply" : "cli");
    params_text(params, author->who);
    params_time_ms(params, author->now_ms);
}

static void add_document(struct payload *payload, json_t *list, const struct store_pin_document *document) {
    json_t *item = payload_append(payload, list);
    payload_text(payload, item, "name", document->name);
    payload_text(payload, item, "content", document->content);
    payload_text(payload, item, "source", document->source);
    payload_text(payload, item, "format", pin_format_name(document->format));
    payload_hash(payload, item, "sha256", &document->sha256);
}

static result take_outcomes(struct store *store, const struct store_rows *rows, const struct store_pin_document *documents, struct arena *arena,
                            struct store_pin_outcome *outcomes) {
    struct row_taker taker = {.rows = rows, .arena = arena};
    for (int row = 0; row < rows->count; row++)
        for (int i = 0; i < rows->count; i++) {
            const char *change = rows_text(rows, row, 2);
            if (strcmp(rows_text(rows, row, 0), documents[i].name) == 0)
                outcomes[i] = (struct store_pin_outcome){
                    .name = documents[i].name, .version = rows_int4(rows, row, 1), .before = take_text(&taker, row, 3),
                    .change = strcmp(change, "add") == 0 ? STORE_PIN_ADDED : strcmp(change, "change") == 0 ? STORE_PIN_CHANGED : STORE_PIN_SAME};
        }
    return taker.failed ? store_no_memory(store) : OK;
}

static result send_documents(struct store *store, const struct store_author *author, const char *list, struct store_rows *rows) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, author->tenant_id);
    params_json(&params, list);
    params_author(&params, author);
    return store_ask(store, "SELECT name, version, change, before FROM pin_documents_set($1, $2, $3, $4, $5)", &params, "tntt", ROWS_ANY, rows);
}

result store_pin_documents_set(struct store *store, const struct store_author *author, const struct store_pin_document *documents, size_t count,
                               struct arena *arena, struct store_pin_outcome **ret_outcomes) {
    CLEANUP(payload_done) struct payload payload;
    CLEANUP(rows_done) struct store_rows rows = {0};
    struct store_pin_outcome *outcomes = arena_take_array(arena, count + 1, sizeof *outcomes);
    if (payload_init(&payload) != OK || outcomes == NULL)
        return store_no_memory(store);
    json_t *list = payload_array(&payload, payload.root, "documents");
    for (size_t i = 0; i < count; i++)
        add_document(&payload, list, &documents[i]);
    char *json = payload_dump(&payload, list);
    if (json == NULL)
        return store_no_memory(store);
    result outcome = send_documents(store, author, json, &rows);
    memory_free_foreign(json);
    TRY(outcome);
    if ((size_t) rows.count != count)
        return store_fail(store, &fault_store_rows, "pins: the database answered %d rows about %zu documents", rows.count, count);
    TRY(take_outcomes(store, &rows, documents, arena, outcomes));
    *ret_outcomes = outcomes;
    return OK;
}

result store_pin_document_remove(struct store *store, const struct store_author *author, const char *name) {
    CLEANUP(params_done) struct store_params params = {0};
    CLEANUP(rows_done) struct store_rows rows = {0};
    params_int4(&params, author->tenant_id);
    params_text(&params, name);
    params_author(&params, author);
    TRY(store_ask(store, "SELECT pin_document_remove($1, $2, $3, $4, $5)", &params, "B", ROWS_ONE, &rows));
    if (!rows_bool(&rows, 0, 0))
        return store_fail(store, &fault_store_not_found, "pins: there is no document \"%s\"; `pinwatch pins list` shows those that there are", name);
    return OK;
}

static void add_date(struct payload *payload, json_t *item, const char *name, bool has_date, int64_t unix_seconds) {
    char text[RFC3339_SIZE];
    text_of_time(unix_seconds, text);
    text[sizeof "2026-11-21" - 1] = '\0';
    payload_set(payload, item, name, has_date ? json_string(text) : json_null());
}

static void add_release(struct payload *payload, json_t *list, const struct release *release) {
    json_t *item = payload_append(payload, list);
    payload_text(payload, item, "app", release->app);
    payload_text(payload, item, "platform", release->platform);
    payload_text(payload, item, "version", release->version);
    add_date(payload, item, "released_on", release->has_released_on, release->released_on);
    add_date(payload, item, "end_of_support", release->has_end_of_support, release->end_of_support);
    payload_set(payload, item, "share", release->has_share ? json_real(release->share) : json_null());
    json_t *pins = payload_array(payload, item, "pins");
    for (size_t i = 0; release->pins[i] != NULL; i++)
        payload_append_value(payload, pins, json_of_text(release->pins[i]));
}

static result send_releases(struct store *store, const struct store_releases_wish *wish, const char *list, struct store_rows *rows) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, wish->author->tenant_id);
    params_json(&params, list);
    params_bool(&params, wish->revives);
    params_author(&params, wish->author);
    TRY(store_begin(store));
    result outcome = store_ask(store, "SELECT 'release', concat_ws(' ', app, platform, version), change, before, after FROM releases_set($1, $2, $3, $4, $5, $6)", &params,
                               CHANGE_SHAPE, ROWS_ANY, rows);
    if (outcome == OK && !wish->is_dry_run)
        return store_commit(store);
    store_rollback(store);
    return outcome;
}

result store_releases_set(struct store *store, const struct store_releases_wish *wish, struct arena *arena, struct store_change **ret_changes,
                          size_t *ret_count) {
    CLEANUP(payload_done) struct payload payload;
    CLEANUP(rows_done) struct store_rows rows = {0};
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    json_t *list = payload_array(&payload, payload.root, "releases");
    for (size_t i = 0; i < wish->count; i++)
        add_release(&payload, list, &wish->releases[i]);
    char *json = payload_dump(&payload, list);
    if (json == NULL)
        return store_no_memory(store);
    result outcome = send_releases(store, wish, json, &rows);
    memory_free_foreign(json);
    TRY(outcome);
    struct change_list changes = {0};
    TRY(take_changes(store, &rows, arena, &changes));
    *ret_changes = changes.items;
    *ret_count = changes.count;
    return OK;
}

result store_release_retire(struct store *store, const struct store_author *author, const struct release *release, bool *ret_was_live) {
    CLEANUP(params_done) struct store_params params = {0};
    CLEANUP(rows_done) struct store_rows rows = {0};
    params_int4(&params, author->tenant_id);
    params_text(&params, release->app);
    params_text(&params, release->platform);
    params_text(&params, release->version);
    params_author(&params, author);
    TRY(store_ask(store, "SELECT release_retire($1, $2, $3, $4, $5, $6, $7)", &params, "B?", ROWS_ONE, &rows));
    if (rows_is_null(&rows, 0, 0))
        return store_fail(store, &fault_store_not_found, "releases: there is no release \"%s %s %s\"; `pinwatch releases list` shows those that there are",
                          release->app, release->platform, release->version);
    *ret_was_live = rows_bool(&rows, 0, 0);
    return OK;
}

/* ------------------------------------------------------------------ with everything else that people set */

result take_changes(struct store *store, const struct store_rows *rows, struct arena *arena, struct change_list *ret_changes) {
    struct row_taker taker = {.rows = rows, .arena = arena};
    struct store_change *changes = take_rows(&taker, sizeof *changes);
    for (int row = 0; !taker.failed && row < rows->count; row++)
        changes[row] = (struct store_change){.what = take_text(&taker, row, 0), .name = take_text(&taker, row, 1), .change = take_text(&taker, row, 2),
                                             .before = take_text(&taker, row, 3), .after = take_text(&taker, row, 4)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_changes = (struct change_list){.items = changes, .count = (size_t) rows->count};
    return OK;
}

static result releases_data_load(struct store *store, const struct store_params *params, struct arena *arena, struct store_data *data) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT " RELEASE_COLUMNS("set_who") " FROM release WHERE tenant_id = $1 AND until_at IS NULL AND retired_at IS NULL AND (NOT $2 OR is_applied)"
                  " ORDER BY app, platform, released_on NULLS FIRST, version",
                  params, RELEASE_SHAPE, ROWS_ANY, &rows));
    return take_releases(store, &rows, arena, &data->releases, &data->release_count);
}

result pins_data_load(struct store *store, const struct store_params *params, struct arena *arena, struct store_data *data) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store,
                  "SELECT " DOCUMENT_COLUMNS("content", "set_who", "''") " FROM pin_document WHERE tenant_id = $1 AND until_at IS NULL AND (NOT $2 OR is_applied)"
                  " ORDER BY name",
                  params, DOCUMENT_SHAPE "t", ROWS_ANY, &rows));
    TRY(take_documents(store, &rows, arena, &data->documents, &data->document_count));
    return releases_data_load(store, params, arena, data);
}

static result send_apply(struct store *store, const struct store_author *author, const char *documents, const char *releases, struct store_rows *rows) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, author->tenant_id);
    params_json(&params, documents);
    params_json(&params, releases);
    params_text(&params, author->who);
    params_time_ms(&params, author->now_ms);
    return store_ask(store, "SELECT what, name, change, before, after FROM pins_apply($1, $2, $3, $4, $5)", &params, CHANGE_SHAPE, ROWS_ANY, rows);
}

result pins_apply_ask(struct store *store, const struct store_apply *apply, struct arena *arena, struct change_list *ret_changes) {
    const struct store_data *wanted = apply->wanted;
    CLEANUP(payload_done) struct payload payload;
    CLEANUP(rows_done) struct store_rows rows = {0};
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    json_t *documents = payload_array(&payload, payload.root, "documents"), *releases = payload_array(&payload, payload.root, "releases");
    for (size_t i = 0; i < wanted->document_count; i++)
        add_document(&payload, documents, &wanted->documents[i]);
    for (size_t i = 0; i < wanted->release_count; i++)
        add_release(&payload, releases, &wanted->releases[i].facts);
    char *document_list = payload_dump(&payload, documents), *release_list = payload_dump(&payload, releases);
    result outcome = document_list == NULL || release_list == NULL ? store_no_memory(store) : send_apply(store, apply->author, document_list, release_list, &rows);
    memory_free_foreign(document_list);
    memory_free_foreign(release_list);
    TRY(outcome);
    return take_changes(store, &rows, arena, ret_changes);
}
