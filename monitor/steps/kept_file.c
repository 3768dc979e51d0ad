#include "steps/kept_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

FAULT(fault_kept_file, FAULT_RETRY, "file.not-kept", "file in the state folder", "", "it cannot be read or written",
      "a writable state folder with room");

#define CHUNK 65536

static bool write_all(int file, struct span content) {
    for (size_t done = 0; done < content.size;) {
        ssize_t count = write(file, content.bytes + done, content.size - done);
        if (count < 0 && errno != EINTR)
            return false;
        done += count > 0 ? (size_t) count : 0;
    }
    return fsync(file) == 0;
}

/* The folder part of `path`, NUL-terminated, in `ret_folder`. */
static result folder_of(const char *path, struct buffer *ret_folder) {
    const char *slash = strrchr(path, '/');
    buffer_add(ret_folder, span_of(path, slash == NULL ? 0 : (size_t) (slash - path)));
    if (ret_folder->size == 0)
        buffer_add_text(ret_folder, ".");
    return buffer_check(ret_folder);
}

static bool sync_folder(const char *folder) {
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_good = descriptor >= 0 && fsync(descriptor) == 0;
    if (descriptor >= 0)
        close(descriptor);
    return is_good;
}

result kept_file_write(const char *path, struct span content) {
    CLEANUP(buffer_done) struct buffer beside = buffer_with_limit(4096);
    CLEANUP(buffer_done) struct buffer folder = buffer_with_limit(4096);
    TRY(folder_of(path, &folder));
    buffer_printf(&beside, "%s.new", path);
    TRY(buffer_check(&beside));
    if (mkdir(buffer_text(&folder), 0700) != 0 && errno != EEXIST)
        return &fault_kept_file;
    int file = open(buffer_text(&beside), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return &fault_kept_file;
    bool is_good = write_all(file, content);
    is_good = close(file) == 0 && is_good;
    if (!is_good || rename(buffer_text(&beside), path) != 0 || !sync_folder(buffer_text(&folder))) {
        unlink(buffer_text(&beside));
        return &fault_kept_file;
    }
    return OK;
}

result kept_file_read(const char *path, struct buffer *out) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fault_of_errno(errno, &fault_kept_file);
    result fault = OK;
    uint8_t chunk[CHUNK];
    for (;;) {
        ssize_t count = read(file, chunk, sizeof chunk);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fault = fault_of_errno(errno, &fault_kept_file);
        else if (count > 0 && !buffer_add(out, span_of(chunk, (size_t) count)))
            fault = buffer_check(out) == &fault_no_memory ? &fault_no_memory : &fault_kept_file;
        if (count <= 0 || fault != OK)
            break;
    }
    close(file);
    return fault;
}
