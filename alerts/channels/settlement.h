/* Writes down what became of an attempt: delivered, again later, or given up; and whether the channel as a whole fails. */
#pragma once

#include "channels/lane.h"

/* After so many attempts of one delivery the finding channel.failing is raised. */
#define SETTLEMENT_TELL_ATTEMPTS 5

/* `health` may be NULL. `random`: any number, for the jitter. Errors are the store's; then nothing is written and the call may be
 * repeated. */
MUST_CHECK result settlement_write(struct store *store, const struct sending *sending, struct lane_health *health, int64_t now_ms,
                                   uint32_t random);
/* Due again at `next_ms`; a failure leaves the claim to run out. */
void settlement_give_back(struct store *store, const struct store_delivery *delivery, int64_t next_ms, const char *why);
