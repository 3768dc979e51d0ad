/* The inside of a followed log, shared by the files that follow it; everybody else includes follow.h. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "formats/tile_path.h"
#include "formats/tree_head.h"
#include "rules/signature.h"
#include "steps/batch.h"
#include "steps/delivered.h"
#include "steps/follow.h"
#include "steps/proof_fetch.h"
#include "steps/told.h"

#define HEADS_KEPT_MAX FOLLOW_HEADS_MAX
#define VERIFIED_HEADS_KEPT 64         /* to compare late heads with */
#define BATCH_SIZE_FIRST 1024          /* asked of an RFC 6962 log before its own limit is known */
#define GROW_AFTER_FIRST 16            /* full batches before a larger one is tried */
#define BATCH_TRIES_BEFORE_HALVING 3
#define PENDING_REPORTS_MAX ((size_t) 32 * 1024 * 1024)
#define COMMIT_INTERVAL_MS 5000        /* a proof is asked for after this long without a reproduced root */
#define COMMIT_ENTRIES_MAX ((uint64_t) 1 << 20)
#define PROOF_PAUSE_MS 60000           /* a log that gave no proof is asked again after this */
#define PROBE_INTERVAL_MS ((int64_t) 24 * 3600 * 1000) /* a log that serves no tiles is asked again after this */
#define FORK_PAUSE_MS 300000
#define RETRY_AFTER_OBEYED_MS ((int64_t) 3600 * 1000) /* at most, as in net/budget.c */
#define MISMATCH_PAUSE_MS 5000
#define READ_ALL_INSTEAD_MAX ((uint64_t) 1 << 20) /* entries read for want of a proof */
#define ONE_SHOT_TRIES 6

/* Found by asking; whatever comes must lead to the signed root like everything else. */
enum tile_service { TILES_UNKNOWN, TILES_SERVED, TILES_NOT_SERVED };

struct kept_head {
    struct tree_head head;
    uint8_t *raw; /* owned */
    size_t raw_size;
    int64_t received_ms;
    bool is_stored;
};

/* Reports of entries [begin, end) that wait for a root. */
struct pending_reports {
    struct pending_reports *next;
    uint64_t begin, end;
    struct buffer reports;
};

struct followed_log {
    const struct follow_world *world;
    struct follow_options options;
    struct arena *arena; /* of `identity` */
    struct chosen_log identity;
    struct signature_key *key;
    void *mark;
    follow_done done;
    void *done_context;
    bool is_done_due, is_finished, is_all_verified, is_held;

    /* heads */
    struct transfer *head_transfer;
    uint8_t *head_body; /* owned, CHECKPOINT_SIZE_MAX */
    int64_t head_due_ms;
    unsigned head_failures;
    bool has_best;
    struct kept_head best;                 /* the largest that the key signed */
    struct kept_head heads[HEADS_KEPT_MAX]; /* ascending size, not yet reproduced */
    size_t head_count;
    struct tree_head verified_heads[VERIFIED_HEADS_KEPT];
    size_t verified_head_count, verified_head_next;
    struct kept_head late; /* smaller than what is read: to be shown a prefix */
    bool has_late;
    struct proof_fetch *late_proof;
    struct tree_head refused_head; /* whose root the entries, read twice, do not give */
    bool has_refused;
    int64_t refused_until_ms;
    int64_t shrunk_since_ms;       /* only smaller, later heads since then; 0: no */
    struct kept_head full; /* newer than all kept ones while every place is taken */
    struct tree_head full_against;
    struct proof_fetch *full_proof;
    unsigned bad_signatures;
    unsigned stale_polls;
    enum told told_stale, told_unreachable, told_behind, told_bad_head;
    bool is_told_forked;
    int64_t behind_since_ms, unmoved_since_ms, watched_since_ms, watchdog_due_ms;
    uint64_t unmoved_end; /* where the verified position stood at unmoved_since_ms */
    bool is_seen_moving;  /* or without anything to do, in this process and since log.behind was told */
    uint64_t head_polls, stale_seen_poll;

    /* position and reading */
    bool is_start_known; /* first_index */
    bool has_start;
    struct proof_fetch *start_proof;
    uint64_t first_index;
    uint64_t report_begin, report_end; /* entries outside are read for the root only */
    struct compact_range verified;     /* committed */
    struct tree_head verified_head;
    struct compact_range frontier;     /* read, in order */
    struct hash last_leaf;
    struct batch *batches;
    unsigned batch_count, active_count;
    uint64_t next_begin;
    enum tile_service tiles; /* RFC 6962 logs: do they serve data tiles as well? */
    int64_t probe_not_before_ms;
    uint64_t batch_size;
    bool is_batch_size_known;
    unsigned full_batches, grow_after;
    uint64_t last_short_count;
    unsigned parallel;
    unsigned failures;       /* in a row */
    int64_t pause_until_ms;
    unsigned mismatches;
    struct pending_reports *pending_first, *pending_last;
    size_t pending_size;
    struct proof_fetch *commit_proof;
    struct compact_range proof_frontier;
    struct tree_head proof_head;
    int64_t proof_not_before_ms;
    bool has_commit;         /* a commit is due */
    struct compact_range commit_frontier;
    struct tree_head commit_head;
    int64_t commit_not_before_ms;
    unsigned commit_failures, proof_failures;
    struct delivered delivered; /* early delivery: what was handed over */
    int64_t committed_ms;    /* monotonic, last time that nothing waited for a commit */

    /* figures */
    uint64_t entries, matches, unreadable, stale_views;
    int64_t rate_mark_ms;
    uint64_t rate_mark_entries;
    double rate;
    int64_t last_success_ms, last_error_ms;
    int64_t answered_ms; /* monotonic, last success; 0: never */
    struct reason last_error;
    enum follow_state state;
    result fault;
};
