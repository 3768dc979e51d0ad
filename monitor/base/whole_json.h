/* JSON that is built of many pieces, each of which Jansson leaves out without a word when it has no memory for it. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/memory.h"

/* `value`, or NULL after releasing it when memory was refused since `mark` (memory_mark, taken before the first piece): a record that
 * lacks a member is a wrong one. Takes the reference over. */
static inline json_t *json_if_whole(json_t *value, uint64_t mark) {
    if (memory_mark() == mark)
        return value;
    json_decref(value);
    return NULL;
}
