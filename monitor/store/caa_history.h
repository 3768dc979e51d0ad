/* CAA answers over time, as everybody reads them (docs/schema.md, CAA); store/caa_poll.h writes them. */
#pragma once

#include "base/arena.h"
#include "rules/caa_history.h"
#include "store/connection.h"

enum caa_outcome store_caa_outcome(const char *text); /* as the tables spell it */

/* What every resolver said about these owners (texts without a dot at the end: a name first, its top-level domain last) in runs that
 * overlap [from_ms, to_ms], oldest first; an owner without runs has none. The sets are in canonical order. Everything in `arena`. */
struct store_caa_wish {
    const char *const *owners;
    size_t owner_count;
    int64_t from_ms, to_ms;
    size_t bytes_max; /* of the sets of one owner by one resolver: the newest runs up to so many, the others as if nothing were recorded; 0: all */
};
MUST_CHECK result store_caa_history_load(struct store *store, const struct store_caa_wish *wish, struct arena *arena,
                                         struct caa_resolver_history **ret_resolvers, size_t *ret_count);


/* What is taken for true at an owner. */
struct store_caa_accepted {
    const char *owner;
    enum caa_outcome outcome;
    struct span records;
};
MUST_CHECK result store_caa_accepted_load(struct store *store, const char *const *owners, size_t count, struct arena *arena,
                                          struct store_caa_accepted **ret_rows, size_t *ret_count);

struct store_caa_status {
    const char *resolver;
    bool is_validating;
    const char *state; /* "starting", "answering", "failing" */
    uint64_t owners, owners_failing;
    double answers_per_second, overdue_seconds;
    const char *last_error;
    int64_t last_error_ms, last_success_ms; /* 0: never */
    int64_t updated_ms;                     /* read only */
};
MUST_CHECK result store_caa_status_load(struct store *store, struct arena *arena, struct store_caa_status **ret_rows, size_t *ret_count);
