/* Every item of a watch list is a non-empty, trimmed part of one line.
 *
 * parser: formats/watch_list.c
 * seeds: watch-list */
#include <stdlib.h>

#include "formats/watch_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct watch_list_reader reader = watch_list_reader_of(span_of(bytes, size));
    size_t line = 0;
    struct span item;
    while (watch_list_next(&reader, &item)) {
        bool is_inside = item.bytes >= bytes && item.size <= size - (size_t) (item.bytes - bytes);
        if (item.size == 0 || !is_inside || reader.line <= line || memchr(item.bytes, '\n', item.size) != NULL)
            abort();
        if (item.bytes[0] == ' ' || item.bytes[item.size - 1] == '\r')
            abort();
        line = reader.line;
    }
    return 0;
}
