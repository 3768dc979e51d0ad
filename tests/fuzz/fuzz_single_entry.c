/* The one entry that is hashed without being read, against the reader of whole answers: the same bytes, or both refuse.
 *
 * parser: formats/single_entry.c
 * seeds: get-entries */
#include "base/memory.h"
#include "base/text.h"
#include "formats/get_entries.h"
#include "formats/json_document.h"
#include "formats/single_entry.h"
#include "fuzz/harness.h"

#define LEAF_LIMIT ((size_t) 1 << 15)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    CLEANUP(buffer_done) struct buffer leaf = buffer_with_limit(LEAF_LIMIT);
    CLEANUP(buffer_done) struct buffer other = buffer_with_limit((size_t) 1 << 24);
    struct get_entries list = {0};
    json_t *document = NULL;
    size_t decoded = 0;
    result outcome = single_entry_leaf(span_of(bytes, size), &leaf);
    bool is_read = get_entries_read_slowly(&list, span_of(bytes, size)) == OK && list.count == 1;
    if (is_read) {
        uint8_t *place = buffer_reserve(&other, list.items[0].leaf_input.size / 4 * 3);
        is_read = place != NULL && text_to_base64(list.items[0].leaf_input, place, &decoded) == OK;
        buffer_grew(&other, is_read ? decoded : 0);
    }
    require(outcome != OK || is_read);
    if (is_read && outcome == &fault_limit_reached)
        require(decoded > LEAF_LIMIT);
    else if (is_read && outcome != OK) /* deeper, or of more values, than this process wants to hold */
        require(json_document_load(span_of(bytes, size), size, &fault_single_entry, NULL, &document) == &fault_single_entry);
    if (outcome == OK)
        require(span_equal(buffer_span(&leaf), buffer_span(&other)));
    get_entries_done(&list);
    return 0;
}
