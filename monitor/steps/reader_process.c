#include "steps/reader_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "formats/reader_message.h"

FAULT(fault_reader_start, FAULT_RETRY, "reader.start", "reader", "", "it cannot be started", "processes and descriptors");

static FAULT(fault_reader_program, FAULT_SETTINGS, "reader.program", "pinwatch-reader", "", "the program is not there",
             "pinwatch-reader beside pinwatch or where it was installed");

#define READER_PROGRAM "pinwatch-reader"

static result try_program(const char *folder, const char *name, char *ret_path, size_t size) {
    if (snprintf(ret_path, size, "%s%s", folder, name) >= (int) size)
        return &fault_reader_program;
    return access(ret_path, X_OK) == 0 ? OK : fault_of_errno(errno, &fault_reader_program);
}

result reader_program_find(const char *wanted, char *ret_path, size_t size) {
    char own[PATH_MAX];
    if (wanted != NULL)
        return try_program(wanted, "", ret_path, size);
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length < 0)
        return fault_of_errno(errno, &fault_reader_program);
    own[length] = '\0';
    char *slash = strrchr(own, '/');
    if (slash != NULL) {
        *slash = '\0';
        result outcome = try_program(own, "/" READER_PROGRAM, ret_path, size);
        if (outcome != &fault_reader_program) /* it is there, or it is not known whether */
            return outcome;
    }
    return try_program(PINWATCH_INSTALL_LIBEXEC, "/" READER_PROGRAM, ret_path, size);
}

/* What the child gets. */
struct child_files {
    int requests, answers, area;
};

static void close_at(int *file) {
    if (*file >= 0)
        close(*file);
    *file = -1;
}

static bool make_pipe(int *ret_read, int *ret_write) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *ret_read = descriptor_move_up(ends[0]);
    *ret_write = descriptor_move_up(ends[1]);
    return *ret_read >= 0 && *ret_write >= 0;
}

static result prepare(const struct reader_launch *launch, struct reader_process *process, struct child_files *files) {
    if (!make_pipe(&files->requests, &process->requests) || !make_pipe(&process->answers, &files->answers) ||
        fcntl(process->requests, F_SETFL, O_NONBLOCK) != 0 || fcntl(process->answers, F_SETFL, O_NONBLOCK) != 0)
        return &fault_reader_start;
    TRY(shared_file_new("pinwatch-answers", launch->area_size, span_of(NULL, 0), &files->area));
    void *area = mmap(NULL, launch->area_size, PROT_READ, MAP_SHARED, files->area, 0);
    if (area == MAP_FAILED)
        return &fault_shared_memory;
    process->area = area;
    process->area_size = launch->area_size;
    return OK;
}

static int add_descriptors(posix_spawn_file_actions_t *actions, const struct reader_launch *launch,
                           const struct child_files *files) {
    const int wanted[] = {files->requests, files->answers, STDERR_FILENO, launch->slots->readable_file, files->area,
                          launch->image};
    int failed = 0;
    for (int i = 0; i < (int) (sizeof wanted / sizeof wanted[0]) && failed == 0; i++) {
        bool is_closed = fcntl(wanted[i], F_GETFD) < 0;
        failed = is_closed ? posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_WRONLY, 0)
                           : posix_spawn_file_actions_adddup2(actions, wanted[i], i);
    }
    return failed != 0 ? failed : posix_spawn_file_actions_addclosefrom_np(actions, 6);
}

/* Its own process group: a person's Ctrl-C reaches the owner, who ends the readers. */
static int add_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = posix_spawnattr_setsigmask(attributes, &none);
    failed = failed != 0 ? failed : posix_spawnattr_setsigdefault(attributes, &all);
    failed = failed != 0 ? failed : posix_spawnattr_setpgroup(attributes, 0);
    return failed != 0 ? failed
                       : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                                  POSIX_SPAWN_SETPGROUP);
}

static result spawn(const struct reader_launch *launch, const struct child_files *files, pid_t *ret_pid) {
    char slots[24], slot_size[24], area_size[24];
    char name[] = READER_PROGRAM;
    char *arguments[] = {name, slots, slot_size, area_size, NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    snprintf(slots, sizeof slots, "%u", launch->slots->count);
    snprintf(slot_size, sizeof slot_size, "%zu", launch->slots->slot_size);
    snprintf(area_size, sizeof area_size, "%zu", launch->area_size);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return &fault_no_memory;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return &fault_no_memory;
    }
    bool is_started = add_descriptors(&actions, launch, files) == 0 && add_attributes(&attributes) == 0 &&
                      posix_spawn(ret_pid, launch->program, &actions, &attributes, arguments, environment) == 0;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return is_started ? OK : &fault_reader_start;
}

result reader_process_start(const struct reader_launch *launch, struct reader_process *ret_process) {
    struct reader_process process = {.requests = -1, .answers = -1};
    struct child_files files = {-1, -1, -1};
    result outcome = prepare(launch, &process, &files);
    if (outcome == OK)
        outcome = spawn(launch, &files, &process.pid);
    close_at(&files.requests);
    close_at(&files.answers);
    close_at(&files.area);
    if (outcome != OK) {
        process.pid = 0;
        reader_process_stop(&process);
        return outcome;
    }
    *ret_process = process;
    return OK;
}

/* Reserved and given back untouched: where memory is promised to too many, or this service is limited, the promise is refused. */
bool reader_process_memory_is_free(void) {
    void *memory = mmap(NULL, READER_WORKING_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    munmap(memory, READER_WORKING_MEMORY);
    return true;
}

void reader_process_stop(struct reader_process *process) {
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (process->area != NULL)
        munmap((void *) (uintptr_t) process->area, process->area_size);
    close_at(&process->requests);
    close_at(&process->answers);
    *process = (struct reader_process){.requests = -1, .answers = -1};
}
