#include "rules/caa_set.h"

#include <string.h>
#include <xxhash.h>

#include "base/memory.h"

#define LISTS_FIRST 256

struct caa_sets {
    struct caa_set **lists; /* by the low bits of the key */
    size_t list_count, count;
};

result caa_sets_new(struct caa_sets **ret_sets) {
    struct caa_sets *sets = memory_new(sizeof *sets);
    if (sets == NULL)
        return &fault_no_memory;
    sets->list_count = LISTS_FIRST;
    sets->lists = memory_new_array(LISTS_FIRST, sizeof *sets->lists);
    if (sets->lists == NULL) {
        memory_free(sets);
        return &fault_no_memory;
    }
    *ret_sets = sets;
    return OK;
}

void caa_sets_free(struct caa_sets *sets) {
    if (sets == NULL)
        return;
    for (size_t i = 0; i < sets->list_count; i++)
        for (struct caa_set *set = sets->lists[i], *next; set != NULL; set = next) {
            next = set->next;
            memory_free(set);
        }
    memory_free(sets->lists);
    memory_free(sets);
}

static struct caa_set **list_of(struct caa_sets *sets, uint64_t key) {
    return &sets->lists[key & (sets->list_count - 1)];
}

/* More lists where there are many sets; without memory the old ones serve, more slowly. */
static void grow(struct caa_sets *sets) {
    struct caa_set **old = sets->lists, **lists = memory_new_array(2 * sets->list_count, sizeof *lists);
    size_t old_count = sets->list_count;
    if (lists == NULL)
        return;
    sets->lists = lists;
    sets->list_count = 2 * old_count;
    for (size_t i = 0; i < old_count; i++)
        for (struct caa_set *set = old[i], *next; set != NULL; set = next) {
            struct caa_set **list = list_of(sets, set->key);
            next = set->next;
            set->next = *list;
            *list = set;
        }
    memory_free(old);
}

struct caa_set *caa_set_ref(struct caa_sets *sets, struct span canonical) {
    uint64_t key = XXH3_64bits(canonical.size == 0 ? (const uint8_t *) "" : canonical.bytes, canonical.size);
    for (struct caa_set *set = *list_of(sets, key); set != NULL; set = set->next)
        if (set->key == key && span_equal(caa_set_span(set), canonical)) {
            set->references++;
            return set;
        }
    struct caa_set *set = canonical.size > UINT32_MAX ? NULL : memory_new(sizeof *set + canonical.size);
    if (set == NULL)
        return NULL;
    if (sets->count >= 2 * sets->list_count)
        grow(sets);
    struct caa_set **list = list_of(sets, key);
    set->next = *list;
    set->key = key;
    set->references = 1;
    set->size = (uint32_t) canonical.size;
    if (canonical.size > 0)
        memcpy(set->bytes, canonical.bytes, canonical.size);
    *list = set;
    sets->count++;
    return set;
}

void caa_set_unref(struct caa_sets *sets, struct caa_set *set) {
    if (set == NULL || --set->references > 0)
        return;
    struct caa_set **at = list_of(sets, set->key);
    while (*at != set)
        at = &(*at)->next;
    *at = set->next;
    memory_free(set);
    sets->count--;
}

void caa_set_replace(struct caa_sets *sets, struct caa_set **place, struct caa_set *set) {
    struct caa_set *old = *place;
    *place = set;
    caa_set_unref(sets, old);
}

size_t caa_sets_count(const struct caa_sets *sets) {
    return sets->count;
}
