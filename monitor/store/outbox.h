/* The outbox, as `pinwatch-alerts` sees it: claim what is due, say what became of it. */
#pragma once

#include "base/arena.h"
#include "store/connection.h"

#define STORE_UUID_SIZE 37

struct store_delivery {
    int32_t tenant_id;         /* of the alert */
    int64_t delivery_id;
    int64_t alert_id;
    int64_t finding_id;        /* 0: a test */
    bool is_test;
    const char *rule, *severity;
    const char *body;          /* JSON object, docs/alerts.md */
    const char *pem;           /* "" when there is no certificate */
    int64_t created_ms;        /* of the alert */
    char idempotency_key[STORE_UUID_SIZE]; /* the same in every attempt */
    unsigned attempts;         /* this one included */
    int32_t channel_tenant_id; /* alerts of tenant 0 go to the channels of every tenant */
    const char *channel, *channel_kind;
    const char *configuration; /* JSON object */
    const char *secret_name;   /* "" when none */
};

struct store_claim {
    const char *holder;        /* machine, state folder and process, for the successor of a dead one */
    int64_t now_ms;
    int64_t claim_ms;          /* nobody else takes them for this long */
    unsigned per_channel_max;  /* so that one slow channel does not fill the answer */
    unsigned limit;
    const char *full_channels; /* JSON array of "tenant/channel": nothing of these; NULL for none */
};

/* Claims due deliveries of enabled channels, oldest first in each channel. All texts in `arena`. */
MUST_CHECK result store_outbox_claim(struct store *store, const struct store_claim *claim, struct arena *arena,
                                     struct store_delivery **ret_deliveries, size_t *ret_count);
/* Gives free at once what dead holders have claimed: those whose name starts like this. */
MUST_CHECK result store_outbox_take_over(struct store *store, const char *predecessor);
/* Makes due now what was queued or tried by a clock that has been set back since; claims whose holder's name starts with `mine` stand. */
MUST_CHECK result store_outbox_clock_set_back(struct store *store, const char *mine, int64_t now_ms);
MUST_CHECK result store_outbox_delivered(struct store *store, const struct store_delivery *delivery, int64_t now_ms);
/* Tries again at `next_ms`. */
MUST_CHECK result store_outbox_retry(struct store *store, const struct store_delivery *delivery, int64_t next_ms,
                                     const char *error);
/* Given up; stays visible in `alerts list`. */
MUST_CHECK result store_outbox_dead(struct store *store, const struct store_delivery *delivery, const char *error);

/* Opens, updates or resolves the finding channel.failing of this channel; its alert goes to the other channels of that tenant. */
MUST_CHECK result store_tell_channel(struct store *store, const struct store_delivery *delivery, bool is_over,
                                     const char *body, int64_t now_ms);
