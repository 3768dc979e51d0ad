/* Following one log: heads, batches, verification, hand-over to a sink. The same code serves the service and `scan`.
 *
 * A followed log owns its state; what all logs of a process share is borrowed from struct follow_world. Nothing here knows SQL. */
#pragma once

#include <event2/event.h>

#include "net/budget.h"
#include "formats/tree_head.h"
#include "net/transfer.h"
#include "rules/log_choice.h"
#include "rules/merkle.h"
#include "steps/reader_pool.h"
#include "steps/sink.h"
#include "steps/world_clock.h"

#define FOLLOW_HEADS_MAX 64 /* DESIGN: How a log is followed, 2 */

struct follow_world {
    struct event_base *loop;
    struct net *net;
    struct reader_pool *readers;
    struct sink sink;
    struct world_clock *clock; /* NULL: the machine's is believed */
};

struct follow_options {
    uint64_t first_index;  /* where to begin without a position */
    bool starts_at_head;   /* without a position: begin at the current head, verified by proof */
    bool is_one_shot;      /* read [first_index, end) of the first head and stop */
    uint64_t end;          /* one shot: exclusive; UINT64_MAX for the head's size */
    bool delivers_early;   /* hand batches to the sink in order before a root has confirmed them (range->against is NULL) */
    bool reports_all;      /* every entry is a match */
    int64_t poll_ms;       /* between heads */
    unsigned parallel_max; /* transfers of batches at once */
    struct budget *budget; /* of the operator; borrowed */
};

/* A position to go on from, as the store keeps it. */
struct follow_position {
    uint64_t first_index;
    struct compact_range frontier;
    struct tree_head head; /* the head that it was verified against */
    struct tree_head heads[FOLLOW_HEADS_MAX]; /* signed ones not yet reproduced; checked again */
    size_t head_count;
};

enum follow_state {
    FOLLOW_STARTING,    /* no verified place to begin yet */
    FOLLOW_READING,
    FOLLOW_WAITING,     /* at the head */
    FOLLOW_STALE,       /* at a head that is too old: log.stale was told */
    FOLLOW_FAILING,     /* the last requests failed; trying again */
    FOLLOW_FORKED,      /* the log contradicts itself; evidence is kept, reading is tried again slowly */
    FOLLOW_FINISHED,    /* a readonly log read to its final head, or one shot done */
    follow_state_count,
};

struct follow_figures {
    enum follow_state state;
    uint64_t first_index, position, read_to;
    uint64_t head_size;
    uint64_t head_time_ms;
    double entries_per_second;
    double eta_seconds;        /* -1: unknown or never */
    unsigned batch_size, parallel;
    uint64_t stale_views;
    uint64_t entries, matches, unreadable;
    int64_t last_success_ms;   /* wall; 0: never */
    int64_t last_error_ms;
    struct reason last_error;  /* "" when all is well */
    bool is_verified;          /* one shot: everything asked for is covered by a signed root */
    struct hash head_root;
    result fault;              /* why a one shot ended early, or OK */
};

struct followed_log;

/* `done` (may be NULL) is called once from the loop when a one shot ends or a readonly log is finished. */
typedef void (*follow_done)(void *context, struct followed_log *log);

/* Copies `chosen`; `position` may be NULL. Errors: fault_key_format, fault_no_memory. */
MUST_CHECK result followed_log_new(const struct follow_world *world, const struct chosen_log *chosen,
                                   const struct follow_options *options, const struct follow_position *position,
                                   struct followed_log **ret_log);
void followed_log_on_done(struct followed_log *log, follow_done done, void *context);
void followed_log_free(struct followed_log *log); /* cancels what is under way */

const struct chosen_log *followed_log_identity(const struct followed_log *log);
/* New facts from the lists (state, interval, final head, mmd); key and addresses stay. */
MUST_CHECK result followed_log_update(struct followed_log *log, const struct chosen_log *chosen);
void followed_log_figures(const struct followed_log *log, struct follow_figures *ret_figures);
int64_t followed_log_answered_ms(const struct followed_log *log); /* monotonic, when it last answered; 0: never */
/* Does what is due and returns the monotonic time at which it wants to be called again. */
int64_t followed_log_step(struct followed_log *log);
/* Forgets what is read but not committed and reads it again: the watch image has changed. */
void followed_log_reread(struct followed_log *log);
/* While held no new entries are asked for: the sink has enough to do. */
void followed_log_hold(struct followed_log *log, bool is_held);
/* Is something verified that the sink has refused, or wants later? */
bool followed_log_waits_for_sink(const struct followed_log *log);
/* What the sink keeps with the log (lease, row numbers); not touched here. */
void followed_log_set_mark(struct followed_log *log, void *mark);
void *followed_log_mark(const struct followed_log *log);
const char *follow_state_name(enum follow_state state);
