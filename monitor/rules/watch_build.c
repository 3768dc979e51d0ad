#include <libpsl.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "rules/watch_layout.h"

/* A node while the trie grows: parents have smaller numbers than their children. */
struct draft {
    uint32_t parent;
    uint32_t label;
    uint32_t exact, subtree;
    uint32_t child_count;
    uint32_t final; /* number in the image */
};

struct trie {
    struct draft *drafts;
    uint32_t count, capacity;
    struct watch_place *places;
    uint32_t place_count; /* power of two */
    struct buffer labels;
};

#define NODES_MAX  ((uint32_t) 1 << 30)
#define LABELS_MAX ((size_t) UINT32_MAX - 1)

static void trie_done(struct trie *trie) {
    memory_free(trie->drafts);
    memory_free(trie->places);
    buffer_done(&trie->labels);
}

static uint32_t power_of_two_above(uint64_t count) {
    uint32_t power = 4;
    while (power < count + count / 2)
        power *= 2;
    return power;
}

static void place_node(struct watch_place *places, uint32_t place_count, uint64_t hash, uint32_t node) {
    uint32_t at = (uint32_t) hash & (place_count - 1);
    while (places[at].node != 0)
        at = (at + 1) & (place_count - 1);
    places[at] = (struct watch_place){.tag = (uint32_t) (hash >> 32), .node = node};
}

static struct span draft_label(const struct trie *trie, const struct draft *draft) {
    const uint8_t *at = trie->labels.bytes + draft->label;
    return span_of(at + 1, *at);
}

static result trie_grow(struct trie *trie) {
    uint32_t capacity = trie->capacity == 0 ? 64 : trie->capacity * 2;
    if (capacity > NODES_MAX)
        return &fault_limit_reached;
    struct draft *drafts = memory_resize(trie->drafts, capacity * sizeof *drafts);
    if (drafts == NULL)
        return &fault_no_memory;
    trie->drafts = drafts;
    trie->capacity = capacity;
    uint32_t place_count = power_of_two_above(capacity);
    struct watch_place *places = memory_new_array(place_count, sizeof *places);
    if (places == NULL)
        return &fault_no_memory;
    for (uint32_t i = watch_root_count; i < trie->count; i++) {
        struct span label = draft_label(trie, &drafts[i]);
        place_node(places, place_count, watch_label_hash(drafts[i].parent, label.bytes, label.size), i);
    }
    memory_free(trie->places);
    trie->places = places;
    trie->place_count = place_count;
    return OK;
}

static result trie_add_node(struct trie *trie, uint32_t parent, struct span label, uint32_t *ret_node) {
    if (trie->count == trie->capacity)
        TRY(trie_grow(trie));
    uint32_t offset = (uint32_t) trie->labels.size;
    if (!buffer_add_vector(&trie->labels, 1, label))
        return &fault_no_memory;
    trie->drafts[trie->count] = (struct draft){
        .parent = parent, .label = offset, .exact = WATCH_NO_TERMINAL, .subtree = WATCH_NO_TERMINAL};
    *ret_node = trie->count++;
    return OK;
}

static result trie_child(struct trie *trie, uint32_t parent, struct span label, uint32_t *ret_node) {
    uint64_t hash = watch_label_hash(parent, label.bytes, label.size);
    uint32_t mask = trie->place_count - 1;
    for (uint32_t at = (uint32_t) hash & mask; trie->places[at].node != 0; at = (at + 1) & mask) {
        const struct draft *draft = &trie->drafts[trie->places[at].node];
        if (trie->places[at].tag == (uint32_t) (hash >> 32) && draft->parent == parent &&
            span_equal(draft_label(trie, draft), label)) {
            *ret_node = trie->places[at].node;
            return OK;
        }
    }
    TRY(trie_add_node(trie, parent, label, ret_node));
    place_node(trie->places, trie->place_count, hash, *ret_node);
    trie->drafts[parent].child_count++;
    return OK;
}

static void keep_lowest(uint32_t *terminal, uint32_t candidate) {
    if (candidate < *terminal)
        *terminal = candidate;
}

static result trie_add_item(struct trie *trie, const struct watch_item *item, uint32_t terminal) {
    struct span name = span_of_text(item->value);
    uint32_t node = item->kind == WATCH_EMAIL ? WATCH_ROOT_EMAIL : WATCH_ROOT_NAMES;
    for (size_t end = name.size; name.size > 0;) {
        const uint8_t *dot = memrchr(name.bytes, '.', end);
        size_t begin = dot == NULL ? 0 : (size_t) (dot - name.bytes) + 1;
        if (begin == end || end - begin > 63)
            return &fault_watch_value;
        TRY(trie_child(trie, node, span_of(name.bytes + begin, end - begin), &node));
        if (begin == 0)
            break;
        end = begin - 1;
    }
    struct draft *draft = &trie->drafts[node];
    keep_lowest(item->kind == WATCH_SUBTREE ? &draft->subtree : &draft->exact, terminal);
    return OK;
}

/* What goes into the image beside the trie. */
struct extras {
    struct watch_address *addresses; /* compact lists; the tables are made from them */
    struct watch_key *keys;
    uint32_t address_count, key_count;
};

static void extras_done(struct extras *extras) {
    memory_free(extras->addresses);
    memory_free(extras->keys);
}

static result extras_add(struct extras *extras, const struct watch_item *item, uint32_t terminal) {
    struct span value = span_of_text(item->value);
    if (item->kind == WATCH_KEY) {
        struct watch_key *key = &extras->keys[extras->key_count++];
        key->terminal = terminal;
        return hash_from_hex(value, &key->spki_sha256);
    }
    struct watch_address *address = &extras->addresses[extras->address_count++];
    if (!watch_address_of_value(value, address))
        return &fault_watch_value;
    address->terminal = terminal;
    return OK;
}

static result collect(const struct watch_item *items, size_t count, struct trie *trie, struct extras *extras) {
    size_t of_kind[watch_kind_count] = {0};
    for (size_t i = 0; i < count; i++) {
        if ((unsigned) items[i].kind >= watch_kind_count)
            return &fault_watch_value;
        of_kind[items[i].kind]++;
    }
    extras->addresses = memory_new_array(of_kind[WATCH_ADDRESS], sizeof *extras->addresses);
    extras->keys = memory_new_array(of_kind[WATCH_KEY], sizeof *extras->keys);
    if (extras->addresses == NULL || extras->keys == NULL)
        return &fault_no_memory;
    uint32_t root;
    for (int i = 0; i < watch_root_count; i++)
        TRY(trie_add_node(trie, 0, span_of("", 0), &root));
    for (size_t i = 0; i < count; i++) {
        bool is_extra = items[i].kind == WATCH_ADDRESS || items[i].kind == WATCH_KEY;
        TRY(is_extra ? extras_add(extras, &items[i], (uint32_t) i) : trie_add_item(trie, &items[i], (uint32_t) i));
    }
    return OK;
}

static int compare_labels(const void *left, const void *right, void *context) {
    const struct trie *trie = context;
    struct span a = draft_label(trie, &trie->drafts[*(const uint32_t *) left]);
    struct span b = draft_label(trie, &trie->drafts[*(const uint32_t *) right]);
    int order = memcmp(a.bytes, b.bytes, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Children of every draft, sorted by label, neighbours in ret_children from ret_starts[draft]. */
static void group_children(struct trie *trie, uint32_t *ret_starts, uint32_t *ret_children) {
    uint32_t start = 0;
    for (uint32_t i = 0; i < trie->count; i++) {
        ret_starts[i] = start;
        start += trie->drafts[i].child_count;
    }
    for (uint32_t i = watch_root_count; i < trie->count; i++)
        ret_children[ret_starts[trie->drafts[i].parent]++] = i;
    for (uint32_t i = 0; i < trie->count; i++) {
        ret_starts[i] -= trie->drafts[i].child_count;
        if (trie->drafts[i].child_count > 1)
            qsort_r(ret_children + ret_starts[i], trie->drafts[i].child_count, sizeof *ret_children, compare_labels, trie);
    }
}

/* Writes the nodes level by level, so that siblings are neighbours. */
static result write_nodes(struct trie *trie, struct watch_node *ret_nodes) {
    AUTO_FREE uint32_t *starts = memory_new_array(trie->count, sizeof *starts);
    AUTO_FREE uint32_t *children = memory_new_array(trie->count, sizeof *children);
    AUTO_FREE uint32_t *order = memory_new_array(trie->count, sizeof *order);
    if (starts == NULL || children == NULL || order == NULL)
        return &fault_no_memory;
    group_children(trie, starts, children);
    uint32_t next = 0;
    for (; next < watch_root_count; next++)
        order[next] = next;
    for (uint32_t i = 0; i < next; i++) {
        struct draft *draft = &trie->drafts[order[i]];
        draft->final = i;
        ret_nodes[i] = (struct watch_node){.label = draft->label, .exact = draft->exact, .subtree = draft->subtree,
                                           .first_child = next, .child_count = draft->child_count};
        memcpy(order + next, children + starts[order[i]], draft->child_count * sizeof *order);
        next += draft->child_count;
    }
    return OK;
}

/* Asks the public suffix list about names that have something below them; its ICANN part alone, because a wildcard below a
 * hoster's domain is that hoster's and reaches what its customers watch. */
static void mark_suffix(const psl_ctx_t *list, const struct trie *trie, const struct draft *draft,
                        struct watch_node *nodes) {
    char name[256];
    size_t size = 0;
    const struct draft *label = draft;
    for (unsigned depth = 0; label >= trie->drafts + watch_root_count; depth++, label = &trie->drafts[label->parent]) {
        struct span text = draft_label(trie, label);
        if (depth >= 4 || size + text.size + 2 > sizeof name)
            return;
        if (size > 0)
            name[size++] = '.';
        memcpy(name + size, text.bytes, text.size);
        size += text.size;
    }
    name[size] = '\0';
    if (psl_is_public_suffix2(list, name, PSL_TYPE_ICANN))
        nodes[draft->final].flags |= WATCH_NODE_IS_SUFFIX;
}

static result mark_suffixes(const struct trie *trie, struct watch_node *nodes) {
    const psl_ctx_t *list = psl_builtin();
    if (list == NULL)
        return &fault_library;
    for (uint32_t i = watch_root_count; i < trie->count; i++)
        if (trie->drafts[i].child_count > 0)
            mark_suffix(list, trie, &trie->drafts[i], nodes);
    return OK;
}

static void write_places(const struct trie *trie, struct watch_place *places, uint32_t place_count) {
    memset(places, 0, place_count * sizeof *places);
    for (uint32_t i = watch_root_count; i < trie->count; i++) {
        const struct draft *draft = &trie->drafts[i];
        struct span label = draft_label(trie, draft);
        uint32_t parent = trie->drafts[draft->parent].final;
        place_node(places, place_count, watch_label_hash(parent, label.bytes, label.size), draft->final);
    }
}

static void write_address(struct watch_address *places, uint32_t count, const struct watch_address *address) {
    uint32_t at = (uint32_t) watch_address_hash(address) & (count - 1);
    for (; places[at].family != 0; at = (at + 1) & (count - 1))
        if (places[at].family == address->family && places[at].length == address->length &&
            memcmp(places[at].bytes, address->bytes, sizeof address->bytes) == 0)
            return; /* items come in order: the lowest is there already */
    places[at] = *address;
}

static void write_key(struct watch_key *places, uint32_t count, const struct watch_key *key) {
    uint32_t at = (uint32_t) watch_key_hash(&key->spki_sha256) & (count - 1);
    for (; places[at].terminal != WATCH_NO_TERMINAL; at = (at + 1) & (count - 1))
        if (hash_equal(&places[at].spki_sha256, &key->spki_sha256))
            return;
    places[at] = *key;
}

static void write_extras(const struct extras *extras, struct watch_header *header, uint8_t *image) {
    struct watch_address *addresses = (void *) (image + watch_addresses_offset(header));
    struct watch_key *keys = (void *) (image + watch_keys_offset(header));
    memset(addresses, 0, header->address_count * sizeof *addresses);
    for (uint32_t i = 0; i < extras->address_count; i++) {
        const struct watch_address *address = &extras->addresses[i];
        uint64_t *words = address->family == WATCH_FAMILY_4 ? &header->lengths_4 : header->lengths_6;
        words[address->length / 64] |= (uint64_t) 1 << (address->length % 64);
        write_address(addresses, header->address_count, address);
    }
    for (uint32_t i = 0; i < header->key_count; i++)
        keys[i] = (struct watch_key){.terminal = WATCH_NO_TERMINAL};
    for (uint32_t i = 0; i < extras->key_count; i++)
        write_key(keys, header->key_count, &extras->keys[i]);
}

static result write_image(struct trie *trie, const struct extras *extras, uint64_t generation, struct buffer *out) {
    struct watch_header sizes = {
        .magic = WATCH_MAGIC,
        .generation = generation,
        .node_count = trie->count,
        .place_count = power_of_two_above(trie->count),
        .label_size = (uint32_t) trie->labels.size,
        .address_count = extras->address_count == 0 ? 0 : power_of_two_above(extras->address_count),
        .key_count = extras->key_count == 0 ? 0 : power_of_two_above(extras->key_count),
    };
    sizes.size = watch_image_size(&sizes);
    buffer_reset(out);
    uint8_t *image = buffer_reserve(out, sizes.size);
    if (image == NULL)
        return &fault_no_memory;
    struct watch_header *header = (void *) image;
    *header = sizes;
    struct watch_node *nodes = (void *) (image + watch_nodes_offset());
    TRY(write_nodes(trie, nodes));
    TRY(mark_suffixes(trie, nodes));
    write_places(trie, (void *) (image + watch_places_offset(header)), header->place_count);
    write_extras(extras, header, image);
    memcpy(image + watch_labels_offset(header), trie->labels.bytes, trie->labels.size);
    buffer_grew(out, sizes.size);
    return OK;
}

result watch_image_build(const struct watch_item *items, size_t count, uint64_t generation, struct buffer *out) {
    CLEANUP(trie_done) struct trie trie = {.labels = buffer_with_limit(LABELS_MAX)};
    CLEANUP(extras_done) struct extras extras = {0};
    if (count >= NODES_MAX)
        return &fault_limit_reached;
    TRY(collect(items, count, &trie, &extras));
    return write_image(&trie, &extras, generation, out);
}
