/* Runs a fuzz harness over files, so that seeds are replayed by any compiler and without libFuzzer. */
#include <stdio.h>

#include "base/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define INPUT_LIMIT ((size_t) 64 * 1024 * 1024)

static int replay_file(const char *path) {
    struct buffer input = buffer_with_limit(INPUT_LIMIT);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return 1;
    }
    uint8_t chunk[4096];
    for (size_t count; (count = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buffer_add(&input, span_of(chunk, count));
    fclose(file);
    /* An exactly sized copy, so that a sanitizer sees the first byte past the end. */
    LLVMFuzzerTestOneInput(input.bytes == NULL ? (const uint8_t *) "" : input.bytes, input.size);
    buffer_done(&input);
    return 0;
}

int main(int count, char **paths) {
    int failures = 0;
    for (int i = 1; i < count; i++)
        failures += replay_file(paths[i]);
    printf("%d inputs replayed, %d unreadable\n", count - 1, failures);
    return failures != 0;
}
