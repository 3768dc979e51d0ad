/* Checkpoints: whatever is accepted has the asked origin and a signature of the promised size.
 *
 * parser: formats/checkpoint.c
 * seeds: checkpoint
 * corpora: a-ct/checkpoints a-ct/static-ct */
#include <stdlib.h>

#include "formats/tree_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct tree_head head;
    struct hash log_id;
    memset(log_id.bytes, 1, sizeof log_id.bytes);
    if (tree_head_from_checkpoint(span_of(bytes, size), "log.example/2026", &log_id, &head) == OK &&
        (memcmp(bytes, "log.example/2026\n", 17) != 0 || head.signature_size == 0 ||
         head.signature_size > TREE_HEAD_SIGNATURE_MAX))
        abort();
    return 0;
}
