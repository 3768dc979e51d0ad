/* SCTs and their lists.
 *
 * parser: formats/sct.c
 * seeds: sct sct-list
 * corpora: a-ct/sct b-x509/openssl-fuzz-ct */
#include "formats/sct.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cursor list;
    struct span serialized;
    struct sct sct;
    (void) !sct_parse(span_of(data, size), &sct);
    if (sct_list_open(span_of(data, size), &list) == OK)
        while (sct_list_next(&list, &serialized))
            (void) !sct_parse(serialized, &sct);
    return 0;
}
