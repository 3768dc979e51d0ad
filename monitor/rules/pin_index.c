#include "rules/pin_index.h"

#include <stdlib.h>

static int compare_entries(const void *a, const void *b) {
    const struct pin_index_entry *left = a, *right = b;
    int order = strcmp(left->host, right->host);
    return order != 0 ? order : (left->set > right->set) - (left->set < right->set);
}

static struct pin_index_entry *first_of(const struct pin_index *index, const char *host) {
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(index->entries[middle].host, host) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index->count && strcmp(index->entries[low].host, host) == 0 ? &index->entries[low] : NULL;
}

const struct pin_index_entry *pin_index_first(const struct pin_index *index, const char *host) {
    return first_of(index, host);
}

static void tell_parents(struct pin_index *index, const struct pin_set *set) {
    for (const char *dot = strchr(set->host, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        struct pin_index_entry *parent = first_of(index, dot + 1);
        if (parent != NULL && parent->below == NULL)
            parent->below = set;
    }
}

result pin_index_make(const struct pin_document *document, struct arena *arena, struct pin_index *ret_index) {
    size_t count = document == NULL ? 0 : document->set_count;
    struct pin_index index = {.document = document, .entries = arena_take_array(arena, count + 1, sizeof *index.entries),
                              .room = arena_take_array(arena, count + 1, sizeof *index.room), .places = arena_take_array(arena, count + 1, sizeof *index.places)};
    if (index.entries == NULL || index.room == NULL || index.places == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        if (document->sets[i].host != NULL)
            index.entries[index.count++] = (struct pin_index_entry){.host = document->sets[i].host, .set = &document->sets[i]};
    qsort(index.entries, index.count, sizeof *index.entries, compare_entries);
    for (size_t i = 0; i < count; i++)
        if (document->sets[i].host != NULL)
            tell_parents(&index, &document->sets[i]);
    *ret_index = index;
    return OK;
}

static int compare_places(const void *a, const void *b) {
    const struct pin_set *const *left = a, *const *right = b;
    return (*left > *right) - (*left < *right);
}

/* Entries for the name itself and for the names above it: no others can hold. In the order of the document. */
static size_t gather(struct pin_index *index, const char *name) {
    size_t count = 0;
    for (const char *at = name; at != NULL; at = strchr(at, '.') == NULL ? NULL : strchr(at, '.') + 1) {
        const struct pin_index_entry *entry = first_of(index, at), *end = index->entries + index->count;
        for (; entry != NULL && entry < end && strcmp(entry->host, at) == 0; entry++)
            index->places[count++] = entry->set;
    }
    qsort(index->places, count, sizeof *index->places, compare_places);
    for (size_t i = 0; i < count; i++)
        index->room[i] = *index->places[i];
    return count;
}

size_t pin_index_sets_for(struct pin_index *index, const char *host, uint16_t port, const char *protocol, const struct pin_set **ret_sets) {
    size_t count = index->count == 0 ? 0 : gather(index, host);
    if (count == 0)
        return 0;
    struct pin_document near = *index->document;
    near.sets = index->room;
    near.set_count = count;
    size_t found = pin_sets_for_host(&near, host, port, protocol, ret_sets, count);
    for (size_t i = 0; i < found; i++)
        ret_sets[i] = index->places[ret_sets[i] - index->room];
    return found;
}
