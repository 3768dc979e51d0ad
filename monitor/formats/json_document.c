#include "formats/json_document.h"

#include "base/memory.h"
#include "base/text.h"

void json_document_free(json_t **document) {
    json_decref(*document);
}

static bool opens(uint8_t byte) {
    return byte == '{' || byte == '[';
}

/* Each value costs Jansson up to a hundred times the two bytes that name it. */
static bool shape_is_small(struct span text) {
    size_t depth = 0, values = 0;
    bool is_inside_string = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.bytes[i];
        if (is_inside_string) {
            i += byte == '\\';
            is_inside_string = byte != '"';
            continue;
        }
        is_inside_string = byte == '"';
        values += opens(byte) || byte == ',';
        depth += opens(byte);
        if (depth > JSON_DEPTH_MAX || values > JSON_VALUES_MAX)
            return false;
        if ((byte == '}' || byte == ']') && depth > 0)
            depth--;
    }
    return true;
}

static result refuse(struct reason *reason, result fault, const char *what, const char *detail) {
    return reason == NULL ? fault : reason_set(reason, fault, "%s: %s%s", fault->object, what, detail);
}

result json_document_load(struct span text, size_t size_max, result fault, struct reason *reason, json_t **ret_document) {
    if (text.size > size_max)
        return refuse(reason, fault, "longer than any real one", "");
    if (!shape_is_small(text))
        return refuse(reason, fault, "nested deeper or of more values than any real one", "");
    json_error_t error;
    uint64_t mark = memory_mark();
    json_t *document = json_loadb((const char *) text.bytes, text.size, JSON_REJECT_DUPLICATES, &error);
    if (memory_mark() != mark) { /* Jansson 2.14 also leaves out what it has no memory for */
        json_decref(document);
        return &fault_no_memory;
    }
    if (document == NULL)
        return refuse(reason, fault, "not JSON: ", error.text);
    *ret_document = document;
    return OK;
}

bool json_member_text(const json_t *object, const char *name, struct span *ret_text) {
    const json_t *member = json_object_get(object, name);
    if (!json_is_string(member))
        return false;
    *ret_text = span_of(json_string_value(member), json_string_length(member));
    return true;
}

bool json_member_number(const json_t *object, const char *name, uint64_t maximum, uint64_t *ret_number) {
    const json_t *member = json_object_get(object, name);
    if (!json_is_integer(member) || json_integer_value(member) < 0 || (uint64_t) json_integer_value(member) > maximum)
        return false;
    *ret_number = (uint64_t) json_integer_value(member);
    return true;
}

bool json_member_hash(const json_t *object, const char *name, struct hash *ret_hash) {
    struct span text;
    return json_member_text(object, name, &text) && hash_from_base64(text, ret_hash) == OK;
}

bool json_member_is_absent(const json_t *object, const char *name) {
    const json_t *member = json_object_get(object, name);
    return member == NULL || json_is_null(member);
}
