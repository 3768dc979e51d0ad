#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/last_words.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/standard_files.h"
#include "cli/command.h"
#include "cli/rights.h"
#include "supervisor/private_postgres.h"
#include "supervisor/service.h"
#include "supervisor/service_lock.h"
#include "supervisor/state_folder.h"
#include "supervisor/supervisor.h"

#define ARENA_LIMIT (1u << 20)
#define LOG_FILE_MAX (16 << 20)    /* bytes after which service.log becomes service.log.1 */
#define ORPHANS_END_MS 5000
#define DESCRIPTORS_WANTED 1024
#define DESCRIPTORS_LEAST 512      /* 256 connections, and all else */
#define LEFTOVER_STOP_MS 60000     /* for a PostgreSQL that outlived its service */
#define DETACHED_WAIT_MS 180000    /* the first start makes a cluster; a recovery may take long */

struct run_options {
    const char *config;
    bool detaches;
};

struct run {
    struct settings *settings;
    const char *settings_copy; /* what the programs read */
    int ready_pipe; /* -1: nobody waits */
    bool has_log_file; /* standard error is service.log */
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct run_options *options = state->input;
    switch (key) {
    case 'c':
        options->config = value;
        return 0;
    case 'd':
        options->detaches = true;
        return 0;
    default:
        return command_no_argument(key, value, state);
    }
}

static const struct argp_option options_taken[] = {
    COMMAND_OPTION_CONFIG,
    {"detach", 'd', NULL, 0, "Leave the service running in the background and return when it is ready; all is well when it runs already", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .doc = "Run the service: a private PostgreSQL unless a database is configured, the monitor with its readers, alerts, and the drill "
           "logs. Programs that die are started again. SIGTERM stops it cleanly; SIGHUP reads the settings again.\v"
           "Messages go to standard error, one JSON object a line, or with --detach to service.log in the state folder. Started by root "
           "it becomes the owner of the state folder.\n\n"
           "Exit codes: 0 stopped by a signal; 69 a program died too often; 78 the settings, the state folder, the database or the installation must "
           "be changed: a program refused to run like this, and the service ended at once, saying why.",
};

static enum log_level level_named(const char *name) {
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"error", LOG_ERROR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE}, {"debug", LOG_DEBUG}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i].name, name) == 0)
            return levels[i].level;
    return LOG_INFO;
}

/* The supervisor itself uses few settings; those it cannot change while it runs are named. */
static void say_what_waits(const struct settings *before, const struct settings *after) {
    const struct {
        const char *name;
        bool differs;
    } fixed[] = {
        {"has_drill", before->has_drill != after->has_drill},
        {"reports_address", (before->reports_address[0] == '\0') != (after->reports_address[0] == '\0')},
        {"postgres_folder", strcmp(before->postgres_folder, after->postgres_folder) != 0},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (fixed[i].differs)
            log_say(LOG_WARNING, "settings.restart-needed", LOG_TEXT("setting", fixed[i].name),
                    LOG_TEXT("consequence", "the new value takes effect with the next start of the service"));
}

/* Programs that look for the database elsewhere would find none: it is this service that runs or names it. */
static result check_place(const struct settings *before, const struct settings *after, struct reason *reason) {
    bool is_folder = strcmp(before->state_folder, after->state_folder) != 0;
    if (!is_folder && strcmp(before->database, after->database) == 0)
        return OK;
    return reason_set(reason, &fault_settings_value, "%s: %s has changed, wanted as it was while the service runs; `pinwatch stop` with "
                      "the old value, then `pinwatch run`", settings_path(after), is_folder ? "state_folder" : "database");
}

static result take_settings(struct run *run, const struct settings *fresh, struct reason *reason) {
    TRY(check_place(run->settings, fresh, reason));
    if (run->settings_copy[0] != '\0')
        TRY(settings_keep(fresh, run->settings_copy, reason));
    say_what_waits(run->settings, fresh);
    log_init("pinwatch", level_named(fresh->log_level), isatty(STDERR_FILENO) == 0);
    return OK;
}

static result reload(void *context, struct reason *reason) {
    struct run *run = context;
    struct settings *fresh = NULL;
    TRY(settings_load(settings_path(run->settings), &fresh, reason));
    result outcome = take_settings(run, fresh, reason);
    settings_free(fresh);
    return outcome;
}

/* What was accepted is kept for programs that are started again, even where the file is broken by then. */
static const char *keep_settings(const struct settings *settings, struct arena *arena) {
    struct reason why = {""};
    const char *copy = arena_printf(arena, "%s/" SETTINGS_IN_FORCE_FILE, settings->state_folder);
    result outcome = copy == NULL ? &fault_no_memory : settings_keep(settings, copy, &why);
    if (outcome == OK)
        return copy;
    log_say(LOG_WARNING, "settings.not-kept", LOG_TEXT("why", why.text), LOG_FAULT(outcome),
            LOG_TEXT("consequence", "programs that are started again read the file as it is then"));
    return "";
}

static void tell_ready(void *context) {
    struct run *run = context;
    if (run->ready_pipe < 0)
        return;
    if (write(run->ready_pipe, "R", 1) != 1)
        log_say(LOG_DEBUG, "service.unwatched", LOG_TEXT("reason", "nobody waits for its start any more"));
    close(run->ready_pipe);
    run->ready_pipe = -1;
}

static bool copy_log(int from, const char *path, off_t size) {
    CLEANUP(buffer_done) struct buffer fresh = buffer_with_limit(4096);
    off_t at = 0;
    if (!buffer_printf(&fresh, "%s.new", path))
        return false;
    int to = open(buffer_text(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    while (to >= 0 && at < size && sendfile(to, from, &at, (size_t) (size - at)) > 0)
        ;
    if (to >= 0)
        close(to);
    if (at == size && to >= 0 && rename(buffer_text(&fresh), path) == 0)
        return true;
    (void) unlink(buffer_text(&fresh));
    return false;
}

/* All programs write to one open file, so that it cannot be exchanged under them: it is copied and cut. A disk without room for the copy
 * needs the room the more. */
static void bound_log_file(void *context) {
    struct run *run = context;
    struct stat about;
    CLEANUP(buffer_done) struct buffer old = buffer_with_limit(4096);
    if (!run->has_log_file || fstat(STDERR_FILENO, &about) != 0 || about.st_size <= LOG_FILE_MAX)
        return;
    int file = open("/proc/self/fd/2", O_RDONLY | O_CLOEXEC);
    bool is_kept = file >= 0 && buffer_printf(&old, "%s/service.log.1", run->settings->state_folder) &&
                   copy_log(file, buffer_text(&old), about.st_size);
    if (file >= 0)
        close(file);
    if (ftruncate(STDERR_FILENO, 0) == 0)
        log_say(LOG_NOTICE, "log.begun", LOG_TEXT("before", is_kept ? "service.log.1" : "dropped: service.log.1 cannot be written"));
}

static result end_leftover_postgres(const struct settings *settings, struct reason *reason) {
    int pid = private_postgres_running(settings);
    if (pid == 0)
        return OK;
    log_say(LOG_WARNING, "postgres.leftover", LOG_NUMBER("pid", pid),
            LOG_TEXT("reason", "it outlived the service that started it, and is stopped first"));
    if (private_postgres_stop(settings, LEFTOVER_STOP_MS))
        return OK;
    return reason_set(reason, &fault_service_running, "the PostgreSQL of an earlier service (process %d) does not stop, wanted it ended",
                      pid);
}

/* What a PostgreSQL left that was killed after the service was told to stop. */
static void tidy_up(const struct settings *settings) {
    struct reason why = {""};
    bool is_tidy = private_postgres_end_orphans(settings, PRIVATE_POSTGRES_DATA, ORPHANS_END_MS);
    if (!is_tidy || private_postgres_forget_dead(settings, &why) != OK)
        log_say(LOG_WARNING, "postgres.left-behind", LOG_TEXT("reason", is_tidy ? why.text : "some of its processes do not end"));
}

/* Connections to logs, PostgreSQL's files, pipes and messages; what is allowed without asking is taken. */
static result check_descriptors(struct reason *reason) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
        return OK;
    rlim_t allowed = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
    limit.rlim_cur = allowed;
    if (allowed >= DESCRIPTORS_LEAST && setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return OK;
    return reason_set(reason, &fault_settings_value, "this process may open %llu descriptors, wanted at least %d; raise the limit (`ulimit -n`, "
                      "or LimitNOFILE= of the unit)", (unsigned long long) allowed, DESCRIPTORS_LEAST);
}

static result supervise(struct run *run, struct arena *arena, struct reason *reason) {
    struct service service;
    const char *last_words = arena_printf(arena, "%s/last-words", run->settings->state_folder);
    if (last_words == NULL || setenv(LAST_WORDS_VARIABLE, last_words, 1) != 0)
        return &fault_no_memory;
    const struct settings *settings = run->settings;
    if (private_postgres_is_wanted(settings)) {
        TRY(end_leftover_postgres(settings, reason));
        TRY(private_postgres_forget_dead(settings, reason));
        TRY(private_postgres_prepare(settings, reason));
    }
    run->settings_copy = keep_settings(settings, arena);
    TRY(service_build(settings, run->settings_copy, arena, &service, reason));
    const struct supervisor_options options = {
        .plans = service.plans, .count = service.count, .context = run, .reload = reload, .ready = tell_ready, .idle = bound_log_file,
        .last_words = last_words};
    result outcome = supervisor_run(&options, reason);
    unsetenv(LAST_WORDS_VARIABLE); /* what this program says is no child's word */
    if (private_postgres_is_wanted(settings))
        tidy_up(settings);
    return outcome;
}

/* Who says stop while a cluster is made or an old one ended is heard after that: nothing may be left half done, or running. */
static void hold_signals(void) {
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, NULL);
}

static result serve(struct run *run, struct reason *reason) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    int lock = -1;
    hold_signals();
    standard_files_never_wait();
    if (arena == NULL)
        return &fault_no_memory;
    TRY(service_lock_take(run->settings->state_folder, &lock, reason));
    result outcome = supervise(run, arena, reason);
    close(lock);
    return outcome;
}

static result open_log_file(const struct settings *settings, int *ret_file, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(4096), old = buffer_with_limit(4096);
    struct stat status;
    buffer_printf(&path, "%s/service.log", settings->state_folder);
    buffer_printf(&old, "%s/service.log.1", settings->state_folder);
    TRY(buffer_check(&path));
    TRY(buffer_check(&old));
    if (stat(buffer_text(&path), &status) == 0 && status.st_size > LOG_FILE_MAX)
        (void) rename(buffer_text(&path), buffer_text(&old));
    int file = open(buffer_text(&path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (file < 0)
        return reason_set(reason, &fault_state_folder, "%s: cannot be opened: %s", buffer_text(&path), strerror(errno));
    *ret_file = file;
    return OK;
}

static int serve_detached(struct run *run, int log_file) {
    struct reason reason = {""};
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setsid();
    dup2(nothing, STDIN_FILENO);
    dup2(log_file, STDOUT_FILENO);
    dup2(log_file, STDERR_FILENO);
    if (chdir("/") != 0)
        return EXIT_BUG;
    log_init("pinwatch", level_named(run->settings->log_level), true);
    run->has_log_file = true;
    result outcome = serve(run, &reason);
    if (outcome != OK && reason.text[0] == '\0')
        reason_of_fault(outcome, &reason);
    if (outcome != OK)
        log_say(LOG_ERROR, "service.ended", LOG_TEXT("reason", reason.text));
    if (outcome != OK && run->ready_pipe >= 0 && write(run->ready_pipe, reason.text, strlen(reason.text)) < 0)
        return exit_code_of(outcome);
    return exit_code_of(outcome);
}

/* What the service says over the pipe: "R" when it is ready, its reason when it ended before. */
static int await_detached(const struct run *run, int pipe_end, pid_t pid) {
    struct reason said = {""};
    int status = 0;
    struct pollfd watched = {.fd = pipe_end, .events = POLLIN};
    if (poll(&watched, 1, DETACHED_WAIT_MS) < 1) {
        printf("The service (process %d) is still starting; its messages are in %s/service.log\n", (int) pid,
               run->settings->state_folder);
        return EXIT_OK;
    }
    ssize_t size = read(pipe_end, said.text, sizeof said.text - 1);
    if (size == 1 && said.text[0] == 'R') {
        printf("The service runs (process %d); its messages go to %s/service.log\n", (int) pid, run->settings->state_folder);
        return EXIT_OK;
    }
    fprintf(stderr, "pinwatch: the service did not start: %s\n%s/service.log says more\n", size > 0 ? said.text : "it ended",
            run->settings->state_folder);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : EXIT_UNAVAILABLE;
}

static int run_detached(struct run *run, struct reason *reason) {
    int log_file = -1, ends[2];
    result outcome = open_log_file(run->settings, &log_file, reason);
    if (outcome != OK)
        return exit_with(outcome, reason);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return exit_with(fault_of_errno(errno, &fault_library), NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run->ready_pipe = ends[1];
        _exit(serve_detached(run, log_file));
    }
    close(ends[1]);
    int code = pid < 0 ? exit_with(&fault_machine, NULL) : await_detached(run, ends[0], pid);
    close(ends[0]);
    close(log_file);
    return code;
}

static int run_in_front(struct run *run) {
    struct reason reason = {""};
    log_init("pinwatch", level_named(run->settings->log_level), isatty(STDERR_FILENO) == 0);
    result outcome = serve(run, &reason);
    return outcome == OK ? EXIT_OK : exit_with(outcome, &reason);
}

/* Asking twice for a service in the background is no mistake. */
static bool runs_already(const struct settings *settings) {
    struct reason reason = {""};
    int pid = service_lock_holder(settings->state_folder, &reason);
    if (pid <= 0)
        return false;
    printf("The service runs already (process %d); its messages go to %s/service.log\n", pid, settings->state_folder);
    return true;
}

static int run_service(struct run *run, bool detaches) {
    struct reason reason = {""};
    if (detaches && runs_already(run->settings))
        return EXIT_OK;
    result outcome = check_descriptors(&reason);
    if (outcome == OK)
        outcome = rights_drop(run->settings, &reason);
    if (outcome == OK)
        outcome = state_folder_prepare(run->settings, &reason);
    if (outcome != OK)
        return exit_with(outcome, &reason);
    return detaches ? run_detached(run, &reason) : run_in_front(run);
}

int command_run(int argc, char **argv) {
    struct run_options options = {0};
    struct run run = {.ready_pipe = -1};
    int code = EXIT_OK;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    run.settings = command_settings(options.config, &code);
    if (run.settings == NULL)
        return code;
    code = run_service(&run, options.detaches);
    settings_free(run.settings);
    return code;
}
