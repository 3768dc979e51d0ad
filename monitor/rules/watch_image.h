/* What is watched, as one immutable block of shared memory, and the look-up that every entry goes through.
 *
 * The image is a trie of labels from the right ("com", "example", "www"), found through an open-addressed table keyed by
 * (parent, label), plus prefixes of addresses, key hashes and e-mail domains. Offsets only, no pointers. A look-up costs
 * one probe per label that is a proper path in the trie plus one that misses, whatever the number of watches. */
#pragma once

#include "base/buffer.h"
#include "base/reason.h"
#include "base/span.h"
#include "formats/entry_report.h"

enum watch_kind {
    WATCH_NAME,    /* this DNS name alone (and wildcards that cover it) */
    WATCH_SUBTREE, /* this DNS name and everything below; "" is everything */
    WATCH_ADDRESS, /* an IP address or a CIDR range */
    WATCH_KEY,     /* SHA-256 of an SPKI */
    WATCH_EMAIL,   /* the domain of an rfc822Name */
    watch_kind_count,
};

/* One distinct thing to watch; its number in the list is the *terminal* that a match reports. The owner keeps which
 * tenants' watches stand behind a terminal. */
struct watch_item {
    enum watch_kind kind;
    const char *value; /* normalised: A-labels, lower case, no dots at the ends; address "192.0.2.0/24"; key in hex */
};

extern const struct fault fault_watch_value;
extern const struct fault fault_watch_image;

/* Normalises what a person wrote ("*.Example.COM.", ".example.com", "10.0.0.0/8", "sha256:…", "@example.com", "bücher.example")
 * into kind and value. `.example.com` and `*.example.com` are the subtree, a bare name is that name alone.
 * Room at ret_value: 256. Error: fault_watch_value, with a sentence in `reason` when given. */
MUST_CHECK result watch_item_parse(struct span text, enum watch_kind *ret_kind, char ret_value[256], struct reason *reason);

/* Builds the image; `generation` is stored in it. Duplicate items are allowed and match the lowest number. The public suffix list
 * is asked here and never on the way of an entry. */
MUST_CHECK result watch_image_build(const struct watch_item *items, size_t count, uint64_t generation, struct buffer *out);
/* Checks header and bounds; the bytes must outlive the image. */
struct watch_image {
    const struct watch_header *header;
    struct span bytes;
};
MUST_CHECK result watch_image_open(struct span bytes, struct watch_image *ret_image);
uint64_t watch_image_generation(const struct watch_image *image);
bool watch_image_has_keys(const struct watch_image *image); /* is the SPKI hash needed at all? */

/* What the names of one entry reached. Reset with watch_hits_reset. */
struct watch_hits {
    uint32_t terminals[REPORT_TERMINALS_MAX]; /* in order of first match, unique */
    size_t count;
    uint64_t total;          /* exact up to REPORT_TERMINALS_MAX; beyond, one terminal may count for several names */
    uint32_t visited;        /* nodes enumerated for "*", "?" and the like: bounded per entry, beyond it is_nearly_all */
    bool is_nearly_all;      /* a name that would match nearly everything; the watches below are not in `terminals` */
    char broad_suffix[256];  /* what all such names end in; "" for everything */
};

static inline void watch_hits_reset(struct watch_hits *hits) {
    hits->count = 0;
    hits->total = 0;
    hits->visited = 0;
    hits->is_nearly_all = false;
    hits->broad_suffix[0] = '\0';
}

/* `name`: lower case, labels separated by dots, no dot at the end. A leading "*" label matches one label in its place; a label "?"
 * (unreadable, or certspotter's redaction) matches any label; "w*" and "*w" match labels with that start or end. */
void watch_find_dns(const struct watch_image *image, struct span name, struct watch_hits *hits);
/* 4 or 16 bytes, network order; other sizes match nothing. IPv4-mapped IPv6 also counts as IPv4. */
void watch_find_address(const struct watch_image *image, struct span address, struct watch_hits *hits);
void watch_find_key(const struct watch_image *image, const struct hash *spki_sha256, struct watch_hits *hits);
/* `domain`: the part after '@', as for watch_find_dns. */
void watch_find_email(const struct watch_image *image, struct span domain, struct watch_hits *hits);
