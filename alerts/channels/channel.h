/* The one interface behind which every way out stands: one file and one row of the table in kinds.c for each. */
#pragma once

#include <event2/event.h>

#include "base/reason.h"
#include "net/transfer.h"
#include "settings/settings.h"
#include "wording/message.h"

#define IDEMPOTENCY_KEY_SIZE 37 /* a UUID as text */

/* What every channel may use; lives as long as the process. */
struct channel_tools {
    struct event_base *loop;
    struct net *net;
    const struct settings *settings;
};

/* One thing to send. Everything is borrowed and lives until the attempt is done or cancelled. */
struct channel_job {
    const struct alert *alert;
    const struct message *message;
    const json_t *configuration; /* the channel's, checked */
    const char *channel;         /* its name */
    const char *secret_name;     /* "" for none */
    const char *idempotency_key; /* the same at every attempt of this delivery */
    unsigned attempt;            /* 1 for the first */
};

enum channel_verdict {
    CHANNEL_DELIVERED,
    CHANNEL_RETRY, /* anything that may be different later; a person may repair the configuration meanwhile */
    CHANNEL_GONE,  /* the receiver says that it will never accept again: a dead letter at once */
};

struct channel_outcome {
    enum channel_verdict verdict;
    int64_t retry_after_ms; /* what the receiver asked for, -1 for nothing */
    struct reason reason;   /* why not; may also say what was odd about a delivery */
};

typedef void (*channel_done)(void *context, const struct channel_outcome *outcome);

struct channel_kind;

/* One attempt under way; each kind puts it first in a struct of its own. */
struct attempt {
    const struct channel_kind *kind;
};

struct channel_kind {
    const char *name;
    unsigned at_once; /* attempts of one channel side by side */
    /* Pure: fault_channel_configuration with a reason that names field, value and what was wanted. */
    result (*check_configuration)(const json_t *configuration, const char *secret_name, struct reason *reason);
    /* How long an attempt may take at most before it is cancelled, from its checked configuration. */
    int64_t (*deadline_ms)(const json_t *configuration);
    /* Starts. `done` is called exactly once, from the loop, never from inside this call, unless cancel comes first. An error
     * here (an unreadable secret, no memory) is an attempt that failed; `reason` says why. */
    result (*start)(const struct channel_tools *tools, const struct channel_job *job, channel_done done, void *context,
                    struct attempt **ret_attempt, struct reason *reason);
    /* Ends an attempt without calling back: connections are closed, programs killed, files removed. */
    void (*cancel)(struct attempt *attempt);
};

extern const struct fault fault_channel_configuration;
extern const struct fault fault_channel_kind;

extern const struct channel_kind channel_webhook;
extern const struct channel_kind channel_email;
extern const struct channel_kind channel_hook;

/* NULL when there is no such kind. */
const struct channel_kind *channel_kind_find(const char *name);
