/* Tree heads in JSON.
 *
 * parser: formats/tree_head.c
 * seeds: sth
 * corpora: a-ct/rfc6962/ct-go/get-sth */
#include <stdlib.h>

#include "formats/tree_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct tree_head head;
    uint8_t message[TREE_HEAD_SIGNED_SIZE];
    if (tree_head_from_json(span_of(bytes, size), &head) != OK)
        return 0;
    if (head.signature_size == 0 || head.signature_size > TREE_HEAD_SIGNATURE_MAX)
        abort();
    tree_head_signed_bytes(&head, message);
    return 0;
}
