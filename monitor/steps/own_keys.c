#include "steps/own_keys.h"

#include <stdlib.h>

#include "rules/pin_holder.h"

static bool is_leaf_pin(const struct pin *pin) {
    struct pin_holder holder;
    bool is_key = pin->kind == PIN_SPKI && pin->algorithm == PIN_SHA256 && pin->value.size == sizeof(struct hash);
    return is_key && (pin->position == PIN_ANY || pin->position == PIN_LEAF) && !pin_holder_find(pin, NULL, &holder);
}

struct listing {
    struct arena *arena;
    struct own_key *keys; /* NULL: they are only counted */
    size_t count;
    bool is_short;
};

static void add(struct listing *listing, int32_t tenant_id, const uint8_t *bytes, const char *form, const char *name) {
    size_t at = listing->count++;
    if (listing->keys == NULL)
        return;
    struct own_key *key = &listing->keys[at];
    *key = (struct own_key){.tenant_id = tenant_id, .whose = arena_printf(listing->arena, "%s %s", form, name)};
    memcpy(key->spki_sha256.bytes, bytes, sizeof key->spki_sha256.bytes);
    listing->is_short |= key->whose == NULL;
}

static void add_set(struct listing *listing, int32_t tenant_id, const struct pin_set *set, const char *document) {
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            if (is_leaf_pin(&set->groups[i].pins[k]))
                add(listing, tenant_id, set->groups[i].pins[k].value.bytes, "pinned in", document);
}

static void add_tenant(struct listing *listing, const struct pin_tenant *tenant, const char *const *documents) {
    for (size_t i = 0; i < tenant->view_count; i++)
        for (size_t k = 0; k < tenant->views[i].document.set_count; k++)
            add_set(listing, tenant->tenant_id, &tenant->views[i].document.sets[k], documents[tenant->views[i].number]);
}

static void list(struct listing *listing, const struct own_keys_wish *wish) {
    const struct pin_tenant *tenant;
    listing->count = 0;
    for (size_t i = 0; i < wish->rows->policy_count; i++)
        for (size_t k = 0; k < wish->policies[i].known_key_count; k++)
            add(listing, wish->rows->policies[i].tenant_id, wish->policies[i].known_keys[k].bytes, "a known key of policy", wish->rows->policies[i].name);
    for (size_t i = 0; wish->world != NULL && (tenant = pin_world_tenant_at(wish->world, i)) != NULL; i++)
        add_tenant(listing, tenant, pin_world_documents(wish->world));
}

static int compare_keys(const struct own_key *one, const struct own_key *other) {
    int order = memcmp(one->spki_sha256.bytes, other->spki_sha256.bytes, sizeof one->spki_sha256.bytes);
    return order != 0 ? order : (one->tenant_id > other->tenant_id) - (one->tenant_id < other->tenant_id);
}

/* Of several that say so, always the same one is named. */
static int compare(const void *a, const void *b) {
    const struct own_key *one = a, *other = b;
    int order = compare_keys(one, other);
    return order != 0 ? order : strcmp(one->whose, other->whose);
}

result own_keys_list(const struct own_keys_wish *wish, struct arena *arena, struct own_keys *ret_keys) {
    struct listing listing = {.arena = arena};
    list(&listing, wish);
    listing.keys = arena_take_array(arena, listing.count + 1, sizeof *listing.keys);
    if (listing.keys == NULL)
        return &fault_no_memory;
    list(&listing, wish);
    if (listing.is_short)
        return &fault_no_memory;
    qsort(listing.keys, listing.count, sizeof *listing.keys, compare);
    size_t count = 0;
    for (size_t i = 0; i < listing.count; i++)
        if (count == 0 || compare_keys(&listing.keys[count - 1], &listing.keys[i]) != 0)
            listing.keys[count++] = listing.keys[i];
    *ret_keys = (struct own_keys){.keys = listing.keys, .count = count};
    return OK;
}

const struct own_key *own_keys_find(const struct own_keys *keys, const struct hash *spki_sha256, size_t *ret_count) {
    size_t low = 0, high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(keys->keys[middle].spki_sha256.bytes, spki_sha256->bytes, sizeof spki_sha256->bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (high = low; high < keys->count && hash_equal(&keys->keys[high].spki_sha256, spki_sha256);)
        high++;
    *ret_count = high - low;
    return keys->keys + low;
}
