/* Runs one hook program: no shell, no arguments, its own session, a time limit, capped output. */
#pragma once

#include <event2/event.h>

#include "base/reason.h"
#include "base/span.h"

#define HOOK_OUTPUT_MAX 4096

struct hook_run;

struct hook_command {
    const char *path;         /* checked with hook_program_check */
    char *const *environment; /* NULL-terminated, and nothing else */
    int64_t limit_ms;
};

struct hook_result {
    bool timed_out;
    int exit_code; /* -1 when a signal ended it */
    int signal;    /* 0 when it exited */
    const char *output; /* what it wrote to standard output and error, the first HOOK_OUTPUT_MAX bytes, not harmless */
    size_t output_size;
};

typedef void (*hook_done)(void *context, const struct hook_result *outcome);

extern const struct fault fault_hook_program; /* not absolute, not a file, not executable, or writable by others */
extern const struct fault fault_hook_start;

/* Refuses what is not an absolute path of a regular file that this user may execute and only its owner (this user or root) may
 * write. `reason` names the path. */
MUST_CHECK result hook_program_check(const char *path, struct reason *reason);

/* Starts a program; `command` is not kept. Standard input is /dev/null, all other descriptors are closed,
 * signals are at their defaults, the working folder is /. After the limit its process group gets SIGTERM, 5 s later SIGKILL.
 * `done` is called once from the loop when the program itself has ended; what it left in the background on a good end stays. */
MUST_CHECK result hook_run_start(struct event_base *loop, const struct hook_command *command, hook_done done, void *context,
                                 struct hook_run **ret_run);
/* Kills the process group and forgets it; `done` is not called. */
void hook_run_cancel(struct hook_run *run);
