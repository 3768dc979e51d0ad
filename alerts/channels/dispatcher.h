/* The delivery loop: claims what is due in the outbox, gives it to its channel, writes down what became of it.
 *
 * At least once: a delivery is marked only after its receiver has accepted it; a process that dies in between leaves a claim that
 * its successor takes over, or that runs out, and the delivery is repeated with the same idempotency key. */
#pragma once

#include "channels/channel.h"
#include "store/connection.h"

struct dispatcher;

/* Borrows tools, store and `place` (place_name: claims of an earlier process of the same place are taken over at once). The first claim
 * is made from the loop. */
MUST_CHECK result dispatcher_new(const struct channel_tools *tools, struct store *store, const char *place,
                                 struct dispatcher **ret_dispatcher);
/* Claims no more, gives back what has not been started, lets running attempts end for a few seconds, gives back those that do
 * not, and then leaves the loop. */
void dispatcher_stop(struct dispatcher *dispatcher);
/* After the loop: why it was left without being told to (the database's schema is of another version), OK otherwise; see store_why. */
result dispatcher_outcome(const struct dispatcher *dispatcher);
void dispatcher_free(struct dispatcher *dispatcher);
