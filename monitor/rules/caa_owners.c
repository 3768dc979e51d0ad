#include "rules/caa_owners.h"

#include <libpsl.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "rules/caa_split.h"
#include "rules/caa_unrest.h"

#define LISTS_FIRST 1024

result caa_owners_new(size_t resolver_count, uint64_t seed, struct caa_owners **ret_owners) {
    struct caa_owners *owners = memory_new(sizeof *owners);
    if (owners == NULL)
        return &fault_no_memory;
    owners->resolver_count = resolver_count > CAA_RESOLVERS_MAX ? CAA_RESOLVERS_MAX : resolver_count;
    owners->most = CAA_OWNERS_MAX;
    owners->seed = seed;
    owners->list_count = LISTS_FIRST;
    owners->lists = memory_new_array(LISTS_FIRST, sizeof *owners->lists);
    if (owners->lists == NULL || caa_sets_new(&owners->sets) != OK) {
        caa_owners_free(owners);
        return &fault_no_memory;
    }
    *ret_owners = owners;
    return OK;
}

static void owner_free(struct caa_owners *owners, struct caa_owner *owner) {
    while (owner->splits != NULL)
        caa_split_remove(owners, owner->splits);
    caa_unrest_free(owner->unrest, owners->sets);
    memory_free(owner);
}

void caa_owners_free(struct caa_owners *owners) {
    if (owners == NULL)
        return;
    for (size_t i = 0; owners->lists != NULL && i < owners->list_count; i++)
        for (struct caa_owner *owner = owners->lists[i], *next; owner != NULL; owner = next) {
            next = owner->next_in_list;
            owner_free(owners, owner);
        }
    for (size_t i = 0; i < CAA_RESOLVERS_MAX; i++)
        memory_free(owners->heaps[i].items);
    caa_sets_free(owners->sets);
    memory_free(owners->lists);
    memory_free(owners);
}

/* ---- names */

static bool is_label_of_host(const uint8_t *label, size_t size) {
    bool is_number = true;
    for (size_t i = 0; i < size; i++) {
        bool is_digit = label[i] >= '0' && label[i] <= '9';
        bool is_letter = label[i] >= 'a' && label[i] <= 'z';
        if (!is_digit && !is_letter && label[i] != '-' && label[i] != '_')
            return false;
        is_number &= is_digit;
    }
    return !is_number; /* no top-level domain is a number: that is an address */
}

static const uint8_t *last_label(const struct dns_name *name, size_t *ret_size) {
    const uint8_t *at = name->wire;
    while (at[1 + at[0]] != 0)
        at += 1 + at[0];
    *ret_size = at[0];
    return at + 1;
}

bool caa_owner_name_of(const char *text, struct dns_name *ret_name) {
    const char *base = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
    size_t size;
    if (strpbrk(base, "?*\\") != NULL || dns_name_from_text(span_of_text(base), ret_name, NULL) != OK || dns_name_is_root(ret_name))
        return false;
    const uint8_t *top = last_label(ret_name, &size);
    return is_label_of_host(top, size) && !(size == 5 && memcmp(top, "onion", 5) == 0);
}

bool caa_is_own_name(const char *value) {
    return value[0] != '\0' && !psl_is_public_suffix2(psl_builtin(), value, PSL_TYPE_ICANN);
}

static struct caa_owner **list_of(const struct caa_owners *owners, const char *name) {
    return &owners->lists[XXH3_64bits_withSeed(name, strlen(name), owners->seed) & (owners->list_count - 1)];
}

struct caa_owner *caa_owners_find(const struct caa_owners *owners, const char *name) {
    struct caa_owner *owner = *list_of(owners, name);
    while (owner != NULL && strcmp(owner->name, name) != 0)
        owner = owner->next_in_list;
    return owner;
}

static void grow(struct caa_owners *owners) {
    struct caa_owner **old = owners->lists, **lists = memory_new_array(2 * owners->list_count, sizeof *lists);
    size_t old_count = owners->list_count;
    if (lists == NULL)
        return;
    owners->lists = lists;
    owners->list_count = 2 * old_count;
    for (size_t i = 0; i < old_count; i++)
        for (struct caa_owner *owner = old[i], *next; owner != NULL; owner = next) {
            struct caa_owner **list = list_of(owners, owner->name);
            next = owner->next_in_list;
            owner->next_in_list = *list;
            *list = owner;
        }
    memory_free(old);
}

static size_t bytes_of(const struct caa_owners *owners, size_t name_size) {
    return sizeof(struct caa_owner) + owners->resolver_count * sizeof(struct caa_slot) + name_size + 1;
}

static struct caa_owner *owner_new(struct caa_owners *owners, const char *name, struct caa_owner *parent) {
    size_t size = strlen(name);
    struct caa_owner *owner = memory_new(bytes_of(owners, size));
    if (owner == NULL)
        return NULL;
    if (owners->count >= owners->list_count)
        grow(owners);
    char *text = (char *) &owner->slots[owners->resolver_count];
    memcpy(text, name, size);
    owner->name = text;
    owner->is_new = true;
    for (size_t i = 0; i < owners->resolver_count; i++)
        owner->slots[i].heap_at = CAA_IN_NO_HEAP;
    struct caa_owner **siblings = parent == NULL ? &owners->tops : &parent->first_child;
    owner->parent = parent;
    owner->next = *siblings;
    if (*siblings != NULL)
        (*siblings)->before = owner;
    *siblings = owner;
    struct caa_owner **list = list_of(owners, name);
    owner->next_in_list = *list;
    *list = owner;
    owners->count++;
    owners->bytes += bytes_of(owners, size);
    return owner;
}

result caa_owners_add(struct caa_owners *owners, const struct dns_name *name, struct caa_owner **ret_owner) {
    struct dns_name at = *name;
    struct caa_owner *owner = NULL;
    char texts[DNS_NAME_TEXT_SIZE];
    unsigned labels = dns_name_label_count(name), known = 0;
    for (; known < labels && owner == NULL; known++, at = dns_name_parent(&at)) { /* the nearest one that is there */
        dns_name_to_text(&at, texts);
        owner = caa_owners_find(owners, texts);
    }
    unsigned missing = owner == NULL ? labels : known - 1;
    *ret_owner = NULL;
    if (missing > 0 && owners->count + missing > owners->most)
        return OK;
    for (; missing > 0; missing--) {
        at = *name;
        for (unsigned i = 1; i < missing; i++)
            at = dns_name_parent(&at);
        dns_name_to_text(&at, texts);
        owner = owner_new(owners, texts, owner);
        if (owner == NULL)
            return &fault_no_memory;
    }
    *ret_owner = owner;
    return OK;
}

/* ---- the tree */

struct caa_owner *caa_owners_next_beside(const struct caa_owner *at, const struct caa_owner *within) {
    while (at != NULL && at != within && at->next == NULL)
        at = at->parent;
    return at == NULL || at == within ? NULL : at->next;
}

struct caa_owner *caa_owners_next(const struct caa_owners *owners, const struct caa_owner *at, const struct caa_owner *within) {
    if (at == NULL)
        return within != NULL ? (struct caa_owner *) within : owners->tops;
    return at->first_child != NULL ? at->first_child : caa_owners_next_beside(at, within);
}

bool caa_owner_is_wanted(const struct caa_owner *owner, int64_t now_ms) {
    return owner->is_watched || owner->named_until_ms > now_ms;
}

static bool is_in_use(const struct caa_owners *owners, const struct caa_owner *owner) {
    if (owner->is_new || owner->is_loading || owner->is_dirty || owner->is_torn)
        return true;
    for (size_t i = 0; i < owners->resolver_count; i++)
        if (owner->slots[i].is_asked)
            return true;
    return false;
}

static void heap_remove(struct caa_owners *owners, struct caa_owner *owner, size_t resolver);

static void owner_remove(struct caa_owners *owners, struct caa_owner *owner) {
    struct caa_owner **at = list_of(owners, owner->name);
    while (*at != owner)
        at = &(*at)->next_in_list;
    *at = owner->next_in_list;
    if (owner->before != NULL)
        owner->before->next = owner->next;
    else if (owner->parent != NULL)
        owner->parent->first_child = owner->next;
    else
        owners->tops = owner->next;
    if (owner->next != NULL)
        owner->next->before = owner->before;
    for (size_t i = 0; i < owners->resolver_count; i++) {
        heap_remove(owners, owner, i);
        caa_set_unref(owners->sets, owner->slots[i].track.good);
    }
    caa_set_unref(owners->sets, owner->accepted);
    caa_split_leave(owner);
    owners->count--;
    owners->bytes -= bytes_of(owners, strlen(owner->name));
    owner_free(owners, owner);
}

static void count_failing(struct caa_owners *owners, const struct caa_owner *owner) {
    for (size_t i = 0; i < owners->resolver_count; i++)
        owners->failing[i] += owner->slots[i].track.failures > 0;
}

void caa_owners_sweep(struct caa_owners *owners, int64_t now_ms, void (*leave)(void *context, struct caa_owner *owner), void *context) {
    for (struct caa_owner *owner = caa_owners_next(owners, NULL, NULL); owner != NULL; owner = caa_owners_next(owners, owner, NULL))
        if (caa_owner_is_wanted(owner, now_ms) || is_in_use(owners, owner))
            for (struct caa_owner *at = owner; at != NULL && !at->is_kept; at = at->parent)
                at->is_kept = true;
    memset(owners->failing, 0, sizeof owners->failing);
    for (struct caa_owner *owner = caa_owners_next(owners, NULL, NULL), *next; owner != NULL; owner = next) {
        bool is_kept = owner->is_kept;
        owner->is_kept = false;
        if (is_kept) {
            count_failing(owners, owner);
            next = caa_owners_next(owners, owner, NULL);
            continue;
        }
        struct caa_owner *last = owner; /* nothing below is kept either: leaves first */
        while (last->first_child != NULL)
            last = last->first_child;
        next = last == owner ? caa_owners_next_beside(owner, NULL) : owner;
        leave(context, last);
        owner_remove(owners, last);
    }
}

/* ---- who is next */

static void heap_put(struct caa_heap *heap, size_t at, struct caa_heap_item item, size_t resolver) {
    heap->items[at] = item;
    item.owner->slots[resolver].heap_at = (uint32_t) at;
}

static void heap_rise(struct caa_heap *heap, size_t at, size_t resolver) {
    struct caa_heap_item item = heap->items[at];
    for (; at > 0 && heap->items[(at - 1) / 2].due_ms > item.due_ms; at = (at - 1) / 2)
        heap_put(heap, at, heap->items[(at - 1) / 2], resolver);
    heap_put(heap, at, item, resolver);
}

static void heap_sink(struct caa_heap *heap, size_t at, size_t resolver) {
    struct caa_heap_item item = heap->items[at];
    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        child += child + 1 < heap->count && heap->items[child + 1].due_ms < heap->items[child].due_ms;
        if (heap->items[child].due_ms >= item.due_ms)
            break;
        heap_put(heap, at, heap->items[child], resolver);
    }
    heap_put(heap, at, item, resolver);
}

static void heap_remove(struct caa_owners *owners, struct caa_owner *owner, size_t resolver) {
    struct caa_heap *heap = &owners->heaps[resolver];
    uint32_t at = owner->slots[resolver].heap_at;
    if (at == CAA_IN_NO_HEAP)
        return;
    owner->slots[resolver].heap_at = CAA_IN_NO_HEAP;
    struct caa_heap_item last = heap->items[--heap->count];
    if (last.owner == owner)
        return;
    heap_put(heap, at, last, resolver);
    heap_rise(heap, at, resolver);
    heap_sink(heap, last.owner->slots[resolver].heap_at, resolver);
}

result caa_owners_schedule(struct caa_owners *owners, struct caa_owner *owner, size_t resolver, int64_t due_ms) {
    struct caa_heap *heap = &owners->heaps[resolver];
    struct caa_slot *slot = &owner->slots[resolver];
    if (slot->is_asked) /* it is scheduled when the answer is here */
        return OK;
    if (slot->heap_at != CAA_IN_NO_HEAP) {
        if (slot->due_ms <= due_ms)
            return OK;
        heap_remove(owners, owner, resolver);
    }
    void *items = memory_grow(heap->items, heap->count, &heap->room, sizeof *heap->items);
    if (items == NULL)
        return &fault_no_memory;
    heap->items = items;
    slot->due_ms = due_ms;
    heap->items[heap->count] = (struct caa_heap_item){.due_ms = due_ms, .owner = owner};
    heap_rise(heap, heap->count++, resolver);
    return OK;
}

struct caa_owner *caa_owners_take_due(struct caa_owners *owners, size_t resolver, int64_t now_ms) {
    const struct caa_heap *heap = &owners->heaps[resolver];
    if (heap->count == 0 || heap->items[0].due_ms > now_ms)
        return NULL;
    struct caa_owner *owner = heap->items[0].owner;
    heap_remove(owners, owner, resolver);
    return owner;
}

bool caa_owners_next_due_ms(const struct caa_owners *owners, size_t resolver, int64_t *ret_due_ms) {
    const struct caa_heap *heap = &owners->heaps[resolver];
    if (heap->count > 0)
        *ret_due_ms = heap->items[0].due_ms;
    return heap->count > 0;
}
