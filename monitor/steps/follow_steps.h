/* The steps that a followed log consists of; each file of the folder implements those under its name. */
#pragma once

#include <jansson.h>

#include "steps/followed_log.h"

/* follow.c */
void follow_error(struct followed_log *log, result fault, const char *what);
void follow_success(struct followed_log *log);
void follow_end(struct followed_log *log, result fault); /* a one shot or a finished log */
/* The log contradicts itself: `head` and what was computed from its entries, or (NULL: none) another head that it signed. */
void follow_fork(struct followed_log *log, const struct tree_head *head, const struct tree_head *other, const struct hash *computed,
                 const char *how);
/* Delay after the n-th failure in a row: doubling from 1 s to 60 s (in a one shot from 100 ms to 5 s), with jitter. */
int64_t follow_backoff_ms(const struct followed_log *log, unsigned failures);
bool follow_is_static(const struct followed_log *log);
/* Size up to which entries are wanted now. */
uint64_t follow_target(const struct followed_log *log);
/* Raises or ends a finding about the log; takes `evidence` over (docs/alerts.md), NULL for none. False: it is not recorded, tell it again. */
/* What is recorded or told must wait: the sink's own trouble. */
bool follow_is_sink_paused(const struct followed_log *log);
bool follow_tell(struct followed_log *log, const char *rule, bool is_over, json_t *evidence);
/* The end of a condition, told unless it was told before. */
void follow_tell_over(struct followed_log *log, const char *rule, enum told *told);

/* head_step.c */
void head_step(struct followed_log *log, int64_t now_ms);
void head_cancel(struct followed_log *log);
void kept_head_done(struct kept_head *head);
bool kept_head_copy(struct kept_head *target, const struct kept_head *source);
void head_remember_verified(struct followed_log *log, const struct tree_head *head);
void head_check_late(struct followed_log *log);
/* A head from before a restart: kept when the log's key signed it and it lies ahead. */
void head_keep_known(struct followed_log *log, const struct tree_head *head);
/* The entries, read twice, do not lead to this head: others are tried, and this one again after a pause. False: it must stay. */
bool head_refuse(struct followed_log *log, const struct tree_head *head);
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
/* The log serves no usable data tiles (any more). */
void batch_no_tiles(struct followed_log *log);
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
