/* Leaves, tile entries and extra_data.
 *
 * parser: formats/leaf.c
 * seeds: leaf tile extra-data
 * corpora: a-ct/static-ct/navigli2025h2/tile/data */
#include "formats/leaf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cursor tile = cursor_of(span_of(data, size));
    struct leaf leaf, other = {0};
    struct hash hash;
    while (!cursor_at_end(&tile) && leaf_next_in_tile(&tile, &leaf) == OK)
        leaf_hash(&leaf, &hash);
    if (leaf_parse(span_of(data, size), &leaf) == OK && leaf.timestamped_entry.size + 2 != size)
        __builtin_trap();
    for (int kind = 0; kind < 2; kind++) {
        other.kind = kind == 0 ? ENTRY_CERTIFICATE : ENTRY_PRECERTIFICATE;
        (void) !leaf_add_extra_data(span_of(data, size), &other);
    }
    return 0;
}
