/* Which names are polled: those that are watched, those of unexpired certificates that matched, and what is above them; and what is recorded of
 * each. All names are read when the lease comes, after a change of watches, and once a day; what matches meanwhile comes by itself. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/caa_poller.h"

#define PAGES_PER_CALL 5
#define LOADED_PER_CALL 10000
#define CHUNK 5000
#define FRESH_EVERY_MS 1000
#define SWEEP_EVERY_MS 5000 /* what was in use when it was due to leave, leaves with the next one */
#define SCAN_EVERY_MS ((int64_t) 24 * 3600 * 1000)
#define SUBJECT_SIZE (DNS_NAME_TEXT_SIZE + 8)

static result hurry(struct caa_poller *poller, struct caa_owner *owner, int64_t now_ms) {
    for (struct caa_owner *at = owner; at != NULL; at = at->parent)
        for (size_t i = 0; i < poller->resolver_count && !at->is_loading; i++)
            TRY(caa_owners_schedule(poller->owners, at, i, now_ms));
    return OK;
}

/* An owner that was just added, and its ancestors, as far as they are new. */
static result note_new(struct caa_poller *poller, struct caa_owner *owner) {
    for (struct caa_owner *at = owner; at != NULL && at->is_new; at = at->parent) {
        void *grown = memory_grow(poller->fresh, poller->fresh_count, &poller->fresh_room, sizeof(struct caa_owner *));
        if (grown == NULL)
            return &fault_no_memory;
        poller->fresh = grown;
        poller->fresh[poller->fresh_count++] = at;
        caa_watches_assign(&poller->watches, at);
        at->is_new = false;
        at->is_loading = true;
    }
    return OK;
}

static result add_name(struct caa_poller *poller, const char *text, struct caa_owner **ret_owner) {
    struct dns_name name;
    *ret_owner = NULL;
    if (!caa_owner_name_of(text, &name))
        return OK;
    TRY(caa_owners_add(poller->owners, &name, ret_owner));
    if (*ret_owner == NULL)
        caa_left_out_add(&poller->room.left_out, text);
    if (*ret_owner == NULL && !poller->said_full) {
        poller->said_full = true;
        log_say(LOG_WARNING, "caa.too-many-names", LOG_NUMBER("names", poller->owners->count), LOG_TEXT("name", text),
                LOG_TEXT("effect", "further names are not polled"));
    }
    return *ret_owner == NULL ? OK : note_new(poller, *ret_owner);
}

/* ---- watches */

static result copy_watches(const struct watch_set *set, struct arena *arena, struct caa_watch **ret_list, size_t *ret_count) {
    struct caa_watch *list = arena_take_array(arena, watch_set_count(set) + 1, sizeof *list);
    size_t count = 0;
    if (list == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < watch_set_count(set); i++) {
        const struct store_watch *row = watch_set_row(set, i);
        if (row->kind != WATCH_NAME && row->kind != WATCH_SUBTREE)
            continue;
        const char *value = arena_copy_text(arena, row->value);
        if (value == NULL)
            return &fault_no_memory;
        list[count++] = (struct caa_watch){.tenant_id = row->tenant_id, .is_subtree = row->kind == WATCH_SUBTREE, .value = value};
    }
    caa_watches_sort(list, count);
    *ret_list = list;
    *ret_count = count;
    return OK;
}

static bool has_other_watches(const struct caa_watches *old, const struct caa_watches *new, const struct caa_owner *owner, uint32_t first, uint32_t count) {
    if (count != owner->watch_count)
        return true;
    for (uint32_t i = 0; i < count; i++) {
        const struct caa_watch *a = &old->list[first + i], *b = &new->list[owner->watch_first + i];
        if (a->tenant_id != b->tenant_id || a->is_subtree != b->is_subtree)
            return true;
    }
    return false;
}

/* Somebody else is concerned by this name now, by what is above it and, for a subtree, by what is below. */
static result look_anew(struct caa_poller *poller, struct caa_owner *owner, int64_t now_ms) {
    for (struct caa_owner *at = owner->parent; at != NULL; at = at->parent) {
        at->wants_lint = true;
        caa_make_dirty(poller, at);
    }
    for (struct caa_owner *at = owner; at != NULL; at = caa_owners_next(poller->owners, at, owner)) {
        at->wants_lint = true;
        caa_make_dirty(poller, at);
    }
    return hurry(poller, owner, now_ms);
}

static result assign_all(struct caa_poller *poller, const struct caa_watches *old, int64_t now_ms) {
    for (struct caa_owner *owner = caa_owners_next(poller->owners, NULL, NULL); owner != NULL; owner = caa_owners_next(poller->owners, owner, NULL)) {
        uint32_t first = owner->watch_first, count = owner->watch_count;
        caa_watches_assign(&poller->watches, owner);
        if (has_other_watches(old, &poller->watches, owner, first, count))
            TRY(look_anew(poller, owner, now_ms));
    }
    return OK;
}

static result add_watched(struct caa_poller *poller) {
    const struct caa_watch *list = poller->watches.list;
    for (size_t i = 0; i < poller->watches.count; i++) {
        struct caa_owner *owner;
        if ((i == 0 || strcmp(list[i].value, list[i - 1].value) != 0) && caa_is_own_name(list[i].value))
            TRY(add_name(poller, list[i].value, &owner));
    }
    return OK;
}

static result take_watches(struct caa_poller *poller, int64_t now_ms) {
    const struct watch_set *set = poller->monitor->watches;
    CLEANUP(arena_free_at) struct arena *arena = arena_new(SIZE_MAX / 2), *old_arena = NULL;
    struct caa_watch *list = NULL;
    size_t count = 0;
    if (arena == NULL)
        return &fault_no_memory;
    TRY(copy_watches(set, arena, &list, &count));
    struct caa_watches old = poller->watches;
    old_arena = poller->watch_arena;
    poller->watch_arena = TAKE(arena);
    poller->watches = (struct caa_watches){.list = list, .count = count};
    TRY(assign_all(poller, &old, now_ms));
    TRY(add_watched(poller));
    poller->generation = watch_set_generation(set)->watches;
    poller->scan_due_ms = now_ms; /* certificates that only a removed watch matched are no reason to ask any more */
    return OK;
}

/* ---- names of certificates */

static result take_names(struct caa_poller *poller, const struct store_caa_name *names, size_t count, bool hurries) {
    for (size_t i = 0; i < count; i++) {
        struct caa_owner *owner;
        if (names[i].name[0] == '\0')
            continue;
        TRY(add_name(poller, names[i].name, &owner));
        if (owner == NULL)
            continue;
        bool is_new_name = owner->named_until_ms == 0;
        owner->named_until_ms = owner->named_until_ms > names[i].not_after_ms ? owner->named_until_ms : names[i].not_after_ms;
        owner->scan = poller->scan;
        for (struct caa_owner *at = owner; is_new_name && hurries && at != NULL; at = at->parent)
            at->wants_lint = true; /* a name more whose relevant set this may be */
        if (hurries)
            TRY(hurry(poller, owner, clock_monotonic_ms()));
    }
    return OK;
}

static void leave(void *context, struct caa_owner *owner) {
    struct caa_poller *poller = context;
    const struct {
        const char *rule;
        bool holds;
    } told[] = {{"caa.unreachable", owner->is_unreachable}, {"caa.restless", caa_unrest_holds(owner->unrest, world_clock_time(&poller->monitor->clock, clock_wall_ms()))}, {"caa.lint", owner->is_linted}};
    char subject[SUBJECT_SIZE];
    snprintf(subject, sizeof subject, "caa:%s", owner->name);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (told[i].holds)
            caa_batch_end(poller->gathering, told[i].rule, subject);
    caa_leave_split(poller, owner);
}

/* Remarks rest on certificates, which come and go, and on the table of CA keys. */
static void want_lint(struct caa_poller *poller) {
    for (struct caa_owner *owner = caa_owners_next(poller->owners, NULL, NULL); owner != NULL; owner = caa_owners_next(poller->owners, owner, NULL))
        owner->wants_lint |= owner->accepted != NULL;
    poller->ca_generation = poller->monitor->ca_generation;
}

/* What the last reading did not name is named no more. */
static void end_scan(struct caa_poller *poller) {
    for (struct caa_owner *owner = caa_owners_next(poller->owners, NULL, NULL); owner != NULL; owner = caa_owners_next(poller->owners, owner, NULL))
        if (owner->scan != poller->scan)
            owner->named_until_ms = 0;
    want_lint(poller);
    poller->is_scanning = false;
    poller->room.scanned_count = poller->owners->count;
}

/* Names have left: so many that those without room may come in, once all names are read again? */
static bool has_new_room(const struct caa_poller *poller) {
    size_t wanted = poller->owners->most / 100 > 0 ? poller->owners->most / 100 : 1;
    return poller->room.left_out.count > 0 && poller->owners->count + wanted <= poller->room.scanned_count;
}

static void sweep(struct caa_poller *poller, int64_t now_ms) {
    if (now_ms < poller->sweep_due_ms)
        return;
    caa_owners_sweep(poller->owners, world_clock_time(&poller->monitor->clock, clock_wall_ms()), leave, poller);
    poller->sweep_due_ms = now_ms + SWEEP_EVERY_MS;
    if (!poller->is_scanning && has_new_room(poller))
        poller->scan_due_ms = now_ms; /* those that were left out come in */
}

static result scan_some(struct caa_poller *poller, int64_t now_ms) {
    if (!poller->is_scanning && now_ms >= poller->scan_due_ms) {
        TRY(store_caa_names_forget(poller->monitor->store, &poller->lease));
        poller->is_scanning = true;
        poller->scan_after_id = 0;
        poller->scan++;
        caa_left_out_forget(&poller->room.left_out);
        TRY(add_watched(poller));
        poller->scan_due_ms = now_ms + SCAN_EVERY_MS; /* whoever wants another while this one is under way shall have it */
    }
    for (size_t i = 0; i < PAGES_PER_CALL && poller->is_scanning; i++) {
        CLEANUP(arena_free_at) struct arena *arena = arena_new(CAA_LOAD_ARENA);
        struct store_caa_name *names = NULL;
        size_t count = 0;
        if (arena == NULL)
            return &fault_no_memory;
        TRY(store_caa_names_page(poller->monitor->store, poller->scan_after_id, clock_wall_ms(), arena, &names, &count));
        TRY(take_names(poller, names, count, false));
        if (count == 0)
            end_scan(poller);
        else
            poller->scan_after_id = names[count - 1].certificate_id;
    }
    return OK;
}

static result take_fresh(struct caa_poller *poller, int64_t now_ms) {
    if (now_ms < poller->fresh_due_ms)
        return OK;
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CAA_LOAD_ARENA);
    struct store_caa_name *names = NULL;
    size_t count = 0;
    if (arena == NULL)
        return &fault_no_memory;
    poller->fresh_due_ms = now_ms + FRESH_EVERY_MS;
    result fault = store_caa_names_fresh(poller->monitor->store, &poller->lease, clock_wall_ms(), arena, &names, &count);
    if (fault == OK)
        fault = take_names(poller, names, count, true);
    if (fault != OK) /* they may be taken from the list all the same */
        poller->scan_due_ms = now_ms;
    return fault;
}

/* ---- what is recorded */

static size_t resolver_of(const struct caa_poller *poller, const char *name) {
    size_t i = 0;
    while (i < poller->resolver_count && strcmp(poller->resolvers[i].name, name) != 0)
        i++;
    return i;
}

static result take_state(struct caa_poller *poller, const struct store_caa_state *state) {
    struct caa_owner *owner = caa_owners_find(poller->owners, state->owner);
    size_t resolver = resolver_of(poller, state->resolver);
    if (owner == NULL || resolver == poller->resolver_count)
        return OK;
    bool is_good = state->outcome == CAA_RECORDS || state->outcome == CAA_EMPTY;
    struct caa_recorded run = {
        .outcome = state->outcome, .is_authenticated = state->is_authenticated, .first_answered_ms = state->first_answered_ms,
        .last_answered_ms = state->last_answered_ms, .first_true_ms = state->first_true_ms, .last_true_ms = state->last_true_ms,
        .interval_s = state->interval_s, .ttl_max_s = state->ttl_max_s, .ttl_first_s = state->ttl_first_s};
    if (is_good || state->has_good)
        run.good = caa_set_ref(poller->owners->sets, is_good ? state->records : state->good_records);
    owner->slots[resolver].track = caa_track_of_record(&run);
    return run.good == NULL && (is_good || state->has_good) ? &fault_no_memory : OK;
}

static result take_accepted(struct caa_poller *poller, const struct store_caa_accepted *row) {
    struct caa_owner *owner = caa_owners_find(poller->owners, row->owner);
    if (owner == NULL)
        return OK;
    struct caa_set *set = caa_set_ref(poller->owners->sets, row->records);
    caa_set_replace(poller->owners->sets, &owner->accepted, set);
    owner->wants_lint = true; /* what was told of it may have ended while nobody polled */
    return set == NULL ? &fault_no_memory : OK;
}

/* When the next answer was due before we came; at once for a name that came while we are at work. */
static int64_t due_of(const struct caa_poller *poller, const struct caa_track *track, int64_t now_ms) {
    if (poller->is_ready || !track->has_run)
        return now_ms;
    int64_t left_ms = track->last_answered_ms + (int64_t) track->wait_s * 1000 - world_clock_time(&poller->monitor->clock, clock_wall_ms());
    int64_t most_ms = (int64_t) poller->bounds.most_s * 1000;
    return now_ms + (left_ms < 0 ? 0 : left_ms > most_ms ? most_ms : left_ms);
}

static result load_rows(struct caa_poller *poller, const char *const *names, size_t count) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CAA_LOAD_ARENA);
    struct store_caa_state *states = NULL;
    struct store_caa_accepted *accepted = NULL;
    size_t state_count = 0, accepted_count = 0;
    if (arena == NULL)
        return &fault_no_memory;
    TRY(store_caa_states_load(poller->monitor->store, names, count, arena, &states, &state_count));
    TRY(store_caa_accepted_load(poller->monitor->store, names, count, arena, &accepted, &accepted_count));
    for (size_t i = 0; i < state_count; i++)
        TRY(take_state(poller, &states[i]));
    for (size_t i = 0; i < accepted_count; i++)
        TRY(take_accepted(poller, &accepted[i]));
    return OK;
}

static result load_chunk(struct caa_poller *poller, int64_t now_ms) {
    size_t count = poller->fresh_count < CHUNK ? poller->fresh_count : CHUNK;
    struct caa_owner **owners = poller->fresh + poller->fresh_count - count;
    AUTO_FREE const char **names = memory_new_array(count + 1, sizeof *names);
    if (names == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        names[i] = owners[i]->name;
    TRY(load_rows(poller, names, count));
    for (size_t i = 0; i < count; i++) {
        owners[i]->is_loading = false;
        for (size_t r = 0; r < poller->resolver_count; r++)
            TRY(caa_owners_schedule(poller->owners, owners[i], r, due_of(poller, &owners[i]->slots[r].track, now_ms)));
    }
    poller->fresh_count -= count;
    return OK;
}

/* ---- conditions that are open from before */

static void take_resolver_condition(struct caa_poller *poller, const struct store_caa_condition *row, int64_t now_ms) {
    size_t resolver = resolver_of(poller, row->subject + strlen("resolver:"));
    if (resolver == poller->resolver_count) {
        caa_batch_end(poller->gathering, row->rule, row->subject);
        return;
    }
    poller->resolvers[resolver].is_told = true;
    poller->resolvers[resolver].health = (struct caa_health){.failing = 1, .samples = CAA_TRIES, .is_down = true,
                                                             .down_since_ms = now_ms - CAA_DOWN_TOLD_AFTER_MS};
}

static result take_owner_condition(struct caa_poller *poller, const struct store_caa_condition *row) {
    struct caa_owner *owner = strncmp(row->subject, "caa:", 4) == 0 ? caa_owners_find(poller->owners, row->subject + 4) : NULL;
    if (owner == NULL) {
        caa_batch_end(poller->gathering, row->rule, row->subject);
        return OK;
    }
    owner->is_linted |= strcmp(row->rule, "caa.lint") == 0;
    owner->is_unreachable |= strcmp(row->rule, "caa.unreachable") == 0;
    for (size_t i = 0; owner->is_unreachable && i < poller->resolver_count; i++) /* told because of so many */
        if (owner->slots[i].track.failures > 0)
            owner->slots[i].track.failures = CAA_TRIES;
    return strcmp(row->rule, "caa.restless") == 0 ? caa_know_unrest(poller, owner) : OK;
}

static result take_condition(struct caa_poller *poller, const struct store_caa_condition *row, int64_t now_ms) {
    bool holds = true;
    if (strncmp(row->subject, "resolver:", strlen("resolver:")) == 0)
        take_resolver_condition(poller, row, now_ms);
    else if (strcmp(row->rule, "caa.disagreement") == 0)
        TRY(caa_take_split(poller, row->subject, &holds));
    else
        TRY(take_owner_condition(poller, row));
    if (!holds)
        caa_batch_end_noted(poller->gathering, row, "the resolvers agree, or say other things now; what lasts is told by zone");
    return OK;
}

static result take_conditions(struct caa_poller *poller, int64_t now_ms) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CAA_LOAD_ARENA);
    struct store_caa_condition *rows = NULL;
    size_t count = 0;
    if (arena == NULL)
        return &fault_no_memory;
    TRY(store_caa_conditions_load(poller->monitor->store, arena, &rows, &count));
    for (size_t i = 0; i < count; i++)
        TRY(take_condition(poller, &rows[i], now_ms));
    return OK;
}

result caa_load_some(struct caa_poller *poller, int64_t now_ms) {
    if (poller->generation != watch_set_generation(poller->monitor->watches)->watches)
        TRY(take_watches(poller, now_ms));
    TRY(scan_some(poller, now_ms));
    for (size_t i = 0; i < LOADED_PER_CALL / CHUNK && poller->fresh_count > 0; i++)
        TRY(load_chunk(poller, now_ms));
    if (poller->ca_generation != poller->monitor->ca_generation)
        want_lint(poller);
    if (poller->is_ready) {
        sweep(poller, now_ms);
        return take_fresh(poller, now_ms);
    }
    if (poller->is_scanning || poller->fresh_count > 0)
        return OK;
    TRY(take_conditions(poller, now_ms));
    poller->is_ready = true;
    log_say(LOG_NOTICE, "caa.polling", LOG_NUMBER("names", poller->owners->count), LOG_NUMBER("resolvers", poller->resolver_count),
            LOG_NUMBER("bytes", poller->owners->bytes));
    return OK;
}
