/* A postmaster that was killed leaves back-ends that end when they next look up: one that works long, or was stopped, keeps the cluster's
 * shared memory, and PostgreSQL refuses to start beside it. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "supervisor/private_postgres.h"

#define PATH_SIZE 1024
#define POLL_MS 50

static bool is_named_postgres(unsigned pid) {
    char path[64], name[32] = "";
    snprintf(path, sizeof(path), "/proc/%u/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, name, sizeof(name) - 1);
    close(fd);
    return size >= 8 && memcmp(name, "postgres", 8) == 0;
}

/* All processes of a cluster stand in its data folder. */
static bool stands_in(unsigned pid, const struct stat *folder) {
    char path[64];
    struct stat found;
    snprintf(path, sizeof(path), "/proc/%u/cwd", pid);
    return stat(path, &found) == 0 && found.st_ino == folder->st_ino && found.st_dev == folder->st_dev && is_named_postgres(pid);
}

/* Looked at again once the descriptor is there: the number could have become another's. */
static bool end_one(unsigned pid, const struct stat *folder) {
    if (!stands_in(pid, folder))
        return false;
    int process = pidfd_open((pid_t) pid, 0);
    bool is_orphan = process >= 0 && stands_in(pid, folder);
    if (is_orphan)
        (void) pidfd_send_signal(process, SIGKILL, NULL, 0);
    if (process >= 0)
        close(process);
    return is_orphan;
}

static unsigned end_all(const struct stat *folder) {
    unsigned count = 0;
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    while (processes != NULL && (entry = readdir(processes)) != NULL) {
        uint64_t pid;
        if (text_to_number(span_of_text(entry->d_name), INT32_MAX, &pid) == OK)
            count += end_one((unsigned) pid, folder);
    }
    if (processes != NULL)
        closedir(processes);
    return count;
}

bool private_postgres_end_orphans(const struct settings *settings, const char *name, int64_t timeout_ms) {
    char path[PATH_SIZE];
    struct stat folder;
    unsigned count;
    if (snprintf(path, sizeof(path), "%s/%s", settings->state_folder, name) >= (int) sizeof(path) || stat(path, &folder) != 0)
        return true; /* there is no cluster yet */
    for (int64_t waited_ms = 0; private_postgres_running(settings) == 0 && (count = end_all(&folder)) > 0; waited_ms += POLL_MS) {
        struct timespec pause = {.tv_nsec = POLL_MS * 1000000};
        if (waited_ms == 0)
            log_say(LOG_WARNING, "postgres.orphans", LOG_NUMBER("count", count),
                    LOG_TEXT("reason", "they outlived their server and hold its memory; they are ended, so that another can start"));
        if (waited_ms >= timeout_ms)
            return false;
        (void) nanosleep(&pause, NULL);
    }
    return true;
}
