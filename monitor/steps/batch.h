/* A stretch of entries on its way from a log through a reader. */
#pragma once

#include "base/buffer.h"
#include "formats/reader_message.h"
#include "net/transfer.h"
#include "steps/reader_pool.h"

struct followed_log;

enum batch_state { BATCH_WAITING, BATCH_FETCHING, BATCH_READING, BATCH_HASHING, BATCH_READY };

/* Entries [begin, end), fetched, read and kept until it is their turn. */
struct batch {
    struct batch *next; /* in order of index */
    struct followed_log *log;
    struct reader_pool *readers;
    uint64_t begin, end;
    enum batch_state state;
    bool is_tile;          /* asked for as a data tile: static logs, and RFC 6962 logs that serve tiles too */
    bool wants_full_tile;  /* the partial tile is gone */
    bool needs_hash_tile;  /* the data tile cannot be read here: hashes come from level 0 */
    bool is_abandoned;     /* freed when the reader gives it back */
    int slot;              /* -1: none */
    struct transfer *transfer;
    const struct fault *hash_reason; /* why no reader can read it */
    uint8_t *body;         /* BATCH_HASHING: a level 0 tile, or one entry as JSON */
    unsigned tries;
    unsigned deaths;       /* of readers, while this entry stood alone */
    unsigned kills;        /* the same by somebody else's hand, or for want of memory */
    unsigned starvations;  /* those for want of memory though there was enough for any reader */
    int64_t not_before_ms; /* monotonic */
    uint64_t asked_end;    /* what the transfer under way asked for */
    struct reader_request request;
    struct reader_node *nodes; /* owned */
    size_t node_count;
    struct hash last_leaf;
    struct buffer reports;
    uint64_t matches, unreadable;
};
