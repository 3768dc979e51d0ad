/* The answer to get-entries (RFC 6962 4.6): {"entries":[{"leaf_input":"…","extra_data":"…"}, …]}.
 *
 * A strict scanner finds the texts without building a tree. Whatever it does not know (another member, an escape, another
 * depth) is left to Jansson, which reads the whole body again. */
#pragma once

#include "base/result.h"
#include "base/span.h"

/* Base64 texts, not decoded. They point into the body or, read by Jansson, into the list. */
struct get_entries_item {
    struct span leaf_input;
    struct span extra_data;
};

/* Kept from body to body, so that its memory is reused. Starts zeroed. */
struct get_entries {
    struct get_entries_item *items;
    size_t count;
    size_t capacity;
    void *tree; /* Jansson's, when it had to read */
};

#define GET_ENTRIES_MAX ((size_t) 1 << 20) /* entries in one body: far above any log's batch */

extern const struct fault fault_get_entries_json;  /* not JSON (RFC 8259) */
extern const struct fault fault_get_entries_shape; /* JSON, but not that of RFC 6962 4.6 */

void get_entries_done(struct get_entries *list);
/* Reads a whole body, by whichever way. `body` must outlive the items. Errors: the two above, fault_limit_reached,
 * fault_no_memory; the list is then empty. */
MUST_CHECK result get_entries_read(struct get_entries *list, struct span body);
/* The same by Jansson alone: for texts that the scanner took but that do not decode, because they hold escapes. */
MUST_CHECK result get_entries_read_slowly(struct get_entries *list, struct span body);
/* Does the text hold a backslash, so that reading it slowly may help? */
bool get_entries_is_escaped(struct span text);
