/* Whose names have their relevant CAA set at an owner: who is to be told of it. Pure. */
#pragma once

#include "base/arena.h"
#include "rules/caa_owners.h"

#define CAA_NAMES_TOLD 20

/* Watches sorted by value; the list is borrowed. */
struct caa_watches {
    const struct caa_watch *list;
    size_t count;
};
void caa_watches_sort(struct caa_watch *list, size_t count);
/* Sets which watches are of exactly this owner's name. */
void caa_watches_assign(const struct caa_watches *watches, struct caa_owner *owner);

struct caa_concerned {
    int32_t tenant_id;
    const char *names[CAA_NAMES_TOLD]; /* the first ones; borrowed from the owners */
    size_t name_count;                 /* of all */
    const char *last_name;             /* that was counted */
    const struct caa_owner *owners[CAA_NAMES_TOLD]; /* where the names climb to: the first ones */
    size_t owner_count;                /* of all */
    const struct caa_owner *last_owner; /* that was counted */
    const char *watches[CAA_NAMES_TOLD];
    size_t watch_count;                /* of those listed */
};

/* How an owner is seen: by one resolver, and where that never said anything, as it is taken for true. NULL: not known. */
struct caa_set *caa_seen_by(const struct caa_owner *owner, size_t resolver);
/* The relevant set of whatever climbs to this owner and finds `own` there; *ret_at (NULL: nowhere) is where it stands. NULL: not known. */
struct caa_set *caa_relevant_from(const struct caa_owner *owner, struct caa_set *own, size_t resolver, struct caa_set *none, const struct caa_owner **ret_at);

/* A name climbs to an owner past names that have no records. Past those of which nothing is known, or that fail now, only where `passes_unknown`. */
struct caa_question_of_concern {
    const struct caa_owners *owners;
    const struct caa_watches *watches;
    const struct caa_owner *owner;
    size_t resolver;
    bool passes_unknown;
    int64_t now_ms;
};
/* Tenants in the order of their first name; the list is in `arena`. Fails only without memory. */
MUST_CHECK result caa_concern_of(const struct caa_question_of_concern *question, struct arena *arena, struct caa_concerned **ret_list, size_t *ret_count);
/* The same for several owners at once. */
MUST_CHECK result caa_concern_of_all(const struct caa_question_of_concern *questions, size_t question_count, struct arena *arena, struct caa_concerned **ret_list,
                                     size_t *ret_count);
