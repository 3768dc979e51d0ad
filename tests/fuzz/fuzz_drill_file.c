/* drill.json: what is read is written back and reads the same.
 *
 * parser: formats/drill_file.c
 * seeds: drill-file */
#include "base/buffer.h"
#include "base/memory.h"
#include "formats/drill_file.h"
#include "fuzz/harness.h"

#define ARENA_LIMIT ((size_t) 8 * 1024 * 1024)

/* The writer is asked only for texts that need no escapes. */
static bool is_plain(const char *text) {
    return strpbrk(text, "\"\\") == NULL;
}

static bool is_writable(const struct drill_file *file) {
    bool is_so = is_plain(file->socket);
    for (size_t i = 0; i < file->log_count; i++) {
        const struct drill_file_log *log = &file->logs[i];
        is_so = is_so && is_plain(log->name) && is_plain(log->description) && is_plain(log->operator_name) && is_plain(log->url) &&
                is_plain(log->monitoring_url) && is_plain(log->origin);
    }
    for (size_t i = 0; i < file->authority_count; i++) {
        const struct drill_file_authority *authority = &file->authorities[i];
        is_so = is_so && is_plain(authority->name) && is_plain(authority->owner) && is_plain(authority->caa_domain);
    }
    return is_so;
}

static void write_again(const struct drill_file *file, struct arena *arena) {
    CLEANUP(buffer_done) struct buffer first = buffer_with_limit(ARENA_LIMIT);
    CLEANUP(buffer_done) struct buffer second = buffer_with_limit(ARENA_LIMIT);
    struct drill_file again;
    require(drill_file_write(file, &first));
    require(drill_file_read(buffer_span(&first), arena, &again) == OK);
    require(drill_file_write(&again, &second) && span_equal(buffer_span(&first), buffer_span(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct drill_file file;
    require(arena != NULL);
    if (drill_file_read(span_of(bytes, size), arena, &file) == OK && is_writable(&file))
        write_again(&file, arena);
    arena_free(arena);
    return 0;
}
