/* Programs of the people who run pinwatch: one, or every one of a folder. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "channels/channel.h"
#include "channels/configuration.h"
#include "channels/hook_environment.h"
#include "channels/hook_files.h"
#include "channels/hook_run.h"

#define PROGRAMS_MAX      64
#define PATH_SIZE         1024
#define ATTEMPT_LIMIT_MS  (100 * 1000) /* all programs of a folder together */
#define STOP_ALLOWANCE_MS 8000         /* for SIGTERM, then SIGKILL */
#define ARENA_LIMIT       (1u << 20)
#define SUCCESSES_KEPT    1024

static const struct configuration_field fields[] = {
    {.name = "path", .type = CONFIGURATION_TEXT, .least = 2, .most = PATH_SIZE - 1},
    {.name = "folder", .type = CONFIGURATION_TEXT, .least = 2, .most = PATH_SIZE - 300},
    {.name = "time_limit_seconds", .type = CONFIGURATION_NUMBER, .least = 1, .most = 90, .default_number = 30},
    {.name = "environment", .type = CONFIGURATION_MAP, .least = 0, .most = 32},
    {.name = NULL},
};

struct hook_attempt {
    struct attempt attempt;
    const struct channel_tools *tools;
    struct arena *arena;
    struct hook_files files;
    char **environment;
    char *programs[PROGRAMS_MAX];
    size_t program_count, next;
    struct hook_run *run;
    struct event *step_event; /* starts the next program from the loop, never from inside a call */
    int64_t limit_ms;
    int64_t end_ms;           /* monotonic: when the whole attempt must be over */
    const char *key, *channel;
    size_t failures;
    struct reason reason; /* of the first failure */
    channel_done done;
    void *context;
};

/* Which programs of which delivery have succeeded in this process, so that a retry runs only the others. */
static struct {
    struct hash keys[SUCCESSES_KEPT];
    size_t next;
} successes;

static void success_key(const struct hook_attempt *hook, const char *program, struct hash *ret_key) {
    struct span parts[] = {span_of_text(hook->key), span_of("", 1), span_of_text(program)};
    digest_of_parts(parts, sizeof(parts) / sizeof(parts[0]), ret_key);
}

static void remember_success(const struct hook_attempt *hook, const char *program) {
    success_key(hook, program, &successes.keys[successes.next]);
    successes.next = (successes.next + 1) % SUCCESSES_KEPT;
}

static bool has_succeeded(const struct hook_attempt *hook, const char *program) {
    struct hash key;
    success_key(hook, program, &key);
    for (size_t i = 0; i < SUCCESSES_KEPT; i++)
        if (hash_equal(&successes.keys[i], &key))
            return true;
    return false;
}

static void attempt_free(struct hook_attempt *hook) {
    if (hook == NULL)
        return;
    hook_files_remove(&hook->files);
    if (hook->step_event != NULL)
        event_free(hook->step_event);
    arena_free(hook->arena);
    memory_free(hook);
}

CLEANUP_OF_POINTER(struct hook_attempt, attempt_free)

static result check_configuration(const json_t *configuration, const char *secret_name, struct reason *reason) {
    const char *name;
    json_t *value;
    TRY(configuration_check(configuration, fields, reason));
    const char *path = configuration_text(configuration, "path");
    const char *folder = configuration_text(configuration, "folder");
    if (path[0] != '\0' && folder[0] != '\0')
        return reason_set(reason, &fault_channel_configuration, "field folder: given besides path, wanted one of them or none");
    if ((path[0] != '\0' && path[0] != '/') || (folder[0] != '\0' && folder[0] != '/'))
        return reason_set(reason, &fault_channel_configuration, "field %s: %s, wanted an absolute path",
                          path[0] != '\0' ? "path" : "folder", path[0] != '\0' ? path : folder);
    json_object_foreach(json_object_get(configuration, "environment"), name, value)
        if (!hook_environment_may_add(name))
            return reason_set(reason, &fault_channel_configuration,
                              "field environment: %s, wanted a name of capitals, digits and _ that pinwatch does not set itself", name);
    if (secret_name[0] != '\0')
        return reason_set(reason, &fault_channel_configuration, "secret: %s, wanted none: a hook reads its own secrets", secret_name);
    return OK;
}

static int64_t deadline_ms(const json_t *configuration) {
    bool is_one = configuration_text(configuration, "path")[0] != '\0';
    return (is_one ? configuration_number(configuration, fields, "time_limit_seconds") * 1000 : ATTEMPT_LIMIT_MS) +
           STOP_ALLOWANCE_MS;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool name_is_hidden(const char *name) {
    return name[0] == '.' || name[strlen(name) - 1] == '~';
}

/* One that cannot be looked at must not be passed over, or the alert would be called delivered without it. */
static result look_at_program(const char *path, bool *ret_is_one, struct reason *reason) {
    struct stat status;
    *ret_is_one = false;
    if (stat(path, &status) != 0)
        return errno == ENOENT ? OK : reason_set(reason, fault_of_errno(errno, &fault_hook_program), "hook %s: %s", path, strerror(errno));
    *ret_is_one = S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
    return OK;
}

static result add_program(struct hook_attempt *hook, const char *folder, const char *name, struct reason *reason) {
    char *path = arena_printf(hook->arena, "%s/%s", folder, name);
    bool is_one;
    if (path == NULL)
        return reason_set(reason, &fault_no_memory, "hooks folder %s: no memory", folder);
    TRY(look_at_program(path, &is_one, reason));
    if (!is_one)
        return OK;
    if (hook->program_count == PROGRAMS_MAX)
        return reason_set(reason, &fault_hook_program, "hooks folder %s: more than %d programs", folder, PROGRAMS_MAX);
    TRY(hook_program_check(path, reason));
    hook->programs[hook->program_count++] = path;
    return OK;
}

/* Executable files in name order; one that others could have written stops the attempt, so that it is seen. */
static result list_folder(struct hook_attempt *hook, const char *folder, struct reason *reason) {
    DIR *listing = opendir(folder);
    if (listing == NULL)
        return reason_set(reason, fault_of_errno(errno, &fault_hook_program), "hooks folder %s: %s", folder, strerror(errno));
    result outcome = OK;
    const struct dirent *entry;
    while (outcome == OK && (errno = 0, entry = readdir(listing)) != NULL)
        if (!name_is_hidden(entry->d_name))
            outcome = add_program(hook, folder, entry->d_name, reason);
    if (outcome == OK && errno != 0)
        outcome = reason_set(reason, fault_of_errno(errno, &fault_hook_program), "hooks folder %s: %s", folder, strerror(errno));
    closedir(listing);
    qsort(hook->programs, hook->program_count, sizeof(hook->programs[0]), compare_names);
    if (outcome == OK && hook->program_count == 0)
        return reason_set(reason, &fault_hook_program, "hooks folder %s: holds no program, wanted at least one executable file", folder);
    return outcome;
}

static result list_programs(struct hook_attempt *hook, const json_t *configuration, struct reason *reason) {
    const struct settings *settings = hook->tools->settings;
    char folder[PATH_SIZE];
    const char *path = configuration_text(configuration, "path");
    if (path[0] != '\0') {
        TRY(hook_program_check(path, reason));
        hook->programs[hook->program_count++] = arena_copy_text(hook->arena, path);
        return hook->programs[0] == NULL ? reason_set(reason, &fault_no_memory, "hook: no memory") : OK;
    }
    const char *given = configuration_text(configuration, "folder");
    if (given[0] == '\0' && settings->hooks_folder != NULL)
        given = settings->hooks_folder;
    if (given[0] != '\0')
        snprintf(folder, sizeof folder, "%s", given);
    else
        snprintf(folder, sizeof folder, "%s/hooks.d", settings->state_folder);
    return list_folder(hook, folder, reason);
}

static void note_failure(struct hook_attempt *hook, const char *program, const struct hook_result *ended) {
    CLEANUP(buffer_done) struct buffer output = buffer_with_limit(4 * HOOK_OUTPUT_MAX);
    struct reason reason;
    text_add_harmless(&output, span_of(ended->output, ended->output_size));
    const char *why = ended->timed_out ? "overran its time limit" : ended->signal != 0 ? "was ended by signal" : "exited with status";
    int number = ended->timed_out ? (int) (hook->limit_ms / 1000) : ended->signal != 0 ? ended->signal : ended->exit_code;
    (void) reason_set(&reason, &fault_hook_start, "hook %s %s %d%s: %.200s", program, why, number, ended->timed_out ? " s" : "",
                      buffer_text(&output));
    if (hook->failures++ == 0)
        hook->reason = reason;
}

static void on_program_end(void *context, const struct hook_result *ended) {
    struct hook_attempt *hook = context;
    const char *program = hook->programs[hook->next++];
    bool is_good = ended->exit_code == 0 && !ended->timed_out;
    hook->run = NULL;
    log_say(is_good ? LOG_INFO : LOG_WARNING, "hook.ended", LOG_TEXT("channel", hook->channel), LOG_TEXT("hook", program),
            LOG_NUMBER("exit_code", ended->exit_code), LOG_NUMBER("signal", ended->signal),
            LOG_SPAN("output", span_of(ended->output, ended->output_size < 1000 ? ended->output_size : 1000)));
    if (is_good)
        remember_success(hook, program);
    else
        note_failure(hook, program, ended);
    event_active(hook->step_event, EV_TIMEOUT, 0);
}

static void finish(struct hook_attempt *hook) {
    struct channel_outcome outcome = {
        .verdict = hook->failures == 0 ? CHANNEL_DELIVERED : CHANNEL_RETRY, .retry_after_ms = -1, .reason = hook->reason};
    channel_done done = hook->done;
    void *context = hook->context;
    attempt_free(hook);
    done(context, &outcome);
}

static void note_unstarted(struct hook_attempt *hook, const char *program, const char *why) {
    if (hook->failures++ == 0)
        (void) reason_set(&hook->reason, &fault_hook_start, "hook %s %s", program, why);
}

/* Starts the next program that is still to run; several calls may be needed until one runs or none is left. */
static void step(evutil_socket_t file, short what, void *context) {
    (void) file;
    (void) what;
    struct hook_attempt *hook = context;
    for (; hook->next < hook->program_count; hook->next++) {
        const char *program = hook->programs[hook->next];
        int64_t left_ms = hook->end_ms - clock_monotonic_ms();
        struct hook_command command = {.path = program, .environment = hook->environment,
                                       .limit_ms = hook->limit_ms < left_ms ? hook->limit_ms : left_ms};
        if (has_succeeded(hook, program))
            continue;
        if (command.limit_ms <= 0)
            note_unstarted(hook, program, "was not started: the programs before it took all the time");
        else if (hook_run_start(hook->tools->loop, &command, on_program_end, hook, &hook->run) == OK)
            return;
        else
            note_unstarted(hook, program, "could not be started");
    }
    finish(hook);
}

static result prepare(struct hook_attempt *hook, const struct channel_job *job, struct reason *reason) {
    hook->arena = arena_new(ARENA_LIMIT);
    hook->step_event = evtimer_new(hook->tools->loop, step, hook);
    if (hook->arena == NULL || hook->step_event == NULL)
        return reason_set(reason, &fault_no_memory, "hook: no memory");
    TRY(list_programs(hook, job->configuration, reason));
    TRY(hook_files_write(hook->tools->settings, job, &hook->files, reason));
    hook->environment = hook_environment_make(hook->arena, hook->tools->settings, job, &hook->files);
    return hook->environment == NULL ? reason_set(reason, &fault_no_memory, "hook: environment too large") : OK;
}

static result start(const struct channel_tools *tools, const struct channel_job *job, channel_done done, void *context,
                    struct attempt **ret_attempt, struct reason *reason) {
    CLEANUP(attempt_free_at) struct hook_attempt *hook = memory_new(sizeof *hook);
    if (hook == NULL)
        return reason_set(reason, &fault_no_memory, "hook: no memory");
    *hook = (struct hook_attempt){.attempt.kind = &channel_hook, .tools = tools, .key = job->idempotency_key,
                                  .channel = job->channel, .done = done, .context = context};
    hook->limit_ms = configuration_number(job->configuration, fields, "time_limit_seconds") * 1000;
    hook->end_ms = clock_monotonic_ms() + (hook->limit_ms > ATTEMPT_LIMIT_MS ? hook->limit_ms : ATTEMPT_LIMIT_MS);
    TRY(prepare(hook, job, reason));
    event_active(hook->step_event, EV_TIMEOUT, 0);
    *ret_attempt = &TAKE(hook)->attempt;
    return OK;
}

static void cancel(struct attempt *attempt) {
    struct hook_attempt *hook = (struct hook_attempt *) attempt;
    hook_run_cancel(hook->run);
    attempt_free(hook);
}

const struct channel_kind channel_hook = {
    .name = "hook",
    .at_once = 2,
    .check_configuration = check_configuration,
    .deadline_ms = deadline_ms,
    .start = start,
    .cancel = cancel,
};
