#include "drill/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

FAULT(fault_drill_folder, FAULT_SETTINGS, "drill.folder", "file of the drill", "", "cannot be read or written",
      "a folder that this user may write, with room");

static void close_at(int *file) {
    if (*file >= 0)
        close(*file);
}

static result complain(struct reason *reason, const char *path, const char *what) {
    return reason_set(reason, fault_of_errno(errno, &fault_drill_folder), "%s: %s: %s", path, what, strerror(errno));
}

bool folder_path(char ret_path[FOLDER_PATH_SIZE], const char *folder, const char *name) {
    int length = snprintf(ret_path, FOLDER_PATH_SIZE, "%s/%s", folder, name);
    return length > 0 && length < FOLDER_PATH_SIZE;
}

result folder_make(const char *path, unsigned mode, struct reason *reason) {
    return mkdir(path, (mode_t) mode) == 0 || errno == EEXIST ? OK : complain(reason, path, "cannot be made");
}

result folder_make_parents(const char *path, struct reason *reason) {
    char part[FOLDER_PATH_SIZE];
    for (size_t at = 1; path[at] != '\0' && at < sizeof part; at++)
        if (path[at] == '/') {
            memcpy(part, path, at);
            part[at] = '\0';
            TRY(folder_make(part, 0755, reason));
        }
    return OK;
}

result folder_look_for(const char *folder, const char *name, bool *ret_is_there, struct reason *reason) {
    char path[FOLDER_PATH_SIZE];
    if (!folder_path(path, folder, name))
        return reason_set(reason, &fault_drill_folder, "%s: path too long", folder);
    *ret_is_there = access(path, F_OK) == 0;
    return *ret_is_there || errno == ENOENT ? OK : complain(reason, path, "cannot be looked at");
}

result folder_read(const char *folder, const char *name, struct buffer *out, struct reason *reason) {
    char path[FOLDER_PATH_SIZE];
    if (!folder_path(path, folder, name))
        return reason_set(reason, &fault_drill_folder, "%s: path too long", folder);
    CLEANUP(close_at) int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return complain(reason, path, "cannot be opened");
    for (;;) {
        uint8_t chunk[16384];
        ssize_t count = read(file, chunk, sizeof chunk);
        if (count == 0)
            return OK;
        if (count < 0)
            return complain(reason, path, "cannot be read");
        if (!buffer_add(out, span_of(chunk, (size_t) count)))
            return buffer_check(out) == &fault_no_memory ? reason_set(reason, &fault_no_memory, "%s: no memory to read it", path)
                                                         : reason_set(reason, &fault_drill_folder, "%s: larger than %zu bytes", path, out->limit);
    }
}

static bool write_all(int file, struct span bytes) {
    while (bytes.size > 0) {
        ssize_t count = write(file, bytes.bytes, bytes.size);
        if (count < 0 && errno != EINTR)
            return false;
        if (count > 0)
            bytes = span_of(bytes.bytes + count, bytes.size - (size_t) count);
    }
    return true;
}

static result sync_folder(const char *folder, struct reason *reason) {
    CLEANUP(close_at) int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return file >= 0 && fsync(file) == 0 ? OK : complain(reason, folder, "cannot be synced");
}

result folder_write(const char *folder, const char *name, struct span bytes, unsigned mode, struct reason *reason) {
    char path[FOLDER_PATH_SIZE], temporary[FOLDER_PATH_SIZE];
    if (!folder_path(path, folder, name) || strlen(path) + 5 > sizeof temporary)
        return reason_set(reason, &fault_drill_folder, "%s: path too long", folder);
    snprintf(temporary, sizeof temporary, "%.*s.new", (int) (sizeof temporary - 5), path);
    CLEANUP(close_at) int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, (mode_t) mode);
    if (file < 0)
        return complain(reason, temporary, "cannot be made");
    if (!write_all(file, bytes) || fsync(file) != 0)
        return complain(reason, temporary, "cannot be written");
    if (rename(temporary, path) != 0)
        return complain(reason, path, "cannot be renamed");
    return sync_folder(folder, reason);
}

result folder_write_fast(const char *path, struct span bytes, struct reason *reason) {
    CLEANUP(close_at) int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return file >= 0 && write_all(file, bytes) ? OK : complain(reason, path, "cannot be written");
}
