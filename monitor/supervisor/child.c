#include "supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "settings/settings.h"

#define ENVIRONMENT_MAX 128

FAULT(fault_child_start, FAULT_RETRY, "child.start", "program", "", "it cannot be started", "an executable file");
FAULT(fault_child_scarce, FAULT_RETRY, "child.scarce", "program", "", "there is no room to start it", "processes, memory and descriptors");

/* A program that takes SIGHUP must not die of one that comes before it does: it comes when the program lets it. */
static void forget_signals(const struct child_plan *plan) {
    sigset_t held;
    sigemptyset(&held);
    if (plan->on_reload == RELOAD_SIGNAL)
        sigaddset(&held, SIGHUP);
    for (int number = 1; number < NSIG; number++)
        (void) signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL); /* what is said to nobody ends nobody */
    sigprocmask(SIG_SETMASK, &held, NULL);
}

/* In the child; returns only when the program cannot be executed. */
static void become(const struct child_plan *plan, pid_t supervisor) {
    forget_signals(plan);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, plan->death_signal);
    if (getppid() != supervisor) /* it died before the line above */
        _exit(0);
    int nothing = open("/dev/null", O_RDWR);
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO); /* what is to be read goes to standard error, which never waits */
    }
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    /* execve promises not to change them; its prototype is older than const. */
    union {
        const char *const *promised;
        char *const *wanted;
    } arguments = {.promised = plan->arguments}, environment = {.promised = plan->environment};
    execve(plan->program, arguments.wanted, environment.wanted);
}

/* The pipe closes by itself when execve works, and carries errno when it does not. */
static int read_start_error(int pipe_end) {
    int error = 0;
    ssize_t size;
    do
        size = read(pipe_end, &error, sizeof error);
    while (size < 0 && errno == EINTR);
    return size == (ssize_t) sizeof error ? error : 0;
}

static bool is_scarcity(int error) {
    return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE;
}

static result cannot_start(const struct child_plan *plan, int error, struct reason *reason) {
    return reason_set(reason, is_scarcity(error) ? &fault_child_scarce : &fault_child_start, "%s: %s cannot be started: %s", plan->name, plan->program, strerror(error));
}

result child_start(const struct child_plan *plan, pid_t *ret_pid, struct reason *reason) {
    int ends[2];
    pid_t supervisor = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0)
        return cannot_start(plan, errno, reason);
    pid_t pid = fork();
    if (pid == 0) {
        become(plan, supervisor);
        int error = errno;
        if (write(ends[1], &error, sizeof error) < 0)
            _exit(126);
        _exit(127);
    }
    int error = pid < 0 ? errno : 0;
    close(ends[1]);
    if (pid > 0)
        error = read_start_error(ends[0]);
    close(ends[0]);
    if (pid > 0 && error != 0)
        (void) waitpid(pid, NULL, 0);
    if (error != 0)
        return cannot_start(plan, error, reason);
    *ret_pid = pid;
    return OK;
}

static bool has_name(const char *entry, const char *name) {
    size_t size = strlen(name);
    return strncmp(entry, name, size) == 0 && entry[size] == '=';
}

static bool has_prefix(const char *entry, const char *prefix) {
    return strncmp(entry, prefix, strlen(prefix)) == 0;
}

static bool is_inherited(const char *entry, bool with_secrets) {
    static const char *const names[] = {
        "PATH", "HOME", "TZ", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "all_proxy",
        "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    };
    if (has_prefix(entry, "PINWATCH_SECRET_") || has_name(entry, "CREDENTIALS_DIRECTORY"))
        return with_secrets;
    if (has_name(entry, "PINWATCH_CONFIG") || has_name(entry, SETTINGS_IN_FORCE))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (has_name(entry, names[i]))
            return true;
    return has_prefix(entry, "LC_") || has_prefix(entry, "PINWATCH_") || has_prefix(entry, "ASAN_OPTIONS=") ||
           has_prefix(entry, "UBSAN_OPTIONS=");
}

const char *const *child_environment(struct arena *arena, const struct child_settings *settings, bool with_secrets) {
    const char **list = arena_take_array(arena, ENVIRONMENT_MAX + 3, sizeof *list);
    char *path = arena_printf(arena, "PINWATCH_CONFIG=%s", settings->path);
    char *copy = arena_printf(arena, SETTINGS_IN_FORCE "=%s", settings->copy);
    size_t count = 0;
    if (list == NULL || path == NULL || copy == NULL)
        return NULL;
    list[count++] = path;
    list[count++] = copy;
    for (char **entry = environ; entry != NULL && *entry != NULL && count <= ENVIRONMENT_MAX + 1; entry++) {
        if (!is_inherited(*entry, with_secrets))
            continue;
        list[count] = arena_copy_text(arena, *entry);
        if (list[count++] == NULL)
            return NULL;
    }
    return list;
}

const char *program_self(struct arena *arena) {
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size < 1)
        return NULL;
    const char *self = arena_copy_span_as_text(arena, span_of(path, (size_t) size));
    if (self == NULL)
        errno = ENOMEM;
    return self;
}

const char *program_find(struct arena *arena, const char *name) {
    const char *self = program_self(arena);
    const char *slash = self == NULL ? NULL : strrchr(self, '/');
    const char *beside = slash == NULL ? NULL : arena_printf(arena, "%.*s/%s", (int) (slash - self), self, name);
    const char *installed = arena_printf(arena, "%s/%s", PINWATCH_INSTALL_LIBEXEC, name);
    if (self == NULL) /* errno says why */
        return NULL;
    if (beside == NULL || installed == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    if (access(beside, X_OK) == 0)
        return beside;
    return fault_of_errno(errno, OK) == OK && access(installed, X_OK) == 0 ? installed : NULL;
}
