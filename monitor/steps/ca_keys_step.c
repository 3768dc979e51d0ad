/* Imported CA keys take effect without a restart: a new generation in the database is loaded, and stands beside the drill's CAs. */
#include "base/log.h"
#include "steps/monitor.h"
#include "store/ca_keys.h"

#define KEYS_LIMIT ((size_t) 256 * 1024 * 1024)

/* The drill's rows first: they are of this machine, and of equal keys the first counts. */
static result unite(const struct monitor *monitor, const struct ca_extra_rows *imported, struct arena *arena, struct ca_extra_rows *ret_extra) {
    size_t count = monitor->drill_row_count + imported->count;
    struct ca_row *rows = arena_take_array(arena, count + 1, sizeof *rows);
    if (rows == NULL)
        return &fault_no_memory;
    memcpy(rows, monitor->drill_rows, monitor->drill_row_count * sizeof *rows);
    if (imported->count > 0)
        memcpy(rows + monitor->drill_row_count, imported->rows, imported->count * sizeof *rows);
    ca_rows_sort(rows, count);
    *ret_extra = (struct ca_extra_rows){.rows = rows, .count = count, .links = imported->links, .link_count = imported->link_count};
    return OK;
}

static result load(struct monitor *monitor, struct arena *arena, struct store_ca_keys *keys, struct ca_extra_rows *extra) {
    struct ca_extra_rows imported;
    TRY(store_ca_keys_load(monitor->store, false, arena, keys));
    TRY(store_ca_keys_use(keys, arena, &imported));
    return unite(monitor, &imported, arena, extra);
}

result step_reload_ca_keys(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    uint64_t generation;
    struct store_ca_keys keys;
    struct ca_extra_rows extra;
    TRY(store_ca_generation(monitor->store, &generation));
    if (monitor->ca_arena != NULL && generation == monitor->ca_generation && monitor->drill_version == monitor->ca_drill_version)
        return OK;
    struct arena *arena = arena_new(KEYS_LIMIT);
    result fault = arena == NULL ? &fault_no_memory : load(monitor, arena, &keys, &extra);
    if (fault != OK) {
        arena_free(arena);
        return fault;
    }
    monitor->extra = extra;
    arena_free(monitor->ca_arena);
    monitor->ca_arena = arena;
    monitor->ca_generation = keys.generation;
    monitor->ca_drill_version = monitor->drill_version;
    if (keys.count > 0 || keys.link_count > 0)
        log_say(LOG_NOTICE, "ca-keys.taken", LOG_NUMBER("keys", extra.count - monitor->drill_row_count), LOG_NUMBER("links", extra.link_count),
                LOG_NUMBER("generation", keys.generation));
    return OK;
}
