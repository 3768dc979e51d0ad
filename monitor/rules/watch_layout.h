/* How a watch image lies in memory; for watch_image.c and watch_build.c only.
 *
 * header | nodes | table of names | table of addresses | table of keys | labels
 *
 * Children of a node are neighbours, sorted by label, so that "*", "?" and "w*" enumerate runs, and so that a node found
 * through the table is known to belong to its parent by its number alone. */
#pragma once

#define XXH_INLINE_ALL /* a call costs more than hashing a label */
#include <xxhash.h>

#include "rules/watch_image.h"

#define WATCH_MAGIC       0x31656d6968637477u
#define WATCH_NO_TERMINAL UINT32_MAX

enum { WATCH_ROOT_NAMES, WATCH_ROOT_EMAIL, watch_root_count };
enum { WATCH_NODE_IS_SUFFIX = 1 }; /* a public suffix: what stands for any label below it stands for nearly everything */
enum { WATCH_FAMILY_4 = 4, WATCH_FAMILY_6 = 6 };

struct watch_node {
    uint32_t label;  /* offset among the labels: one byte of length, then the label */
    uint32_t exact;  /* terminal of this very name, or WATCH_NO_TERMINAL */
    uint32_t subtree;
    uint32_t first_child;
    uint32_t child_count;
    uint32_t flags;
    uint32_t reserved[2]; /* two nodes in a cache line */
};

/* Open addressing, linear probing, never full. Node 0 is a root and so never somebody's child: it marks a free place. */
struct watch_place {
    uint32_t tag; /* upper half of the hash: a miss rarely touches a node */
    uint32_t node;
};

struct watch_address {
    uint8_t bytes[16]; /* masked; the first 4 for IPv4 */
    uint8_t family;    /* 0: free place */
    uint8_t length;    /* of the prefix, in bits */
    uint16_t reserved;
    uint32_t terminal;
};

struct watch_key {
    struct hash spki_sha256;
    uint32_t terminal; /* WATCH_NO_TERMINAL: free place */
};

struct watch_header {
    uint64_t magic;
    uint64_t generation;
    uint64_t size; /* of the image in bytes */
    uint32_t node_count;
    uint32_t place_count; /* powers of two, or 0 */
    uint32_t label_size;
    uint32_t address_count;
    uint32_t key_count;
    uint32_t reserved;
    uint64_t lengths_4;    /* bit n: some IPv4 prefix has n bits (0 to 32) */
    uint64_t lengths_6[3]; /* likewise, 0 to 128 */
};

static inline size_t watch_nodes_offset(void) {
    return sizeof(struct watch_header);
}
static inline size_t watch_places_offset(const struct watch_header *header) {
    return watch_nodes_offset() + (size_t) header->node_count * sizeof(struct watch_node);
}
static inline size_t watch_addresses_offset(const struct watch_header *header) {
    return watch_places_offset(header) + (size_t) header->place_count * sizeof(struct watch_place);
}
static inline size_t watch_keys_offset(const struct watch_header *header) {
    return watch_addresses_offset(header) + (size_t) header->address_count * sizeof(struct watch_address);
}
static inline size_t watch_labels_offset(const struct watch_header *header) {
    return watch_keys_offset(header) + (size_t) header->key_count * sizeof(struct watch_key);
}
static inline size_t watch_image_size(const struct watch_header *header) {
    return watch_labels_offset(header) + header->label_size;
}

static inline uint64_t watch_label_hash(uint32_t parent, const uint8_t *label, size_t size) {
    return XXH3_64bits_withSeed(label, size, parent);
}

static inline uint64_t watch_address_hash(const struct watch_address *address) {
    return XXH3_64bits_withSeed(address->bytes, sizeof address->bytes,
                                (uint64_t) address->family << 8 | address->length);
}

static inline uint64_t watch_key_hash(const struct hash *spki_sha256) {
    uint64_t start; /* a SHA-256 value needs no further mixing */
    memcpy(&start, spki_sha256->bytes, sizeof start);
    return start;
}

/* Zeroes all bits behind the prefix. */
static inline void watch_address_mask(struct watch_address *address) {
    for (unsigned i = 0; i < sizeof address->bytes; i++) {
        unsigned kept = address->length > i * 8 ? address->length - i * 8 : 0;
        if (kept < 8)
            address->bytes[i] &= (uint8_t) (0xff00u >> kept);
    }
}

/* "192.0.2.0/24" as watch_item_parse writes it; false for anything else. In watch_item.c. */
bool watch_address_of_value(struct span value, struct watch_address *ret_address);
