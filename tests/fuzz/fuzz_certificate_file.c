/* A person's file for `cert show`: DER, PEM bundles, base64.
 *
 * parser: reader/certificates.c
 * seeds: certificate-file
 * leaves: issuer_read
 * corpora: b-x509/google-ct b-x509/webpki a-ct/rfc6962/google-ct-testdata e-ca/trust */
#include "fuzz/harness.h"
#include "fuzz/reader_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    harness_run((struct reader_request){.task = READER_CERTIFICATE, .encoding = READER_SNIFF, .wanted_end = 4096}, span_of(bytes, size));
    return 0;
}
