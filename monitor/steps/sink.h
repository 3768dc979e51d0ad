/* Where the pipeline (fetch, read, verify, match) puts what it has verified: the store for the service, a printer for `scan`. */
#pragma once

#include "base/result.h"
#include "formats/entry_report.h"
#include "rules/merkle.h"

struct followed_log; /* steps/followed_log.h */

enum head_state { HEAD_PENDING, HEAD_VERIFIED, HEAD_CONTRADICTS };

struct sink_head {
    uint64_t size;
    uint64_t timestamp_ms;
    struct hash root;
    struct span signature, raw;
    enum head_state state;
    int64_t received_ms;
};

/* A stretch of a log that is read and verified: all of it is recorded, or none. */
struct verified_range {
    uint64_t first_index;               /* where reading this log began */
    uint64_t begin, end;                /* entries of this commit; equal when only heads are news */
    const struct compact_range *frontier; /* of [0, end) */
    const struct sink_head *heads;      /* to keep, update or mark */
    size_t head_count;
    const struct sink_head *against;    /* the signed head that proves `end` */
    const struct entry_report *reports; /* matches and unreadable entries, ascending by index */
    size_t report_count;
    int64_t now_ms;
};

/* Something to tell about the log itself: log.fork, log.stale, log.behind, head.refused … */
struct log_event {
    const char *rule;
    bool is_over;          /* the condition has ended: resolves the finding */
    const char *detail;    /* second part of the subject, "" when the log alone is */
    const char *evidence;  /* JSON object */
    int64_t now_ms;
};

struct sink {
    void *context;
    /* OK: recorded for good. FAULT_RETRY: nothing was recorded, ask again later. FAULT_SETTINGS: the log was taken over by
     * another holder (fencing); stop following it. */
    result (*commit)(void *context, struct followed_log *log, const struct verified_range *range);
    result (*tell)(void *context, struct followed_log *log, const struct log_event *event);
    /* It has failed lately and wants nothing for a moment; NULL: never. Who failed was told to whoever reads messages by the sink. */
    bool (*is_paused)(void *context);
};
