/* A large log as a folder of rendered answers, for tests and benchmarks.
 *
 *   entries.json    the JSON objects of get-entries, joined with commas
 *   entries.offsets u64 little endian: where each object begins, and the end
 *   leaves          the leaf hashes
 *   static/…        data tiles (gzip), hash tiles and issuers under the paths of static-ct-api
 *   rfc6962.key, static.key  one key for each protocol, so that they are two logs with one tree
 *   log.json        what it is; written last */
#pragma once

#include "drill/log.h"

#define PACK_LOGS 2

/* ---- writing ---- */

struct pack_writer;

struct pack_entry {
    struct span leaf_input, extra_data, tile_leaf;
};

MUST_CHECK result pack_writer_new(const char *folder, struct pack_writer **ret_writer, struct reason *reason);
void pack_writer_free(struct pack_writer *writer);
MUST_CHECK result pack_writer_add(struct pack_writer *writer, const struct pack_entry *entry, struct reason *reason);
MUST_CHECK result pack_writer_add_issuer(struct pack_writer *writer, struct span der, struct reason *reason);
/* Writes what is left and log.json, whose text goes to `ret_summary` as well. The keys are made by the caller (key_save) before. */
MUST_CHECK result pack_writer_finish(struct pack_writer *writer, const char *made_by, struct buffer *ret_summary,
                                     struct reason *reason);

/* ---- reading ---- */

struct pack; /* the folder, mapped */

MUST_CHECK result pack_open(const char *folder, struct pack **ret_pack, struct reason *reason);
void pack_free(struct pack *pack);
uint64_t pack_count(const struct pack *pack);
/* Fills the log's tree with `size` entries and becomes its source; the pack must outlive the log. */
MUST_CHECK result pack_attach(struct pack *pack, struct drill_log *log, uint64_t size);
