/* A CT log of the drill: its identity, tree and signed heads; where its entries lie is behind a small table of functions. */
#pragma once

#include <event2/buffer.h>

#include "drill/entry.h"
#include "drill/keys.h"
#include "drill/tree.h"

#define DRILL_ORIGIN_SIZE 256

/* Where the entries lie. Each function appends to `out` and returns false when it cannot. */
struct drill_source {
    /* JSON objects of get-entries for [begin, end), joined with commas */
    bool (*add_entries)(void *data, uint64_t begin, uint64_t end, struct evbuffer *out);
    /* data tile of `width` entries (static-ct-api) */
    bool (*add_data_tile)(void *data, uint64_t number, unsigned width, struct evbuffer *out, bool *ret_is_gzip);
    /* nothing when there is no such issuer */
    bool (*add_issuer)(void *data, const struct hash *fingerprint, struct evbuffer *out);
    /* decoded leaf_input and extra_data of one entry, for get-entry-and-proof */
    bool (*read_entry)(void *data, uint64_t index, struct buffer *ret_leaf_input, struct buffer *ret_extra_data);
};

struct drill_log {
    const char *name;            /* first part of the path: "rfc6962", "static" */
    bool is_static;              /* signs leaf_index and serves tiles; else RFC 6962 */
    EVP_PKEY *key;
    struct spki spki;            /* its hash is the log id */
    char origin[DRILL_ORIGIN_SIZE];
    struct tree tree;
    uint64_t published_size;     /* what heads show; <= tree_size */
    unsigned batch;              /* most entries in one get-entries answer */
    const struct drill_source *source;
    void *source_data;
    struct drill_log_head {
        uint64_t size, timestamp_ms;
        struct hash root;
        struct buffer signature; /* DigitallySigned */
        bool is_made;
    } head;
};

/* Sets up everything but tree and source. The key becomes the log's. */
MUST_CHECK result drill_log_init(struct drill_log *log, const char *name, bool is_static, EVP_PKEY *key);
void drill_log_done(struct drill_log *log);
/* The head for `now_ms`: a new one when the tree grew or the last is older than a second; its time never goes back. */
MUST_CHECK result drill_log_head(struct drill_log *log, uint64_t now_ms, const struct drill_log_head **ret_head);
/* get-sth (RFC 6962 4.3) */
bool drill_log_add_sth_json(const struct drill_log_head *head, struct buffer *out);
/* The checkpoint as a signed note (static-ct-api, Checkpoints). */
bool drill_log_add_checkpoint(const struct drill_log *log, const struct drill_log_head *head, struct buffer *out);
/* Signs the entry's SCT and appends it. */
MUST_CHECK result drill_log_add_sct(const struct drill_log *log, const struct drill_entry *entry, struct span leaf_input,
                                    struct buffer *out);
