/* Log entries: MerkleTreeLeaf (RFC 6962 3.4), extra_data of get-entries (RFC 6962 4.6), TileLeaf (static-ct-api). */
#pragma once

#include "base/cursor.h"
#include "base/result.h"
#include "formats/entry_report.h"

#define LEAF_INDEX_MAX ((uint64_t) 0xffffffffff) /* 40 bits */

/* All spans point into the input. */
struct leaf {
    uint64_t timestamp_ms;
    enum entry_kind kind;
    struct span certificate;        /* kind certificate: DER as logged; may be empty, as tbs may */
    struct span issuer_key_hash;    /* kind precertificate: 32 bytes */
    struct span tbs;                /* kind precertificate: TBSCertificate without poison */
    struct span timestamped_entry;  /* what the leaf hash covers, behind two zero bytes of MerkleTreeLeaf */
    struct span extensions;         /* content of CtExtensions */
    bool has_odd_extensions;        /* not the list that static-ct-api describes, or leaf_index twice or of a wrong size */
    bool has_leaf_index;
    uint64_t leaf_index;
    struct span precertificate;     /* as submitted, not covered by the leaf hash; may be empty */
    struct span chain;              /* get-entries: u24 length and DER, repeated; issuer first */
    struct span chain_fingerprints; /* data tile: 32 bytes each; issuer first */
};

extern const struct fault fault_leaf_truncated;
extern const struct fault fault_leaf_version;     /* neither v1 nor timestamped_entry */
extern const struct fault fault_leaf_entry_type;
extern const struct fault fault_leaf_trailing;
extern const struct fault fault_leaf_fingerprints; /* not a multiple of 32 bytes */
extern const struct fault fault_extra_data;

/* The whole of a leaf_input. `precertificate`, `chain` and `chain_fingerprints` stay empty. */
MUST_CHECK result leaf_parse(struct span leaf_input, struct leaf *ret_leaf);
/* The extra_data that belongs to `leaf`: fills `precertificate` and `chain`; unauthenticated. Error: fault_extra_data,
 * and the leaf stays as it was. */
MUST_CHECK result leaf_add_extra_data(struct span extra_data, struct leaf *leaf);
/* The next entry of a data tile. On an error the cursor stays where it was and fails: nothing behind can be framed. */
MUST_CHECK result leaf_next_in_tile(struct cursor *tile, struct leaf *ret_leaf);
/* SHA-256(0x00 || MerkleTreeLeaf), without a copy. */
void leaf_hash(const struct leaf *leaf, struct hash *ret_hash);
/* The next certificate of leaf.chain; false at the end or where it breaks (then cursor->failed). */
bool leaf_chain_next(struct cursor *chain, struct span *ret_certificate);
