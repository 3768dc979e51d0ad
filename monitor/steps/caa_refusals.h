/* What the database refuses to record: a commit that it refuses is sent in parts, so that one name holds up no other. That name is said and
 * told to be unrecordable; its answers are failures with that word, and every so often what it really says is tried again. */
#pragma once

#include "base/reason.h"
#include "steps/told.h"
#include "store/caa_poll.h"

#define CAA_REFUSED_MAX 100 /* names; with more of them it is not the names */
#define CAA_REFUSED_PER_COMMIT 8
#define CAA_PARTS_MAX 66    /* one for each bit of a hash, and the last two halves */
#define CAA_UNRECORDABLE "unrecordable"

struct caa_poller;
struct caa_batch;
struct caa_waiting;
struct caa_owner;

struct caa_refused {
    char *name;          /* an owner, or what else a condition is about; owned */
    struct reason why;   /* the database's sentence */
    int64_t again_ms;    /* monotonic: what it says is tried again */
    bool is_on_trial;    /* in the commit that is being sent */
    bool is_mute;        /* not even that it is unrecordable can be recorded */
};

struct caa_refusals {
    struct caa_refused list[CAA_REFUSED_MAX];
    size_t count;
    int64_t since_wall_ms, quiet_ms; /* the first was refused; monotonic: since then nothing was */
    bool is_news;
    enum told told;

    bool is_split;                                /* the commit that is being sent goes in parts: */
    struct store_caa_part parts[CAA_PARTS_MAX];   /* still to be sent, the next one last */
    size_t part_count;
    struct store_caa_commit *part;                /* the last one, ready; sent again as it is */
    bool is_probed, is_unsure;                    /* the database takes a commit with nothing in it; this one may have come through */
    bool awaits_commit;                           /* none came through since everything began anew */
    struct caa_refused found[CAA_REFUSED_PER_COMMIT];
    size_t found_count;
};

/* What is to be taken in of an answer. */
enum caa_taking { CAA_TAKE, CAA_TAKE_AS_FAILED, CAA_TAKE_NOTHING };
enum caa_taking caa_refusals_taking(struct caa_poller *poller, const struct caa_waiting *heard, int64_t now_ms);
/* Is what it says refused? */
bool caa_refusals_has(const struct caa_poller *poller, const char *name);
/* Leaves out what cannot be recorded at all; before a commit is sent. */
void caa_refusals_filter(struct caa_poller *poller, struct caa_batch *batch, int64_t now_ms);
/* Sends poller->sending, or what is left of it; OK: it was recorded, as far as it can be, or there is more to do. After anything else that is
 * no FAULT_RETRY everything was forgotten, and begins anew. */
MUST_CHECK result caa_send(struct caa_poller *poller, int64_t now_ms);
/* Tells which names are refused, or that none is any more. */
MUST_CHECK result caa_refusals_look(struct caa_poller *poller, int64_t now_ms);
void caa_refusals_forget_parts(struct caa_poller *poller); /* poller->sending goes */
void caa_refusals_forget(struct caa_poller *poller);       /* everything: somebody else may have polled since */
