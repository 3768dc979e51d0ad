#include "formats/single_entry.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/json_document.h"

FAULT(fault_single_entry, FAULT_INPUT, "get-entries.single", "get-entries answer", "RFC 6962 4.6", "not exactly one entry",
      "{\"entries\":[{\"leaf_input\":…,\"extra_data\":…}]}");

static result decode(const char *text, size_t size, struct buffer *ret_leaf) {
    uint8_t *place = buffer_reserve(ret_leaf, size / 4 * 3);
    size_t decoded;
    if (place == NULL)
        return buffer_check(ret_leaf);
    TRY(text_to_base64(span_of(text, size), place, &decoded));
    buffer_grew(ret_leaf, decoded);
    return OK;
}

/* Asked where readers died of a body: it must not do to this process what it did to them. */
result single_entry_leaf(struct span json, struct buffer *ret_leaf) {
    CLEANUP(json_document_free) json_t *document = NULL;
    struct span leaf;
    TRY(json_document_load(json, json.size, &fault_single_entry, NULL, &document));
    const json_t *entries = json_object_get(document, "entries");
    if (json_array_size(entries) != 1 || !json_member_text(json_array_get(entries, 0), "leaf_input", &leaf))
        return &fault_single_entry;
    return decode((const char *) leaf.bytes, leaf.size, ret_leaf);
}
