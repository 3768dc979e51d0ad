/* Pins in Java or Kotlin source: sets that hold what the model promises, the same when written and read again.
 *
 * library: formats
 * parser: formats/pin_okhttp.c
 * seeds: pin-okhttp
 * corpora: d-pins/okhttp */
#include "fuzz/pin_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return pin_harness(PIN_FORMAT_OKHTTP, span_of(bytes, size));
}
