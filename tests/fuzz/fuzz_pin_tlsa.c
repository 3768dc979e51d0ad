/* TLSA records as text: sets that hold what the model promises, the same when written and read again.
 *
 * library: formats
 * parser: formats/pin_tlsa.c
 * seeds: pin-tlsa */
#include "fuzz/pin_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return pin_harness(PIN_FORMAT_TLSA, span_of(bytes, size));
}
