/* What a reader process does, or how it ended: for the log, and to tell its own fault from this machine's. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "formats/reader_message.h"
#include "steps/reader_process.h"

#define END_WAIT_MS 100 /* from the pipe's end to the process's own */

/* A file of proc(5) about the process; "" where it cannot be read. */
static void read_about(const struct reader_process *process, const char *name, char *ret_text, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int) process->pid, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? -1 : read(file, ret_text, size - 1);
    if (file >= 0)
        close(file);
    ret_text[count < 0 ? 0 : count] = '\0';
}

/* proc(5), statm: pages of the address space, resident ones, those of them that are shared. */
uint64_t reader_process_memory(const struct reader_process *process) {
    char text[128];
    uint64_t numbers[3] = {0};
    read_about(process, "statm", text, sizeof text);
    struct span left = span_of_text(text);
    for (size_t i = 0; i < 3; i++) {
        size_t digits = strspn((const char *) left.bytes, "0123456789");
        if (text_to_number(span_of(left.bytes, digits), INT64_MAX, &numbers[i]) != OK || digits >= left.size)
            return 0;
        left = span_of(left.bytes + digits + 1, left.size - digits - 1);
    }
    return numbers[1] > numbers[2] ? (numbers[1] - numbers[2]) * (uint64_t) sysconf(_SC_PAGESIZE) : 0;
}

int64_t reader_process_cpu_ms(const struct reader_process *process) {
    clockid_t clock;
    struct timespec used;
    if (process->pid <= 0 || clock_getcpuclockid(process->pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (int64_t) used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* proc(5), stat: the state stands behind the name, which is in brackets. */
static void look_at_living(const struct reader_process *process, struct reader_look *look) {
    char text[256];
    read_about(process, "stat", text, sizeof text);
    const char *name_end = strrchr(text, ')');
    char state = name_end == NULL || name_end[1] == '\0' ? '?' : name_end[2];
    look->what = state == 'S' ? READER_SLEEPS : state == 'T' ? READER_STOPPED : state == 'R' || state == 'D' ? READER_WANTS_PROCESSOR : READER_UNKNOWN;
}

void reader_process_look(const struct reader_process *process, struct reader_look *ret_look) {
    siginfo_t how = {0};
    *ret_look = (struct reader_look){.what = READER_UNKNOWN, .cpu_ms = reader_process_cpu_ms(process)};
    if (process->pid <= 0)
        return;
    if (waitid(P_PID, (id_t) process->pid, &how, WEXITED | WNOHANG | WNOWAIT) != 0 || how.si_pid == 0) {
        look_at_living(process, ret_look);
        return;
    }
    ret_look->what = how.si_code == CLD_EXITED ? READER_EXITED : READER_SIGNALLED;
    ret_look->number = how.si_status;
}

void reader_process_look_at_end(const struct reader_process *process, struct reader_look *ret_look) {
    int file = process->pid > 0 ? pidfd_open(process->pid, 0) : -1;
    struct pollfd ended = {.fd = file, .events = POLLIN};
    if (file >= 0) {
        (void) poll(&ended, 1, END_WAIT_MS);
        close(file);
    }
    reader_process_look(process, ret_look);
}

/* The sandbox leaves it no way to send SIGKILL: that comes from a person, or from a kernel without memory. */
bool reader_look_was_killed(const struct reader_look *look) {
    return look->what == READER_SIGNALLED && look->number == SIGKILL;
}

bool reader_look_was_starved(const struct reader_look *look) {
    return look->what == READER_EXITED && look->number == READER_EXIT_MEMORY;
}

void reader_look_words(const struct reader_look *look, char *ret_words) {
    static const char *const words[] = {
        [READER_UNKNOWN] = "what it does is not known",
        [READER_SLEEPS] = "it waits, and does nothing",
        [READER_WANTS_PROCESSOR] = "it is at work",
        [READER_STOPPED] = "somebody else has stopped it",
    };
    if (look->what == READER_EXITED) {
        snprintf(ret_words, READER_LOOK_WORDS, "exit code %d%s", look->number, look->number == READER_EXIT_MEMORY ? ", for want of memory" : "");
    } else if (look->what == READER_SIGNALLED) {
        const char *name = sigabbrev_np(look->number);
        const char *meaning = look->number == SIGSYS    ? ", for a system call that its filter forbids"
                              : look->number == SIGKILL ? ", from somebody else or from a kernel without memory"
                                                        : "";
        snprintf(ret_words, READER_LOOK_WORDS, "signal SIG%s%s", name == NULL ? "" : name, meaning);
    } else {
        snprintf(ret_words, READER_LOOK_WORDS, "%s", words[look->what]);
    }
}
