#include "cli/pins_intermediates.h"

#include <strings.h>

#include "base/text.h"
#include "formats/key_type.h"
#include "rules/ca_edges.h"
#include "rules/ca_table.h"

#define DAYS_MS ((int64_t) INTERMEDIATES_DAYS * 86400 * 1000)

enum { DATE_SIZE = sizeof "2026-11-21" };

result intermediates_load(struct rotation *rotation, struct span next_spki, int64_t now) {
    char family[KEY_TYPE_SIZE];
    int64_t until = rotation->question.on < now ? rotation->question.on : now;
    key_type_text(next_spki, family);
    family[strcspn(family, "-")] = '\0';
    rotation->seen_since_ms = until * 1000 - DAYS_MS;
    TRY(store_issuers_seen(rotation->database.store, rotation->seen_since_ms, family, rotation->arena, &rotation->seen));
    rotation->has_seen = true;
    return OK;
}

/* ---- of that owner, on that day */

struct gathering {
    const struct rotation *rotation;
    const struct ca_owner *owner;
    struct intermediates *found;
    size_t seen;                /* the first so many were seen in use */
    uint64_t certificates, alike;
};

/* Imported owners are others than the shipped ones; their names are the same. */
static bool is_owner(const struct gathering *all, const struct ca_owner *owner) {
    return owner != NULL && strcasecmp(owner->name, all->owner->name) == 0;
}

/* False where all its certificates are known, and none is valid that day. */
static bool may_be_valid(const struct hash *key, int64_t on) {
    size_t first = 0, count = ca_edges_of(key, &first);
    for (size_t i = 0; i < count; i++) {
        struct ca_edge edge;
        ca_edge_at(first + i, &edge);
        if (edge.not_before <= on && on <= edge.not_after)
            return true;
    }
    return count == 0;
}

static void add(struct gathering *all, const struct hash *key) {
    struct intermediates *found = all->found;
    if (!may_be_valid(key, all->rotation->question.on))
        return;
    for (size_t i = 0; i < found->count; i++)
        if (hash_equal(&found->keys[i], key))
            return;
    found->keys[found->count++] = *key;
}

/* A key that no table knows is that of whose key signed it. */
static result is_seen_of(const struct gathering *all, const struct hash *key, bool *ret_is) {
    const struct ca_extra_rows *extra = &all->rotation->extra;
    struct ca_row row;
    struct ca_path path;
    *ret_is = ca_table_find(key, extra, &row) && is_owner(all, row.owner);
    if (*ret_is || ca_table_find(key, extra, &row))
        return OK;
    TRY(ca_table_path(key, extra, all->rotation->arena, &path));
    *ret_is = path.domains != NULL && is_owner(all, path.owner);
    return OK;
}

static result add_seen(struct gathering *all) {
    const struct store_issuers_seen *seen = &all->rotation->seen;
    for (size_t i = 0; all->rotation->has_seen && i < seen->count; i++) {
        bool is_of_owner;
        TRY(is_seen_of(all, &seen->rows[i].spki_sha256, &is_of_owner));
        if (!is_of_owner)
            continue;
        add(all, &seen->rows[i].spki_sha256);
        all->certificates += seen->rows[i].count;
        all->alike += seen->rows[i].alike_count;
    }
    all->seen = all->found->count;
    return OK;
}

static void add_known(struct gathering *all) {
    const struct ca_extra_rows *extra = &all->rotation->extra;
    for (size_t i = 0; i < extra->count; i++)
        if (extra->rows[i].kind == CA_INTERMEDIATE && is_owner(all, extra->rows[i].owner))
            add(all, &extra->rows[i].spki_sha256);
    for (size_t i = 0; i < ca_table_size(); i++) {
        struct ca_row row;
        ca_table_row(i, &row);
        if (row.kind == CA_INTERMEDIATE && row.owner == all->owner)
            add(all, &row.spki_sha256);
    }
}

/* ---- how far the record goes */

static const char *note_of(const struct gathering *all, size_t left_out) {
    struct arena *arena = all->rotation->arena;
    const char *name = all->owner->name;
    unsigned long long certificates = all->certificates;
    if (!all->rotation->has_seen)
        return "";
    if (left_out > 0)
        return arena_printf(arena, "CA pins are judged over the %zu keys with which %s signed what was recorded in the %d days before (%llu certificates); %zu more that it disclosed signed none "
                                   "of it", all->seen, name, INTERMEDIATES_DAYS, certificates, left_out);
    return arena_printf(arena, "CA pins are judged over all %zu keys with which %s may sign: %zu of them signed what was recorded in the %d days before (%llu certificates), which leaves out none of the "
                               "others: that takes %d certificates with such a key, and as many days of records", all->found->count, name, all->seen, INTERMEDIATES_DAYS, certificates, INTERMEDIATES_ENOUGH);
}

result intermediates_find(const struct rotation *rotation, const struct ca_owner *owner, struct intermediates *ret_found) {
    struct gathering all = {.rotation = rotation, .owner = owner, .found = ret_found};
    size_t rooms = rotation->seen.count + rotation->extra.count + ca_table_size() + 1, left_out = 0;
    *ret_found = (struct intermediates){.keys = arena_take_array(rotation->arena, rooms, sizeof *ret_found->keys)};
    if (ret_found->keys == NULL)
        return &fault_no_memory;
    TRY(add_seen(&all));
    add_known(&all);
    bool is_known_well = rotation->has_seen && all.alike >= INTERMEDIATES_ENOUGH && rotation->seen.recorded_since_ms <= rotation->seen_since_ms;
    if (is_known_well) {
        left_out = ret_found->count - all.seen;
        ret_found->count = all.seen;
    }
    ret_found->note = note_of(&all, left_out);
    return ret_found->note == NULL ? &fault_no_memory : OK;
}
