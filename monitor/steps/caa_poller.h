/* Polls CAA records: which names, when, what came of it, and what is told. Memory is what the database holds, and moves with it; where they
 * part, it is thrown away and loaded again. Only the lease's holder polls. */
#pragma once

#include <jansson.h>

#include "net/dns_client.h"
#include "rules/caa_concern.h"
#include "rules/caa_health.h"
#include "rules/caa_split.h"
#include "rules/caa_unrest.h"
#include "steps/caa_refusals.h"
#include "steps/caa_room.h"
#include "steps/monitor.h"

#define CAA_TRIES 3          /* in a row, before a failure is told */
#define CAA_IN_FLIGHT 200    /* questions per resolver */
#define CAA_BATCH_MAX 4000   /* answers of one commit */
#define CAA_BATCH_BYTES ((size_t) 8 * 1024 * 1024) /* of their sets, beside those that are under way; each may have 64 kB */
#define CAA_BATCH_ARENA ((size_t) 512 * 1024 * 1024)
#define CAA_LOAD_ARENA ((size_t) 256 * 1024 * 1024)
#define CAA_LINT_TTL_S 28800 /* above it a remark is due */

/* A question under way. */
struct caa_asked {
    struct caa_poller *poller;
    struct caa_owner *owner;
    size_t resolver;
    struct caa_asked *next, *before;
};

/* An answer that waits for its commit. */
struct caa_waiting {
    struct caa_owner *owner;
    size_t resolver;
    struct caa_answer answer; /* in the batch's arena */
    struct caa_set *set;      /* a reference; NULL: it failed */
    bool is_probe, is_refused; /* refused: a stand-in for what the database refuses */
};

struct caa_batch {
    struct arena *arena;
    struct caa_waiting *answers;
    size_t count, room, bytes;
    struct store_caa_commit *commit;
};

struct caa_resolver {
    const char *name;
    bool is_validating;
    struct caa_health health;
    bool is_told;            /* a finding may be open about it */
    unsigned in_flight;
    double tokens;
    int64_t tokens_ms, probed_ms;
    uint64_t answers, answers_before; /* in all; at the last status */
    int64_t ours_since_ms;   /* monotonic: since then this machine could not ask it; 0: it can */
    char last_error[200];
    int64_t last_error_ms, last_success_ms;
};

struct caa_poller {
    struct monitor *monitor;
    struct dns_client *client;
    struct caa_resolver resolvers[CAA_RESOLVERS_MAX];
    size_t resolver_count;
    bool are_alternates; /* the system's: one of them that answers is enough */
    struct caa_bounds bounds;
    struct store_caa_lease lease;
    uint64_t random;

    struct caa_owners *owners;  /* NULL: not ours */
    struct caa_set *none;       /* the set without records */
    struct arena *watch_arena;
    struct caa_watch *watch_list;
    struct caa_watches watches;
    uint64_t generation;
    struct caa_owner **fresh;   /* is_loading */
    size_t fresh_count, fresh_room;
    struct caa_owner **dirty;   /* is_dirty */
    size_t dirty_count, dirty_room;
    struct caa_owner **torn;    /* is_torn */
    size_t torn_count, torn_room;
    uint32_t scan;              /* counts the readings of all names */
    int64_t scan_after_id;
    bool is_scanning, is_ready; /* ready: all names were read once */

    struct caa_asked *asked;
    struct caa_batch *gathering, *sending;
    struct caa_refusals refusals;
    struct caa_room room;
    int64_t client_due_ms, lease_due_ms, fresh_due_ms, commit_due_ms, status_due_ms, scan_due_ms, sweep_due_ms, calm_due_ms, status_ms; /* monotonic */
    int64_t usage_until_ms; /* looking up certificates has used the time until then; monotonic */
    uint64_t ca_generation; /* of the CA keys that remarks are made with */
    bool said_full, is_elsewhere; /* another monitor polls, as far as one without a client can know */
};

/* caa_load.c: names, watches, and what is recorded of them. Each does a little and is called again. */
MUST_CHECK result caa_load_some(struct caa_poller *poller, int64_t now_ms);

/* caa_ask.c */
void caa_ask_due(struct caa_poller *poller, int64_t now_ms);
void caa_forget_asked(struct caa_poller *poller);
void caa_probe(struct caa_poller *poller, size_t resolver, int64_t now_ms);

/* caa_commit.c */
struct caa_batch *caa_batch_new(void);
void caa_batch_free(struct caa_batch *batch);
void caa_batch_end(struct caa_batch *batch, const char *rule, const char *subject); /* nobody asks about it any more */
void caa_batch_end_noted(struct caa_batch *batch, const struct store_caa_condition *told, const char *note);
MUST_CHECK result caa_commit_some(struct caa_poller *poller, int64_t now_ms);
/* A copy of a set that lives as long as the batch. */
MUST_CHECK result caa_copy_of_set(struct caa_batch *batch, const struct caa_set *set, struct span *ret_copy);

/* caa_lint_news.c */
MUST_CHECK result caa_look_at_lint(struct caa_poller *poller, struct caa_batch *batch, const struct caa_waiting *heard);
size_t caa_speaker(const struct caa_poller *poller, const struct caa_owner *owner); /* whose answers count where one must */

/* caa_conditions.c: what lasts, told while it does. */
void caa_make_dirty(struct caa_poller *poller, struct caa_owner *owner);
/* A name that fails may do so with its whole zone, whose own turn may come in an hour: it is asked at once, and the name told afterwards. */
MUST_CHECK result caa_ask_above(struct caa_poller *poller, struct caa_owner *owner, size_t resolver, int64_t now_ms);
MUST_CHECK result caa_look_at_dirty(struct caa_poller *poller, struct caa_batch *batch);
MUST_CHECK result caa_look_at_resolvers(struct caa_poller *poller, struct caa_batch *batch, int64_t now_ms);
json_t *caa_body_about(const struct caa_poller *poller, const struct caa_owner *owner, const struct caa_concerned *concerned, struct arena *arena);
void caa_health_changed(struct caa_poller *poller, size_t resolver, int64_t now_ms);

/* caa_disputes.c: resolvers that disagree, told by zone and by what they say. */
MUST_CHECK result caa_look_at_dispute(struct caa_poller *poller, struct caa_owner *owner, int64_t wall_ms);
MUST_CHECK result caa_make_torn(struct caa_poller *poller, struct caa_owner *owner); /* the zone that it lies in */
MUST_CHECK result caa_tell_splits(struct caa_poller *poller, struct caa_batch *batch);
void caa_leave_split(struct caa_poller *poller, struct caa_owner *owner); /* it is about to go */
/* What was told before a start, by the finding's subject: who disagrees still is in it again. False: nobody does. */
MUST_CHECK result caa_take_split(struct caa_poller *poller, const char *subject, bool *ret_holds);

/* caa_change_news.c */
MUST_CHECK result caa_tell_change(struct caa_poller *poller, struct caa_batch *batch, const struct caa_waiting *heard, struct caa_set *before);
MUST_CHECK result caa_know_unrest(struct caa_poller *poller, struct caa_owner *owner); /* as it is recorded, where it is not in memory */

/* caa_words.c: bodies of findings (docs/alerts.md), in the batch's arena. */
json_t *caa_words_of_records(const struct caa_record *records, size_t count); /* the first 50, as texts */
json_t *caa_words_of_set(const struct caa_set *set, struct arena *arena); /* records as texts; NULL is null */
void caa_words_add_set(struct buffer *text, const struct caa_set *set, struct arena *arena); /* in one line */
json_t *caa_words_of_issuers(const struct caa_issuers *issuers);
void caa_words_of_concern(json_t *body, const struct caa_concerned *concerned);
MUST_CHECK result caa_words_finish(struct arena *arena, json_t *body, const char **ret_text); /* takes `body` over */

/* caa_step.c */
void caa_reset(struct caa_poller *poller); /* forgets everything that the database holds */
uint64_t caa_random(struct caa_poller *poller);
