/* Our own YAML of pins: sets that hold what the model promises, the same when written and read again.
 *
 * library: formats
 * parser: formats/pin_yaml.c formats/pin_yaml_write.c
 * seeds: pin-yaml */
#include "fuzz/pin_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return pin_harness(PIN_FORMAT_YAML, span_of(bytes, size));
}
