/* Sets of CAA records in canonical form, each kept once however many owners have it: most have the same, or none. */
#pragma once

#include "base/result.h"
#include "base/span.h"

struct caa_sets; /* the pool */

struct caa_set {
    struct caa_set *next; /* of the pool's list */
    uint64_t key;
    uint32_t references;
    uint32_t size;        /* 0: no records */
    uint8_t bytes[];
};

MUST_CHECK result caa_sets_new(struct caa_sets **ret_sets);
void caa_sets_free(struct caa_sets *sets); /* and every set of it */
/* The set with these canonical bytes (caa_set_encode), with one reference more; NULL without memory. */
struct caa_set *caa_set_ref(struct caa_sets *sets, struct span canonical);
void caa_set_unref(struct caa_sets *sets, struct caa_set *set); /* NULL is allowed */
/* Puts `set`, whose reference the caller gives away, in the place of another. */
void caa_set_replace(struct caa_sets *sets, struct caa_set **place, struct caa_set *set);
size_t caa_sets_count(const struct caa_sets *sets);

static inline struct span caa_set_span(const struct caa_set *set) {
    return span_of(set == NULL ? NULL : set->bytes, set == NULL ? 0 : set->size);
}
static inline bool caa_set_is_empty(const struct caa_set *set) {
    return set->size == 0;
}
