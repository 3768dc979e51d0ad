/* Runs followed logs on the event loop: every log is stepped after each round of events and when its time has come. */
#pragma once

#include "steps/follow.h"

struct drive;

/* Called after each round; returns the monotonic time at which it wants to be called again. */
typedef int64_t (*drive_extra)(void *context, int64_t now_ms);

MUST_CHECK result drive_new(struct event_base *loop, struct drive **ret_drive);
void drive_free(struct drive *drive); /* does not free the logs */
MUST_CHECK result drive_add(struct drive *drive, struct followed_log *log);
void drive_remove(struct drive *drive, struct followed_log *log);
size_t drive_count(const struct drive *drive);
struct followed_log *drive_log(const struct drive *drive, size_t at);
void drive_set_extra(struct drive *drive, drive_extra extra, void *context);
/* Returns when `*should_stop` is true after a round. */
MUST_CHECK result drive_run(struct drive *drive, const bool *should_stop);
