/* What the CAA poller writes: its lease, the names that it takes up, one commit after the other. */
#include <xxhash.h>

#include "base/memory.h"
#include "store/caa_poll.h"
#include "store/payload.h"

#define PAGE_CERTIFICATES 1000
#define FRESH_CERTIFICATES 1000
#define LEASE_SECONDS_MAX 86400
#define DAY_MS ((int64_t) 86400 * 1000)

/* ---- lease and names */

result store_caa_lease_take(struct store *store, unsigned ttl_seconds, struct store_caa_lease *lease) {
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, lease->holder);
    params_text(&params, lease->predecessor);
    params_int4(&params, ttl_seconds > LEASE_SECONDS_MAX ? LEASE_SECONDS_MAX : (int32_t) ttl_seconds);
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT fencing, commits FROM caa_lease_take($1, $2, $3)", &params, "ii", ROWS_ONE, &rows));
    int64_t fencing = rows_int8(&rows, 0, 0);
    if (fencing != lease->fencing) /* while it stays the same, only its holder knows whether a commit must be sent again */
        lease->commits = rows_int8(&rows, 0, 1);
    lease->fencing = fencing;
    return OK;
}

static void add_lease(struct store_params *params, const struct store_caa_lease *lease) {
    params_text(params, lease->holder);
    params_int8(params, lease->fencing);
}

result store_caa_lease_release(struct store *store, const struct store_caa_lease *lease) {
    CLEANUP(params_done) struct store_params params = {0};
    add_lease(&params, lease);
    return store_do(store, "SELECT caa_lease_release($1, $2)", &params);
}

static result ask_names(struct store *store, const char *sql, const struct store_params *params, struct arena *arena,
                        struct store_caa_name **ret_names, size_t *ret_count) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, sql, params, "is?t?", ROWS_ANY, &rows));
    struct row_taker taker = {.rows = &rows, .arena = arena};
    struct store_caa_name *names = take_rows(&taker, sizeof *names);
    for (int row = 0; !taker.failed && row < rows.count; row++)
        names[row] = (struct store_caa_name){.certificate_id = rows_int8(&rows, row, 0), .not_after_ms = rows_time_ms(&rows, row, 1),
                                             .name = take_text(&taker, row, 2)};
    if (taker.failed)
        return store_no_memory(store);
    *ret_names = names;
    *ret_count = (size_t) rows.count;
    return OK;
}

result store_caa_names_page(struct store *store, int64_t after_id, int64_t now_ms, struct arena *arena, struct store_caa_name **ret_names,
                            size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    params_int8(&params, after_id);
    params_int4(&params, PAGE_CERTIFICATES);
    params_time_ms(&params, now_ms);
    return ask_names(store, "SELECT certificate_id, not_after, name FROM caa_names_page($1, $2, $3)", &params, arena, ret_names, ret_count);
}

result store_caa_names_fresh(struct store *store, const struct store_caa_lease *lease, int64_t now_ms, struct arena *arena,
                             struct store_caa_name **ret_names, size_t *ret_count) {
    CLEANUP(params_done) struct store_params params = {0};
    add_lease(&params, lease);
    params_int4(&params, FRESH_CERTIFICATES);
    params_time_ms(&params, now_ms);
    return ask_names(store, "SELECT certificate_id, not_after, name FROM caa_names_fresh($1, $2, $3, $4)", &params, arena, ret_names, ret_count);
}

result store_caa_names_forget(struct store *store, const struct store_caa_lease *lease) {
    CLEANUP(params_done) struct store_params params = {0};
    add_lease(&params, lease);
    return store_do(store, "SELECT caa_names_forget($1, $2)", &params);
}

/* ---- commits */

struct store_caa_commit {
    struct payload payload;
    json_t *continued, *begun, *accepted, *changes, *conditions; /* borrowed from the payload */
};

void store_caa_commit_free(struct store_caa_commit *commit) {
    if (commit == NULL)
        return;
    payload_done(&commit->payload);
    memory_free(commit);
}

result store_caa_commit_new(struct store_caa_commit **ret_commit) {
    struct store_caa_commit *commit = memory_new(sizeof *commit);
    if (commit == NULL)
        return &fault_no_memory;
    if (payload_init(&commit->payload) != OK) {
        memory_free(commit);
        return &fault_no_memory;
    }
    commit->continued = payload_array(&commit->payload, commit->payload.root, "continued");
    commit->begun = payload_array(&commit->payload, commit->payload.root, "begun");
    commit->accepted = payload_array(&commit->payload, commit->payload.root, "accepted");
    commit->changes = payload_array(&commit->payload, commit->payload.root, "changes");
    commit->conditions = payload_array(&commit->payload, commit->payload.root, "conditions");
    *ret_commit = commit;
    return OK;
}

static void add_texts(struct payload *payload, json_t *item, const char *name, const char *const *texts, size_t count) {
    json_t *list = payload_array(payload, item, name);
    for (size_t i = 0; i < count; i++)
        payload_append_value(payload, list, json_of_text(texts[i]));
}

static void add_flag(struct payload *payload, json_t *item, const char *name, bool value) {
    payload_set(payload, item, name, json_boolean(value));
}

void store_caa_add_answer(struct store_caa_commit *commit, const struct store_caa_answer *row) {
    struct payload *payload = &commit->payload;
    const struct caa_answer *answer = row->answer;
    json_t *item = payload_append(payload, row->begins ? commit->begun : commit->continued);
    payload_text(payload, item, "owner", row->owner);
    payload_text(payload, item, "resolver", row->resolver);
    payload_text(payload, item, "why", answer->why);
    payload_text(payload, item, "detail", answer->detail);
    payload_number(payload, item, "answered_ms", row->answered_ms);
    payload_number(payload, item, "true_ms", row->last_true_ms);
    payload_number(payload, item, "interval_s", row->interval_s);
    payload_number(payload, item, "ttl_max_s", row->ttl_max_s);
    add_flag(payload, item, "is_nonexistent", answer->is_nonexistent);
    add_texts(payload, item, "chain", answer->chain, answer->chain_count);
    if (!row->begins) {
        payload_number(payload, item, "first_true_ms", row->first_true_ms);
        return;
    }
    payload_text(payload, item, "outcome", caa_outcome_name(answer->outcome));
    payload_blob(payload, item, "records", row->records);
    payload_number(payload, item, "ttl_s", answer->ttl_s);
    add_flag(payload, item, "is_from_validator", answer->is_from_validator);
    add_flag(payload, item, "is_authenticated", answer->is_authenticated);
    if (!row->has_good)
        return;
    payload_text(payload, item, "good_outcome", caa_outcome_name(row->good_outcome));
    payload_blob(payload, item, "good_records", row->good_records);
    payload_number(payload, item, "good_ms", row->good_ms);
}

void store_caa_add_accepted(struct store_caa_commit *commit, const struct store_caa_answer *row) {
    struct payload *payload = &commit->payload;
    json_t *item = payload_append(payload, commit->accepted);
    payload_text(payload, item, "owner", row->owner);
    payload_text(payload, item, "outcome", caa_outcome_name(row->answer->outcome));
    payload_blob(payload, item, "records", row->records);
    payload_text(payload, item, "resolver", row->resolver);
    payload_number(payload, item, "at_ms", row->answered_ms);
}

static void add_told(struct payload *payload, json_t *item, const struct store_caa_told *told, size_t count) {
    json_t *tenants = payload_array(payload, item, "tenants");
    for (size_t i = 0; i < count; i++) {
        json_t *tenant = payload_append(payload, tenants);
        payload_number(payload, tenant, "tenant", told[i].tenant_id);
        payload_text(payload, tenant, "severity", told[i].severity);
        payload_set(payload, tenant, "body", json_loads(told[i].body, JSON_REJECT_DUPLICATES, NULL));
        if (told[i].telling != NULL)
            payload_text(payload, tenant, "telling", told[i].telling);
        if (told[i].restless != NULL)
            payload_set(payload, tenant, "restless", json_loads(told[i].restless, JSON_REJECT_DUPLICATES, NULL));
    }
}

static void add_unrest(struct payload *payload, json_t *change, const struct caa_unrest *unrest) {
    json_t *item = json_object();
    payload_set(payload, change, "unrest", item);
    payload_number(payload, item, "since_ms", unrest->since_ms);
    payload_number(payload, item, "last_ms", unrest->last_ms);
    payload_number(payload, item, "changes", unrest->changes);
    add_flag(payload, item, "is_restless", unrest->is_restless);
    json_t *recent = payload_array(payload, item, "recent_ms");
    for (size_t i = 0; i < CAA_RESTLESS_FROM - 1; i++)
        if (unrest->recent_ms[i] != 0)
            payload_append_value(payload, recent, json_integer(unrest->recent_ms[i]));
}

void store_caa_add_change(struct store_caa_commit *commit, const struct store_caa_change_item *change) {
    struct payload *payload = &commit->payload;
    json_t *item = payload_append(payload, commit->changes);
    payload_text(payload, item, "owner", change->owner);
    payload_text(payload, item, "resolver", change->resolver);
    payload_number(payload, item, "at_ms", change->at_ms);
    payload_text(payload, item, "before_outcome", caa_outcome_name(change->before_outcome));
    payload_blob(payload, item, "before", change->before);
    payload_text(payload, item, "after_outcome", caa_outcome_name(change->after_outcome));
    payload_blob(payload, item, "after", change->after);
    add_texts(payload, item, "gained", change->gained->domains, change->gained->count);
    add_flag(payload, item, "is_any_gained", change->gained->is_any);
    add_texts(payload, item, "wildcard_gained", change->wildcard_gained->domains, change->wildcard_gained->count);
    add_flag(payload, item, "is_wildcard_any_gained", change->wildcard_gained->is_any);
    add_unrest(payload, item, change->unrest);
    add_told(payload, item, change->told, change->told_count);
}

void store_caa_add_condition(struct store_caa_commit *commit, const struct store_caa_condition_item *condition) {
    struct payload *payload = &commit->payload;
    json_t *item = payload_append(payload, commit->conditions);
    payload_text(payload, item, "rule", condition->rule);
    payload_text(payload, item, "subject", condition->subject);
    payload_text(payload, item, "fingerprint", condition->fingerprint);
    payload_text(payload, item, "note", condition->note);
    add_told(payload, item, condition->told, condition->told_count);
}

bool store_caa_commit_is_empty(const struct store_caa_commit *commit) {
    return json_array_size(commit->continued) + json_array_size(commit->begun) + json_array_size(commit->accepted) +
               json_array_size(commit->changes) + json_array_size(commit->conditions) == 0;
}

/* ---- parts */

#define LISTS 5

static void lists_of(const struct store_caa_commit *commit, json_t *ret_lists[LISTS]) {
    json_t *lists[LISTS] = {commit->continued, commit->begun, commit->accepted, commit->changes, commit->conditions};
    memcpy(ret_lists, lists, sizeof lists);
}

static const char *owner_of(const json_t *item) {
    const char *owner = json_string_value(json_object_get(item, "owner")), *subject = json_string_value(json_object_get(item, "subject"));
    if (owner != NULL || subject == NULL)
        return owner == NULL ? "" : owner;
    return strncmp(subject, "caa:", 4) == 0 ? subject + 4 : subject;
}

static bool is_in(const char *owner, struct store_caa_part part) {
    uint64_t mask = part.depth >= 64 ? UINT64_MAX : ((uint64_t) 1 << part.depth) - 1;
    return (XXH3_64bits(owner, strlen(owner)) & mask) == (part.bits & mask);
}

result store_caa_commit_part(const struct store_caa_commit *commit, struct store_caa_part part, struct store_caa_commit **ret_part) {
    struct store_caa_commit *made;
    json_t *from[LISTS], *to[LISTS];
    TRY(store_caa_commit_new(&made));
    lists_of(commit, from);
    lists_of(made, to);
    made->payload.failed |= commit->payload.failed;
    for (size_t i = 0; i < commit->payload.blob_count && !made->payload.failed; i++) { /* all: items go by their numbers */
        struct span *blobs = memory_grow(made->payload.blobs, i, &made->payload.blob_room, sizeof *blobs);
        made->payload.failed |= blobs == NULL;
        made->payload.blobs = blobs == NULL ? made->payload.blobs : blobs;
        if (blobs != NULL)
            blobs[made->payload.blob_count++] = commit->payload.blobs[i];
    }
    for (size_t list = 0; list < LISTS; list++)
        for (size_t i = 0; i < json_array_size(from[list]); i++)
            if (is_in(owner_of(json_array_get(from[list], i)), part))
                payload_append_value(&made->payload, to[list], json_incref(json_array_get(from[list], i)));
    if (made->payload.failed) {
        store_caa_commit_free(made);
        return &fault_no_memory;
    }
    *ret_part = made;
    return OK;
}

unsigned store_caa_commit_owners(const struct store_caa_commit *commit, const char **ret_owner) {
    json_t *lists[LISTS];
    lists_of(commit, lists);
    *ret_owner = "";
    unsigned count = 0;
    for (size_t list = 0; list < LISTS; list++)
        for (size_t i = 0; i < json_array_size(lists[list]) && count < 2; i++) {
            const char *owner = owner_of(json_array_get(lists[list], i));
            *ret_owner = count == 0 ? owner : *ret_owner;
            count += count == 0 || strcmp(owner, *ret_owner) != 0;
        }
    return count;
}

bool store_caa_commit_is_about(const struct store_caa_commit *commit, const char *owner) {
    json_t *lists[LISTS];
    lists_of(commit, lists);
    for (size_t list = 0; list < LISTS; list++)
        for (size_t i = 0; i < json_array_size(lists[list]); i++)
            if (strcmp(owner_of(json_array_get(lists[list], i)), owner) == 0)
                return true;
    return false;
}

void store_caa_commit_drop(struct store_caa_commit *commit, const char *owner) {
    json_t *lists[LISTS];
    lists_of(commit, lists);
    for (size_t list = 0; list < LISTS; list++)
        for (size_t i = json_array_size(lists[list]); i-- > 0;)
            if (strcmp(owner_of(json_array_get(lists[list], i)), owner) == 0)
                json_array_remove(lists[list], i);
}

result store_caa_commit_send(struct store *store, const struct store_caa_lease *lease, struct store_caa_commit *commit, int64_t now_ms) {
    char *json = payload_dump(&commit->payload, NULL);
    if (json == NULL)
        return store_no_memory(store);
    CLEANUP(params_done) struct store_params params = {0};
    add_lease(&params, lease);
    params_int8(&params, lease->commits + 1);
    params_time_ms(&params, now_ms);
    params_json(&params, json);
    params_bytes_array(&params, commit->payload.blobs, commit->payload.blob_count);
    result outcome = store_do(store, "SELECT caa_record($1, $2, $3, $4, $5, $6)", &params);
    memory_free_foreign(json);
    return outcome;
}

/* ---- status */

static void add_time(struct payload *payload, json_t *item, const char *name, int64_t ms) {
    payload_set(payload, item, name, ms == 0 ? json_null() : json_integer(ms));
}

static void add_status(struct payload *payload, json_t *list, const struct store_caa_status *row) {
    json_t *item = payload_append(payload, list);
    payload_text(payload, item, "resolver", row->resolver);
    add_flag(payload, item, "is_validating", row->is_validating);
    payload_text(payload, item, "state", row->state);
    payload_unsigned(payload, item, "owners", row->owners);
    payload_unsigned(payload, item, "owners_failing", row->owners_failing);
    payload_set(payload, item, "answers_per_second", json_real(row->answers_per_second));
    payload_set(payload, item, "overdue_seconds", json_real(row->overdue_seconds));
    payload_text(payload, item, "last_error", row->last_error);
    add_time(payload, item, "last_error_ms", row->last_error_ms);
    add_time(payload, item, "last_success_ms", row->last_success_ms);
}

result store_caa_status_save(struct store *store, const struct store_caa_lease *lease, const struct store_caa_status *rows, size_t count, int64_t now_ms) {
    CLEANUP(payload_done) struct payload payload;
    if (payload_init(&payload) != OK)
        return store_no_memory(store);
    json_t *list = payload_array(&payload, payload.root, "rows");
    for (size_t i = 0; i < count; i++)
        add_status(&payload, list, &rows[i]);
    char *json = payload_dump(&payload, list);
    if (json == NULL)
        return store_no_memory(store);
    CLEANUP(params_done) struct store_params params = {0};
    add_lease(&params, lease);
    params_json(&params, json);
    params_time_ms(&params, now_ms);
    result outcome = store_do(store, "SELECT caa_status_save($1, $2, $3, $4)", &params);
    memory_free_foreign(json);
    return outcome;
}

result store_caa_keep_house(struct store *store, unsigned retention_days, int64_t now_ms) {
    CLEANUP(params_done) struct store_params span = {0};
    params_time_ms(&span, now_ms - 31 * DAY_MS);
    params_time_ms(&span, now_ms + 92 * DAY_MS);
    TRY(store_do(store, "SELECT caa_ensure_partitions($1, $2)", &span));
    TRY(store_do(store, "SELECT caa_names_tidy()", NULL));
    if (retention_days == 0)
        return OK;
    CLEANUP(params_done) struct store_params before = {0};
    params_time_ms(&before, now_ms - retention_days * DAY_MS);
    params_int4(&before, (int32_t) retention_days); /* a clock that runs ahead drops nothing: heads are signed, and date from today */
    return store_do(store, "SELECT caa_drop_older(least($1, coalesce((SELECT max(head_time) FROM position), '-infinity')"
                           " + make_interval(days => 1 - $2)))", &before);
}
