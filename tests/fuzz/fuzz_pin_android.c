/* Network security configs, as XML and compiled: sets that hold what the model promises, the same when written and read again.
 *
 * library: formats
 * parser: formats/pin_android.c formats/pin_android_write.c formats/pin_trustkit_write.c formats/pin_write.c formats/xml_load.c formats/xml_tree.c formats/android_binary.c formats/android_chunk.c
 * seeds: pin-android
 * corpora: d-pins/android-nsc */
#include "fuzz/pin_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return pin_harness(PIN_FORMAT_ANDROID, span_of(bytes, size));
}
