/* When a delivery that failed is tried again, and when it is given up. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct backoff {
    int64_t first_ms;       /* after the first failure; doubles with each */
    int64_t cap_ms;
    unsigned jitter_percent; /* up to so much is added, so that what failed together does not return together */
    int64_t give_up_ms;     /* age of the alert from which on it is given up … */
    unsigned attempts_least; /* … but not before so many attempts: pinwatch itself may have been down */
};

extern const struct backoff backoff_of_deliveries;

/* Milliseconds until the next attempt after `attempts` (at least 1) failed. `random`: any number. `asked_ms`: what the receiver
 * asked for (Retry-After), -1 for nothing; it is a least, not a replacement. */
int64_t backoff_delay_ms(const struct backoff *backoff, unsigned attempts, int64_t asked_ms, uint32_t random);
bool backoff_is_exhausted(const struct backoff *backoff, unsigned attempts, int64_t age_ms);
