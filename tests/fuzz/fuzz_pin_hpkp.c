/* Headers of HPKP: sets that hold what the model promises, the same when written and read again.
 *
 * library: formats
 * parser: formats/pin_hpkp.c
 * seeds: pin-hpkp */
#include "fuzz/pin_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return pin_harness(PIN_FORMAT_HPKP, span_of(bytes, size));
}
