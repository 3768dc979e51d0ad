/* Encodes log entries: leaf_input and extra_data (RFC 6962 3.4, 4.6), TileLeaf and leaf_index (static-ct-api), SCTs (RFC 6962 3.2). */
#pragma once

#include "base/buffer.h"
#include "formats/entry_report.h"
#include "formats/leaf.h"

#define DRILL_CHAIN_MAX 8
#define DRILL_ENTRY_SIZE_MAX ((size_t) 1024 * 1024)
#define LEAF_INDEX_EXTENSION_SIZE 8

/* One entry before it is in a log; the spans are borrowed. */
struct drill_entry {
    uint64_t timestamp_ms;
    enum entry_kind kind;
    struct span certificate;     /* kind certificate */
    struct hash issuer_key_hash; /* kind precertificate, with the next two */
    struct span tbs;
    struct span precertificate;
    struct span chain[DRILL_CHAIN_MAX]; /* DER, issuer first */
    size_t chain_count;
    bool has_leaf_index; /* static-ct-api */
    uint64_t leaf_index;
};

/* MerkleTreeLeaf; these are also the bytes that the entry's SCT signs (RFC 6962 3.2: the two structs encode alike). */
bool entry_add_leaf_input(struct buffer *out, const struct drill_entry *entry);
bool entry_add_extra_data(struct buffer *out, const struct drill_entry *entry);
/* TileLeaf of an entry as RFC 6962 carries it; `leaf` after leaf_add_extra_data. */
bool leaf_add_tile_leaf(struct buffer *out, const struct leaf *leaf);
/* Content of CtExtensions: the leaf_index, or nothing. */
bool entry_add_extensions(struct buffer *out, const struct drill_entry *entry);
/* SignedCertificateTimestamp; `signature` is a DigitallySigned. */
bool entry_add_sct(struct buffer *out, const struct drill_entry *entry, const struct hash *log_id, struct span signature);
/* {"leaf_input":"…","extra_data":"…"} */
bool entry_add_json(struct buffer *out, struct span leaf_input, struct span extra_data);
bool buffer_add_base64(struct buffer *out, struct span bytes);
bool buffer_add_hex(struct buffer *out, struct span bytes);
