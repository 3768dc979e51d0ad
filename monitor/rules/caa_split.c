#include "rules/caa_split.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"

struct caa_owner *caa_zone_of(struct caa_owner *owner) {
    struct caa_owner *zone = owner;
    for (struct caa_owner *at = owner; at != NULL; at = at->parent)
        zone = caa_is_own_name(at->name) ? at : zone;
    return zone;
}

bool caa_owner_is_split(const struct caa_owner *owner, size_t resolver_count) {
    const struct caa_set *first = NULL;
    for (size_t i = 0; i < resolver_count; i++) {
        const struct caa_set *good = owner->slots[i].track.good;
        if (good != NULL && first != NULL && good != first)
            return true;
        first = good != NULL ? good : first;
    }
    return false;
}

static bool says(const struct caa_split *split, const struct caa_owner *owner, size_t resolver_count) {
    for (size_t i = 0; i < resolver_count; i++)
        if (split->said[i] != owner->slots[i].track.good)
            return false;
    return true;
}

bool caa_split_fits(const struct caa_owner *owner, size_t resolver_count) {
    return owner->split != NULL && (owner->split->is_rest || says(owner->split, owner, resolver_count));
}

void caa_split_id(const struct caa_owner *owner, const char *const *resolvers, size_t resolver_count, char ret_id[CAA_SPLIT_ID_SIZE]) {
    struct span parts[2 * CAA_RESOLVERS_MAX];
    struct hash parts_of[CAA_RESOLVERS_MAX], all;
    char hex[HASH_HEX_SIZE];
    for (size_t i = 0; i < resolver_count; i++) {
        const struct caa_set *good = owner->slots[i].track.good;
        digest_of(caa_set_span(good), &parts_of[i]);
        parts[2 * i] = span_of(resolvers[i], strlen(resolvers[i]) + 1);
        parts[2 * i + 1] = span_of(parts_of[i].bytes, good == NULL ? 0 : sizeof parts_of[i].bytes);
    }
    digest_of_parts(parts, 2 * resolver_count, &all);
    hash_to_hex(&all, hex);
    snprintf(ret_id, CAA_SPLIT_ID_SIZE, "%.*s", CAA_SPLIT_ID_SIZE - 1, hex);
}

/* ---- who is in which */

static struct caa_split *find(const struct caa_owner *zone, const char *id, size_t *ret_count) {
    *ret_count = 0;
    for (struct caa_split *split = zone->splits; split != NULL; split = split->next) {
        if (strcmp(split->id, id) == 0)
            return split;
        *ret_count += !split->is_rest;
    }
    return NULL;
}

static struct caa_split *add(struct caa_owners *owners, const struct caa_owner *owner, struct caa_owner *zone, const char *id) {
    struct caa_split *split = memory_new(sizeof *split);
    if (split == NULL)
        return NULL;
    split->zone = zone;
    split->is_rest = strcmp(id, CAA_SPLIT_REST_ID) == 0;
    snprintf(split->id, sizeof split->id, "%s", id);
    for (size_t i = 0; i < owners->resolver_count && !split->is_rest; i++) {
        split->said[i] = owner->slots[i].track.good;
        if (split->said[i] != NULL)
            split->said[i]->references++;
    }
    split->next = zone->splits;
    zone->splits = split;
    return split;
}

result caa_split_join(struct caa_owners *owners, struct caa_owner *owner, const char *id) {
    struct caa_owner *zone = caa_zone_of(owner);
    size_t count, unused;
    struct caa_split *split = find(zone, id, &count);
    if (split == NULL && count >= CAA_SPLITS_MAX)
        split = find(zone, id = CAA_SPLIT_REST_ID, &unused);
    if (split != NULL && split == owner->split)
        return OK;
    caa_split_leave(owner);
    if (split == NULL)
        split = add(owners, owner, zone, id);
    if (split == NULL)
        return &fault_no_memory;
    split->count++;
    split->is_dirty = true;
    owner->split = split;
    return OK;
}

void caa_split_leave(struct caa_owner *owner) {
    if (owner->split == NULL)
        return;
    owner->split->count--;
    owner->split->is_dirty = true;
    owner->split = NULL;
}

void caa_split_remove(struct caa_owners *owners, struct caa_split *split) {
    struct caa_split **at = &split->zone->splits;
    while (*at != split)
        at = &(*at)->next;
    *at = split->next;
    for (size_t i = 0; i < CAA_RESOLVERS_MAX; i++)
        caa_set_unref(owners->sets, split->said[i]);
    memory_free(split);
}
