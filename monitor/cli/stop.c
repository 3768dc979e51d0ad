#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/command.h"
#include "supervisor/service_lock.h"

#define WAIT_MS 100

struct stop_options {
    const char *config;
    unsigned timeout_s;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct stop_options *options = state->input;
    uint64_t seconds;
    switch (key) {
    case 'c':
        options->config = value;
        return 0;
    case 't':
        if (text_to_number(span_of_text(value), 86400, &seconds) != OK)
            argp_error(state, "--timeout: '%s' is no number of seconds from 0 to 86400", value);
        options->timeout_s = (unsigned) seconds;
        return 0;
    default:
        return command_no_argument(key, value, state);
    }
}

static const struct argp_option options_taken[] = {
    COMMAND_OPTION_CONFIG,
    {"timeout", 't', "SECONDS", 0, "How long to wait for its end (120)", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .doc = "Stop the service that uses the state folder of the settings, and wait until it has ended. All programs of the service end, "
           "the private PostgreSQL last.\v"
           "Exit codes: 0 it has ended, or none was running; 69 it did not end in time; 77 it belongs to somebody else.",
};

static int wait_for_end(const struct settings *settings, int pid, unsigned timeout_s) {
    int64_t deadline = clock_monotonic_ms() + (int64_t) timeout_s * 1000;
    const struct timespec pause = {.tv_nsec = WAIT_MS * 1000000L};
    struct reason reason = {""};
    for (int holder = pid; holder != 0; holder = service_lock_holder(settings->state_folder, &reason)) {
        if (holder > 0 && holder != pid)
            break; /* the next service */
        if (clock_monotonic_ms() >= deadline) {
            fprintf(stderr, "pinwatch: the service (process %d) did not end within %u seconds\n", pid, timeout_s);
            return EXIT_UNAVAILABLE;
        }
        (void) nanosleep(&pause, NULL);
    }
    printf("The service (process %d) has ended.\n", pid);
    return EXIT_OK;
}

/* Its number could become another's between a look and a signal; a descriptor cannot. False (errno) when it may not be signalled. */
static bool tell_to_stop(const struct settings *settings, int pid) {
    struct reason reason = {""};
    int process = pidfd_open(pid, 0);
    bool is_told = process < 0 || service_lock_holder(settings->state_folder, &reason) != pid ||
                   pidfd_send_signal(process, SIGTERM, NULL, 0) == 0 || errno != EPERM;
    if (process >= 0)
        close(process);
    return is_told;
}

static int stop_service(const struct settings *settings, unsigned timeout_s) {
    struct reason reason = {""};
    int pid = service_lock_holder(settings->state_folder, &reason);
    if (pid < 0) {
        fprintf(stderr, "pinwatch: %s\n", reason.text);
        return EXIT_PERMISSION;
    }
    if (pid == 0) {
        printf("No service uses %s.\n", settings->state_folder);
        return EXIT_OK;
    }
    if (!tell_to_stop(settings, pid)) {
        fprintf(stderr, "pinwatch: the service (process %d) cannot be told to stop: %s\n", pid, strerror(EPERM));
        return EXIT_PERMISSION;
    }
    return wait_for_end(settings, pid, timeout_s);
}

int command_stop(int argc, char **argv) {
    struct stop_options options = {.timeout_s = 120};
    int code = EXIT_OK;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    struct settings *settings = command_settings(options.config, &code);
    if (settings == NULL)
        return code;
    code = stop_service(settings, options.timeout_s);
    settings_free(settings);
    return code;
}
