/* CAA records that are not polled, or whose answers cannot be recorded: told when it lasts, by whoever has reason to believe that nobody
 * else polls, and ended by whoever polls well. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "steps/told.h"

struct monitor;

struct caa_trouble {
    int64_t since_ms, last_ms, looked_ms; /* monotonic; last_ms 0: none */
    int64_t since_wall_ms;
    struct reason why; /* of the last one */
    enum told told;
};

enum caa_standing {
    CAA_STANDS_ELSEWHERE, /* another monitor polls: what is told is its affair */
    CAA_STANDS_STILL,     /* nothing is asked yet */
    CAA_STANDS_WELL,      /* all names are read, and asked */
};

/* Something was in vain: no client, no names, no commit. It is over when nothing more was for a minute in which names were asked. */
void caa_trouble_note(struct monitor *monitor, const char *why);
/* Every round. Fails as monitor_tell does, and is then to be called again. */
MUST_CHECK result caa_trouble_look(struct monitor *monitor, enum caa_standing standing, int64_t now_ms);
/* CAA is not followed any more: what is told of its polling ends. */
MUST_CHECK result caa_trouble_end(struct monitor *monitor);
