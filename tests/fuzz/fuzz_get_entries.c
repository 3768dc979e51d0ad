/* The scanner against Jansson: where it takes a body, both must see the same texts.
 *
 * parser: formats/get_entries.c
 * seeds: get-entries
 * corpora: a-ct/rfc6962 */
#include <stdlib.h>

#include "formats/get_entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool is_so) {
    if (!is_so)
        abort();
}

/* Jansson refuses control characters, broken UTF-8 and undoes escapes; the scanner leaves those inside a text to base64. */
static bool is_plain(struct span text) {
    for (size_t i = 0; i < text.size; i++)
        if (text.bytes[i] < ' ' || text.bytes[i] > '~' || text.bytes[i] == '\\')
            return false;
    return true;
}

static bool all_plain(const struct get_entries *list) {
    bool is_so = true;
    for (size_t i = 0; i < list->count; i++)
        is_so = is_so && is_plain(list->items[i].leaf_input) && is_plain(list->items[i].extra_data);
    return is_so;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct get_entries fast = {0}, slow = {0};
    result outcome = get_entries_read(&fast, span_of(bytes, size));
    result other = get_entries_read_slowly(&slow, span_of(bytes, size));
    if (fast.tree != NULL || outcome != OK) {
        require(outcome == other);
    } else if (all_plain(&fast)) {
        require(other == OK && fast.count == slow.count);
        for (size_t i = 0; i < fast.count; i++)
            require(span_equal(fast.items[i].leaf_input, slow.items[i].leaf_input) &&
                    span_equal(fast.items[i].extra_data, slow.items[i].extra_data));
    }
    get_entries_done(&fast);
    get_entries_done(&slow);
    return 0;
}
