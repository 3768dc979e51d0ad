#include "rules/pin_difference.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "rules/pin_index.h"

/* A label that no file names stands for those that it does not name. */
#define PROBE "pinwatch-probe"

struct key {
    const char *host, *protocol;
    uint16_t port;
};

/* What holds for a name: the sets that unite, as one. */
struct held {
    const struct pin_set *first; /* NULL: no entry */
    const struct pin **pins, **sorted; /* in the order of the file; by what they match */
    size_t pin_count, group_count;
    bool is_pinned, is_enforced, is_report_only;
};

struct work {
    struct arena *arena;
    const struct pin_document *documents[2];
    struct pin_index indexes[2];
    const struct pin_set **rooms;
    bool ignores_position;
    struct pin_change *changes;
    size_t count, change_rooms, host_begin; /* changes from host_begin on are of the host at hand */
};

const char *pin_change_kind_name(enum pin_change_kind kind) {
    static const char *const names[pin_change_kind_count] = {"pinned", "unpinned", "key-added", "key-removed", "groups", "expiry", "enforcement", "anchors"};
    return names[kind];
}

/* ---- order */

static int compare_spans(struct span one, struct span other) {
    int order = (one.size > other.size) - (one.size < other.size);
    return order != 0 || one.size == 0 ? order : memcmp(one.bytes, other.bytes, one.size);
}

/* 0 where pin_is_same, but for the position where that is ignored. */
static int compare_pins_of(const struct pin *one, const struct pin *other, bool ignores_position) {
    int order = compare_spans(one->value, other->value);
    if (order == 0)
        order = (int) one->kind - (int) other->kind;
    if (order == 0)
        order = (int) one->algorithm - (int) other->algorithm;
    return order != 0 || ignores_position ? order : (int) one->position - (int) other->position;
}

static int compare_held_pins(const void *a, const void *b, void *ignores_position) {
    return compare_pins_of(*(const struct pin *const *) a, *(const struct pin *const *) b, *(const bool *) ignores_position);
}

/* ---- what holds */

static result take_pins(struct work *work, const struct pin_set *const *sets, size_t count, struct held *held) {
    size_t total = 0, widest = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t group = 0; group < sets[i]->group_count; group++)
            total += sets[i]->groups[group].count;
        widest = sets[i]->group_count > widest ? sets[i]->group_count : widest;
    }
    held->group_count = widest;
    held->pins = arena_take_array(work->arena, total + 1, sizeof *held->pins);
    held->sorted = arena_take_array(work->arena, total + 1, sizeof *held->sorted);
    if (held->pins == NULL || held->sorted == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        for (size_t group = 0; group < sets[i]->group_count; group++)
            for (size_t k = 0; k < sets[i]->groups[group].count; k++)
                held->pins[held->pin_count++] = &sets[i]->groups[group].pins[k];
    memcpy(held->sorted, held->pins, held->pin_count * sizeof *held->pins);
    qsort_r(held->sorted, held->pin_count, sizeof *held->sorted, compare_held_pins, &work->ignores_position);
    return OK;
}

/* Lists for the leaf and for the CAs unite each by itself. */
static size_t groups_of(const struct pin_set *const *sets, size_t count) {
    unsigned positions = 0;
    size_t widest = 0;
    for (size_t i = 0; i < count; i++) {
        widest = sets[i]->group_count > widest ? sets[i]->group_count : widest;
        for (size_t group = 0; group < sets[i]->group_count; group++)
            if (sets[i]->groups[group].count > 0)
                positions |= 1U << sets[i]->groups[group].pins[0].position;
    }
    size_t kinds = (size_t) __builtin_popcount(positions);
    return count > 1 && sets[0]->format == PIN_FORMAT_APPLE && kinds > widest ? kinds : widest;
}

static result hold(struct work *work, const struct pin_set *const *sets, size_t count, struct held *ret_held) {
    *ret_held = (struct held){.first = count == 0 ? NULL : sets[0]};
    if (count == 0)
        return OK;
    for (size_t i = 0; i < count; i++) {
        ret_held->is_pinned = ret_held->is_pinned || sets[i]->is_pinned;
        ret_held->is_enforced = ret_held->is_enforced || sets[i]->is_enforced;
        ret_held->is_report_only = ret_held->is_report_only || sets[i]->is_report_only;
    }
    TRY(take_pins(work, sets, count, ret_held));
    ret_held->group_count = groups_of(sets, count);
    return OK;
}

static result hold_for(struct work *work, unsigned side, const struct key *key, const char *name, struct held *ret_held) {
    size_t count = pin_index_sets_for(&work->indexes[side], name, key->port, key->protocol, work->rooms);
    return hold(work, work->rooms, count, ret_held);
}

/* ---- changes */

static result make_room(struct work *work) {
    if (work->count < work->change_rooms)
        return OK;
    size_t rooms = work->change_rooms == 0 ? 64 : 2 * work->change_rooms;
    struct pin_change *moved = arena_take_array(work->arena, rooms, sizeof *moved);
    if (moved == NULL)
        return &fault_no_memory;
    if (work->count > 0)
        memcpy(moved, work->changes, work->count * sizeof *moved);
    work->changes = moved;
    work->change_rooms = rooms;
    return OK;
}

static result add(struct work *work, const struct pin_change *change) {
    if (change->text == NULL)
        return &fault_no_memory;
    TRY(make_room(work));
    work->changes[work->count++] = *change;
    return OK;
}

/* 0: the same change, but for its scopes. */
static int compare_changes(const struct pin_change *one, const struct pin_change *other, bool ignores_position) {
    int order = (int) one->kind - (int) other->kind;
    if (order == 0)
        order = (one->pin != NULL) - (other->pin != NULL);
    if (order == 0)
        order = one->pin == NULL ? strcmp(one->text, other->text) : compare_pins_of(one->pin, other->pin, ignores_position);
    return order;
}

static int compare_places(const void *a, const void *b, void *ignores_position) {
    const struct pin_change *one = *(struct pin_change *const *) a, *other = *(struct pin_change *const *) b;
    int order = compare_changes(one, other, *(const bool *) ignores_position);
    return order != 0 ? order : (one > other) - (one < other);
}

/* A change that another scope of the host has, too, is that one: the first of them stays. */
static result join_scopes(struct work *work) {
    size_t count = work->count - work->host_begin, kept = 0;
    if (count == 0)
        return OK;
    struct pin_change *changes = work->changes + work->host_begin, *first = NULL;
    struct pin_change **places = arena_take_array(work->arena, count, sizeof *places);
    if (places == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        places[i] = &changes[i];
    qsort_r(places, count, sizeof *places, compare_places, &work->ignores_position);
    for (size_t i = 0; i < count; i++) {
        if (first == NULL || compare_changes(first, places[i], work->ignores_position) != 0) {
            first = places[i];
            continue;
        }
        first->scopes |= places[i]->scopes;
        places[i]->scopes = 0;
    }
    for (size_t i = 0; i < count; i++)
        if (changes[i].scopes != 0)
            changes[kept++] = changes[i];
    work->count = work->host_begin + kept;
    return OK;
}

static bool holds_pin(const struct work *work, const struct held *held, const struct pin *pin) {
    size_t low = 0, high = held->pin_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_pins_of(held->sorted[middle], pin, work->ignores_position);
        if (order == 0)
            return true;
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

static result compare_pins(struct work *work, const struct held *held, struct pin_change change) {
    for (unsigned side = 0; side < 2; side++) {
        change.kind = side == 0 ? PIN_CHANGE_KEY_REMOVED : PIN_CHANGE_KEY_ADDED;
        change.effect = side == 0 ? PIN_EFFECT_STRICTER : PIN_EFFECT_LOOSER;
        for (size_t i = 0; i < held[side].pin_count; i++) {
            change.pin = held[side].pins[i];
            if (!holds_pin(work, &held[1 - side], change.pin))
                TRY(add(work, &change));
        }
    }
    return OK;
}

static result compare_groups(struct work *work, const struct held *held, struct pin_change change) {
    if (held[0].group_count == held[1].group_count)
        return OK;
    change.kind = PIN_CHANGE_GROUPS;
    change.effect = held[1].group_count > held[0].group_count ? PIN_EFFECT_STRICTER : PIN_EFFECT_LOOSER;
    change.text = arena_printf(work->arena, "lists of pins that must all be matched: %zu, was %zu", held[1].group_count, held[0].group_count);
    return add(work, &change);
}

static const char *expiry_text(struct arena *arena, const struct pin_set *set) {
    char when[RFC3339_SIZE];
    if (set->has_max_age)
        return arena_printf(arena, "%ju s after the last visit", (uintmax_t) set->max_age_s);
    if (!set->has_expiry)
        return "never";
    text_of_time(set->expires, when);
    if (set->is_expiry_local)
        return arena_printf(arena, "%.10s, local time", when);
    return arena_copy_text(arena, when);
}

/* How much longer some device may pin although the date is the same: at UTC+14 the device's midnight comes first, at UTC-12 last. */
static uint64_t gap_of_clocks(const struct pin_set *before, const struct pin_set *after) {
    enum { FIRST_S = 14 * 3600, LAST_S = 12 * 3600 };
    if (!before->has_expiry || !after->has_expiry || before->is_expiry_local == after->is_expiry_local)
        return 0;
    return before->is_expiry_local ? FIRST_S : LAST_S;
}

static enum pin_change_effect effect_of_expiry(const struct pin_set *before, const struct pin_set *after) {
    int64_t old = before->has_expiry ? before->expires : INT64_MAX, new = after->has_expiry ? after->expires : INT64_MAX;
    if (before->has_max_age && after->has_max_age)
        return after->max_age_s > before->max_age_s ? PIN_EFFECT_STRICTER : PIN_EFFECT_LOOSER;
    if (new <= old && (uint64_t) old - (uint64_t) new < gap_of_clocks(before, after))
        return PIN_EFFECT_STRICTER;
    return new > old ? PIN_EFFECT_STRICTER : new < old ? PIN_EFFECT_LOOSER : PIN_EFFECT_NONE;
}

static result compare_expiry(struct work *work, const struct pin_set *before, const struct pin_set *after, struct pin_change change) {
    const char *old = expiry_text(work->arena, before), *new = expiry_text(work->arena, after);
    if (old == NULL || new == NULL)
        return &fault_no_memory;
    if (strcmp(old, new) == 0)
        return OK;
    change.kind = PIN_CHANGE_EXPIRY;
    change.effect = effect_of_expiry(before, after);
    change.text = arena_printf(work->arena, "pinning ends: %s, was: %s", new, old);
    return add(work, &change);
}

static const char *enforcement_text(const struct held *held) {
    if (held->is_enforced)
        return held->first->is_secure ? "enforced" : "enforced once the records are seen to be secure";
    return held->is_report_only ? "only reported" : "not enforced";
}

static result compare_enforcement(struct work *work, const struct held *held, struct pin_change change) {
    const char *old = enforcement_text(&held[0]), *new = enforcement_text(&held[1]);
    if (strcmp(old, new) == 0)
        return OK;
    change.kind = PIN_CHANGE_ENFORCEMENT;
    change.effect = held[0].is_enforced == held[1].is_enforced ? PIN_EFFECT_NONE : held[1].is_enforced ? PIN_EFFECT_STRICTER : PIN_EFFECT_LOOSER;
    change.text = arena_printf(work->arena, "%s, was: %s", new, old);
    return add(work, &change);
}

static const char *anchors_text(const struct pin_set *set) {
    if (set->overrides_pins)
        return "the system's anchors are exempt from the pins";
    return set->trusts_system ? "the system's anchors are trusted and must match the pins" : "the system's anchors are not trusted";
}

static result compare_anchors(struct work *work, const struct pin_set *before, const struct pin_set *after, struct pin_change change) {
    const char *old = anchors_text(before), *new = anchors_text(after);
    if (strcmp(old, new) == 0)
        return OK;
    change.kind = PIN_CHANGE_ANCHORS;
    change.effect = before->overrides_pins || !after->trusts_system ? PIN_EFFECT_STRICTER : PIN_EFFECT_LOOSER;
    change.text = arena_printf(work->arena, "%s; was: %s", new, old);
    return add(work, &change);
}

static result compare_held(struct work *work, const struct held *held, struct pin_change change) {
    change.before = held[0].first;
    change.after = held[1].first;
    change.text = "";
    if (!held[0].is_pinned && !held[1].is_pinned)
        return OK;
    if (held[0].is_pinned != held[1].is_pinned) {
        change.kind = held[1].is_pinned ? PIN_CHANGE_PINNED : PIN_CHANGE_UNPINNED;
        change.effect = held[1].is_pinned ? PIN_EFFECT_STRICTER : PIN_EFFECT_LOOSER;
        return add(work, &change);
    }
    TRY(compare_pins(work, held, change));
    TRY(compare_groups(work, held, change));
    TRY(compare_expiry(work, held[0].first, held[1].first, change));
    TRY(compare_enforcement(work, held, change));
    return compare_anchors(work, held[0].first, held[1].first, change);
}

static result compare_host(struct work *work, const struct key *key) {
    static const struct {
        unsigned scope;
        const char *before;
    } scopes[] = {{PIN_SCOPE_HOST, ""}, {PIN_SCOPE_ONE_BELOW, PROBE "."}, {PIN_SCOPE_DEEPER, PROBE "." PROBE "."}};
    work->host_begin = work->count;
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        struct held held[2];
        const char *name = arena_printf(work->arena, "%s%s", scopes[i].before, key->host);
        if (name == NULL)
            return &fault_no_memory;
        for (unsigned side = 0; side < 2; side++)
            TRY(hold_for(work, side, key, name, &held[side]));
        TRY(compare_held(work, held, (struct pin_change){.host = key->host, .name = "", .port = key->port, .protocol = key->protocol, .scopes = scopes[i].scope}));
    }
    return join_scopes(work);
}

/* ---- hosts of both sides */

static int compare_keys(const void *a, const void *b) {
    const struct key *left = a, *right = b;
    int order = strcmp(left->host, right->host);
    if (order == 0)
        order = (left->port > right->port) - (left->port < right->port);
    return order != 0 ? order : strcmp(left->protocol, right->protocol);
}

static size_t sets_of(const struct pin_document *document) {
    return document == NULL ? 0 : document->set_count;
}

static result compare_hosts(struct work *work) {
    size_t count = 0;
    struct key *keys = arena_take_array(work->arena, sets_of(work->documents[0]) + sets_of(work->documents[1]) + 1, sizeof *keys);
    if (keys == NULL)
        return &fault_no_memory;
    for (unsigned side = 0; side < 2; side++)
        for (size_t i = 0; i < sets_of(work->documents[side]); i++) {
            const struct pin_set *set = &work->documents[side]->sets[i];
            if (set->host != NULL)
                keys[count++] = (struct key){.host = set->host, .protocol = set->protocol == NULL ? "" : set->protocol, .port = set->port};
        }
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_keys(&keys[i - 1], &keys[i]) != 0)
            TRY(compare_host(work, &keys[i]));
    return OK;
}

/* ---- sets without host, by name */

static size_t hostless(const struct pin_document *document, const char *name, const struct pin_set **rooms) {
    size_t count = 0;
    for (size_t i = 0; i < sets_of(document); i++)
        if (document->sets[i].host == NULL && strcmp(document->sets[i].name, name) == 0)
            rooms[count++] = &document->sets[i];
    return count;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static result compare_name(struct work *work, const char *name) {
    struct held held[2];
    work->host_begin = work->count;
    for (unsigned side = 0; side < 2; side++)
        TRY(hold(work, work->rooms, hostless(work->documents[side], name, work->rooms), &held[side]));
    TRY(compare_held(work, held, (struct pin_change){.name = name, .protocol = "", .scopes = PIN_SCOPE_HOST}));
    return join_scopes(work);
}

static result compare_hostless(struct work *work) {
    size_t count = 0;
    const char **names = arena_take_array(work->arena, sets_of(work->documents[0]) + sets_of(work->documents[1]) + 1, sizeof *names);
    if (names == NULL)
        return &fault_no_memory;
    for (unsigned side = 0; side < 2; side++)
        for (size_t i = 0; i < sets_of(work->documents[side]); i++)
            if (work->documents[side]->sets[i].host == NULL)
                names[count++] = work->documents[side]->sets[i].name;
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(names[i - 1], names[i]) != 0)
            TRY(compare_name(work, names[i]));
    return OK;
}

/* ---- documents */

static result compare_documents(struct work *work, const struct pin_document *before, const struct pin_document *after) {
    work->documents[0] = before;
    work->documents[1] = after;
    work->rooms = arena_take_array(work->arena, sets_of(before) + sets_of(after) + 1, sizeof *work->rooms);
    if (work->rooms == NULL)
        return &fault_no_memory;
    for (unsigned side = 0; side < 2; side++)
        TRY(pin_index_make(work->documents[side], work->arena, &work->indexes[side]));
    TRY(compare_hosts(work));
    return compare_hostless(work);
}

/* Document `number`, counted from 0, of the format; NULL: there are not so many. */
static const struct pin_document *nth(const struct pin_document *documents, size_t count, enum pin_format format, size_t number) {
    for (size_t i = 0; i < count; i++)
        if (documents[i].format == format && number-- == 0)
            return &documents[i];
    return NULL;
}

static result compare_by_format(struct work *work, const struct pin_difference_sides *sides) {
    for (unsigned format = 0; format < pin_format_count; format++)
        for (size_t number = 0;; number++) {
            const struct pin_document *before = nth(sides->before, sides->before_count, (enum pin_format) format, number);
            const struct pin_document *after = nth(sides->after, sides->after_count, (enum pin_format) format, number);
            if (before == NULL && after == NULL)
                break;
            TRY(compare_documents(work, before, after));
        }
    return OK;
}

result pin_difference(const struct pin_difference_sides *sides, struct arena *arena, struct pin_change **ret_changes, size_t *ret_count) {
    struct work work = {.arena = arena, .ignores_position = sides->ignores_position};
    bool is_pair = sides->before_count == 1 && sides->after_count == 1;
    TRY(is_pair ? compare_documents(&work, &sides->before[0], &sides->after[0]) : compare_by_format(&work, sides));
    *ret_changes = work.changes;
    *ret_count = work.count;
    return OK;
}
