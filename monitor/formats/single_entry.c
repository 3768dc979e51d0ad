#include "formats/single_entry.h"

#include <jansson.h>

#include "base/text.h"

FAULT(fault_single_entry, FAULT_INPUT, "get-entries.single", "get-entries answer", "RFC 6962 4.6", "not exactly one entry",
      "{\"entries\":[{\"leaf_input\":…,\"extra_data\":…}]}");

static result decode(const char *text, size_t size, struct buffer *ret_leaf) {
    uint8_t *place = buffer_reserve(ret_leaf, size / 4 * 3);
    size_t decoded;
    if (place == NULL)
        return &fault_limit_reached;
    TRY(text_to_base64(span_of(text, size), place, &decoded));
    buffer_grew(ret_leaf, decoded);
    return OK;
}

result single_entry_leaf(struct span json, struct buffer *ret_leaf) {
    json_t *root = json_loadb((const char *) json.bytes, json.size, JSON_REJECT_DUPLICATES, NULL);
    json_t *entries = json_object_get(root, "entries");
    json_t *leaf = json_object_get(json_array_get(entries, 0), "leaf_input");
    result fault = &fault_single_entry;
    if (json_array_size(entries) == 1 && json_is_string(leaf))
        fault = decode(json_string_value(leaf), json_string_length(leaf), ret_leaf);
    json_decref(root);
    return fault;
}
