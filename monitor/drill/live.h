/* The entries of a drill log that grows: an append-only file, each record synced before anybody hears of it.
 *
 * A record is: u32 length of the payload, u24 leaf_input, u24 extra_data, and the first 8 bytes of the SHA-256 of that payload.
 * What a crash left of an unfinished record is cut off at the next start; it was never acknowledged. */
#pragma once

#include "drill/log.h"

struct live; /* of one log */

/* Opens or makes `<folder>/<log name>.entries`, fills the log's tree and becomes its source. */
MUST_CHECK result live_open(struct drill_log *log, const char *folder, struct live **ret_live, struct reason *reason);
void live_free(struct live *live);

struct live_receipt {
    uint64_t index, timestamp_ms;
    struct buffer sct; /* the caller's to release */
};

/* Puts the entry into the log with `now_ms` and signs its SCT; the same certificate gets the SCT of its first time (RFC 6962 3).
 * Sets timestamp and leaf_index of `entry`. On success the entry is on disk. */
MUST_CHECK result live_add(struct live *live, struct drill_entry *entry, uint64_t now_ms, struct live_receipt *ret_receipt,
                           struct reason *reason);
