#include "channels/backoff.h"

#define SECOND ((int64_t) 1000)
#define HOUR   (3600 * SECOND)

const struct backoff backoff_of_deliveries = {
    .first_ms = 2 * SECOND,
    .cap_ms = HOUR,
    .jitter_percent = 20,
    .give_up_ms = 24 * HOUR,
    .attempts_least = 30, /* a day of them: a clock that jumps, or a machine that sleeps, uses up none */
};

int64_t backoff_delay_ms(const struct backoff *backoff, unsigned attempts, int64_t asked_ms, uint32_t random) {
    int64_t delay = backoff->first_ms;
    for (unsigned i = 1; i < attempts && delay < backoff->cap_ms; i++)
        delay *= 2;
    if (delay > backoff->cap_ms)
        delay = backoff->cap_ms;
    if (delay < asked_ms)
        delay = asked_ms;
    int64_t room = delay * backoff->jitter_percent / 100;
    return delay + (int64_t) ((uint64_t) random % ((uint64_t) room + 1));
}

bool backoff_is_exhausted(const struct backoff *backoff, unsigned attempts, int64_t age_ms) {
    /* Queued by a clock that was set back since, it has an age that says nothing; so many attempts take about a day. */
    return (age_ms >= backoff->give_up_ms || age_ms < 0) && attempts >= backoff->attempts_least;
}
