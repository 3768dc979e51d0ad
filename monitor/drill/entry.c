#include "drill/entry.h"

#include "base/digest.h"
#include "base/text.h"

bool entry_add_extensions(struct buffer *out, const struct drill_entry *entry) {
    /* type leaf_index(0), u16 length, 40-bit index */
    return !entry->has_leaf_index ||
           (buffer_add_number(out, 1, 0) && buffer_add_number(out, 2, 5) && buffer_add_number(out, 5, entry->leaf_index));
}

static bool add_extensions_vector(struct buffer *out, const struct drill_entry *entry) {
    return buffer_add_number(out, 2, entry->has_leaf_index ? LEAF_INDEX_EXTENSION_SIZE : 0) && entry_add_extensions(out, entry);
}

bool entry_add_leaf_input(struct buffer *out, const struct drill_entry *entry) {
    bool fits = buffer_add_number(out, 2, 0) && buffer_add_number(out, 8, entry->timestamp_ms) &&
                buffer_add_number(out, 2, (uint64_t) entry->kind);
    if (entry->kind == ENTRY_PRECERTIFICATE)
        fits = fits && buffer_add(out, span_of(entry->issuer_key_hash.bytes, HASH_SIZE)) &&
               buffer_add_vector(out, 3, entry->tbs);
    else
        fits = fits && buffer_add_vector(out, 3, entry->certificate);
    return fits && add_extensions_vector(out, entry);
}

bool entry_add_extra_data(struct buffer *out, const struct drill_entry *entry) {
    size_t chain_size = 0;
    for (size_t i = 0; i < entry->chain_count; i++)
        chain_size += 3 + entry->chain[i].size;
    bool fits = (entry->kind == ENTRY_CERTIFICATE || buffer_add_vector(out, 3, entry->precertificate)) &&
                buffer_add_number(out, 3, chain_size);
    for (size_t i = 0; i < entry->chain_count && fits; i++)
        fits = buffer_add_vector(out, 3, entry->chain[i]);
    return fits;
}

bool leaf_add_tile_leaf(struct buffer *out, const struct leaf *leaf) {
    struct hash fingerprints[DRILL_CHAIN_MAX];
    size_t count = 0;
    struct cursor chain = cursor_of(leaf->chain);
    for (struct span certificate; count < DRILL_CHAIN_MAX && leaf_chain_next(&chain, &certificate);)
        digest_of(certificate, &fingerprints[count++]);
    return buffer_add(out, leaf->timestamped_entry) &&
           (leaf->kind == ENTRY_CERTIFICATE || buffer_add_vector(out, 3, leaf->precertificate)) &&
           buffer_add_vector(out, 2, span_of(fingerprints, count * HASH_SIZE));
}

bool entry_add_sct(struct buffer *out, const struct drill_entry *entry, const struct hash *log_id, struct span signature) {
    return buffer_add_number(out, 1, 0) && buffer_add(out, span_of(log_id->bytes, HASH_SIZE)) &&
           buffer_add_number(out, 8, entry->timestamp_ms) && add_extensions_vector(out, entry) && buffer_add(out, signature);
}

bool buffer_add_base64(struct buffer *out, struct span bytes) {
    size_t size = (bytes.size + 2) / 3 * 4;
    uint8_t *place = buffer_reserve(out, size);
    if (place == NULL)
        return false;
    text_of_base64(bytes, (char *) place); /* its NUL falls on the buffer's own */
    buffer_grew(out, size);
    return true;
}

bool buffer_add_hex(struct buffer *out, struct span bytes) {
    uint8_t *place = buffer_reserve(out, 2 * bytes.size);
    if (place == NULL)
        return false;
    text_of_hex(bytes, (char *) place);
    buffer_grew(out, 2 * bytes.size);
    return true;
}

bool entry_add_json(struct buffer *out, struct span leaf_input, struct span extra_data) {
    return buffer_add_text(out, "{\"leaf_input\":\"") && buffer_add_base64(out, leaf_input) &&
           buffer_add_text(out, "\",\"extra_data\":\"") && buffer_add_base64(out, extra_data) && buffer_add_text(out, "\"}");
}
