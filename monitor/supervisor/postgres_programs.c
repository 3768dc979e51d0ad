#include "supervisor/postgres_programs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "supervisor/private_postgres.h"

#define MAJOR_MIN 15 /* UNIQUE NULLS NOT DISTINCT */
#define MAJOR_MAX 999
#define EXIT_NOT_STARTED 127
#define EXIT_SCARCE 126 /* not started either, for a reason that passes */

const char *const postgres_environment[] = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", NULL};

/* In the child. It does not outlive us: an initdb that nobody waits for would go on writing where the next one begins. The service holds
 * its signals back; what it starts must not. */
static void become(const char *const *argv, int output, pid_t parent) {
    static const int exit_codes[] = {[false] = EXIT_NOT_STARTED, [true] = EXIT_SCARCE};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (getppid() != parent || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        _exit(EXIT_SCARCE);
    /* execve promises not to change them; its prototype is older than const. */
    union {
        const char *const *promised;
        char *const *wanted;
    } arguments = {.promised = argv}, environment = {.promised = postgres_environment};
    execve(argv[0], arguments.wanted, environment.wanted);
    _exit(exit_codes[fault_of_errno(errno, OK) != OK]);
}

static result spawn(const char *const *argv, const int pipe_ends[2], pid_t *ret_pid) {
    pid_t parent = getpid();
    pid_t pid = access(argv[0], X_OK) == 0 ? fork() : -1;
    if (pid == 0)
        become(argv, pipe_ends[1], parent);
    *ret_pid = pid;
    return pid > 0 ? OK : fault_of_errno(errno, &fault_postgres_programs);
}

/* Reads to the end, whether or not the buffer has room: the writer must not block. False when it cannot be read. */
static bool drain(int fd, struct buffer *output) {
    uint8_t piece[4096];
    for (;;) {
        ssize_t got = read(fd, piece, sizeof(piece));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        (void) buffer_add(output, span_of(piece, (size_t) got));
    }
}

result program_run(const char *const *argv, struct buffer *output, int *ret_status, struct reason *reason) {
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return reason_set(reason, fault_of_errno(errno, &fault_postgres_programs), "%s: no pipe: %s", argv[0], strerror(errno));
    result outcome = spawn(argv, ends, &pid);
    int error = errno;
    close(ends[1]);
    if (outcome != OK) {
        close(ends[0]);
        return reason_set(reason, outcome, "%s: cannot be started: %s", argv[0], strerror(error));
    }
    bool is_read = drain(ends[0], output);
    close(ends[0]);
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
        ;
    if (!is_read || (WIFEXITED(*ret_status) && WEXITSTATUS(*ret_status) == EXIT_SCARCE))
        return reason_set(reason, &fault_machine, "%s: %s", argv[0], is_read ? "could not be started now" : "what it printed could not be read");
    return OK;
}

/* Nothing lasting: what was looked for may be there. */
static bool passes(result outcome) {
    return outcome != OK && outcome->family == FAULT_RETRY;
}

static result look_for(const char *program, bool *ret_is_there, struct reason *reason) {
    *ret_is_there = access(program, X_OK) == 0;
    result outcome = *ret_is_there ? OK : fault_of_errno(errno, OK);
    return outcome == OK ? OK : reason_set(reason, outcome, "%s: cannot be looked at: %s", program, strerror(errno));
}

/* "postgres (PostgreSQL) 15.14 (Debian …)" gives 15; 0 when it is something else. Errors: only those that pass. */
static result major_of(const char *folder, unsigned *ret_major, struct reason *reason) {
    bool has_server, has_initdb;
    *ret_major = 0;
    char program[POSTGRES_FOLDER_SIZE + 16], initdb[POSTGRES_FOLDER_SIZE + 16];
    snprintf(program, sizeof(program), "%s/postgres", folder);
    snprintf(initdb, sizeof(initdb), "%s/initdb", folder);
    TRY(look_for(program, &has_server, reason));
    TRY(look_for(initdb, &has_initdb, reason));
    if (!has_server || !has_initdb)
        return OK;
    CLEANUP(buffer_done) struct buffer output = buffer_with_limit(4096);
    const char *const argv[] = {program, "--version", NULL};
    int status = 0;
    result outcome = program_run(argv, &output, &status, reason);
    if (outcome == OK)
        outcome = buffer_check(&output);
    if (outcome != OK || status != 0)
        return passes(outcome) ? outcome : OK;
    const char *number = strstr(buffer_text(&output), ") ");
    uint64_t major = 0;
    if (number != NULL && text_to_number(span_of(number + 2, strspn(number + 2, "0123456789")), MAJOR_MAX, &major) == OK)
        *ret_major = (unsigned) major;
    return OK;
}

static result versions_differ(unsigned cluster, struct reason *reason) {
    return reason_set(reason, &fault_postgres_version,
                      "private PostgreSQL: the cluster was made by version %u, whose programs are not found; install "
                      "postgresql-%u, or move the data with pg_upgrade", cluster, cluster);
}

/* Takes the folder where it holds what is wanted, and newer than the best so far. */
static result consider(const char *folder, unsigned major, char ret_folder[POSTGRES_FOLDER_SIZE], unsigned *best, struct reason *reason) {
    unsigned version;
    if (strlen(folder) >= POSTGRES_FOLDER_SIZE)
        return OK;
    TRY(major_of(folder, &version, reason));
    if (version < MAJOR_MIN || (major > 0 && version != major) || version <= *best)
        return OK;
    *best = version;
    snprintf(ret_folder, POSTGRES_FOLDER_SIZE, "%s", folder);
    return OK;
}

/* For glob: a folder that cannot be read now may hold what is looked for. */
static int stops_at(const char *path, int error) {
    (void) path;
    return fault_of_errno(error, OK) != OK;
}

static result installed_find(unsigned major, char ret_folder[POSTGRES_FOLDER_SIZE], unsigned *best, struct reason *reason) {
    static const char *const patterns[] = {"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin"};
    result outcome = OK;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && outcome == OK; i++) {
        glob_t found = {0};
        int code = glob(patterns[i], 0, stops_at, &found);
        if (code == GLOB_NOSPACE || code == GLOB_ABORTED)
            outcome = reason_set(reason, code == GLOB_NOSPACE ? &fault_no_memory : &fault_machine, "%s: cannot be looked for", patterns[i]);
        for (size_t at = 0; code == 0 && at < found.gl_pathc && outcome == OK; at++)
            outcome = consider(found.gl_pathv[at], major, ret_folder, best, reason);
        globfree(&found);
    }
    return outcome;
}

result postgres_programs_find(const char *chosen, unsigned major, char ret_folder[POSTGRES_FOLDER_SIZE], struct reason *reason) {
    unsigned best = 0;
    if (chosen[0] == '\0')
        TRY(installed_find(major, ret_folder, &best, reason));
    else
        TRY(consider(chosen, major, ret_folder, &best, reason));
    if (best > 0)
        return OK;
    if (major > 0)
        return versions_differ(major, reason);
    return reason_set(reason, &fault_postgres_programs,
                      "private PostgreSQL: no initdb and postgres of version %d or later in %s; install postgresql, or set "
                      "postgres_folder, or database", MAJOR_MIN, chosen[0] ? chosen : "/usr/lib/postgresql/*/bin");
}
