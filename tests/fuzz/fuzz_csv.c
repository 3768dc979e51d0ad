/* CSV: every field lies inside the text, rows begin at growing lines, and values are no longer than what stood there.
 *
 * parser: formats/csv.c
 * seeds: csv ccadb-report */
#include "base/memory.h"
#include "formats/csv.h"
#include "fuzz/harness.h"

#define ARENA_LIMIT ((size_t) 16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct csv_reader csv;
    struct arena *arena = arena_new(ARENA_LIMIT);
    size_t line = 0;
    bool has_row;
    require(arena != NULL);
    csv_reader_init(&csv, span_of(bytes, size));
    while (csv_next(&csv, &has_row) == OK && has_row) {
        require(csv.line > line && csv.count > 0 && csv.count <= CSV_FIELDS_MAX);
        line = csv.line;
        for (size_t i = 0; i < csv.count; i++) {
            struct span field = csv.fields[i].text, value = csv_field_value(&csv.fields[i], arena);
            require(field.bytes >= bytes && field.size <= size - (size_t) (field.bytes - bytes));
            require(value.size <= field.size);
        }
        arena_reset(arena);
    }
    arena_free(arena);
    return 0;
}
