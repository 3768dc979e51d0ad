#include "formats/proof_json.h"

#include "base/buffer.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/json_document.h"

FAULT(fault_proof_json, FAULT_INPUT, "proof.json", "proof", "RFC 6962 4.4, 4.5, 4.8",
      "not an object with the members of this answer, each once and of the right type",
      "at most 64 nodes of 32 bytes in base64");

/* Some servers write null for a list without nodes. */
static result nodes_of_member(const json_t *document, const char *name, struct proof *proof) {
    const json_t *nodes = json_object_get(document, name);
    if (json_is_null(nodes))
        return OK;
    if (!json_is_array(nodes) || json_array_size(nodes) > PROOF_NODES_MAX)
        return &fault_proof_json;
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        if (!json_is_string(node))
            return &fault_proof_json;
        struct span text = span_of(json_string_value(node), json_string_length(node));
        if (hash_from_base64(text, &proof->nodes[i]) != OK)
            return &fault_proof_json;
    }
    proof->count = json_array_size(nodes);
    return OK;
}

result proof_from_consistency_json(struct span json, struct proof *ret_proof) {
    CLEANUP(json_document_free) json_t *document = NULL;
    struct proof proof = {0};
    TRY(json_document_load(json, PROOF_JSON_SIZE_MAX, &fault_proof_json, NULL, &document));
    TRY(nodes_of_member(document, "consistency", &proof));
    *ret_proof = proof;
    return OK;
}

result proof_from_inclusion_json(struct span json, struct proof *ret_proof) {
    CLEANUP(json_document_free) json_t *document = NULL;
    struct proof proof = {0};
    TRY(json_document_load(json, PROOF_JSON_SIZE_MAX, &fault_proof_json, NULL, &document));
    if (!json_member_number(document, "leaf_index", INT64_MAX, &proof.leaf_index))
        return &fault_proof_json;
    TRY(nodes_of_member(document, "audit_path", &proof));
    *ret_proof = proof;
    return OK;
}

/* SHA-256(0x00 || leaf_input), RFC 6962 2.1 */
static result leaf_hash_of_base64(struct span text, struct hash *ret_hash) {
    static const uint8_t prefix = 0;
    CLEANUP(buffer_done) struct buffer leaf = buffer_with_limit(ENTRY_AND_PROOF_JSON_SIZE_MAX);
    uint8_t *bytes = buffer_reserve(&leaf, text.size + 1);
    size_t size;
    if (bytes == NULL)
        return &fault_no_memory;
    if (text_to_base64(text, bytes, &size) != OK || size == 0)
        return &fault_proof_json;
    digest_of_parts((const struct span[]){span_of(&prefix, 1), span_of(bytes, size)}, 2, ret_hash);
    return OK;
}

result proof_from_entry_and_proof_json(struct span json, uint64_t leaf_index, struct hash *ret_leaf_hash,
                                       struct proof *ret_proof) {
    CLEANUP(json_document_free) json_t *document = NULL;
    struct proof proof = {.leaf_index = leaf_index};
    struct span leaf_input, extra_data;
    struct hash leaf_hash;
    TRY(json_document_load(json, ENTRY_AND_PROOF_JSON_SIZE_MAX, &fault_proof_json, NULL, &document));
    if (!json_member_text(document, "leaf_input", &leaf_input) || !json_member_text(document, "extra_data", &extra_data))
        return &fault_proof_json;
    TRY(nodes_of_member(document, "audit_path", &proof));
    TRY(leaf_hash_of_base64(leaf_input, &leaf_hash));
    *ret_leaf_hash = leaf_hash;
    *ret_proof = proof;
    return OK;
}
