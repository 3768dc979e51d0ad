/* Any body for any task: the first byte chooses.
 *
 * parser: reader/batch.c reader/examine.c reader/reader.c
 * seeds: reader-body
 * leaves: reader_done issuer_read */
#include "fuzz/reader_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size == 0)
        return 0;
    harness_run((struct reader_request){.task = bytes[0] % reader_task_count, .encoding = bytes[0] / reader_task_count % 3u,
                                        .flags = bytes[0] / 15u % 8u, .wanted_end = bytes[0] % 7u + 1u},
                span_of(bytes + 1, size - 1));
    return 0;
}
