/* Pins of certificates, requests and public keys: what the model promises, and never one of a private key.
 *
 * library: formats
 * parser: formats/pin_key.c formats/pin_object.c formats/pem_text.c
 * seeds: pin-key
 * corpora: d-pins/trustkit/certificates */
#include "fuzz/pin_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return pin_harness(PIN_FORMAT_KEY, span_of(bytes, size));
}
