#include "steps/watch_set.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define SET_LIMIT ((size_t) 8 * 1024 * 1024 * 1024)
#define LOADS_MAX 3

struct watch_set {
    struct arena *arena;
    struct store_watch_set rows;
    struct policy_rules *policies;        /* as rows.policies */
    struct watch_item *items;             /* distinct; the place is the terminal */
    uint32_t *first;                      /* of each item: place in rows.watches; one more at the end */
    size_t item_count;
    struct own_keys own_keys;
};

static bool is_same_item(const struct store_watch *a, const struct store_watch *b) {
    return a->kind == b->kind && strcmp(a->value, b->value) == 0;
}

static result parse_policies(struct watch_set *set, struct reason *reason) {
    set->policies = arena_take_array(set->arena, set->rows.policy_count + 1, sizeof *set->policies);
    if (set->policies == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < set->rows.policy_count; i++) {
        const struct store_policy *row = &set->rows.policies[i];
        struct reason why = {{0}};
        result fault = policy_rules_from_json(span_of_text(row->rules), set->arena, &set->policies[i], &why);
        if (fault != OK)
            return reason_set(reason, fault, "policy '%s': %s", row->name, why.text);
    }
    return OK;
}

static bool is_watched(const struct watch_set *set, size_t count, const char *value) {
    for (size_t i = 0; i < count; i++)
        if (set->items[i].kind == WATCH_KEY && strcmp(set->items[i].value, value) == 0)
            return true;
    return false;
}

/* Terminals that stand for no watch. */
static result add_own_keys(struct watch_set *set) {
    const struct own_keys *own = &set->own_keys;
    size_t watched = set->item_count;
    for (size_t i = 0; i < own->count; i++) {
        char hex[HASH_HEX_SIZE];
        if (i > 0 && hash_equal(&own->keys[i].spki_sha256, &own->keys[i - 1].spki_sha256))
            continue;
        hash_to_hex(&own->keys[i].spki_sha256, hex);
        if (is_watched(set, watched, hex))
            continue;
        const char *value = arena_copy_text(set->arena, hex);
        if (value == NULL)
            return &fault_no_memory;
        set->items[set->item_count] = (struct watch_item){.kind = WATCH_KEY, .value = value};
        set->first[set->item_count++] = (uint32_t) set->rows.watch_count;
    }
    set->first[set->item_count] = (uint32_t) set->rows.watch_count;
    return OK;
}

/* Rows come sorted by kind and value, so equal ones are neighbours. */
static result make_items(struct watch_set *set) {
    size_t count = set->rows.watch_count, all = count + set->own_keys.count;
    set->items = arena_take_array(set->arena, all + 1, sizeof *set->items);
    set->first = arena_take_array(set->arena, all + 1, sizeof *set->first);
    if (set->items == NULL || set->first == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        const struct store_watch *row = &set->rows.watches[i];
        if (i > 0 && is_same_item(row, &set->rows.watches[i - 1]))
            continue;
        set->items[set->item_count] = (struct watch_item){.kind = row->kind, .value = row->value};
        set->first[set->item_count++] = (uint32_t) i;
    }
    return add_own_keys(set);
}

CLEANUP_OF_POINTER(struct watch_set, watch_set_free)
CLEANUP_OF_POINTER(struct pin_world, pin_world_free)

static struct watch_set *set_new(void) {
    struct watch_set *set = memory_new(sizeof *set);
    if (set == NULL)
        return NULL;
    set->arena = arena_new(SET_LIMIT);
    if (set->arena == NULL) {
        memory_free(set);
        return NULL;
    }
    return set;
}

/* `world` NULL: nothing is pinned. */
static result set_prepare(struct watch_set *set, const struct pin_world *world, struct reason *reason) {
    TRY(parse_policies(set, reason));
    TRY(own_keys_list(&(struct own_keys_wish){&set->rows, set->policies, world}, set->arena, &set->own_keys));
    return make_items(set);
}

/* Watches with the pins of the same instant: a key that is pinned, without the watch that was set with it, would be in somebody else's certificate. */
static result load_parts(struct store *store, struct watch_set *set, struct pin_world **ret_world, struct reason *reason) {
    for (unsigned i = 0; i < LOADS_MAX; i++) {
        pin_world_free(*ret_world);
        *ret_world = NULL;
        TRY(store_watch_set_load(store, set->arena, &set->rows));
        result fault = pin_world_load(store, ret_world, reason);
        if (fault == &fault_pin_file) /* told by the step that judges by them: nobody goes blind for them */
            return OK;
        TRY(fault);
        if (pin_world_generation(*ret_world) == set->rows.generation.pins)
            return OK;
    }
    set->rows.generation.pins = pin_world_generation(*ret_world); /* somebody changes them all the time; the next one is taken soon */
    return OK;
}

result watch_set_load(struct store *store, struct watch_set **ret_set, struct reason *reason) {
    CLEANUP(watch_set_free_at) struct watch_set *set = set_new();
    if (set == NULL)
        return &fault_no_memory;
    CLEANUP(pin_world_free_at) struct pin_world *world = NULL;
    TRY(load_parts(store, set, &world, reason));
    TRY(set_prepare(set, world, reason));
    *ret_set = TAKE(set);
    return OK;
}

result watch_set_of_rows(const struct store_watch_set *rows, struct watch_set **ret_set, struct reason *reason) {
    CLEANUP(watch_set_free_at) struct watch_set *set = set_new();
    if (set == NULL)
        return &fault_no_memory;
    set->rows = *rows;
    TRY(set_prepare(set, NULL, reason));
    *ret_set = TAKE(set);
    return OK;
}

void watch_set_free(struct watch_set *set) {
    if (set == NULL)
        return;
    arena_free(set->arena);
    memory_free(set);
}

const struct store_generation *watch_set_generation(const struct watch_set *set) {
    return &set->rows.generation;
}

size_t watch_set_count(const struct watch_set *set) {
    return set->rows.watch_count;
}

const struct store_watch *watch_set_row(const struct watch_set *set, size_t at) {
    return &set->rows.watches[at];
}

const struct own_keys *watch_set_own_keys(const struct watch_set *set) {
    return &set->own_keys;
}

uint64_t watch_set_image_generation(const struct watch_set *set) {
    const struct store_generation *generation = &set->rows.generation;
    return generation->watches + generation->policies + generation->pins;
}

result watch_set_build_image(const struct watch_set *set, struct buffer *out) {
    return watch_image_build(set->items, set->item_count, watch_set_image_generation(set), out);
}

static const struct policy_rules *policy_of(const struct watch_set *set, const struct store_watch *watch) {
    for (size_t i = 0; i < set->rows.policy_count && watch->policy[0] != '\0'; i++) {
        const struct store_policy *row = &set->rows.policies[i];
        if (row->tenant_id == watch->tenant_id && strcmp(row->name, watch->policy) == 0)
            return &set->policies[i];
    }
    return NULL;
}

static struct watch_of_tenant with_policy(const struct watch_set *set, size_t row) {
    const struct store_watch *watch = &set->rows.watches[row];
    return (struct watch_of_tenant){.watch = watch, .policy = policy_of(set, watch)};
}

size_t watch_set_behind(const struct watch_set *set, uint32_t terminal) {
    return terminal < set->item_count ? set->first[terminal + 1] - set->first[terminal] : 0;
}

struct watch_of_tenant watch_set_get(const struct watch_set *set, uint32_t terminal, size_t at) {
    return with_policy(set, set->first[terminal] + at);
}

static bool is_under(const char *value, const char *suffix) {
    size_t value_size = strlen(value), suffix_size = strlen(suffix);
    if (value_size < suffix_size || strcmp(value + value_size - suffix_size, suffix) != 0)
        return false;
    return suffix_size == 0 || value_size == suffix_size || value[value_size - suffix_size - 1] == '.';
}

size_t watch_set_under(const struct watch_set *set, const char *suffix, struct watch_of_tenant *ret_watches, size_t room) {
    size_t count = 0;
    for (size_t i = 0; i < set->rows.watch_count && count < room; i++) {
        const struct store_watch *watch = &set->rows.watches[i];
        if ((watch->kind == WATCH_NAME || watch->kind == WATCH_SUBTREE) && is_under(watch->value, suffix))
            ret_watches[count++] = with_policy(set, i);
    }
    return count;
}

bool watch_set_find(const struct watch_set *set, int32_t tenant_id, int64_t watch_id, struct watch_of_tenant *ret_watch) {
    for (size_t i = 0; i < set->rows.watch_count; i++) {
        const struct store_watch *watch = &set->rows.watches[i];
        if (watch->tenant_id != tenant_id || watch->watch_id != watch_id)
            continue;
        *ret_watch = with_policy(set, i);
        return true;
    }
    return false;
}
