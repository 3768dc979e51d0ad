/* A data tile, every entry reported, with cuts in between.
 *
 * seeds: tile
 * beside: leaf reader_body
 * corpora: a-ct/static-ct/navigli2025h2/tile/data */
#include "fuzz/reader_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    harness_run((struct reader_request){.task = READER_DATA_TILE, .encoding = READER_SNIFF, .flags = READER_FLAG_ALL_MATCH,
                                        .first_index = 512, .wanted_begin = 513, .wanted_end = 768, .cut_count = 2,
                                        .cuts = {514, 517}},
                span_of(bytes, size));
    return 0;
}
