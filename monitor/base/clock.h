/* Wall and monotonic time. Rules take `now` as a parameter; only loops and programs ask here.
 *
 * A build with PINWATCH_TEST_CLOCK reads both from a file of two int64 (wall, monotonic; milliseconds, host byte
 * order) named by the environment variable PINWATCH_CLOCK when that is set, so that several processes share a fake clock. */
#pragma once

#include <stdint.h>

/* Milliseconds since 1970-01-01 UTC. */
int64_t clock_wall_ms(void);
/* Milliseconds since some fixed instant; never goes back. */
int64_t clock_monotonic_ms(void);
