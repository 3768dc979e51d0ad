/* Chromium's static pins: sets that hold what the model promises, the same when written and read again.
 *
 * library: formats
 * parser: formats/pin_chromium.c formats/chromium_names.c formats/pin_chromium_write.c
 * seeds: pin-chromium */
#include "fuzz/pin_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return pin_harness(PIN_FORMAT_CHROMIUM, span_of(bytes, size));
}
