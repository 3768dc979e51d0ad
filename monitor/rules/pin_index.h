/* Entries of a pin document by host, for questions that are asked once for each entry: thousands of entries need no looking through all of them. */
#pragma once

#include "rules/pin_judge.h"

struct pin_index_entry {
    const char *host;
    const struct pin_set *set;
    const struct pin_set *below; /* an entry for a name below the host; only in the first entry of a host */
    unsigned matches;            /* 1 << pin_host_match of each entry of the host; only in the first one, too */
};

struct pin_index {
    const struct pin_document *document;
    struct pin_index_entry *entries; /* sets with a host, by host, then by place in the document */
    size_t count;
    struct pin_set *room;            /* for those that may hold for a name */
    const struct pin_set **places;   /* where they came from */
};

/* Borrows the document (NULL: none, without entries). Everything in `arena`; fails only without memory. */
MUST_CHECK result pin_index_make(const struct pin_document *document, struct arena *arena, struct pin_index *ret_index);
/* The first entry for exactly this host; NULL: none. */
const struct pin_index_entry *pin_index_first(const struct pin_index *index, const char *host);
/* As pin_sets_for_host of a document whose sets have hosts; `ret_sets` has room for all of them. */
size_t pin_index_sets_for(struct pin_index *index, const char *host, uint16_t port, const char *protocol, const struct pin_set **ret_sets);
/* Are there any? */
bool pin_index_holds(const struct pin_index *index, const char *host);
