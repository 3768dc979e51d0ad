#include "steps/pin_world.h"

#include "base/memory.h"

#define WORLD_LIMIT ((size_t) 1024 * 1024 * 1024)
enum { ZONE_FIRST_S = 14 * 3600, ZONE_LAST_S = 12 * 3600 }; /* where a day begins first, and last */

/* Of one document. */
struct place {
    size_t first, count; /* its views */
    bool is_made;
};

struct pin_world {
    struct arena *arena;
    struct store_pins pins;
    const char **documents;
    struct place *places; /* as pins.documents */
    struct pin_view *views;
    struct pin_client *clients;
    struct pin_tenant *tenants;
    size_t view_count, client_count, tenant_count;
    int64_t *times;
    size_t time_count;
};

void pin_world_free(struct pin_world *world) {
    if (world != NULL)
        arena_free(world->arena);
    memory_free(world);
}

CLEANUP_OF_POINTER(struct pin_world, pin_world_free)

/* ---- views */

static result make_views(struct pin_world *world, size_t number, struct reason *reason) {
    const struct store_pin_document *stored = &world->pins.documents[number];
    struct place *place = &world->places[number];
    struct pin_document document;
    if (place->is_made)
        return OK;
    TRY(store_pin_document_read(stored, world->arena, &document, reason));
    place->is_made = true;
    place->first = world->view_count;
    TRY(pin_views_of(&document, number, world->arena, &world->views[world->view_count], &place->count));
    world->view_count += place->count;
    return OK;
}

static struct pin_tenant *tenant_of(struct pin_world *world, int32_t tenant_id) {
    struct pin_tenant *last = world->tenant_count == 0 ? NULL : &world->tenants[world->tenant_count - 1];
    if (last != NULL && last->tenant_id == tenant_id)
        return last;
    struct pin_tenant *made = &world->tenants[world->tenant_count++];
    *made = (struct pin_tenant){.tenant_id = tenant_id, .views = &world->views[world->view_count], .clients = &world->clients[world->client_count]};
    return made;
}

static size_t documents_of(const struct pin_world *world, const struct store_release *release) {
    size_t all = 0;
    for (const char *const *name = release->facts.pins; *name != NULL; name++) {
        size_t count = 0;
        (void) store_pins_find(&world->pins, release->tenant_id, *name, &count);
        all += count;
    }
    return all;
}

/* Views of one release, under way. */
struct gathered {
    size_t *views;
    size_t count, first; /* `first`: of the tenant */
};

static result add_documents(struct pin_world *world, size_t begin, size_t count, struct gathered *gathered, struct reason *reason) {
    for (size_t number = begin; number < begin + count; number++) {
        TRY(make_views(world, number, reason));
        for (size_t k = 0; k < world->places[number].count; k++)
            gathered->views[gathered->count++] = world->places[number].first + k - gathered->first;
    }
    return OK;
}

static result add_release(struct pin_world *world, const struct store_release *release, struct reason *reason) {
    struct pin_tenant *tenant = tenant_of(world, release->tenant_id);
    struct gathered gathered = {.first = (size_t) (tenant->views - world->views)};
    gathered.views = arena_take_array(world->arena, documents_of(world, release) * trust_store_count + 1, sizeof *gathered.views);
    if (gathered.views == NULL)
        return &fault_no_memory;
    for (const char *const *name = release->facts.pins; *name != NULL; name++) {
        size_t count = 0;
        const struct store_pin_document *first = store_pins_find(&world->pins, release->tenant_id, *name, &count);
        if (count > 0)
            TRY(add_documents(world, (size_t) (first - world->pins.documents), count, &gathered, reason));
    }
    world->clients[world->client_count++] = (struct pin_client){.release = &release->facts, .views = gathered.views, .view_count = gathered.count};
    tenant->client_count++;
    tenant->view_count = world->view_count - gathered.first;
    return OK;
}

/* ---- times */

static void add_time(struct pin_world *world, bool is_known, int64_t time) {
    if (is_known)
        world->times[world->time_count++] = time;
}

static result list_times(struct pin_world *world) {
    size_t count = 2 * world->client_count;
    for (size_t i = 0; i < world->view_count; i++)
        count += 2 * world->views[i].document.set_count;
    world->times = arena_take_array(world->arena, count + 1, sizeof *world->times);
    if (world->times == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < world->client_count; i++) {
        const struct release *release = world->clients[i].release;
        add_time(world, release->has_released_on, release->released_on);
        add_time(world, release->has_end_of_support, release->end_of_support);
    }
    for (size_t i = 0; i < world->view_count; i++)
        for (size_t k = 0; k < world->views[i].document.set_count; k++) {
            const struct pin_set *set = &world->views[i].document.sets[k];
            bool is_far = set->expires > INT64_MAX - ZONE_LAST_S || set->expires < INT64_MIN + ZONE_FIRST_S;
            add_time(world, set->has_expiry && !is_far, set->expires - (set->is_expiry_local && !is_far ? ZONE_FIRST_S : 0));
            add_time(world, set->has_expiry && !is_far && set->is_expiry_local, set->expires + (is_far ? 0 : ZONE_LAST_S));
        }
    return OK;
}

int64_t pin_world_turned(const struct pin_world *world, int64_t now) {
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < world->time_count; i++)
        if (world->times[i] <= now && world->times[i] > last)
            last = world->times[i];
    return last;
}

/* ---- all */

static result take_rooms(struct pin_world *world) {
    size_t documents = world->pins.document_count, releases = world->pins.release_count;
    world->documents = arena_take_array(world->arena, documents + 1, sizeof *world->documents);
    world->places = arena_take_array(world->arena, documents + 1, sizeof *world->places);
    world->views = arena_take_array(world->arena, documents * trust_store_count + 1, sizeof *world->views);
    world->clients = arena_take_array(world->arena, releases + 1, sizeof *world->clients);
    world->tenants = arena_take_array(world->arena, releases + 1, sizeof *world->tenants);
    bool has_all = world->documents != NULL && world->places != NULL && world->views != NULL && world->clients != NULL && world->tenants != NULL;
    for (size_t i = 0; has_all && i < documents; i++)
        world->documents[i] = world->pins.documents[i].name;
    return has_all ? OK : &fault_no_memory;
}

result pin_world_load(struct store *store, struct pin_world **ret_world, struct reason *reason) {
    CLEANUP(pin_world_free_at) struct pin_world *world = memory_new(sizeof *world);
    if (world == NULL || (world->arena = arena_new(WORLD_LIMIT)) == NULL)
        return &fault_no_memory;
    TRY(store_pins_load(store, world->arena, &world->pins));
    TRY(take_rooms(world));
    for (size_t i = 0; i < world->pins.release_count; i++)
        TRY(add_release(world, &world->pins.releases[i], reason));
    TRY(list_times(world));
    *ret_world = TAKE(world);
    return OK;
}

uint64_t pin_world_generation(const struct pin_world *world) {
    return world->pins.generation;
}

const struct pin_tenant *pin_world_tenant_at(const struct pin_world *world, size_t number) {
    return number < world->tenant_count ? &world->tenants[number] : NULL;
}

const struct pin_tenant *pin_world_tenant(const struct pin_world *world, int32_t tenant_id) {
    for (size_t i = 0; i < world->tenant_count; i++)
        if (world->tenants[i].tenant_id == tenant_id)
            return &world->tenants[i];
    return NULL;
}

const char *const *pin_world_documents(const struct pin_world *world) {
    return world->documents;
}
