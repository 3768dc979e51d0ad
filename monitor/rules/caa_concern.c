#include "rules/caa_concern.h"

#include <stdlib.h>
#include <string.h>

#define TENANTS_FIRST 4

static int compare_watches(const void *a, const void *b) {
    const struct caa_watch *left = a, *right = b;
    int order = strcmp(left->value, right->value);
    return order != 0 ? order : (left->tenant_id > right->tenant_id) - (left->tenant_id < right->tenant_id);
}

void caa_watches_sort(struct caa_watch *list, size_t count) {
    if (count > 0)
        qsort(list, count, sizeof *list, compare_watches);
}

/* The first watch whose value is not before `value`. */
static size_t first_at(const struct caa_watches *watches, const char *value) {
    size_t low = 0, high = watches->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(watches->list[middle].value, value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t count_at(const struct caa_watches *watches, size_t first, const char *value) {
    size_t count = 0;
    while (first + count < watches->count && strcmp(watches->list[first + count].value, value) == 0)
        count++;
    return count;
}

void caa_watches_assign(const struct caa_watches *watches, struct caa_owner *owner) {
    owner->watch_first = (uint32_t) first_at(watches, owner->name);
    owner->watch_count = (uint32_t) count_at(watches, owner->watch_first, owner->name);
    owner->is_watched = owner->watch_count > 0 && caa_is_own_name(owner->name);
}

struct caa_set *caa_seen_by(const struct caa_owner *owner, size_t resolver) {
    struct caa_set *good = owner->slots[resolver].track.good;
    return good != NULL ? good : owner->accepted;
}

struct caa_set *caa_relevant_from(const struct caa_owner *owner, struct caa_set *own, size_t resolver, struct caa_set *none, const struct caa_owner **ret_at) {
    struct caa_set *set = own;
    *ret_at = owner;
    while (set != NULL && caa_set_is_empty(set)) {
        *ret_at = (*ret_at)->parent;
        if (*ret_at == NULL)
            return none;
        set = caa_seen_by(*ret_at, resolver);
    }
    *ret_at = set == NULL ? NULL : *ret_at;
    return set;
}

struct gathering {
    struct arena *arena;
    const struct caa_owner *owner; /* that is asked about */
    struct caa_concerned *list;
    size_t count, room;
    bool failed;
};

static struct caa_concerned *of_tenant(struct gathering *gathering, int32_t tenant_id) {
    for (size_t i = 0; i < gathering->count; i++)
        if (gathering->list[i].tenant_id == tenant_id)
            return &gathering->list[i];
    if (gathering->count == gathering->room) {
        size_t room = gathering->room == 0 ? TENANTS_FIRST : 2 * gathering->room;
        struct caa_concerned *list = arena_take_array(gathering->arena, room, sizeof *list);
        gathering->failed |= list == NULL;
        if (list == NULL)
            return NULL;
        if (gathering->count > 0)
            memcpy(list, gathering->list, gathering->count * sizeof *list);
        gathering->list = list;
        gathering->room = room;
    }
    struct caa_concerned *concerned = &gathering->list[gathering->count++];
    concerned->tenant_id = tenant_id;
    return concerned;
}

static bool is_listed(const char *const *list, size_t count, const char *text) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static void add(struct gathering *gathering, const struct caa_watch *watch, const char *name) {
    struct caa_concerned *concerned = of_tenant(gathering, watch->tenant_id);
    if (concerned == NULL)
        return;
    if (concerned->last_owner != gathering->owner) {
        if (concerned->owner_count < CAA_NAMES_TOLD)
            concerned->owners[concerned->owner_count] = gathering->owner;
        concerned->owner_count++;
        concerned->last_owner = gathering->owner;
    }
    bool is_last = concerned->name_count > 0 && strcmp(concerned->last_name, name) == 0; /* one name comes once from each of its watches */
    if (!is_last && concerned->name_count < CAA_NAMES_TOLD)
        concerned->names[concerned->name_count] = name;
    concerned->name_count += !is_last;
    concerned->last_name = name;
    if (concerned->watch_count < CAA_NAMES_TOLD && !is_listed(concerned->watches, concerned->watch_count, watch->value))
        concerned->watches[concerned->watch_count++] = watch->value;
}

/* Every watch of that name, and every subtree that it lies in. */
static void add_all(struct gathering *gathering, const struct caa_watches *watches, const struct caa_owner *owner) {
    for (const struct caa_owner *at = owner; at != NULL; at = at->parent)
        for (size_t i = 0; i < at->watch_count; i++)
            if (at == owner || watches->list[at->watch_first + i].is_subtree)
                add(gathering, &watches->list[at->watch_first + i], owner->name);
    for (size_t i = 0; i < count_at(watches, 0, ""); i++) /* of everything */
        add(gathering, &watches->list[i], owner->name);
}

static bool fails(const struct caa_owners *owners, const struct caa_owner *owner) {
    for (size_t i = 0; i < owners->resolver_count; i++)
        if (owner->slots[i].track.failures > 0)
            return true;
    return false;
}

static void gather(struct gathering *gathering, const struct caa_question_of_concern *question) {
    const struct caa_owner *top = gathering->owner = question->owner;
    for (const struct caa_owner *at = top; at != NULL && !gathering->failed;) {
        const struct caa_set *set = caa_seen_by(at, question->resolver);
        bool is_known = set != NULL && !(question->passes_unknown && fails(question->owners, at));
        bool passes = at == top || (is_known ? caa_set_is_empty(set) : question->passes_unknown);
        if (passes && caa_owner_is_wanted(at, question->now_ms))
            add_all(gathering, question->watches, at);
        at = passes ? caa_owners_next(question->owners, at, top) : caa_owners_next_beside(at, top);
    }
}

result caa_concern_of_all(const struct caa_question_of_concern *questions, size_t question_count, struct arena *arena, struct caa_concerned **ret_list,
                          size_t *ret_count) {
    struct gathering gathering = {.arena = arena};
    for (size_t i = 0; i < question_count; i++)
        gather(&gathering, &questions[i]);
    if (gathering.failed)
        return &fault_no_memory;
    *ret_list = gathering.list;
    *ret_count = gathering.count;
    return OK;
}

result caa_concern_of(const struct caa_question_of_concern *question, struct arena *arena, struct caa_concerned **ret_list, size_t *ret_count) {
    return caa_concern_of_all(question, 1, arena, ret_list, ret_count);
}
