#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "supervisor/private_postgres.h"

#define PID_FILE_SIZE 4096
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

/* Is this process postgres, and not another one that got the number of a dead one? */
static bool is_postgres(int pid) {
    char path[64], name[32] = "";
    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, name, sizeof(name) - 1);
    close(fd);
    return size >= 8 && memcmp(name, "postgres", 8) == 0;
}

static int pid_of(const char *text) {
    uint64_t pid = 0;
    if (text_to_number(line_of(text, 1), INT32_MAX, &pid) != OK || pid < 2)
        return 0;
    return kill((pid_t) pid, 0) == 0 && is_postgres((int) pid) ? (int) pid : 0;
}

int private_postgres_running(const struct settings *settings) {
    char text[PID_FILE_SIZE];
    pid_file_read(settings, text);
    return pid_of(text);
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
    return pid_of(text) != 0 && span_equal(line_of(text, STATUS_LINE), span_of_text("ready")) && socket_answers(settings);
}

static void rest(void) {
    struct timespec pause = {.tv_nsec = POLL_MS * 1000000};
    (void) nanosleep(&pause, NULL);
}

bool private_postgres_stop(const struct settings *settings, int64_t timeout_ms) {
    int64_t waited_ms = 0;
    int pid = private_postgres_running(settings);
    if (pid != 0)
        (void) kill((pid_t) pid, SIGINT);
    for (; pid != 0 && private_postgres_running(settings) == pid; waited_ms += POLL_MS) {
        if (waited_ms >= timeout_ms)
            return false;
        if (waited_ms == FAST_STOP_MS)
            (void) kill((pid_t) pid, SIGQUIT);
        (void) waitpid((pid_t) pid, NULL, WNOHANG); /* where it is our own child */
        rest();
    }
    return true;
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
