#include "formats/leaf.h"

#include "base/digest.h"

#define FAULT_OF_LEAF(symbol, name, clause, wrong, wanted) \
    FAULT(symbol, FAULT_INPUT, "leaf." name, "log entry", clause, wrong, wanted)

FAULT_OF_LEAF(fault_leaf_truncated, "truncated", "RFC 6962 3.4", "it ends inside a field",
              "as many bytes as its lengths say");
FAULT_OF_LEAF(fault_leaf_version, "version", "RFC 6962 3.4", "an unknown version or leaf type",
              "v1 (0) and timestamped_entry (0)");
FAULT_OF_LEAF(fault_leaf_entry_type, "entry-type", "RFC 6962 3.1", "an unknown entry type",
              "x509_entry (0) or precert_entry (1)");
FAULT_OF_LEAF(fault_leaf_trailing, "trailing", "RFC 6962 3.4", "bytes behind the leaf", "none");
FAULT_OF_LEAF(fault_leaf_fingerprints, "fingerprints", "static-ct-api, Log entries",
              "a chain that is no multiple of 32 bytes", "SHA-256 fingerprints");
FAULT(fault_extra_data, FAULT_INPUT, "leaf.extra-data", "extra_data", "RFC 6962 4.6", "it has not the wanted form",
      "a chain, behind the precertificate for a precert_entry");

enum { EXTENSION_LEAF_INDEX = 0, LEAF_INDEX_SIZE = 5 };

static const uint8_t leaf_prefix[] = {0x00, /* RFC 6962 2.1: leaf */
                                      0x00, /* MerkleTreeLeaf.version v1 */
                                      0x00}; /* leaf_type timestamped_entry */

/* static-ct-api, SCT Extensions: a list of (u8 type, u16 length, value). */
static void read_extensions(struct leaf *leaf) {
    struct cursor cursor = cursor_of(leaf->extensions);
    while (!cursor.failed && !cursor_at_end(&cursor)) {
        uint8_t type;
        struct span value;
        if (!cursor_u8(&cursor, &type) || !cursor_vector(&cursor, 2, &value))
            break;
        if (type != EXTENSION_LEAF_INDEX)
            continue;
        struct cursor number = cursor_of(value);
        uint64_t index;
        if (leaf->has_leaf_index || value.size != LEAF_INDEX_SIZE || !cursor_number(&number, LEAF_INDEX_SIZE, &index)) {
            leaf->has_odd_extensions = true;
            continue;
        }
        leaf->has_leaf_index = true;
        leaf->leaf_index = index;
    }
    if (cursor.failed)
        leaf->has_odd_extensions = true;
}

static result read_signed_entry(struct cursor *cursor, struct leaf *leaf) {
    uint64_t type;
    if (!cursor_number(cursor, 2, &type))
        return &fault_leaf_truncated;
    if (type != ENTRY_CERTIFICATE && type != ENTRY_PRECERTIFICATE)
        return &fault_leaf_entry_type;
    leaf->kind = type == ENTRY_CERTIFICATE ? ENTRY_CERTIFICATE : ENTRY_PRECERTIFICATE;
    if (leaf->kind == ENTRY_PRECERTIFICATE && !cursor_take(cursor, HASH_SIZE, &leaf->issuer_key_hash))
        return &fault_leaf_truncated;
    struct span *body = leaf->kind == ENTRY_CERTIFICATE ? &leaf->certificate : &leaf->tbs;
    /* One of no bytes breaks RFC 6962 3.2, but not the frame of the entries behind it. */
    return cursor_vector(cursor, 3, body) ? OK : &fault_leaf_truncated;
}

static result read_timestamped_entry(struct cursor *cursor, struct leaf *leaf) {
    size_t begin = cursor->position;
    if (!cursor_number(cursor, 8, &leaf->timestamp_ms))
        return &fault_leaf_truncated;
    TRY(read_signed_entry(cursor, leaf));
    if (!cursor_vector(cursor, 2, &leaf->extensions))
        return &fault_leaf_truncated;
    leaf->timestamped_entry = span_of(cursor->bytes + begin, cursor->position - begin);
    read_extensions(leaf);
    return OK;
}

result leaf_parse(struct span leaf_input, struct leaf *ret_leaf) {
    struct cursor cursor = cursor_of(leaf_input);
    struct leaf leaf = {0};
    uint64_t version_and_type;
    if (!cursor_number(&cursor, 2, &version_and_type))
        return &fault_leaf_truncated;
    if (version_and_type != 0)
        return &fault_leaf_version;
    TRY(read_timestamped_entry(&cursor, &leaf));
    if (!cursor_at_end(&cursor))
        return &fault_leaf_trailing;
    *ret_leaf = leaf;
    return OK;
}

result leaf_add_extra_data(struct span extra_data, struct leaf *leaf) {
    struct cursor cursor = cursor_of(extra_data);
    struct span precertificate = {0}, chain, ignored;
    if (leaf->kind == ENTRY_PRECERTIFICATE && !cursor_vector(&cursor, 3, &precertificate))
        return &fault_extra_data;
    if (!cursor_vector(&cursor, 3, &chain) || !cursor_at_end(&cursor))
        return &fault_extra_data;
    struct cursor rest = cursor_of(chain);
    while (leaf_chain_next(&rest, &ignored))
        continue;
    if (rest.failed)
        return &fault_extra_data;
    leaf->precertificate = precertificate;
    leaf->chain = chain;
    return OK;
}

static result read_tile_leaf(struct cursor *cursor, struct leaf *leaf) {
    TRY(read_timestamped_entry(cursor, leaf));
    if (leaf->kind == ENTRY_PRECERTIFICATE && !cursor_vector(cursor, 3, &leaf->precertificate))
        return &fault_leaf_truncated;
    if (!cursor_vector(cursor, 2, &leaf->chain_fingerprints))
        return &fault_leaf_truncated;
    return leaf->chain_fingerprints.size % HASH_SIZE == 0 ? OK : &fault_leaf_fingerprints;
}

result leaf_next_in_tile(struct cursor *tile, struct leaf *ret_leaf) {
    struct cursor attempt = *tile;
    struct leaf leaf = {0};
    result outcome = read_tile_leaf(&attempt, &leaf);
    if (outcome != OK) {
        tile->failed = true;
        return outcome;
    }
    *tile = attempt;
    *ret_leaf = leaf;
    return OK;
}

void leaf_hash(const struct leaf *leaf, struct hash *ret_hash) {
    const struct span parts[] = {span_of(leaf_prefix, sizeof leaf_prefix), leaf->timestamped_entry};
    digest_of_parts(parts, 2, ret_hash);
}

bool leaf_chain_next(struct cursor *chain, struct span *ret_certificate) {
    return !cursor_at_end(chain) && cursor_vector(chain, 3, ret_certificate);
}
