/* One lane for each channel: how many deliveries it sends at once and how many wait, so that a slow or hanging channel is in
 * nobody's way. */
#pragma once

#include "channels/sending.h"

#define LANE_WAITING_MAX 64
#define LANE_FULL_MS     (5 * 1000) /* what finds no place is given back for so long */
#define LANES_MAX        1024
#define RUNNING_MAX      48          /* of all lanes together; each one may always run one */

/* Whether a channel works; see settlement.h. */
struct lane_health {
    bool was_told_failing; /* by this process */
    bool was_told_working;
};

struct lane {
    int32_t tenant_id;
    char *channel; /* owned */
    struct sending *first, **last; /* waiting, oldest first */
    size_t waiting;
    struct sending *running_first;
    size_t running;
    struct lane_health health;
};

struct lanes {
    struct lane *list; /* LANES_MAX of them, once the first is needed */
    size_t count;
    size_t running;
};

/* The lane of a delivery's channel; NULL when there are too many or no memory. */
struct lane *lane_of(struct lanes *lanes, const struct sending *sending);
/* Puts it at the end of its lane and owns it then; false, and it stays the caller's, when the lane is full. */
bool lane_enter(struct lanes *lanes, struct sending *sending);
/* The lanes that have no room for `count` more, as a JSON array of "tenant/channel"; NULL without memory. Free with memory_free_foreign. */
char *lanes_full(const struct lanes *lanes, size_t count);
/* Starts what may start; drops what waited so long that its claim could end during an attempt (it will be claimed again). */
void lanes_start(struct lanes *lanes, int64_t now_ms, void (*ended)(void *, struct sending *), void *context);
/* It has ended: takes it out of its lane; the caller owns it again. */
void lane_left(struct lanes *lanes, struct sending *sending);
/* Cancels and gives back everything that waits or runs, due at once for the next process. */
void lanes_give_back(struct lanes *lanes, struct store *store, int64_t now_wall_ms);
void lanes_done(struct lanes *lanes);
