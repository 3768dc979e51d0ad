#include "channels/hook_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/ownership.h"

#define GRACE_MS 5000 /* between SIGTERM and SIGKILL */
#define REAP_MS  1000 /* how long a cancelled program is waited for */

FAULT(fault_hook_program, FAULT_SETTINGS, "hook.program", "hook program", "", "cannot be run safely",
      "an absolute path of an executable file that only its owner can write");
FAULT(fault_hook_start, FAULT_RETRY, "hook.start", "hook program", "", "could not be started", "a free process and an executable file");

struct hook_run {
    pid_t pid; /* of the program, its session and its process group; valid until reaped */
    int process; /* pidfd */
    int output;
    struct event *process_event, *output_event, *limit_event;
    bool was_told_to_stop;
    char text[HOOK_OUTPUT_MAX];
    size_t text_size;
    hook_done done;
    void *context;
};

static void run_free(struct hook_run *run) {
    if (run == NULL)
        return;
    struct event *events[] = {run->process_event, run->output_event, run->limit_event};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (events[i] != NULL)
            event_free(events[i]);
    if (run->process >= 0)
        close(run->process);
    if (run->output >= 0)
        close(run->output);
    memory_free(run);
}

CLEANUP_OF_POINTER(struct hook_run, run_free)

result hook_program_check(const char *path, struct reason *reason) {
    struct stat status;
    if (path[0] != '/')
        return reason_set(reason, &fault_hook_program, "hook %s: not an absolute path", path);
    if (stat(path, &status) != 0)
        return reason_set(reason, fault_of_errno(errno, &fault_hook_program), "hook %s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0)
        return reason_set(reason, &fault_hook_program, "hook %s: not an executable file", path);
    if ((status.st_mode & 022) != 0 || (status.st_uid != geteuid() && status.st_uid != 0))
        return reason_set(reason, &fault_hook_program,
                          "hook %s: others can write it, wanted a file that only this user or root owns and can write", path);
    return ownership_check_way(path, reason);
}

/* Reads what is there; keeps the beginning and throws the rest away, so that the program never blocks on a full pipe. */
static bool drain(struct hook_run *run) {
    char piece[4096];
    for (int rounds = 0; rounds < 64; rounds++) {
        ssize_t count = read(run->output, piece, sizeof piece);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        if (count == 0)
            return false;
        size_t kept = sizeof run->text - run->text_size;
        kept = kept < (size_t) count ? kept : (size_t) count;
        memcpy(run->text + run->text_size, piece, kept);
        run->text_size += kept;
    }
    return true;
}

static void on_output(evutil_socket_t file, short what, void *context) {
    (void) file;
    (void) what;
    struct hook_run *run = context;
    if (!drain(run))
        event_del(run->output_event);
}

static void signal_group(const struct hook_run *run, int signal) {
    if (kill(-run->pid, signal) != 0)
        kill(run->pid, signal);
}

static void on_limit(evutil_socket_t file, short what, void *context) {
    (void) file;
    (void) what;
    struct hook_run *run = context;
    struct timeval grace = {.tv_sec = GRACE_MS / 1000};
    signal_group(run, run->was_told_to_stop ? SIGKILL : SIGTERM);
    run->was_told_to_stop = true;
    event_add(run->limit_event, &grace);
}

static void on_end(evutil_socket_t file, short what, void *context) {
    (void) file;
    (void) what;
    struct hook_run *run = context;
    siginfo_t info = {0};
    if (run->was_told_to_stop)
        signal_group(run, SIGKILL); /* before it is reaped, while the id is still ours */
    if (waitid(P_PIDFD, (id_t) run->process, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
        return;
    (void) drain(run);
    struct hook_result outcome = {
        .timed_out = run->was_told_to_stop,
        .exit_code = info.si_code == CLD_EXITED ? info.si_status : -1,
        .signal = info.si_code == CLD_EXITED ? 0 : info.si_status,
        .output = run->text,
        .output_size = run->text_size,
    };
    run->done(run->context, &outcome);
    run_free(run);
}

static int spawn_with(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, const char *path,
                      char *const environment[], pid_t *ret_pid) {
    char *const arguments[] = {(char *) (uintptr_t) path, NULL};
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    return posix_spawn(ret_pid, path, actions, attributes, arguments, environment);
}

/* Returns 0 or an errno value; `output` is the writing end of the pipe. */
static int spawn(const char *path, char *const environment[], int output, pid_t *ret_pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    code = code != 0 ? code : posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    code = code != 0 ? code : posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    code = code != 0 ? code : posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    code = code != 0 ? code : posix_spawn_file_actions_addchdir_np(&actions, "/");
    code = code != 0 ? code : spawn_with(&actions, &attributes, path, environment, ret_pid);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static bool watch(struct hook_run *run, struct event_base *loop, int64_t limit_ms) {
    struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
    run->process_event = event_new(loop, run->process, EV_READ | EV_PERSIST, on_end, run);
    run->output_event = event_new(loop, run->output, EV_READ | EV_PERSIST, on_output, run);
    run->limit_event = evtimer_new(loop, on_limit, run);
    return run->process_event != NULL && run->output_event != NULL && run->limit_event != NULL &&
           event_add(run->process_event, NULL) == 0 && event_add(run->output_event, NULL) == 0 &&
           event_add(run->limit_event, &limit) == 0;
}

static void kill_and_reap(struct hook_run *run) {
    struct pollfd end = {.fd = run->process, .events = POLLIN};
    siginfo_t info;
    signal_group(run, SIGKILL);
    int waited = run->process < 0 ? -1 : poll(&end, 1, REAP_MS);
    if (waited > 0)
        waitid(P_PIDFD, (id_t) run->process, &info, WEXITED | WNOHANG);
    else if (waited < 0) /* it cannot be waited for in time */
        waitpid(run->pid, NULL, 0);
}

result hook_run_start(struct event_base *loop, const struct hook_command *command, hook_done done, void *context,
                      struct hook_run **ret_run) {
    int ends[2];
    CLEANUP(run_free_at) struct hook_run *run = memory_new(sizeof *run);
    if (run == NULL)
        return &fault_no_memory;
    *run = (struct hook_run){.process = -1, .output = -1, .done = done, .context = context};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return &fault_hook_start;
    run->output = ends[0];
    int code = fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 ? errno : spawn(command->path, command->environment, ends[1], &run->pid);
    close(ends[1]);
    if (code != 0)
        return &fault_hook_start;
    run->process = pidfd_open(run->pid, 0);
    if (run->process < 0 || !watch(run, loop, command->limit_ms)) {
        kill_and_reap(run);
        return &fault_hook_start;
    }
    *ret_run = TAKE(run);
    return OK;
}

void hook_run_cancel(struct hook_run *run) {
    if (run == NULL)
        return;
    kill_and_reap(run);
    run_free(run);
}
