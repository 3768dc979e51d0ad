/* NSPinnedDomains in plists, XML and binary: sets that hold what the model promises, the same when written and read again.
 *
 * library: formats
 * parser: formats/pin_apple.c formats/pin_plist.c formats/plist.c formats/plist_binary.c
 * seeds: pin-apple plist-binary
 * corpora: d-pins/ios-plist */
#include "fuzz/pin_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return pin_harness(PIN_FORMAT_APPLE, span_of(bytes, size));
}
