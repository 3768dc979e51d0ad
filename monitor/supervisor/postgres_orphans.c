/* A postmaster that was killed leaves back-ends that end when they next look up: one that works long, or was stopped, keeps the cluster's
 * shared memory, and PostgreSQL refuses to start beside it. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "supervisor/private_postgres.h"

#define PATH_SIZE 1024
#define POLL_MS 50

/* Looked at again once the descriptor is there: the number could have become another's. */
static bool end_one(int pid, const struct stat *folder) {
    if (!private_postgres_has_process(folder, pid))
        return false;
    int process = pidfd_open((pid_t) pid, 0);
    bool is_orphan = process >= 0 && private_postgres_has_process(folder, pid);
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
            count += end_one((int) pid, folder);
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
