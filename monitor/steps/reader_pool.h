/* The owner's side of the readers: starts them, hands them work, times them, kills and replaces them.
 *
 * Body slots are one sealed memfd; a caller takes a slot, lets a transfer write into it, submits it, and gets it back
 * when the answer was delivered. */
#pragma once

#include <event2/event.h>

#include "base/result.h"
#include "base/span.h"
#include "formats/reader_message.h"

struct reader_pool;

struct reader_pool_options {
    unsigned reader_count;  /* 0: as many as processors */
    unsigned slot_count;
    size_t slot_size;       /* bytes of a body as received */
    int64_t deadline_ms;    /* for one request; then the reader is killed, but up to ten times that while others have the processor */
    /* Readers that die before they are ready are started again with back-off, and requests wait for them: only a reader
     * that dies, is late or lies while it holds a request ends that request. */
    const char *program;    /* path of pinwatch-reader; NULL: beside this program, else the installed one */
};

/* What came of one request. */
struct reader_outcome {
    result fault; /* OK; or the reader died, overran its time, or lied: the body must be halved or given up */
    const struct reader_answer *answer; /* checked; valid during the call only; NULL unless OK */
    struct span reports;                /* private copy of the answer area, checked; valid during the call only */
};

extern const struct fault fault_reader_died;
extern const struct fault fault_reader_starved; /* it had no memory */
extern const struct fault fault_reader_killed; /* by somebody else, so that the body is hardly to blame */
extern const struct fault fault_reader_late;
extern const struct fault fault_reader_stalled; /* others had the processor, or stopped it: the body is hardly to blame */
extern const struct fault fault_reader_lied;
extern const struct fault fault_pool_hopeless; /* no reader stays alive */

typedef void (*reader_done)(void *context, const struct reader_outcome *outcome);

/* SIGPIPE is ignored from here on, where it was not handled. Errors: a missing program (FAULT_SETTINGS), no memory. */
MUST_CHECK result reader_pool_new(struct event_base *loop, const struct reader_pool_options *options,
                                  struct reader_pool **ret_pool);
/* Ends the readers. Requests that were not answered end with fault_pool_hopeless first, so that their contexts can be released. */
void reader_pool_free(struct reader_pool *pool);

/* Hands a new watch image to the pool: busy readers finish with the old one, then all are replaced. Until the first
 * image nothing is answered. Requests are stamped with the generation in force. */
MUST_CHECK result reader_pool_set_image(struct reader_pool *pool, struct span image);

/* Replaces every reader by a fresh one, which then gets what the old one held: for answers that fitted their request and turned out
 * wrong all the same. */
void reader_pool_renew(struct reader_pool *pool);

/* A free slot's number, or -1. Slots are taken and given back by number. */
int reader_pool_take_slot(struct reader_pool *pool);
void reader_pool_give_slot(struct reader_pool *pool, int slot);
/* Where to write; reader_pool_options.slot_size bytes. */
uint8_t *reader_pool_slot_bytes(struct reader_pool *pool, int slot);
size_t reader_pool_slot_size(const struct reader_pool *pool);

/* Queues a request (version, id and generation are filled in here). `done` is called exactly once, from the loop, never from
 * inside this call; the slot stays the caller's and must not be written before then. After READER_MORE the caller submits again. */
MUST_CHECK result reader_pool_submit(struct reader_pool *pool, const struct reader_request *request, reader_done done,
                                     void *context);

/* Figures for `logs`, metrics and tests. */
struct reader_pool_figures {
    unsigned readers, busy, queued;
    uint64_t requests, deaths, late, lies;
};
void reader_pool_figures(const struct reader_pool *pool, struct reader_pool_figures *ret_figures);
/* Process ids of the living readers, for tests that kill them; returns how many. */
size_t reader_pool_pids(const struct reader_pool *pool, int *ret_pids, size_t room);
