#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/rights.h"
#include "settings/file.h"
#include "store/roles.h"
#include "store/schema.h"
#include "supervisor/child.h"
#include "supervisor/private_postgres.h"
#include "supervisor/service_lock.h"
#include "supervisor/state_folder.h"

#define CHOICES_MAX 32
#define POSTGRES_WAIT_MS 120000
#define POSTGRES_STOP_MS 60000
#define ARENA_LIMIT (1u << 20)

enum { OPTION_STATE = 256, OPTION_CONTACT, OPTION_SET, OPTION_SCHEMA_ONLY, OPTION_SETTINGS_ONLY };

struct init_options {
    const char *config;
    struct settings_choice choices[CHOICES_MAX];
    size_t choice_count;
    bool schema_only, settings_only;
    struct arena *arena;
};

static void add_choice(struct argp_state *state, const char *name, const char *value) {
    struct init_options *options = state->input;
    if (options->choice_count == CHOICES_MAX)
        argp_error(state, "at most %d settings can be given", CHOICES_MAX);
    options->choices[options->choice_count++] = (struct settings_choice){name, value};
}

static void add_pair(struct argp_state *state, char *pair) {
    struct init_options *options = state->input;
    char *equals = strchr(pair, '=');
    if (equals == NULL)
        argp_error(state, "--set: '%s' is no NAME=VALUE", pair);
    else
        add_choice(state, arena_copy_span_as_text(options->arena, span_of(pair, (size_t) (equals - pair))), equals + 1);
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct init_options *options = state->input;
    switch (key) {
    case 'c':
        options->config = value;
        return 0;
    case OPTION_STATE:
        add_choice(state, "state_folder", value);
        return 0;
    case OPTION_CONTACT:
        add_choice(state, "contact", value);
        return 0;
    case OPTION_SET:
        add_pair(state, value);
        return 0;
    case OPTION_SCHEMA_ONLY:
        options->schema_only = true;
        return 0;
    case OPTION_SETTINGS_ONLY:
        options->settings_only = true;
        return 0;
    default:
        return command_no_argument(key, value, state);
    }
}

static const struct argp_option options_taken[] = {
    COMMAND_OPTION_CONFIG,
    {"state", OPTION_STATE, "FOLDER", 0, "Where to keep the database, secrets and logs", 0},
    {"contact", OPTION_CONTACT, "ADDRESS", 0, "E-mail address or URL that log operators can write to", 0},
    {"set", OPTION_SET, "NAME=VALUE", 0, "Any other setting; may be repeated", 0},
    {"settings-only", OPTION_SETTINGS_ONLY, NULL, 0, "Write or change the settings file and do nothing else", 0},
    {"schema-only", OPTION_SCHEMA_ONLY, NULL, 0, "Apply the steps of the schema to the running database and do nothing else", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .doc = "Write a commented settings file, make the state folder, the private database (unless one is configured) and its schema. What is "
           "there already stays; settings that are given are changed in the file, the rest of it is left alone.\v"
           "Exit codes: 0 done; 69 the database cannot be reached; 78 the settings, a folder or the database's rights must be changed.",
};

static result make_parent(const char *path, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer parent = buffer_with_limit(4096);
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        buffer_reset(&parent);
        buffer_add(&parent, span_of(path, (size_t) (slash - path)));
        if (mkdir(buffer_text(&parent), 0755) != 0 && errno != EEXIST)
            return reason_set(reason, fault_of_errno(errno, &fault_settings_file), "%s: cannot be made: %s", buffer_text(&parent), strerror(errno));
    }
    return buffer_check(&parent);
}

static bool chooses(const struct init_options *options, const char *name) {
    for (size_t i = 0; i < options->choice_count; i++)
        if (strcmp(options->choices[i].name, name) == 0)
            return true;
    return false;
}

static result write_settings(struct init_options *options, const char *path, struct reason *reason) {
    TRY(make_parent(path, reason));
    if (!chooses(options, "state_folder") && options->choice_count < CHOICES_MAX)
        options->choices[options->choice_count++] =
            (struct settings_choice){"state_folder", settings_standard_state_folder(path, options->arena)};
    TRY(settings_write_new(path, options->choices, options->choice_count, reason));
    gid_t group = rights_settings_group();
    if (group != (gid_t) -1 && chown(path, (uid_t) -1, group) != 0)
        return reason_set(reason, fault_of_errno(errno, &fault_settings_file), "%s: cannot be given to the service's group: %s", path, strerror(errno));
    printf("Settings      %s written\n", path);
    return OK;
}

static result settle_settings(struct init_options *options, struct settings **ret_settings, struct reason *reason) {
    bool is_changed = false;
    const char *found = options->config != NULL ? options->config : settings_find_file(options->arena);
    const char *path = found != NULL ? found : settings_standard_path(options->arena);
    if (path == NULL)
        return &fault_no_memory;
    if (access(path, F_OK) != 0)
        TRY(write_settings(options, path, reason));
    else {
        TRY(settings_change(path, options->choices, options->choice_count, &is_changed, reason));
        printf("Settings      %s %s\n", path, is_changed ? "changed" : "kept as it is");
    }
    return settings_load(path, ret_settings, reason);
}

static result open_store(const struct settings *settings, enum database_role role, struct store **ret_store, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer conninfo = buffer_with_limit(8192);
    const struct store_options options = {.application_name = "pinwatch-init", .retry = &store_retry_command};
    TRY(database_conninfo(settings, role, &conninfo, reason));
    return store_new(buffer_text(&conninfo), &options, ret_store);
}

/* Keeps the store's own sentence, which says more than the fault. */
static result with_words(result outcome, const struct store *store, struct reason *reason) {
    if (outcome != OK && store_why(store)->text[0] != '\0')
        *reason = *store_why(store);
    return outcome;
}

static result prepare_roles(const struct settings *settings, struct reason *reason) {
    CLEANUP(store_free_at) struct store *store = NULL;
    static const enum database_role wanted[] = {DATABASE_OWNER, DATABASE_MONITOR, DATABASE_ALERTS, DATABASE_CLI, DATABASE_REPORT, DATABASE_RECEIVER};
    enum { COUNT = sizeof wanted / sizeof wanted[0] };
    struct role_password passwords[COUNT];
    struct buffer texts[COUNT];
    result outcome = open_store(settings, DATABASE_SUPERUSER, &store, reason);
    for (size_t i = 0; i < COUNT; i++) {
        texts[i] = buffer_with_limit(1024);
        if (outcome == OK)
            outcome = database_password(settings, wanted[i], &texts[i], reason);
        passwords[i] = (struct role_password){database_role_name(wanted[i]), buffer_text(&texts[i])};
    }
    if (outcome == OK)
        outcome = with_words(roles_prepare(store, passwords, COUNT), store, reason);
    for (size_t i = 0; i < COUNT; i++)
        buffer_done(&texts[i]);
    return outcome;
}

static result apply_schema(const struct settings *settings, struct reason *reason) {
    CLEANUP(store_free_at) struct store *store = NULL;
    struct schema_outcome done;
    if (private_postgres_is_wanted(settings))
        TRY(prepare_roles(settings, reason));
    TRY(open_store(settings, DATABASE_OWNER, &store, reason));
    TRY(with_words(schema_apply(store, NULL, clock_wall_ms(), &done), store, reason));
    if (done.version_before == done.version_after)
        printf("Schema        step %u, up to date\n", done.version_after);
    else
        printf("Schema        steps %u to %u applied\n", done.version_before + 1, done.version_after);
    return OK;
}

/* Nobody supervises the cluster during init: it is started for the schema alone and stopped again. */
static result apply_schema_offline(const struct settings *settings, struct reason *reason) {
    static const struct restart_policy never = {.deaths_max = 1};
    struct private_postgres_command command;
    pid_t pid;
    TRY(private_postgres_command(settings, &command, reason));
    command.arguments[0] = command.program; /* as in the service */
    const struct child_plan plan = {.name = "postgres", .program = command.program, .arguments = command.arguments,
                                    .environment = command.environment, .needs = "", .restart = &never,
                                    .stop_signal = command.stop_signal, .death_signal = command.stop_signal};
    TRY(child_start(&plan, &pid, reason));
    result outcome = private_postgres_wait(settings, POSTGRES_WAIT_MS, reason);
    if (outcome == OK)
        outcome = apply_schema(settings, reason);
    (void) private_postgres_stop(settings, POSTGRES_STOP_MS);
    return outcome;
}

static result prepare_database(const struct settings *settings, bool is_running, struct reason *reason) {
    if (!private_postgres_is_wanted(settings)) {
        printf("Database      as configured\n");
        return apply_schema(settings, reason);
    }
    if (!is_running)
        TRY(private_postgres_forget_dead(settings, reason));
    TRY(private_postgres_prepare(settings, reason));
    printf("Database      private PostgreSQL in %s/postgres\n", settings->state_folder);
    bool is_up = is_running || private_postgres_running(settings) != 0;
    return is_up ? apply_schema(settings, reason) : apply_schema_offline(settings, reason);
}

static result prepare_all(const struct settings *settings, struct reason *reason) {
    TRY(rights_drop(settings, reason));
    TRY(state_folder_prepare(settings, reason));
    printf("State folder  %s\n", settings->state_folder);
    int service = service_lock_holder(settings->state_folder, reason), lock = -1;
    if (service <= 0) /* a service that starts meanwhile would make the same cluster */
        TRY(service_lock_take(settings->state_folder, &lock, reason));
    result outcome = prepare_database(settings, service > 0, reason);
    if (lock >= 0)
        close(lock);
    TRY(outcome);
    if (service > 0)
        printf("\nThe service (process %d) runs; `kill -HUP %d` makes it read changed settings.\n", service, service);
    else
        printf("\nNext: `pinwatch run --detach` starts the service, `pinwatch watch add .example.com` says what to watch,\n"
               "`pinwatch doctor` checks everything, `pinwatch drill` shows that an alert reaches you.\n");
    return OK;
}

static result initialise(struct init_options *options, struct reason *reason) {
    struct settings *settings = NULL;
    result outcome;
    if (options->schema_only) {
        TRY(settings_load_in_force(options->config, &settings, reason));
        outcome = apply_schema(settings, reason);
    } else {
        TRY(settle_settings(options, &settings, reason));
        outcome = options->settings_only ? OK : prepare_all(settings, reason);
    }
    settings_free(settings);
    return outcome;
}

int command_init(int argc, char **argv) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    struct init_options options = {.arena = arena};
    struct reason reason = {""};
    if (arena == NULL)
        return exit_with(&fault_no_memory, NULL);
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    result outcome = initialise(&options, &reason);
    return outcome == OK ? EXIT_OK : exit_with(outcome, &reason);
}
