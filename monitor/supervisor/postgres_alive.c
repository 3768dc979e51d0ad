#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "supervisor/private_postgres.h"

#define PID_FILE_SIZE 4096
#define PATH_SIZE 1024
#define STATUS_LINE 8 /* PostgreSQL, pidfile.h: LOCK_FILE_LINE_PM_STATUS */
#define POLL_MS 50
/* A fast stop that falls into a crash recovery may never end (seen with PostgreSQL 15); an immediate one costs another recovery. */
#define FAST_STOP_MS 10000

/* The lines of postmaster.pid; "" when there is none. */
static void pid_file_read(const struct settings *settings, char ret_text[PID_FILE_SIZE]) {
    char path[1024];
    ret_text[0] = '\0';
    if (snprintf(path, sizeof(path), "%s/postgres/postmaster.pid", settings->state_folder) >= (int) sizeof(path))
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t size = read(fd, ret_text, PID_FILE_SIZE - 1);
    close(fd);
    ret_text[size > 0 ? size : 0] = '\0';
}

/* Line `number` (from 1), without spaces at its end; empty when there are fewer. */
static struct span line_of(const char *text, unsigned number) {
    while (--number > 0) {
        text = strchr(text, '\n');
        if (text == NULL)
            return span_of(NULL, 0);
        text++;
    }
    size_t size = strcspn(text, "\n");
    while (size > 0 && text[size - 1] == ' ')
        size--;
    return span_of(text, size);
}

static bool is_named_postgres(int pid) {
    char path[64], name[32] = "";
    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, name, sizeof(name) - 1);
    close(fd);
    return size >= 8 && memcmp(name, "postgres", 8) == 0;
}

bool private_postgres_has_process(const struct stat *folder, int pid) {
    char place[64];
    struct stat found;
    snprintf(place, sizeof(place), "/proc/%d/cwd", pid);
    return is_named_postgres(pid) && stat(place, &found) == 0 && found.st_ino == folder->st_ino && found.st_dev == folder->st_dev;
}

/* The number of a dead process is soon another's, perhaps another cluster's. */
static bool is_ours(const struct settings *settings, int pid) {
    char path[PATH_SIZE];
    struct stat folder;
    return snprintf(path, sizeof(path), "%s/" PRIVATE_POSTGRES_DATA, settings->state_folder) < (int) sizeof(path) && stat(path, &folder) == 0 &&
           private_postgres_has_process(&folder, pid);
}

/* A server that serves a single user writes its number with a minus. */
static int pid_of(const struct settings *settings, const char *text) {
    uint64_t pid = 0;
    struct span number = line_of(text, 1);
    if (number.size > 0 && number.bytes[0] == '-')
        number = span_of(number.bytes + 1, number.size - 1);
    if (text_to_number(number, INT32_MAX, &pid) != OK || pid < 2)
        return 0;
    return is_ours(settings, (int) pid) ? (int) pid : 0;
}

int private_postgres_running(const struct settings *settings) {
    char text[PID_FILE_SIZE];
    pid_file_read(settings, text);
    return pid_of(settings, text);
}

static bool forget_file(const struct settings *settings, const char *name, struct reason *reason) {
    char path[PATH_SIZE];
    if (snprintf(path, sizeof(path), "%s/%s", settings->state_folder, name) >= (int) sizeof(path))
        return false;
    if (unlink(path) == 0 || errno == ENOENT)
        return true;
    (void) reason_set(reason, OK, "%s: is left over from a PostgreSQL that has ended, and cannot be removed: %s", path, strerror(errno));
    return false;
}

result private_postgres_forget_dead(const struct settings *settings, struct reason *reason) {
    bool is_forgotten = private_postgres_running(settings) != 0 ||
                        (forget_file(settings, "postgres/postmaster.pid", reason) && forget_file(settings, "run/.s.PGSQL.5432", reason) &&
                         forget_file(settings, "run/.s.PGSQL.5432.lock", reason));
    return is_forgotten ? OK : &fault_postgres_folder;
}

static bool socket_answers(const struct settings *settings) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/.s.PGSQL.5432", settings->state_folder);
    if (size < 0 || (size_t) size >= sizeof(address.sun_path))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool answers = connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0;
    close(fd);
    return answers;
}

bool private_postgres_is_listening(const struct settings *settings) {
    char text[PID_FILE_SIZE];
    pid_file_read(settings, text);
    return pid_of(settings, text) != 0 && span_equal(line_of(text, STATUS_LINE), span_of_text("ready")) && socket_answers(settings);
}

static void rest(void) {
    struct timespec pause = {.tv_nsec = POLL_MS * 1000000};
    (void) nanosleep(&pause, NULL);
}

/* `process` is a descriptor of it: a number could be another's by now. */
static bool stop_process(const struct settings *settings, int pid, int process, int64_t timeout_ms) {
    int64_t waited_ms = 0;
    (void) pidfd_send_signal(process, SIGINT, NULL, 0);
    for (; private_postgres_running(settings) == pid; waited_ms += POLL_MS) {
        if (waited_ms >= timeout_ms)
            return false;
        if (waited_ms == FAST_STOP_MS)
            (void) pidfd_send_signal(process, SIGQUIT, NULL, 0);
        (void) waitpid((pid_t) pid, NULL, WNOHANG); /* where it is our own child */
        rest();
    }
    return true;
}

bool private_postgres_stop(const struct settings *settings, int64_t timeout_ms) {
    int pid = private_postgres_running(settings);
    int process = pid == 0 ? -1 : pidfd_open((pid_t) pid, 0);
    if (process < 0 || private_postgres_running(settings) != pid) { /* looked at again: the descriptor is of that very process */
        if (process >= 0)
            close(process);
        return pid == 0 || private_postgres_running(settings) != pid;
    }
    bool is_stopped = stop_process(settings, pid, process, timeout_ms);
    close(process);
    return is_stopped;
}

result private_postgres_wait(const struct settings *settings, int64_t timeout_ms, struct reason *reason) {
    for (int64_t waited_ms = 0; !private_postgres_is_listening(settings); waited_ms += POLL_MS) {
        if (waited_ms >= timeout_ms)
            return reason_set(reason, &fault_postgres_silent,
                              "private PostgreSQL: no answer on %s/run after %lld s; is the service running (`pinwatch run`)?",
                              settings->state_folder, (long long) (timeout_ms / 1000));
        rest();
    }
    return OK;
}
