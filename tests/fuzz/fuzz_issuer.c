/* A certificate and the issuer that a log names for it: does the issuer's key verify the signature?
 *
 * parser: reader/certificates.c rules/issuer_check.c rules/sct_check.c
 * seeds: issuer */
#include "fuzz/harness.h"
#include "fuzz/reader_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    harness_run((struct reader_request){.task = READER_ISSUER, .encoding = READER_IDENTITY, .wanted_end = 1}, span_of(bytes, size));
    return 0;
}
