#include "supervisor/service_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

FAULT(fault_service_running, FAULT_SETTINGS, "service.running", "state folder", "", "another service uses it",
      "one service per state folder");
FAULT(fault_service_lock, FAULT_SETTINGS, "service.lock", "state folder", "", "its pid file cannot be locked",
      "a folder that the service may write");

static bool lock_path(const char *state_folder, struct buffer *ret_path) {
    return buffer_printf(ret_path, "%s/pinwatch.pid", state_folder);
}

static int read_pid(int file) {
    char text[24];
    uint64_t pid;
    ssize_t size = pread(file, text, sizeof text, 0);
    if (size < 1)
        return 0;
    struct span digits = span_of(text, (size_t) size - (text[size - 1] == '\n'));
    return text_to_number(digits, INT32_MAX, &pid) == OK ? (int) pid : 0;
}

static result write_pid(int file) {
    char text[24];
    int size = snprintf(text, sizeof text, "%d\n", (int) getpid());
    if (ftruncate(file, 0) != 0 || pwrite(file, text, (size_t) size, 0) != size)
        return &fault_service_lock;
    return OK;
}

static result lock_file(int file, const char *path, struct reason *reason) {
    bool is_locked = flock(file, LOCK_EX | LOCK_NB) == 0;
    if (!is_locked && errno != EWOULDBLOCK) /* without the lock there might be two services */
        return reason_set(reason, fault_of_errno(errno, &fault_service_lock), "%s: cannot be locked: %s", path, strerror(errno));
    if (!is_locked)
        return reason_set(reason, &fault_service_running,
                          "%s: the service with process id %d uses this state folder, wanted none; `pinwatch stop` ends it", path,
                          read_pid(file));
    errno = 0;
    if (write_pid(file) != OK)
        return reason_set(reason, fault_of_errno(errno, &fault_service_lock), "%s: cannot be written: %s", path, strerror(errno));
    return OK;
}

result service_lock_take(const char *state_folder, int *ret_lock, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(4096);
    if (!lock_path(state_folder, &path))
        return &fault_no_memory;
    int file = open(buffer_text(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0)
        return reason_set(reason, fault_of_errno(errno, &fault_service_lock), "%s: cannot be opened for writing: %s", buffer_text(&path), strerror(errno));
    result outcome = lock_file(file, buffer_text(&path), reason);
    if (outcome != OK) {
        close(file);
        return outcome;
    }
    *ret_lock = file;
    return OK;
}

int service_lock_holder(const char *state_folder, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(4096);
    if (!lock_path(state_folder, &path)) {
        reason_of_fault(&fault_no_memory, reason);
        return -1;
    }
    int file = open(buffer_text(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 && errno == ENOENT)
        return 0;
    if (file < 0) {
        (void) reason_set(reason, OK, "%s: cannot be opened: %s", buffer_text(&path), strerror(errno));
        return -1;
    }
    bool is_free = flock(file, LOCK_SH | LOCK_NB) == 0;
    int error = is_free ? 0 : errno;
    int pid = is_free ? 0 : error == EWOULDBLOCK ? read_pid(file) : -1;
    if (pid < 0)
        (void) reason_set(reason, OK, "%s: cannot be asked for its lock: %s", buffer_text(&path), strerror(error));
    close(file);
    return pid;
}
