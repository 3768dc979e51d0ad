/* Names of one zone about which the resolvers disagree in the same way: told together. Pure. */
#pragma once

#include "rules/caa_owners.h"

#define CAA_SPLITS_MAX 20     /* ways to disagree in one zone that are told each; what comes beside them is told together */
#define CAA_SPLIT_ID_SIZE 17

struct caa_split {
    struct caa_split *next;   /* of the zone */
    struct caa_owner *zone;
    size_t count;             /* owners in it */
    bool is_rest;             /* of the zone's other ways */
    bool is_dirty;            /* to be told anew */
    char id[CAA_SPLIT_ID_SIZE]; /* text; the same after a restart */
    struct caa_set *said[CAA_RESOLVERS_MAX]; /* references; by resolver, NULL: nothing yet. Not of the rest */
};

/* The registered domain that the owner lies in; itself where there is none (public suffixes). Zone cuts are nothing that CAA answers show. */
struct caa_owner *caa_zone_of(struct caa_owner *owner);
/* Have two resolvers last said different things? Those that fail now count by what they said before. */
bool caa_owner_is_split(const struct caa_owner *owner, size_t resolver_count);
/* Do the resolvers still say what it was put into its split for? */
bool caa_split_fits(const struct caa_owner *owner, size_t resolver_count);

/* What the way in which the resolvers disagree about the owner is called. */
void caa_split_id(const struct caa_owner *owner, const char *const *resolvers, size_t resolver_count, char ret_id[CAA_SPLIT_ID_SIZE]);
#define CAA_SPLIT_REST_ID "others"

/* Puts the owner into the zone's split of this id, out of any other; a zone with too many has one for the rest. What changes is dirty. Fails only without
 * memory; then it is in none. */
MUST_CHECK result caa_split_join(struct caa_owners *owners, struct caa_owner *owner, const char *id);
void caa_split_leave(struct caa_owner *owner);
/* Takes a split that nobody is in any more out of its zone and frees it. */
void caa_split_remove(struct caa_owners *owners, struct caa_split *split);
