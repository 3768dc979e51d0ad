/* The names whose CAA records are asked for: a tree down from the top-level domains, with what each resolver said, and who is asked next. Pure. */
#pragma once

#include "formats/dns_name.h"
#include "rules/caa_dispute.h"
#include "rules/caa_track.h"

#define CAA_OWNERS_MAX ((size_t) 2000000)
#define CAA_IN_NO_HEAP UINT32_MAX

/* A watch of a DNS name or subtree, as far as CAA is concerned. */
struct caa_watch {
    int32_t tenant_id;
    bool is_subtree;
    const char *value; /* borrowed */
};

struct caa_slot {
    struct caa_track track;
    int64_t due_ms;    /* monotonic */
    uint32_t heap_at;  /* CAA_IN_NO_HEAP: being asked, or not yet to be */
    bool is_asked, is_probe;
};

struct caa_split;
struct caa_unrest;

struct caa_owner {
    struct caa_owner *parent, *first_child, *next, *before; /* of the tree; siblings both ways */
    struct caa_owner *next_in_list;                         /* of the hash table */
    struct caa_set *accepted;         /* NULL: nothing yet */
    int64_t named_until_ms;           /* wall: the last certificate with this name ends */
    uint32_t scan;                    /* when such a certificate was seen last */
    uint32_t watch_first, watch_count; /* watches of exactly this name */
    struct caa_dispute dispute;
    struct caa_split *split;          /* is_open: what it is told with; of its zone */
    struct caa_split *splits;         /* of this zone; owned */
    struct caa_unrest *unrest;        /* NULL: not known, or no change yet; owned */
    bool is_watched;                  /* by a name of somebody's own, no public suffix */
    bool is_new, is_loading;          /* just added; what is recorded of it is still to be loaded */
    bool is_kept;                     /* used by caa_owners_sweep */
    bool is_unreachable;              /* as told */
    bool is_linted;                   /* a finding about its set may be open */
    bool wants_lint;
    bool is_dirty;                    /* conditions are to be looked at again */
    bool is_torn;                     /* its splits are */
    const char *name;                 /* text without the dot at the end */
    struct caa_slot slots[];          /* one per resolver */
};

struct caa_heap_item {
    int64_t due_ms;
    struct caa_owner *owner;
};
struct caa_heap {
    struct caa_heap_item *items; /* soonest first */
    size_t count, room;
};

struct caa_owners {
    struct caa_owner **lists;
    size_t list_count, count, resolver_count;
    size_t most;                      /* CAA_OWNERS_MAX unless somebody sets it; names beyond are left out, and said to be */
    uint64_t seed;
    struct caa_owner *tops;           /* top-level domains */
    struct caa_sets *sets;            /* owned */
    struct caa_heap heaps[CAA_RESOLVERS_MAX];
    size_t bytes;                     /* of owners, without their sets */
    size_t failing[CAA_RESOLVERS_MAX]; /* how many failed with each resolver at the last sweep */
};

MUST_CHECK result caa_owners_new(size_t resolver_count, uint64_t seed, struct caa_owners **ret_owners);
void caa_owners_free(struct caa_owners *owners);

/* Is it a name that has CAA records in the DNS: no onion (RFC 7686), no address, no single unreadable label, not the root? "*." is left off. */
bool caa_owner_name_of(const char *text, struct dns_name *ret_name);
/* Watches of a public suffix, or of everything, are of no owner's. */
bool caa_is_own_name(const char *value);
struct caa_owner *caa_owners_find(const struct caa_owners *owners, const char *name);
/* Finds or adds it with its ancestors; *ret_owner is NULL where there are too many. New ones are is_new. */
MUST_CHECK result caa_owners_add(struct caa_owners *owners, const struct dns_name *name, struct caa_owner **ret_owner);
/* Counts those that fail, and frees owners that no watch and no certificate that ends after now_ms needs, nor anybody below; not those that are being asked, loaded or looked at. Calls
 * `leave` before. */
void caa_owners_sweep(struct caa_owners *owners, int64_t now_ms, void (*leave)(void *context, struct caa_owner *owner), void *context);
bool caa_owner_is_wanted(const struct caa_owner *owner, int64_t now_ms); /* for itself, not for its children */

/* All of them, top-level domains before what is below; `within` (NULL: all) limits it to one and what is below. NULL at the end. */
struct caa_owner *caa_owners_next(const struct caa_owners *owners, const struct caa_owner *at, const struct caa_owner *within);
/* The next one that is not below `at`. */
struct caa_owner *caa_owners_next_beside(const struct caa_owner *at, const struct caa_owner *within);

/* To be asked at due_ms (monotonic), or sooner where it was to be. Fails only without memory. */
MUST_CHECK result caa_owners_schedule(struct caa_owners *owners, struct caa_owner *owner, size_t resolver, int64_t due_ms);
/* Takes the next one that is due out of the heap; NULL when none is. */
struct caa_owner *caa_owners_take_due(struct caa_owners *owners, size_t resolver, int64_t now_ms);
bool caa_owners_next_due_ms(const struct caa_owners *owners, size_t resolver, int64_t *ret_due_ms);
