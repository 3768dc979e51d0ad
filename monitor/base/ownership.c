#include "base/ownership.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

FAULT(fault_ownership, FAULT_SETTINGS, "file.ownership", "file", "", "others than its user could have changed or read it",
      "a file that belongs to the user who runs this or to root, out of reach for others");

static bool is_ours(uid_t owner) {
    return owner == 0 || owner == geteuid();
}

result ownership_check_file(int file, const char *path, bool is_secret, struct reason *reason) {
    struct stat status;
    if (fstat(file, &status) != 0)
        return reason_set(reason, fault_of_errno(errno, &fault_ownership), "%s: cannot be looked at: %s", path, strerrordesc_np(errno));
    if (!S_ISREG(status.st_mode))
        return reason_set(reason, &fault_ownership, "%s: is no regular file, wanted one", path);
    unsigned mode = status.st_mode & 07777;
    if (!is_ours(status.st_uid) && !(is_secret && geteuid() == 0))
        return reason_set(reason, &fault_ownership, "%s: belongs to user %u, wanted user %u, who runs this, or root; `chown` it, or run "
                          "pinwatch as that user", path, (unsigned) status.st_uid, (unsigned) geteuid());
    if (is_secret && (mode & 077) != 0)
        return reason_set(reason, &fault_ownership, "%s: its mode %04o lets others read or write it, wanted 0600; `chmod 600` it", path, mode);
    if ((mode & (S_IWGRP | S_IWOTH)) != 0)
        return reason_set(reason, &fault_ownership, "%s: its mode %04o lets others write it, wanted at most 0644; `chmod go-w` it", path, mode);
    return OK;
}

static result check_folder(const char *folder, const char *path, struct reason *reason) {
    struct stat status;
    if (stat(folder, &status) != 0)
        return errno == ENOENT ? OK : reason_set(reason, fault_of_errno(errno, &fault_ownership), "%s: %s", folder, strerrordesc_np(errno));
    if (!is_ours(status.st_uid))
        return reason_set(reason, &fault_ownership, "%s: the folder %s above it belongs to user %u, wanted user %u, who runs this, or root", path,
                          folder, (unsigned) status.st_uid, (unsigned) geteuid());
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (status.st_mode & S_ISVTX) == 0)
        return reason_set(reason, &fault_ownership, "%s: mode %04o of the folder %s above it lets others replace it; `chmod go-w` that folder",
                          path, (unsigned) (status.st_mode & 07777), folder);
    return OK;
}

/* `folder` is changed on the way up and "/" at the end. */
static result check_upwards(char *folder, const char *path, struct reason *reason) {
    for (;;) {
        TRY(check_folder(folder, path, reason));
        char *slash = strrchr(folder, '/');
        if (slash == NULL || folder[1] == '\0')
            return OK;
        slash[slash == folder ? 1 : 0] = '\0';
    }
}

/* Where the path itself stands, and where it leads when it is a link. */
result ownership_check_way(const char *path, struct reason *reason) {
    char above[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t) (slash - path);
    if (size >= sizeof above)
        return reason_set(reason, &fault_ownership, "%s: the path is too long", path);
    memcpy(above, slash == NULL ? "." : path, slash == NULL ? 1 : size);
    above[slash == NULL ? 1 : size] = '\0';
    if (realpath(above, real) != NULL)
        TRY(check_upwards(real, path, reason));
    if (realpath(path, real) == NULL || strrchr(real, '/') == NULL)
        return OK;
    char *last = strrchr(real, '/');
    last[last == real ? 1 : 0] = '\0';
    return check_upwards(real, path, reason);
}

/* Where cores are piped to a program, that limit does not hold; the filter does (core(5)). */
void ownership_forbid_cores(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        (void) setrlimit(RLIMIT_CORE, &limit);
    }
    int filter = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    if (filter < 0)
        return;
    ssize_t unused = write(filter, "0\n", 2); /* a kernel that refuses writes no cores */
    (void) unused;
    close(filter);
}
