/* The one JSON parameter, with numbered blobs beside it, that the recording functions of sql/ take (docs/schema.md). Private to store/. */
#pragma once

#include <jansson.h>

#include "store/statement.h"

struct payload {
    json_t *root;       /* owned */
    struct span *blobs; /* owned array of borrowed bytes; number n stands at n - 1 */
    size_t blob_count, blob_room;
    bool failed;
};

result payload_init(struct payload *payload);
void payload_done(struct payload *payload);
/* Setters on any object inside; a failure sticks to the payload. */
void payload_set(struct payload *payload, json_t *object, const char *name, json_t *value); /* takes `value` over */
void payload_text(struct payload *payload, json_t *object, const char *name, const char *text);
void payload_number(struct payload *payload, json_t *object, const char *name, int64_t number);
void payload_unsigned(struct payload *payload, json_t *object, const char *name, uint64_t number); /* cut at INT64_MAX */
void payload_hash(struct payload *payload, json_t *object, const char *name, const struct hash *hash); /* NULL is null */
void payload_known_hash(struct payload *payload, json_t *object, const char *name, const struct known_hash *hash);
void payload_blob(struct payload *payload, json_t *object, const char *name, struct span bytes); /* empty is null */
json_t *payload_array(struct payload *payload, json_t *object, const char *name);
/* Appends a new object to an array; never NULL-unsafe: on failure a NULL that the setters ignore. */
json_t *payload_append(struct payload *payload, json_t *array);
void payload_append_value(struct payload *payload, json_t *array, json_t *value);
/* JSON text of `value` (the root when NULL); memory_free_foreign it. NULL when anything failed. */
char *payload_dump(const struct payload *payload, const json_t *value);

/* A text for JSON: as it is when it is UTF-8, made harmless otherwise. */
json_t *json_of_text(const char *text);
