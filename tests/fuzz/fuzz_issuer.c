/* A certificate and the issuer that a log names for it: does the issuer's key verify the signature?
 *
 * parser: rules/issuer_check.c rules/sct_check.c
 * seeds: issuer
 * leaves: sct_check_with_key sct_check */
#include "fuzz/harness.h"
#include "fuzz/reader_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    harness_run((struct reader_request){.task = READER_ISSUER, .encoding = READER_IDENTITY, .wanted_end = 1}, span_of(bytes, size));
    return 0;
}
