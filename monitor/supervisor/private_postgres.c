#include "supervisor/private_postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "supervisor/postgres_programs.h"

#define PATH_SIZE 512
#define SOCKET_FOLDER_MAX 88 /* sun_path has 107 characters; "/.s.PGSQL.5432.lock" goes behind */
#define PASSWORD_BYTES 24
#define TREE_DEPTH 16
#define ROOM_MIN_BYTES ((uint64_t) 20 * 1024 * 1024) /* one segment of the write-ahead log and a little */
#define ORPHANS_END_MS 5000

FAULT(fault_postgres_root, FAULT_SETTINGS, "postgres.root", "private PostgreSQL", "", "started by root", "a user of its own");
FAULT(fault_postgres_programs, FAULT_SETTINGS, "postgres.programs", "private PostgreSQL", "", "no usable programs",
      "initdb and postgres of version 15 or later");
FAULT(fault_postgres_folder, FAULT_SETTINGS, "postgres.folder", "private PostgreSQL", "", "a folder that cannot be used",
      "a state folder of ours with a short path");
FAULT(fault_postgres_initdb, FAULT_SETTINGS, "postgres.initdb", "private PostgreSQL", "", "initdb failed", "a new cluster");
FAULT(fault_postgres_version, FAULT_SETTINGS, "postgres.version", "private PostgreSQL", "", "a cluster of another version",
      "programs of the cluster's version");
FAULT(fault_postgres_silent, FAULT_RETRY, "postgres.silent", "private PostgreSQL", "", "no answer on its socket", "an answer");

/* Small: the database of one machine's certificates. Durable: a verified position must never be ahead of what is on disk. */
static const char configuration[] =
    "# Written once by pinwatch when the cluster was made; yours to change.\n"
    "listen_addresses = ''\n"
    "unix_socket_permissions = 0700\n"
    "password_encryption = 'scram-sha-256'\n"
    "max_connections = 40\n"
    "shared_buffers = 64MB\n"
    "work_mem = 8MB\n"
    "maintenance_work_mem = 64MB\n"
    "max_wal_size = 512MB\n"
    "min_wal_size = 80MB\n"
    "wal_level = minimal\n"
    "max_wal_senders = 0\n"
    "fsync = on\n"
    "full_page_writes = on\n"
    "synchronous_commit = on\n"
    "jit = off\n"
    "autovacuum_naptime = 60s\n"
    "log_timezone = 'UTC'\n"
    "timezone = 'UTC'\n"
    "datestyle = 'iso, ymd'\n"
    "lc_messages = 'C.UTF-8'\n"
    "log_line_prefix = ''\n"
    "log_checkpoints = off\n"
    "log_min_messages = warning\n"
    "log_min_error_statement = panic\n"
    "log_error_verbosity = terse\n"
    "cluster_name = 'pinwatch'\n";

static result path_of(const struct settings *settings, const char *name, char ret_path[PATH_SIZE], struct reason *reason) {
    if (snprintf(ret_path, PATH_SIZE, "%s/%s", settings->state_folder, name) >= PATH_SIZE)
        return reason_set(reason, &fault_postgres_folder, "state folder %s: its path is too long", settings->state_folder);
    return OK;
}

static bool has_room(const struct settings *settings, const char *name) {
    char path[PATH_SIZE];
    struct reason ignored;
    struct statvfs disk;
    if (path_of(settings, name, path, &ignored) != OK || statvfs(path, &disk) != 0)
        return true; /* not known to be full */
    return (uint64_t) disk.f_bavail * disk.f_frsize >= ROOM_MIN_BYTES;
}

bool private_postgres_has_room(const struct settings *settings) {
    return has_room(settings, "postgres") && has_room(settings, "postgres/pg_wal");
}

bool private_postgres_is_wanted(const struct settings *settings) {
    return settings->database == NULL || settings->database[0] == '\0';
}

/* A folder of our own that nobody else may enter. */
static result folder_make(const char *path, struct reason *reason) {
    struct stat state;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return reason_set(reason, fault_of_errno(errno, &fault_postgres_folder), "%s: cannot be made: %s", path, strerror(errno));
    if (lstat(path, &state) != 0)
        return reason_set(reason, fault_of_errno(errno, &fault_postgres_folder), "%s: cannot be looked at: %s", path, strerror(errno));
    if (!S_ISDIR(state.st_mode) || state.st_uid != geteuid())
        return reason_set(reason, &fault_postgres_folder, "%s: wanted a folder that belongs to this user", path);
    if ((state.st_mode & 077) != 0 && chmod(path, 0700) != 0)
        return reason_set(reason, fault_of_errno(errno, &fault_postgres_folder), "%s: others can enter it: %s", path, strerror(errno));
    return OK;
}

static bool write_all(int fd, struct span bytes) {
    while (bytes.size > 0) {
        ssize_t done = write(fd, bytes.bytes, bytes.size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes = span_of(bytes.bytes + done, bytes.size - (size_t) done);
    }
    return fsync(fd) == 0;
}

/* Writes a file as a whole or not at all: beside, to disk, then renamed. */
static result file_write(const char *path, struct span bytes, struct reason *reason) {
    char beside[PATH_SIZE + 8];
    snprintf(beside, sizeof(beside), "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int error = fd >= 0 && write_all(fd, bytes) ? 0 : errno;
    if (fd >= 0 && close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(beside, path) != 0)
        error = errno;
    return error == 0 ? OK : reason_set(reason, fault_of_errno(error, &fault_postgres_folder), "%s: cannot be written: %s", path, strerror(error));
}

static result password_make(const struct settings *settings, enum database_role role, struct reason *reason) {
    uint8_t random[PASSWORD_BYTES];
    char path[PATH_SIZE], name[64], password[2 * PASSWORD_BYTES + 2];
    snprintf(name, sizeof(name), "postgres-passwords/%s", database_role_name(role));
    TRY(path_of(settings, name, path, reason));
    if (access(path, F_OK) == 0)
        return OK;
    if (errno != ENOENT) /* a new one would not be the cluster's */
        return reason_set(reason, fault_of_errno(errno, &fault_postgres_folder), "%s: cannot be looked at: %s", path, strerror(errno));
    ssize_t count;
    do
        count = getrandom(random, sizeof(random), 0); /* early after a boot it waits */
    while (count < 0 && errno == EINTR);
    if (count != (ssize_t) sizeof(random))
        return reason_set(reason, &fault_machine, "%s/%s: cannot be made: the kernel gives no random bytes (%s), wanted %d", settings->state_folder,
                          name, strerror(errno), PASSWORD_BYTES);
    text_of_hex(span_of(random, sizeof(random)), password);
    password[2 * PASSWORD_BYTES] = '\n';
    result outcome = file_write(path, span_of(password, 2 * PASSWORD_BYTES + 1), reason);
    explicit_bzero(random, sizeof(random));
    explicit_bzero(password, sizeof(password));
    return outcome;
}

static result folders_make(const struct settings *settings, struct reason *reason) {
    char path[PATH_SIZE];
    if (geteuid() == 0)
        return reason_set(reason, &fault_postgres_root,
                          "private PostgreSQL: refuses to run as root; run pinwatch as a user of its own, or set database");
    TRY(path_of(settings, "run", path, reason));
    if (strlen(path) > SOCKET_FOLDER_MAX)
        return reason_set(reason, &fault_postgres_folder, "%s: too long for a socket, wanted at most %d characters", path,
                          SOCKET_FOLDER_MAX);
    TRY(folder_make(settings->state_folder, reason));
    TRY(folder_make(path, reason));
    TRY(path_of(settings, "postgres-passwords", path, reason));
    TRY(folder_make(path, reason));
    for (int role = 0; role < database_role_count; role++)
        TRY(password_make(settings, (enum database_role) role, reason));
    return OK;
}

static int remove_one(const char *path, const struct stat *state, int type, struct FTW *place) {
    (void) state;
    (void) type;
    (void) place;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

static result tree_remove(const char *path, struct reason *reason) {
    errno = 0;
    if (nftw(path, remove_one, TREE_DEPTH, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return reason_set(reason, fault_of_errno(errno, &fault_postgres_folder), "%s: left over, and cannot be removed: %s", path, strerror(errno));
    return OK;
}

/* The line in which initdb, or the server that it runs, says what was wrong; else the last. The text is cut after it. */
static const char *telling_line(char *text) {
    static const char *const words[] = {"FATAL:", "PANIC:", "error:", "could not"};
    char *found = NULL;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && found == NULL; i++)
        found = strstr(text, words[i]);
    size_t size = found == NULL ? strlen(text) : (size_t) (found - text) + strcspn(found, "\n");
    while (size > 0 && text[size - 1] == '\n')
        size--;
    text[size] = '\0';
    const char *line = strrchr(text, '\n');
    return line == NULL ? text : line + 1;
}

static result initdb_run(const struct settings *settings, const char *programs, const char *target, struct reason *reason) {
    char program[PATH_SIZE], data[PATH_SIZE + 16], password[PATH_SIZE + 16], path[PATH_SIZE];
    CLEANUP(buffer_done) struct buffer output = buffer_with_limit(65536);
    int status = 0;
    TRY(path_of(settings, "postgres-passwords/postgres", path, reason));
    snprintf(program, sizeof(program), "%s/initdb", programs);
    snprintf(data, sizeof(data), "--pgdata=%s", target);
    snprintf(password, sizeof(password), "--pwfile=%s", path);
    const char *const argv[] = {program, data, password, "--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8",
                                "--locale=C.UTF-8", "--data-checksums", NULL};
    TRY(program_run(argv, &output, &status, reason));
    if (status == 0)
        return OK;
    AUTO_FREE char *text = buffer_take_text(&output);
    return reason_set(reason, &fault_postgres_initdb, "%s failed (status %d): %s", program, status,
                      text == NULL ? "no output" : telling_line(text));
}

static result cluster_make(const struct settings *settings, const char *data, struct reason *reason) {
    char beside[PATH_SIZE], file[PATH_SIZE + 32], programs[POSTGRES_FOLDER_SIZE];
    TRY(path_of(settings, PRIVATE_POSTGRES_FRESH, beside, reason));
    TRY(postgres_programs_find(settings->postgres_folder, 0, programs, reason));
    (void) private_postgres_end_orphans(settings, PRIVATE_POSTGRES_FRESH, ORPHANS_END_MS); /* of an initdb that was killed */
    TRY(tree_remove(beside, reason));
    TRY(initdb_run(settings, programs, beside, reason));
    snprintf(file, sizeof(file), "%s/postgresql.conf", beside);
    TRY(file_write(file, span_of_text(configuration), reason));
    if (rename(beside, data) != 0)
        return reason_set(reason, fault_of_errno(errno, &fault_postgres_folder), "%s: cannot be named %s: %s", beside, data, strerror(errno));
    return OK;
}

/* Major version of the cluster, 0 when there is none; one that cannot be looked at now is not none. */
static result cluster_version(const char *data, unsigned *ret_major, struct reason *reason) {
    char path[PATH_SIZE + 16];
    uint8_t text[16];
    uint64_t major = 0;
    snprintf(path, sizeof(path), "%s/PG_VERSION", data);
    *ret_major = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));
    int error = size < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (error != 0 && error != ENOENT && error != ENOTDIR)
        return reason_set(reason, fault_of_errno(error, &fault_postgres_folder), "%s: cannot be read: %s", path, strerror(error));
    while (size > 0 && text[size - 1] == '\n')
        size--;
    if (size > 0 && text_to_number(span_of(text, (size_t) size), 999, &major) == OK)
        *ret_major = (unsigned) major;
    return OK;
}

result private_postgres_prepare(const struct settings *settings, struct reason *reason) {
    char data[PATH_SIZE];
    TRY(folders_make(settings, reason));
    unsigned major;
    TRY(path_of(settings, "postgres", data, reason));
    TRY(cluster_version(data, &major, reason));
    return major > 0 ? OK : cluster_make(settings, data, reason);
}

result private_postgres_command(const struct settings *settings, struct private_postgres_command *ret_command,
                                struct reason *reason) {
    char programs[POSTGRES_FOLDER_SIZE], run[PATH_SIZE];
    if (geteuid() == 0)
        return reason_set(reason, &fault_postgres_root, "private PostgreSQL: refuses to run as root");
    TRY(path_of(settings, "postgres", ret_command->data_folder, reason));
    TRY(path_of(settings, "run", run, reason));
    unsigned major;
    TRY(cluster_version(ret_command->data_folder, &major, reason));
    if (major == 0)
        return reason_set(reason, &fault_postgres_folder, "%s: holds no cluster; run `pinwatch init`", ret_command->data_folder);
    TRY(postgres_programs_find(settings->postgres_folder, major, programs, reason));
    snprintf(ret_command->program, sizeof(ret_command->program), "%s/postgres", programs);
    snprintf(ret_command->socket_folder, sizeof(ret_command->socket_folder), "%s", run);
    const char *const arguments[] = {"postgres", "-D", ret_command->data_folder, "-k", ret_command->socket_folder, "-c",
                                     "dynamic_shared_memory_type=mmap", NULL}; /* /dev/shm is small, and everybody's to fill */
    _Static_assert(sizeof(arguments) <= sizeof(ret_command->arguments), "all arguments must fit");
    memcpy(ret_command->arguments, arguments, sizeof(arguments));
    ret_command->environment = postgres_environment;
    ret_command->stop_signal = SIGINT;
    return OK;
}
