/* The inside of a followed log, shared by the files that follow it; everybody else includes follow.h. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "formats/tile_path.h"
#include "formats/tree_head.h"
#include "rules/signature.h"
#include "steps/follow.h"
#include "steps/proof_fetch.h"

#define HEADS_KEPT_MAX 64              /* DESIGN: How a log is followed, 2 */
#define VERIFIED_HEADS_KEPT 64         /* to compare late heads with */
#define BATCH_SIZE_FIRST 1024          /* asked of an RFC 6962 log before its own limit is known */
#define GROW_AFTER_FIRST 16            /* full batches before a larger one is tried */
#define BATCH_TRIES_BEFORE_HALVING 3
#define PENDING_REPORTS_MAX ((size_t) 32 * 1024 * 1024)
#define COMMIT_INTERVAL_MS 5000        /* a proof is asked for after this long without a reproduced root */
#define COMMIT_ENTRIES_MAX ((uint64_t) 1 << 20)
#define PROOF_PAUSE_MS 60000           /* a log that gave no proof is asked again after this */
#define FORK_PAUSE_MS 300000
#define MISMATCH_PAUSE_MS 5000
#define READ_ALL_INSTEAD_MAX ((uint64_t) 1 << 20) /* entries read for want of a proof */
#define ONE_SHOT_TRIES 6

struct kept_head {
    struct tree_head head;
    uint8_t *raw; /* owned */
    size_t raw_size;
    int64_t received_ms;
    bool is_stored;
};

enum batch_state { BATCH_WAITING, BATCH_FETCHING, BATCH_READING, BATCH_HASHING, BATCH_READY };

/* Entries [begin, end), fetched, read and kept until it is their turn. */
struct batch {
    struct batch *next; /* in order of index */
    struct followed_log *log;
    struct reader_pool *readers;
    uint64_t begin, end;
    enum batch_state state;
    bool wants_full_tile;  /* the partial tile is gone */
    bool needs_hash_tile;  /* the data tile cannot be read here: hashes come from level 0 */
    bool is_abandoned;     /* freed when the reader gives it back */
    int slot;              /* -1: none */
    struct transfer *transfer;
    const struct fault *hash_reason; /* why no reader can read it */
    uint8_t *body;         /* BATCH_HASHING: a level 0 tile, or one entry as JSON */
    unsigned tries;
    int64_t not_before_ms; /* monotonic */
    uint64_t asked_end;    /* what the transfer under way asked for */
    struct reader_request request;
    struct reader_node *nodes; /* owned */
    size_t node_count;
    struct hash last_leaf;
    struct buffer reports;
    uint64_t matches, unreadable;
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
    struct kept_head full; /* newer than all kept ones while every place is taken */
    struct tree_head full_against;
    struct proof_fetch *full_proof;
    unsigned bad_signatures;
    unsigned stale_polls;
    bool is_told_stale, is_told_unreachable, is_told_behind, is_told_forked, is_told_bad_signature;
    int64_t behind_since_ms, watched_since_ms, watchdog_due_ms;
    uint64_t head_polls, stale_seen_poll;

    /* position and reading */
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
    uint64_t delivered_end;  /* early delivery: reports below were handed over */
    int64_t committed_ms;    /* monotonic, last time */

    /* figures */
    uint64_t entries, matches, unreadable, stale_views;
    int64_t rate_mark_ms;
    uint64_t rate_mark_entries;
    double rate;
    int64_t last_success_ms, last_error_ms;
    struct reason last_error;
    enum follow_state state;
    result fault;
};

/* follow.c */
void follow_error(struct followed_log *log, result fault, const char *what);
void follow_success(struct followed_log *log);
void follow_end(struct followed_log *log, result fault); /* a one shot or a finished log */
void follow_fork(struct followed_log *log, const struct tree_head *head, const struct hash *computed, const char *how);
/* Delay after the n-th failure in a row: doubling from 1 s (100 ms in a one shot) to 60 s, with jitter. */
int64_t follow_backoff_ms(const struct followed_log *log, unsigned failures);
bool follow_is_static(const struct followed_log *log);
/* Size up to which entries are wanted now. */
uint64_t follow_target(const struct followed_log *log);
void follow_tell(struct followed_log *log, const char *rule, bool is_over, const char *evidence);

/* head_step.c */
void head_step(struct followed_log *log, int64_t now_ms);
void head_cancel(struct followed_log *log);
void kept_head_done(struct kept_head *head);
bool kept_head_copy(struct kept_head *target, const struct kept_head *source);
void head_remember_verified(struct followed_log *log, const struct tree_head *head);
void head_check_late(struct followed_log *log);
/* After going back: the newest head is to be reproduced again. */
void head_keep_best(struct followed_log *log);
/* Makes a head that a log list names (final_tree_head) one to be reproduced. */
void head_expect_final(struct followed_log *log);

/* start_step.c */
void start_step(struct followed_log *log, int64_t now_ms);
void follow_begin_at(struct followed_log *log, const struct compact_range *frontier);

/* batch_step.c */
void batch_step(struct followed_log *log, int64_t now_ms);
void batch_free(struct batch *batch);
void batches_drop(struct followed_log *log);
struct batch *batch_insert_after(struct batch *batch, uint64_t begin, uint64_t end);
void batch_ready(struct batch *batch);
/* Only `count` entries came: keeps those, plans the rest anew. False without memory or entries. */
bool batch_shorten(struct batch *batch, uint64_t count);
void batch_failed(struct batch *batch, result fault, const char *what, int64_t pause_ms);

extern const struct fault fault_reader_refused; /* a body whose framing breaks a rule */

/* batch_read.c: a received body goes to a reader */
void batch_read(struct batch *batch, const struct transfer_answer *answer);

/* batch_hash.c: leaf hashes of entries that no reader can read */
void batch_hash(struct batch *batch);

/* sequence_step.c */
void sequence_step(struct followed_log *log, int64_t now_ms);
/* Drops the kept heads that the frontier has reached; one of its very size must have its root. */
void sequence_pass_heads(struct followed_log *log);
/* Back to what is committed. */
void sequence_rewind(struct followed_log *log);
void pending_drop(struct followed_log *log);

/* watchdog_step.c: stale, behind, unreachable */
void watchdog_step(struct followed_log *log, int64_t now_ms);
