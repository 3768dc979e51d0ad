/* Reports: what decodes encodes to the same bytes.
 *
 * parser: formats/entry_report.c
 * seeds: entry-report */
#include "base/memory.h"
#include "formats/entry_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes must encode to the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cursor input = cursor_of(span_of(data, size));
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct buffer bytes = buffer_with_limit(REPORT_SIZE_MAX);
    struct entry_report report;
    if (arena == NULL)
        return 0;
    if (entry_report_decode(&input, arena, &report) == OK) {
        if (entry_report_encode(&report, &bytes) != OK || bytes.size != input.position ||
            memcmp(bytes.bytes, data, bytes.size) != 0)
            __builtin_trap();
    }
    buffer_done(&bytes);
    arena_free(arena);
    return 0;
}
