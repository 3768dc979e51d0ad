/* TSKConfiguration in plists and JSON: sets that hold what the model promises, the same when written and read again.
 *
 * library: formats
 * parser: formats/pin_trustkit.c formats/plist_json.c
 * seeds: pin-trustkit pin-apple */
#include "fuzz/pin_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return pin_harness(PIN_FORMAT_TRUSTKIT_IOS, span_of(bytes, size));
}
