#include "rules/watch_image.h"

#include "rules/watch_layout.h"

/* Wildcards and unreadable labels enumerate; this many nodes in one entry (about half a millisecond) are enough to find
 * every watch that a name short of "nearly everything" reaches. */
#define VISITED_MAX 65536
#define DEPTH_MAX   128 /* labels in a name of 253 characters, and one more */

FAULT(fault_watch_image, FAULT_BUG, "watch.image", "watch image", "", "header and size do not fit together",
      "an image of this build");

static bool is_power_of_two_or_zero(uint32_t number) {
    return (number & (number - 1)) == 0;
}

result watch_image_open(struct span bytes, struct watch_image *ret_image) {
    const struct watch_header *header = (const void *) bytes.bytes;
    if (bytes.size < sizeof *header || (uintptr_t) bytes.bytes % _Alignof(struct watch_header) != 0 ||
        header->magic != WATCH_MAGIC || header->size != bytes.size || header->size != watch_image_size(header))
        return &fault_watch_image;
    if (header->node_count < watch_root_count || !is_power_of_two_or_zero(header->place_count) ||
        !is_power_of_two_or_zero(header->address_count) || !is_power_of_two_or_zero(header->key_count))
        return &fault_watch_image;
    *ret_image = (struct watch_image){.header = header, .bytes = bytes};
    return OK;
}

uint64_t watch_image_generation(const struct watch_image *image) {
    return image->header->generation;
}

bool watch_image_has_keys(const struct watch_image *image) {
    return image->header->key_count > 0;
}

static const struct watch_node *node_at(const struct watch_image *image, uint32_t number) {
    const struct watch_node *nodes = (const void *) (image->bytes.bytes + watch_nodes_offset());
    return number < image->header->node_count ? nodes + number : nodes;
}

static struct span label_of(const struct watch_image *image, const struct watch_node *node) {
    const uint8_t *labels = image->bytes.bytes + watch_labels_offset(image->header);
    uint32_t size = image->header->label_size;
    if (node->label >= size || labels[node->label] > size - node->label - 1)
        return span_of("", 0);
    return span_of(labels + node->label + 1, labels[node->label]);
}

/* The places are taken: the lowest terminals stay, because the first item of a list is the one that is named. */
static void keep_lowest(struct watch_hits *hits, uint32_t terminal) {
    size_t highest = 0;
    for (size_t i = 1; i < hits->count; i++)
        if (hits->terminals[i] > hits->terminals[highest])
            highest = i;
    if (terminal < hits->terminals[highest])
        hits->terminals[highest] = terminal;
}

static void add_terminal(struct watch_hits *hits, uint32_t terminal) {
    if (terminal == WATCH_NO_TERMINAL)
        return;
    for (size_t i = 0; i < hits->count; i++)
        if (hits->terminals[i] == terminal)
            return;
    hits->total++;
    if (hits->count < REPORT_TERMINALS_MAX)
        hits->terminals[hits->count++] = terminal;
    else
        keep_lowest(hits, terminal);
}

/* The child of node `parent` with this label; 0 for none. */
static uint32_t find_child(const struct watch_image *image, uint32_t parent, struct span label) {
    const struct watch_header *header = image->header;
    if (header->place_count == 0)
        return 0;
    const struct watch_place *places = (const void *) (image->bytes.bytes + watch_places_offset(header));
    uint64_t hash = watch_label_hash(parent, label.bytes, label.size);
    uint32_t mask = header->place_count - 1;
    for (uint32_t probe = 0; probe <= mask; probe++) {
        struct watch_place place = places[((uint32_t) hash + probe) & mask];
        if (place.node == 0)
            return 0;
        if (place.tag != (uint32_t) (hash >> 32))
            continue;
        const struct watch_node *above = node_at(image, parent);
        if (place.node - above->first_child < above->child_count &&
            span_equal(label_of(image, node_at(image, place.node)), label))
            return place.node;
    }
    return 0;
}

/* A name that is taken apart from the right. */
struct walk {
    const struct watch_image *image;
    struct watch_hits *hits;
    struct span name;
};

/* Takes the last label of the first `end` bytes; what is left of it is returned, `*ret_is_pattern` when it has a star or
 * question mark. */
static size_t last_label(struct span name, size_t end, struct span *ret_label, bool *ret_is_pattern) {
    size_t begin = end;
    bool is_pattern = false;
    while (begin > 0 && name.bytes[begin - 1] != '.') {
        begin--;
        is_pattern |= name.bytes[begin] == '*' || name.bytes[begin] == '?';
    }
    *ret_label = span_of(name.bytes + begin, end - begin);
    *ret_is_pattern = is_pattern;
    return begin == 0 ? 0 : begin - 1;
}

/* The labels behind the last one with a star or question mark: a watch can only be known to lie below plain labels. */
static struct span plain_end(struct span suffix) {
    size_t begin = suffix.size;
    while (begin > 0 && suffix.bytes[begin - 1] != '*' && suffix.bytes[begin - 1] != '?')
        begin--;
    if (begin == 0)
        return suffix;
    struct span rest = span_of(suffix.bytes + begin, suffix.size - begin);
    const uint8_t *dot = memchr(rest.bytes, '.', rest.size);
    size_t skipped = dot == NULL ? rest.size : (size_t) (dot - rest.bytes) + 1;
    return span_of(rest.bytes + skipped, rest.size - skipped);
}

/* Notes that everything below `suffix` is reached; several such suffixes become the one that covers them. */
static void add_broad(struct watch_hits *hits, struct span suffix) {
    suffix = plain_end(suffix);
    char *kept = hits->broad_suffix;
    size_t size = suffix.size;
    if (hits->is_nearly_all) {
        size_t old = strlen(kept), common = 0, whole = 0;
        while (common < old && common < size && kept[old - 1 - common] == (char) suffix.bytes[size - 1 - common]) {
            common++;
            bool ends_here = (common == old || kept[old - 1 - common] == '.') &&
                             (common == size || suffix.bytes[size - 1 - common] == '.');
            whole = ends_here ? common : whole;
        }
        size = whole;
    }
    while (size >= sizeof hits->broad_suffix) { /* drop labels from the left: broader, never narrower */
        const uint8_t *start = suffix.bytes + suffix.size - size;
        const uint8_t *dot = memchr(start, '.', size);
        size = dot == NULL ? 0 : size - (size_t) (dot - start) - 1;
    }
    hits->is_nearly_all = true;
    memmove(kept, suffix.bytes + suffix.size - size, size);
    kept[size] = '\0';
}

/* Does a pattern label reach this one? "?" anywhere means that the label could not be read. */
static bool label_matches(struct span pattern, struct span label) {
    const uint8_t *star = memchr(pattern.bytes, '*', pattern.size);
    if (star == NULL || memchr(pattern.bytes, '?', pattern.size) != NULL)
        return true;
    size_t before = (size_t) (star - pattern.bytes);
    const uint8_t *last = memrchr(pattern.bytes, '*', pattern.size);
    size_t after = pattern.size - (size_t) (last - pattern.bytes) - 1;
    return label.size >= before + after && memcmp(label.bytes, pattern.bytes, before) == 0 &&
           memcmp(label.bytes + label.size - after, last + 1, after) == 0;
}

/* The children of `node` that begin as the pattern does: [*ret_begin, *ret_end), by halving, as they are sorted. */
static void child_run(const struct watch_image *image, const struct watch_node *node, struct span pattern,
                      uint32_t *ret_begin, uint32_t *ret_end) {
    size_t start = 0;
    while (start < pattern.size && pattern.bytes[start] != '*' && pattern.bytes[start] != '?')
        start++;
    if (memchr(pattern.bytes, '?', pattern.size) != NULL)
        start = 0;
    uint32_t edges[2];
    for (int after = 0; after < 2; after++) {
        uint32_t low = 0, high = node->child_count;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            struct span label = label_of(image, node_at(image, node->first_child + middle));
            int order = memcmp(label.bytes, pattern.bytes, label.size < start ? label.size : start);
            bool is_before = order < 0 || (order == 0 && (label.size < start || after == 1));
            low = is_before ? middle + 1 : low;
            high = is_before ? high : middle;
        }
        edges[after] = low;
    }
    *ret_begin = node->first_child + edges[0];
    *ret_end = node->first_child + edges[1];
}

/* Follows plain labels from `number` leftwards from `*end`. Returns the node where a pattern label stands in the way
 * (*end is then before that label, *ret_pattern the label), else 0 or, at the end of the name, no node. */
static uint32_t follow_plain(const struct walk *walk, uint32_t number, size_t *end, bool is_done,
                             struct span *ret_pattern) {
    for (;;) {
        const struct watch_node *node = node_at(walk->image, number);
        add_terminal(walk->hits, node->subtree);
        if (is_done) {
            add_terminal(walk->hits, node->exact);
            return WATCH_NO_TERMINAL;
        }
        bool is_pattern;
        size_t rest = last_label(walk->name, *end, ret_pattern, &is_pattern);
        is_done = ret_pattern->bytes == walk->name.bytes;
        *end = rest;
        if (is_pattern)
            return number;
        number = find_child(walk->image, number, *ret_pattern);
        if (number == 0)
            return WATCH_NO_TERMINAL;
    }
}

/* One pattern label whose place is being tried out with each child. */
struct frame {
    uint32_t next, stop;
    struct span pattern;
    size_t end;    /* of the labels left of the pattern */
    bool is_last;  /* nothing is left of it */
};

/* Is what hangs below `number` too much to say one by one? Then it was noted as such. */
static bool is_too_broad(const struct walk *walk, uint32_t number, struct span pattern, uint32_t run) {
    const struct watch_node *node = node_at(walk->image, number);
    bool is_partial = memchr(pattern.bytes, '?', pattern.size) == NULL && pattern.size > 1;
    bool is_suffix = number < watch_root_count || (node->flags & WATCH_NODE_IS_SUFFIX) != 0;
    bool is_exhausted = run > VISITED_MAX - walk->hits->visited;
    if ((!is_suffix || is_partial) && !is_exhausted)
        return false;
    size_t from = (size_t) (pattern.bytes - walk->name.bytes) + pattern.size;
    from += from < walk->name.size ? 1 : 0;
    add_broad(walk->hits, span_of(walk->name.bytes + from, walk->name.size - from));
    return true;
}

static bool open_frame(const struct walk *walk, uint32_t number, struct span pattern, size_t end, struct frame *ret_frame) {
    uint32_t begin, stop;
    const struct watch_node *node = node_at(walk->image, number);
    if (node->child_count == 0)
        return false;
    child_run(walk->image, node, pattern, &begin, &stop);
    if (begin == stop || is_too_broad(walk, number, pattern, stop - begin))
        return false;
    *ret_frame = (struct frame){.next = begin, .stop = stop, .pattern = pattern, .end = end,
                                .is_last = pattern.bytes == walk->name.bytes};
    return true;
}

static void find_from(const struct watch_image *image, uint32_t root, struct span name, struct watch_hits *hits) {
    struct walk walk = {.image = image, .hits = hits, .name = name};
    struct frame frames[DEPTH_MAX];
    struct span pattern;
    size_t end = name.size;
    uint32_t number = follow_plain(&walk, root, &end, name.size == 0, &pattern);
    if (number == WATCH_NO_TERMINAL)
        return;
    size_t depth = open_frame(&walk, number, pattern, end, &frames[0]) ? 1 : 0;
    while (depth > 0) {
        struct frame *frame = &frames[depth - 1];
        if (frame->next == frame->stop) {
            depth--;
            continue;
        }
        uint32_t child = frame->next++;
        if (hits->visited < VISITED_MAX)
            hits->visited++;
        if (!label_matches(frame->pattern, label_of(image, node_at(image, child))))
            continue;
        end = frame->end;
        number = follow_plain(&walk, child, &end, frame->is_last, &pattern);
        if (number != WATCH_NO_TERMINAL && depth < DEPTH_MAX && open_frame(&walk, number, pattern, end, &frames[depth]))
            depth++;
    }
}

void watch_find_dns(const struct watch_image *image, struct span name, struct watch_hits *hits) {
    find_from(image, WATCH_ROOT_NAMES, name, hits);
}

void watch_find_email(const struct watch_image *image, struct span domain, struct watch_hits *hits) {
    if (node_at(image, WATCH_ROOT_EMAIL)->child_count > 0)
        find_from(image, WATCH_ROOT_EMAIL, domain, hits);
}

static void find_prefix(const struct watch_image *image, struct watch_address wanted, struct watch_hits *hits) {
    const struct watch_header *header = image->header;
    const struct watch_address *places = (const void *) (image->bytes.bytes + watch_addresses_offset(header));
    uint32_t mask = header->address_count - 1;
    watch_address_mask(&wanted);
    uint64_t hash = watch_address_hash(&wanted);
    for (uint32_t probe = 0; probe <= mask; probe++) {
        const struct watch_address *place = &places[((uint32_t) hash + probe) & mask];
        if (place->family == 0)
            return;
        if (place->family == wanted.family && place->length == wanted.length &&
            memcmp(place->bytes, wanted.bytes, sizeof place->bytes) == 0) {
            add_terminal(hits, place->terminal);
            return;
        }
    }
}

static void find_family(const struct watch_image *image, struct watch_address wanted, struct watch_hits *hits) {
    const struct watch_header *header = image->header;
    unsigned bits = wanted.family == WATCH_FAMILY_4 ? 32 : 128;
    for (unsigned length = 0; length <= bits; length++) {
        uint64_t word = wanted.family == WATCH_FAMILY_4 ? header->lengths_4 : header->lengths_6[length / 64];
        if ((word >> (length % 64) & 1) == 0)
            continue;
        wanted.length = (uint8_t) length;
        find_prefix(image, wanted, hits);
    }
}

void watch_find_address(const struct watch_image *image, struct span address, struct watch_hits *hits) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291 2.5.5.2 */
    if (image->header->address_count == 0 || (address.size != 4 && address.size != 16))
        return;
    struct watch_address wanted = {.family = address.size == 4 ? WATCH_FAMILY_4 : WATCH_FAMILY_6};
    memcpy(wanted.bytes, address.bytes, address.size);
    find_family(image, wanted, hits);
    if (address.size == 16 && memcmp(address.bytes, mapped, sizeof mapped) == 0) {
        wanted = (struct watch_address){.family = WATCH_FAMILY_4};
        memcpy(wanted.bytes, address.bytes + sizeof mapped, 4);
        find_family(image, wanted, hits);
    }
}

void watch_find_key(const struct watch_image *image, const struct hash *spki_sha256, struct watch_hits *hits) {
    const struct watch_header *header = image->header;
    const struct watch_key *places = (const void *) (image->bytes.bytes + watch_keys_offset(header));
    uint64_t start = watch_key_hash(spki_sha256);
    for (uint32_t probe = 0; probe < header->key_count; probe++) {
        const struct watch_key *place = &places[((uint32_t) start + probe) & (header->key_count - 1)];
        if (place->terminal == WATCH_NO_TERMINAL)
            return;
        if (hash_equal(&place->spki_sha256, spki_sha256)) {
            add_terminal(hits, place->terminal);
            return;
        }
    }
}
