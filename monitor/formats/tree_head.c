#include "formats/tree_head.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/json_document.h"

FAULT(fault_sth_json, FAULT_INPUT, "sth.json", "signed tree head", "RFC 6962 4.3",
      "not an object with the four members, each once and of the right type",
      "tree_size, timestamp, sha256_root_hash and tree_head_signature");

static result signature_of_json(const json_t *json, struct tree_head *head) {
    struct span text;
    uint8_t raw[TREE_HEAD_SIGNATURE_MAX + 3];
    size_t size;
    if (!json_member_text(json, "tree_head_signature", &text) || text.size / 4 * 3 > sizeof raw)
        return &fault_sth_json;
    if (text_to_base64(text, raw, &size) != OK || size == 0 || size > TREE_HEAD_SIGNATURE_MAX)
        return &fault_sth_json;
    memcpy(head->signature, raw, size);
    head->signature_size = size;
    return OK;
}

result tree_head_from_json(struct span json, struct tree_head *ret_head) {
    CLEANUP(json_document_free) json_t *document = NULL;
    struct tree_head head = {0};
    TRY(json_document_load(json, STH_JSON_SIZE_MAX, &fault_sth_json, NULL, &document));
    if (!json_member_number(document, "tree_size", INT64_MAX, &head.size) ||
        !json_member_number(document, "timestamp", INT64_MAX, &head.timestamp_ms) ||
        !json_member_hash(document, "sha256_root_hash", &head.root))
        return &fault_sth_json;
    TRY(signature_of_json(document, &head));
    *ret_head = head;
    return OK;
}

static uint8_t *put_number(uint8_t *at, uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8)
        *at++ = (uint8_t) (number >> shift);
    return at;
}

/* RFC 6962 3.5 */
void tree_head_signed_bytes(const struct tree_head *head, uint8_t ret_bytes[TREE_HEAD_SIGNED_SIZE]) {
    uint8_t *at = ret_bytes;
    *at++ = 0; /* version v1 */
    *at++ = 1; /* signature_type tree_hash */
    at = put_number(at, head->timestamp_ms);
    at = put_number(at, head->size);
    memcpy(at, head->root.bytes, HASH_SIZE);
}
