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

/* In the first entry of each host: for which names those of the host hold. */
static void join_matches(struct pin_index *index) {
    struct pin_index_entry *first = index->entries;
    for (size_t i = 0; i < index->count; i++) {
        if (strcmp(first->host, index->entries[i].host) != 0)
            first = &index->entries[i];
        first->matches |= 1U << index->entries[i].set->match;
    }
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
    join_matches(&index);
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

/* Goes through the entries of the name, and of the names above it, that reach it: no others can hold. */
struct ascent {
    const struct pin_index *index;
    const char *at; /* the name whose entries come next; NULL: the last ones are at hand */
    size_t labels;  /* of the name asked for, below the entries at hand */
    const struct pin_index_entry *entry;
};

static struct ascent ascent_from(const struct pin_index *index, const char *name) {
    return (struct ascent){.index = index, .at = name, .labels = SIZE_MAX /* the first step makes it 0 */};
}

static bool any_reaches(const struct pin_index_entry *first, size_t labels) {
    for (unsigned match = PIN_HOST_EXACT; match <= PIN_HOST_EXACT_AND_BELOW; match++)
        if ((first->matches & 1U << match) != 0 && pin_host_match_reaches((enum pin_host_match) match, labels))
            return true;
    return false;
}

/* To the first entry of the next name up. */
static void step_up(struct ascent *ascent) {
    const char *dot = strchr(ascent->at, '.');
    ascent->labels++;
    ascent->entry = first_of(ascent->index, ascent->at);
    if (ascent->entry != NULL && !any_reaches(ascent->entry, ascent->labels))
        ascent->entry = NULL;
    ascent->at = dot == NULL ? NULL : dot + 1;
}

static void step_aside(struct ascent *ascent) {
    const struct pin_index_entry *next = ascent->entry + 1, *end = ascent->index->entries + ascent->index->count;
    ascent->entry = next < end && strcmp(next->host, ascent->entry->host) == 0 ? next : NULL;
}

static const struct pin_set *next_that_reaches(struct ascent *ascent) {
    do {
        if (ascent->entry != NULL)
            step_aside(ascent);
        while (ascent->entry == NULL && ascent->at != NULL)
            step_up(ascent);
    } while (ascent->entry != NULL && !pin_host_match_reaches(ascent->entry->set->match, ascent->labels));
    return ascent->entry == NULL ? NULL : ascent->entry->set;
}

/* In the order of the document. */
static size_t gather(struct pin_index *index, const char *name) {
    struct ascent ascent = ascent_from(index, name);
    const struct pin_set *set;
    size_t count = 0;
    while ((set = next_that_reaches(&ascent)) != NULL)
        index->places[count++] = set;
    qsort(index->places, count, sizeof *index->places, compare_places);
    for (size_t i = 0; i < count; i++)
        index->room[i] = *index->places[i];
    return count;
}

bool pin_index_holds(const struct pin_index *index, const char *host) {
    struct ascent ascent = ascent_from(index, host);
    struct pin_document alone = {.set_count = 1};
    const struct pin_set *set, *ignored;
    while ((set = next_that_reaches(&ascent)) != NULL) {
        struct pin_set copy = *set;
        alone.sets = &copy;
        if (pin_sets_for_host(&alone, host, 0, "", &ignored, 1) > 0)
            return true;
    }
    return false;
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
