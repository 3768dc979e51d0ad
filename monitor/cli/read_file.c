#include "cli/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CHUNK 65536

FAULT(fault_file, FAULT_INPUT, "file.unreadable", "file", "", "it cannot be read", "a readable file within the limit");

static result read_all(int file, const char *path, struct buffer *out, struct reason *reason) {
    for (;;) {
        size_t left = out->limit - out->size;
        uint8_t *place = buffer_reserve(out, left < CHUNK ? left : CHUNK);
        if (buffer_check(out) == &fault_no_memory)
            return reason_set(reason, &fault_no_memory, "%s: no memory to read it into", path);
        if (place == NULL || left == 0)
            return reason_set(reason, &fault_file, "%s: larger than %zu bytes", path, out->limit);
        ssize_t count = read(file, place, left < CHUNK ? left : CHUNK);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return reason_set(reason, fault_of_errno(errno, &fault_file), "%s: %s", path, strerrordesc_np(errno));
        if (count == 0)
            return OK;
        buffer_grew(out, (size_t) count);
    }
}

result read_file(const char *path, struct buffer *out, struct reason *reason) {
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", out, reason);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return reason_set(reason, fault_of_errno(errno, &fault_file), "%s: %s", path, strerrordesc_np(errno));
    result outcome = read_all(file, path, out, reason);
    close(file);
    return outcome;
}
