#include "formats/pin_builder.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

FAULT(fault_pin_file, FAULT_INPUT, "pin.file", "pin file", "", "it cannot be read", "one of the formats in docs/pins.md");

enum { ROOMS_AT_FIRST = 4, SENTENCE_SIZE = 600 };

/* ── building ── */

struct pin_builder pin_builder_of(struct arena *arena, struct pin_document *document) {
    return (struct pin_builder){.arena = arena, .document = document};
}

/* Room for one element more. Elements lie in an arena, where nothing is given back: the old ones are copied. NULL: no memory. */
static void *grow(struct arena *arena, void *elements, size_t count, size_t *rooms, size_t element_size) {
    if (count < *rooms)
        return elements;
    size_t wanted = count < ROOMS_AT_FIRST ? ROOMS_AT_FIRST : 2 * count; /* a builder may go on with a document of another */
    void *larger = arena_take_array(arena, wanted, element_size);
    if (larger == NULL)
        return NULL;
    if (count > 0)
        memcpy(larger, elements, count * element_size);
    *rooms = wanted;
    return larger;
}

struct pin_set *pin_builder_add_set(struct pin_builder *builder, unsigned line) {
    static const char *const no_uris[] = {NULL};
    struct pin_document *document = builder->document;
    if (document->set_count == PIN_SETS_MAX) {
        builder->is_full = true;
        return NULL;
    }
    struct pin_set *sets = grow(builder->arena, document->sets, document->set_count, &builder->set_rooms, sizeof *sets);
    if (sets == NULL)
        return NULL;
    document->sets = sets;
    struct pin_set *set = &sets[document->set_count++];
    *set = (struct pin_set){
        .format = document->format, .name = "", .is_pinned = true, .is_enforced = true, .trusts_system = true, .protocol = "",
        .is_secure = true, .report_uris = no_uris, .line = line,
    };
    return set;
}

/* The groups before it exist as well: a set with a CA list alone has its pins in group 0. */
static struct pin_group *group_at(struct pin_builder *builder, struct pin_set *set, size_t number) {
    if (number < set->group_count)
        return &set->groups[number];
    struct pin_group *groups = arena_take_array(builder->arena, number + 1, sizeof *groups);
    if (groups == NULL)
        return NULL;
    if (set->group_count > 0)
        memcpy(groups, set->groups, set->group_count * sizeof *groups);
    set->groups = groups;
    set->group_count = number + 1;
    return &groups[number];
}

static size_t pins_of(const struct pin_set *set) {
    size_t count = 0;
    for (size_t i = 0; i < set->group_count; i++)
        count += set->groups[i].count;
    return count;
}

/* A group does not know how many rooms it has: they double, so that it is full whenever it has so many as a doubling gives. */
static size_t rooms_of(size_t count) {
    bool is_full = count >= ROOMS_AT_FIRST && (count & (count - 1)) == 0;
    return is_full ? count : count == 0 ? 0 : SIZE_MAX;
}

struct pin *pin_builder_add_pin(struct pin_builder *builder, struct pin_set *set, size_t group_number) {
    if (pins_of(set) == PINS_OF_SET_MAX) {
        builder->is_full = true;
        return NULL;
    }
    struct pin_group *group = group_at(builder, set, group_number);
    size_t rooms = group == NULL ? 0 : rooms_of(group->count);
    struct pin *pins = group == NULL ? NULL : grow(builder->arena, group->pins, group->count, &rooms, sizeof *pins);
    if (pins == NULL)
        return NULL;
    group->pins = pins;
    struct pin *pin = &pins[group->count++];
    *pin = (struct pin){.value = span_of("", 0), .comment = ""};
    return pin;
}

result pin_builder_refusal(const struct pin_builder *builder) {
    return builder->is_full ? &fault_limit_reached : &fault_no_memory;
}

static result keep_remark(struct pin_builder *builder, enum pin_remark_kind kind, unsigned line, const char *rule, const char *text) {
    struct pin_document *document = builder->document;
    struct pin_remark *remarks = grow(builder->arena, document->remarks, document->remark_count, &builder->remark_rooms, sizeof *remarks);
    const char *copy = remarks == NULL ? NULL : arena_copy_text(builder->arena, text);
    if (copy == NULL)
        return &fault_no_memory;
    document->remarks = remarks;
    remarks[document->remark_count++] = (struct pin_remark){.kind = kind, .line = line, .rule = rule, .text = copy};
    return OK;
}

result pin_builder_remark(struct pin_builder *builder, enum pin_remark_kind kind, unsigned line, const char *rule, const char *format, ...) {
    char sentence[SENTENCE_SIZE];
    if (builder->document->remark_count >= PIN_REMARKS_MAX) {
        builder->remarks_left_out++;
        if (kind > builder->worst_left_out)
            builder->worst_left_out = kind;
        return OK;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    text_make_harmless(sentence);
    return keep_remark(builder, kind, line, rule, sentence);
}

result pin_builder_end(struct pin_builder *builder) {
    char sentence[SENTENCE_SIZE];
    if (builder->remarks_left_out == 0)
        return OK;
    snprintf(sentence, sizeof sentence, "%zu remarks more are left out, the first %d are told", builder->remarks_left_out, PIN_REMARKS_MAX);
    builder->remarks_left_out = 0;
    return keep_remark(builder, builder->worst_left_out, 0, "remarks-left-out", sentence);
}

/* ── sets by host ── */

/* FNV-1a. */
static size_t hash_of(const char *host) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *host != '\0'; host++)
        hash = (hash ^ (uint8_t) *host) * UINT64_C(0x100000001b3);
    return (size_t) hash;
}

/* A place holds the number of a set, counted from 1; 0: it is free. */
static void place(struct pin_builder *builder, size_t number) {
    size_t mask = builder->place_rooms - 1, at = hash_of(builder->document->sets[number].host) & mask;
    while (builder->places[at] != 0)
        at = (at + 1) & mask;
    builder->places[at] = number + 1;
}

static result place_new_sets(struct pin_builder *builder) {
    size_t count = builder->document->set_count, rooms = builder->place_rooms == 0 ? 64 : builder->place_rooms;
    while (rooms < 2 * (count + 1))
        rooms *= 2;
    if (rooms > builder->place_rooms) {
        builder->places = arena_take_array(builder->arena, rooms, sizeof *builder->places);
        builder->place_rooms = builder->places == NULL ? 0 : rooms;
        builder->placed = 0;
    }
    if (builder->places == NULL)
        return &fault_no_memory;
    for (; builder->placed < count; builder->placed++)
        place(builder, builder->placed);
    return OK;
}

result pin_builder_set_of(struct pin_builder *builder, const char *host, const struct pin_set **ret_set) {
    TRY(place_new_sets(builder));
    size_t mask = builder->place_rooms - 1;
    *ret_set = NULL;
    for (size_t at = hash_of(host) & mask; builder->places[at] != 0 && *ret_set == NULL; at = (at + 1) & mask) {
        const struct pin_set *set = &builder->document->sets[builder->places[at] - 1];
        if (strcmp(set->host, host) == 0)
            *ret_set = set;
    }
    return OK;
}

/* ── names ── */

static const char *const format_names[pin_format_count] = {
    [PIN_FORMAT_ANDROID] = "android", [PIN_FORMAT_APPLE] = "apple", [PIN_FORMAT_TRUSTKIT_IOS] = "trustkit-ios",
    [PIN_FORMAT_TRUSTKIT_ANDROID] = "trustkit-android", [PIN_FORMAT_OKHTTP] = "okhttp", [PIN_FORMAT_HPKP] = "hpkp",
    [PIN_FORMAT_TLSA] = "tlsa", [PIN_FORMAT_CHROMIUM] = "chromium", [PIN_FORMAT_YAML] = "yaml", [PIN_FORMAT_KEY] = "key",
};

const char *pin_format_name(enum pin_format format) {
    return format_names[format];
}

bool pin_format_of_name(const char *name, enum pin_format *ret_format) {
    for (unsigned i = 0; i < pin_format_count; i++) {
        if (strcmp(format_names[i], name) == 0) {
            *ret_format = (enum pin_format) i;
            return true;
        }
    }
    return false;
}

const char *pin_kind_name(enum pin_kind kind) {
    return kind == PIN_SPKI ? "spki" : "certificate";
}

const char *pin_algorithm_name(enum pin_algorithm algorithm) {
    static const char *const names[] = {[PIN_SHA256] = "sha256", [PIN_SHA512] = "sha512", [PIN_SHA1] = "sha1", [PIN_FULL] = "full"};
    return names[algorithm];
}

size_t pin_algorithm_size(enum pin_algorithm algorithm) {
    static const uint8_t sizes[] = {[PIN_SHA256] = 32, [PIN_SHA512] = 64, [PIN_SHA1] = 20, [PIN_FULL] = 0};
    return sizes[algorithm];
}

const char *pin_position_name(enum pin_position position) {
    static const char *const names[] = {
        [PIN_ANY] = "any", [PIN_LEAF] = "leaf", [PIN_CA] = "ca", [PIN_INTERMEDIATE] = "intermediate", [PIN_ROOT] = "root",
    };
    return names[position];
}

const char *pin_role_name(enum pin_role role) {
    static const char *const names[] = {[PIN_ROLE_NONE] = "", [PIN_CURRENT] = "current", [PIN_NEXT] = "next", [PIN_BACKUP] = "backup"};
    return names[role];
}

const char *pin_host_match_name(enum pin_host_match match) {
    static const char *const names[] = {
        [PIN_HOST_EXACT] = "exact", [PIN_HOST_ONE_LABEL_BELOW] = "one-label-below",
        [PIN_HOST_EXACT_AND_ONE_LABEL] = "exact-and-one-label", [PIN_HOST_EXACT_AND_BELOW] = "exact-and-below",
    };
    return names[match];
}

int pin_host_labels_below(const char *host, const char *parent) {
    size_t size = strlen(host), parent_size = strlen(parent);
    int labels = 0;
    if (size < parent_size || strcmp(host + size - parent_size, parent) != 0 || (size > parent_size && (size == parent_size + 1 || host[size - parent_size - 1] != '.')))
        return -1;
    for (size_t i = 0; i < size - parent_size; i++)
        labels += host[i] == '.';
    return labels;
}

bool pin_host_match_reaches(enum pin_host_match match, size_t labels_below) {
    switch (match) {
    case PIN_HOST_EXACT:
        return labels_below == 0;
    case PIN_HOST_ONE_LABEL_BELOW:
        return labels_below == 1;
    case PIN_HOST_EXACT_AND_ONE_LABEL:
        return labels_below <= 1;
    case PIN_HOST_EXACT_AND_BELOW:
        break;
    }
    return true;
}

bool pin_format_unites(enum pin_format format) {
    return format == PIN_FORMAT_OKHTTP || format == PIN_FORMAT_APPLE || format == PIN_FORMAT_TLSA || format == PIN_FORMAT_KEY;
}

bool pin_is_of_same(const struct pin *one, const struct pin *other) {
    return one->kind == other->kind && one->algorithm == other->algorithm && span_equal(one->value, other->value);
}

bool pin_is_same(const struct pin *one, const struct pin *other) {
    return one->position == other->position && pin_is_of_same(one, other);
}
