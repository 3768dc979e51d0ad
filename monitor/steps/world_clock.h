/* What the logs' servers say the time is (the Date of their answers), held against this machine's clock. A clock that is wrong accuses
 * logs and lists of being old or of the future, so rules about the age of things go by the middle of what several operators say. One alone
 * could hide its own stale heads in this way, or accuse our clock: it is believed only where no other is asked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORLD_CLOCK_VIEWS_MAX 64
#define WORLD_CLOCK_WRONG_MS ((int64_t) 5 * 60 * 1000) /* a smaller difference is nobody's fault, and no rule depends on it */

struct world_clock_view {
    char operator_name[64];
    int64_t ahead_ms; /* of ours */
    int64_t heard_ms; /* monotonic */
};

struct world_clock { /* zeroed: nothing heard yet */
    struct world_clock_view views[WORLD_CLOCK_VIEWS_MAX];
    size_t count;
    size_t asked;     /* how many operators of different names are; 0: not known yet */
    int64_t base_ms;  /* wall less monotonic when last heard: it jumps with the clock */
    int64_t ahead_ms; /* what the others' clocks are ahead of ours; 0 while they agree with it */
};

struct world_clock_answer {
    const char *operator_name;
    int64_t date_ms;           /* what the server said, since 1970 */
    int64_t wall_ms, now_ms;   /* ours when it came; the second is monotonic */
};

/* `names` with equal ones among them. */
void world_clock_set_asked(struct world_clock *clock, const char *const *names, size_t count);
/* Ours was set: what was heard before says nothing any more. */
void world_clock_forget(struct world_clock *clock);
void world_clock_hear(struct world_clock *clock, const struct world_clock_answer *answer);
/* Our wall time, corrected where the middle of all views says that it is wrong. NULL corrects nothing. */
int64_t world_clock_time(const struct world_clock *clock, int64_t wall_ms);
/* Have enough spoken lately to tell whether ours is right? */
bool world_clock_is_known(const struct world_clock *clock);
