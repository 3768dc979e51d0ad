/* One claimed delivery on its way: waiting for its channel, being sent, or waiting for its outcome to be written down. */
#pragma once

#include "channels/channel.h"
#include "store/outbox.h"

/* What one claim brought; freed with the last of its deliveries. */
struct claim_batch {
    struct arena *arena;
    size_t open_count;
};

struct claim_batch *claim_batch_new(size_t arena_limit);
/* One delivery fewer; frees the batch after the last. */
void claim_batch_leave(struct claim_batch *batch);

struct sending {
    const struct channel_tools *tools;
    struct sending *next; /* in its channel's list; owned by whoever holds the list */
    struct claim_batch *batch;
    const struct store_delivery *delivery; /* in the batch's arena */
    const struct channel_kind *kind;
    json_t *body, *configuration;
    struct alert alert;
    struct message message;
    struct channel_job job;
    struct attempt *attempt; /* NULL unless being sent */
    struct event *deadline_event;
    int64_t claim_end_ms;    /* monotonic: then somebody else may take it */
    struct channel_outcome outcome;
    void (*ended)(void *context, struct sending *sending);
    void *context;
};

/* Reads the row; what is wrong with it (no JSON, unknown kind, refused configuration) becomes the reason of a failed attempt.
 * NULL without memory. Joins the batch. */
struct sending *sending_new(const struct channel_tools *tools, struct claim_batch *batch, const struct store_delivery *delivery,
                            int64_t claim_end_ms);
/* Starts sending. `ended` is called once, from the loop, when the outcome is known; a start that fails is an outcome too. */
void sending_start(struct sending *sending, void (*ended)(void *, struct sending *), void *context);
/* Cancels what is under way, leaves the batch and frees. */
void sending_free(struct sending *sending);
