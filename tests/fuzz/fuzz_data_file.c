/* Whatever data_file_read takes, data_file_write turns into a file that reads back and writes the same.
 *
 * parser: formats/data_file.c formats/data_file_pins.c formats/yaml_tree.c formats/data_file_write.c
 * seeds: data-file */
#include <stdlib.h>

#include "formats/data_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void write_again(const struct data_file *file, struct arena *arena) {
    struct buffer first = buffer_with_limit((size_t) 8 * 1024 * 1024), second = buffer_with_limit((size_t) 8 * 1024 * 1024);
    struct data_file again;
    struct reason reason = {""};
    if (data_file_write(file, &first) == OK) {
        result outcome = data_file_read(buffer_span(&first), arena, &again, &reason);
        if (outcome == OK && (data_file_write(&again, &second) != OK || !span_equal(buffer_span(&first), buffer_span(&second))))
            abort();
        if (outcome != OK && outcome != &fault_no_memory)
            abort();
    }
    buffer_done(&first);
    buffer_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new((size_t) 64 * 1024 * 1024);
    struct data_file file;
    struct reason reason = {""};
    if (arena == NULL || size > 65536) {
        arena_free(arena);
        return 0;
    }
    if (data_file_read(span_of(bytes, size), arena, &file, &reason) == OK)
        write_again(&file, arena);
    else if (reason.text[0] == '\0')
        abort(); /* every refusal has a sentence; 64 MiB are enough for 64 KiB */
    arena_free(arena);
    return 0;
}
