/* Logs in the database: which there are, how far each is read, who follows it, what to show of it. */
#pragma once

#include "formats/tree_head.h"
#include "rules/log_choice.h"
#include "store/record.h"

/* Upserts all of them in one transaction; logs of the database that are not among them become not followed ("in no list any more"). */
MUST_CHECK result store_logs_save(struct store *store, const struct chosen_log *logs, size_t count, int64_t now_ms);
/* All followed logs as saved, for the time before a list could be fetched. */
MUST_CHECK result store_logs_load(struct store *store, struct arena *arena, struct chosen_log **ret_logs, size_t *ret_count);

/* Where to go on. */
struct store_saved_position {
    bool exists;
    uint64_t first_index;
    struct compact_range frontier; /* of [0, size) */
    struct tree_head head;         /* that it was verified against; signature_size is 0 when the head was pruned */
    int64_t verified_ms;
    const struct store_head *heads; /* pending and verified ones, ascending by size; in the arena */
    size_t head_count;
};
MUST_CHECK result store_position_load(struct store *store, const struct hash *log_id, struct arena *arena,
                                      struct store_saved_position *ret_position);

/* Was this log named within an hour of the first one that any list named? Such a log is read from its head on; one that a list names
 * later is read from index 0. */
MUST_CHECK result store_log_is_of_first_start(struct store *store, const struct hash *log_id, bool *ret_is_of_first_start);

/* Leases. A holder is one process: machine, state folder and something random, at most 200 characters. */
struct store_lease_wish {
    const char *holder;
    const char *predecessor; /* holders that start like this are known to be dead: taken over at once; "" none */
    unsigned ttl_seconds;
};
/* Takes or renews the lease of each log in one transaction; ret_fencings[i] is 0 where somebody else holds it. */
MUST_CHECK result store_leases_take(struct store *store, const struct hash *log_ids, size_t count,
                                    const struct store_lease_wish *wish, int64_t *ret_fencings);
/* How many of these the database knows: no lease can be had of others. */
MUST_CHECK result store_logs_count_known(struct store *store, const struct hash *log_ids, size_t count, size_t *ret_known);
MUST_CHECK result store_lease_release(struct store *store, const struct hash *log_id, const struct store_lease *lease);

/* One row of `pinwatch logs`. */
struct store_log_status {
    struct hash log_id;
    const char *state; /* starting, following, catching-up, waiting, stale, failing, forked, finished */
    uint64_t head_size;
    int64_t head_time_ms;      /* 0: none */
    double entries_per_second;
    double eta_seconds;        /* negative: unknown */
    unsigned batch_size, parallel;
    uint64_t stale_views;
    const char *last_error;    /* "" */
    int64_t last_error_ms;     /* 0: none */
    int64_t last_success_ms;   /* 0: none */
};
/* All of them in one statement. */
MUST_CHECK result store_status_save(struct store *store, const struct store_log_status *rows, size_t count, int64_t now_ms);

struct store_log_row {
    struct hash log_id;
    const char *description, *operator_name, *protocol, *url, *monitoring_url, *list_state; /* "" for none */
    const char *source, *reason;
    bool is_followed, is_drill;
    bool has_position;
    uint64_t first_index, position;  /* [first_index, position) is read and verified */
    int64_t verified_ms;
    int64_t reported_ms;             /* when the status was last written */
    int64_t proven_by_ms;            /* time of the signed head that the position was verified against */
    bool has_status;
    struct store_log_status status;
    const char *holder;              /* "" when nobody follows it now */
};
/* Every log, by operator and description; all texts in `arena`. */
MUST_CHECK result store_logs_list(struct store *store, bool followed_only, struct arena *arena, struct store_log_row **ret_rows,
                                  size_t *ret_count);
