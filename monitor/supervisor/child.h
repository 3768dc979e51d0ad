/* One program as a child: how it is started, told to stop, and what it may inherit. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/reason.h"
#include "base/result.h"

/* How often and how long a child that died is tried again. Exit code 69 (EX_UNAVAILABLE: what it needs, such as the database, is out of
 * reach) is no death: it is tried again as long as that lasts. */
struct restart_policy {
    int64_t first_ms;   /* pause after the first death; doubles with each */
    int64_t cap_ms;
    unsigned jitter_percent;
    unsigned deaths_max; /* so many within window_ms end the service */
    int64_t window_ms;
};

/* Unaffected; SIGHUP, held back until the program unblocks it; stopped and started again. */
enum child_reload { RELOAD_NOTHING, RELOAD_SIGNAL, RELOAD_RESTART };

struct child_plan {
    const char *name;
    const char *program;             /* absolute path */
    const char *const *arguments;    /* argv, ended by NULL */
    const char *const *environment;  /* ended by NULL */
    const char *needs;               /* name of the plan that must be ready first; "" */
    const struct restart_policy *restart;
    bool is_task;                    /* ready when it has ended with 0, and then not started again */
    enum child_reload on_reload;     /* when the service was told to read the settings again */
    int stop_signal, death_signal;   /* to stop it; what it gets when the supervisor dies */
    int hard_stop_signal;            /* when stop_ms are over; SIGKILL to its group follows hard_stop_ms later */
    int64_t stop_ms;
    int64_t settle_ms;               /* alive for so long, and is_ready where given: ready */
    void (*prepare)(void *context);  /* before each start; NULL: nothing */
    bool (*is_ready)(void *context); /* must return at once; NULL: settle_ms alone decides */
    const char *(*starves)(void *context); /* what it lacked when it died, so that this is no death; NULL: nothing. NULL: never */
    void *context;
};

extern const struct fault fault_child_start;  /* RETRY: the program could not be executed */
extern const struct fault fault_child_scarce; /* RETRY: no process, memory or descriptor is free for it just now */

/* Starts the program in its own process group, standard input empty, standard output dropped, no descriptor but these and standard error, every signal as at birth but SIGPIPE ignored. A program
 * that cannot be executed is reported here, not as a death. */
MUST_CHECK result child_start(const struct child_plan *plan, pid_t *ret_pid, struct reason *reason);

/* What children inherit of our environment: PATH, HOME, TZ, LANG, LC_*, TMPDIR, proxy and SSL_CERT_* variables, PINWATCH_*; secrets
 * (PINWATCH_SECRET_*, CREDENTIALS_DIRECTORY) only on request. PINWATCH_CONFIG and $SETTINGS_IN_FORCE are set. NULL without memory. */
struct child_settings {
    const char *path; /* the file, for sentences */
    const char *copy; /* what the service accepted of it; "": none, the file itself is read */
};
const char *const *child_environment(struct arena *arena, const struct child_settings *settings, bool with_secrets);

/* Path of a program of ours: in the folder of the running program, else PINWATCH_INSTALL_LIBEXEC. NULL when it is in neither, or cannot be looked
 * for now: errno then says why. */
const char *program_find(struct arena *arena, const char *name);
/* Path of the running program itself; NULL when the system does not say. */
const char *program_self(struct arena *arena);
