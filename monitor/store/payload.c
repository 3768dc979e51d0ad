#include "store/payload.h"

#include "base/text.h"

result payload_init(struct payload *payload) {
    *payload = (struct payload){.root = json_object()};
    return payload->root == NULL ? &fault_no_memory : OK;
}

void payload_done(struct payload *payload) {
    json_decref(payload->root);
    memory_free(payload->blobs);
    *payload = (struct payload){0};
}

json_t *json_of_text(const char *text) {
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    CLEANUP(buffer_done) struct buffer harmless = buffer_with_limit(4 * strlen(text) + 1);
    return text_add_harmless(&harmless, span_of_text(text)) ? json_string(buffer_text(&harmless)) : NULL;
}

void payload_set(struct payload *payload, json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) != 0) /* also for a NULL object or value */
        payload->failed = true;
}

void payload_text(struct payload *payload, json_t *object, const char *name, const char *text) {
    payload_set(payload, object, name, json_of_text(text));
}

void payload_number(struct payload *payload, json_t *object, const char *name, int64_t number) {
    payload_set(payload, object, name, json_integer(number));
}

void payload_unsigned(struct payload *payload, json_t *object, const char *name, uint64_t number) {
    payload_number(payload, object, name, number > INT64_MAX ? INT64_MAX : (int64_t) number);
}

void payload_hash(struct payload *payload, json_t *object, const char *name, const struct hash *hash) {
    char hex[HASH_HEX_SIZE];
    if (hash != NULL)
        hash_to_hex(hash, hex);
    payload_set(payload, object, name, hash == NULL ? json_null() : json_string(hex));
}

void payload_known_hash(struct payload *payload, json_t *object, const char *name, const struct known_hash *hash) {
    payload_hash(payload, object, name, hash->is_known ? &hash->hash : NULL);
}

void payload_blob(struct payload *payload, json_t *object, const char *name, struct span bytes) {
    if (bytes.size == 0) {
        payload_set(payload, object, name, json_null());
        return;
    }
    struct span *blobs = memory_grow(payload->blobs, payload->blob_count, &payload->blob_room, sizeof(*blobs));
    if (blobs == NULL) {
        payload->failed = true;
        return;
    }
    payload->blobs = blobs;
    payload->blobs[payload->blob_count++] = bytes;
    payload_unsigned(payload, object, name, payload->blob_count);
}

json_t *payload_array(struct payload *payload, json_t *object, const char *name) {
    json_t *array = json_array();
    payload_set(payload, object, name, array);
    return payload->failed ? NULL : array;
}

void payload_append_value(struct payload *payload, json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0)
        payload->failed = true;
}

json_t *payload_append(struct payload *payload, json_t *array) {
    json_t *object = json_object();
    payload_append_value(payload, array, object);
    return payload->failed ? NULL : object;
}

char *payload_dump(const struct payload *payload, const json_t *value) {
    return payload->failed ? NULL : json_dumps(value == NULL ? payload->root : value, JSON_COMPACT | JSON_ENCODE_ANY);
}
