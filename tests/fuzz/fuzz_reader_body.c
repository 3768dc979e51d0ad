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
    uint8_t task = bytes[0] % reader_task_count;
    uint64_t end = task == READER_CERTIFICATE || task == READER_ISSUER ? 4096 : bytes[0] % 7u + 1u; /* as owners ask */
    harness_run((struct reader_request){.task = task, .encoding = bytes[0] / reader_task_count % 3u,
                                        .flags = bytes[0] / 15u % 8u, .wanted_end = end},
                span_of(bytes + 1, size - 1));
    return 0;
}
