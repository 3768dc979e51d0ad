/* pinwatch-monitor: a child of `pinwatch run`. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/last_words.h"
#include "base/log.h"
#include "base/ownership.h"
#include "base/standard_files.h"
#include "settings/settings.h"
#include "steps/monitor.h"

static enum log_level level_of(const char *name) {
    static const char *const names[] = {[LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
                                        [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    for (size_t i = LOG_ERROR; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return (enum log_level) i;
    return LOG_NOTICE;
}

int main(int argc, char **argv) {
    standard_files_open();
    ownership_forbid_cores();
    standard_files_never_wait();
    prctl(PR_SET_NAME, "pinwatch-monitor"); /* after SIGHUP it would be called "exe" */
    const char *path = argc == 3 && strcmp(argv[1], "--config") == 0 ? argv[2] : NULL;
    if (argc != 1 && path == NULL) {
        fputs("pinwatch-monitor [--config FILE]: started by `pinwatch run`\n", stderr);
        return 64;
    }
    struct settings *settings = NULL;
    struct reason reason = {{0}};
    log_init("pinwatch-monitor", LOG_NOTICE, !isatty(STDERR_FILENO));
    result fault = settings_load_in_force(path, &settings, &reason);
    if (fault != OK) {
        log_say(LOG_ERROR, "settings.refused", LOG_TEXT("why", reason.text), LOG_FAULT(fault));
        last_words_write(reason.text);
        return fault->family == FAULT_RETRY ? 69 : 78; /* the supervisor tries again for as long as memory is short */
    }
    log_init("pinwatch-monitor", level_of(settings->log_level), !isatty(STDERR_FILENO));
    int code = monitor_run(settings);
    settings_free(settings);
    if (code == MONITOR_RESTART) { /* SIGHUP: everything is read anew by starting anew; the process id stays */
        execv("/proc/self/exe", argv);
        return 71;
    }
    return code;
}
