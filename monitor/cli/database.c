#include "cli/database.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "settings/database.h"
#include "settings/file.h"
#include "store/schema.h"

#define ARENA_LIMIT ((size_t) 2 * 1024 * 1024 * 1024)
#define LIMIT_MAX 10000000u

FAULT(fault_no_settings, FAULT_SETTINGS, "settings.none", "settings", "", "there is no settings file", "one, as `pinwatch init` writes it");

static void say_how_to_start(const struct database *database, result outcome) {
    if (outcome == &fault_store_unreachable && database->settings->database[0] == '\0')
        fputs("pinwatch: the private database runs with the service; start it with `pinwatch run --detach`\n", stderr);
    else if (outcome == &fault_store_unreachable)
        fputs("pinwatch: look at `database` in the settings file, or ask `pinwatch doctor`\n", stderr);
}

int database_failed(const struct database *database, result outcome) {
    int code = exit_with(outcome, store_why(database->store));
    say_how_to_start(database, outcome);
    return code;
}

static result connect_store(struct database *database, const struct store_retry *retry, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer conninfo = buffer_with_limit(8192);
    const struct store_options options = {.application_name = "pinwatch-cli", .role = "pinwatch_cli", .retry = retry};
    result outcome = database_conninfo(database->settings, DATABASE_CLI, &conninfo, reason);
    if (outcome == OK)
        outcome = store_new(buffer_text(&conninfo), &options, &database->store);
    if (outcome == OK)
        outcome = store_connect(database->store);
    if (outcome == OK)
        outcome = schema_check(database->store);
    if (outcome != OK && database->store != NULL)
        *reason = *store_why(database->store);
    return outcome;
}

int database_open(const char *config, struct database *ret_database) {
    struct database database = {0};
    struct reason reason = {""};
    int code = EXIT_OK;
    database.settings = command_settings(config, &code);
    if (database.settings == NULL)
        return code;
    database.arena = arena_new(ARENA_LIMIT);
    result outcome = database.arena == NULL ? &fault_no_memory : connect_store(&database, &store_retry_command, &reason);
    if (outcome == OK) {
        *ret_database = database;
        return EXIT_OK;
    }
    code = exit_with(outcome, &reason);
    say_how_to_start(&database, outcome);
    database_done(&database);
    return code;
}

bool database_try(const char *config, struct database *ret_database, struct reason *reason) {
    struct database database = {.arena = arena_new(ARENA_LIMIT)};
    result outcome = database.arena == NULL ? &fault_no_memory : OK;
    const char *path = config != NULL || outcome != OK ? config : settings_find_file(database.arena);
    if (outcome == OK && path == NULL)
        outcome = reason_set(reason, &fault_no_settings, "there is no settings file");
    if (outcome == OK)
        outcome = settings_load(path, &database.settings, reason);
    if (outcome == OK)
        outcome = connect_store(&database, &store_retry_service, reason);
    if (outcome == OK)
        *ret_database = database;
    else
        database_done(&database);
    return outcome == OK;
}

void database_done(struct database *database) {
    store_free(database->store);
    arena_free(database->arena);
    settings_free(database->settings);
    *database = (struct database){0};
}

const char *author_name(struct arena *arena) {
    char host[256] = "localhost";
    const char *user = getenv("SUDO_USER");
    const struct passwd *entry = user == NULL || user[0] == '\0' ? getpwuid(getuid()) : NULL;
    if (entry != NULL)
        user = entry->pw_name;
    if (user == NULL || user[0] == '\0')
        user = "unknown";
    (void) gethostname(host, sizeof host - 1);
    return arena_printf(arena, "%s@%s", user, host);
}

bool time_of_option(const char *text, int64_t *ret_unix_ms) {
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t size = strlen(text);
    uint64_t count;
    if (text_to_time_ms(span_of_text(text), ret_unix_ms) == OK)
        return true;
    if (size < 2 || text_to_number(span_of(text, size - 1), 1000000, &count) != OK)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].unit == text[size - 1]) {
            *ret_unix_ms = clock_wall_ms() - (int64_t) count * units[i].seconds * 1000;
            return true;
        }
    return false;
}

bool list_option_take(int key, char *value, struct argp_state *state, struct list_options *options) {
    uint64_t limit;
    switch (key) {
    case 'c':
        options->config = value;
        return true;
    case 'j':
        options->is_json = true;
        return true;
    case 'n':
        if (text_to_number(span_of_text(value), LIMIT_MAX, &limit) != OK || limit == 0)
            argp_error(state, "--limit: '%s' is no number from 1 to %u", value, LIMIT_MAX);
        options->limit = (unsigned) limit;
        return true;
    case 's':
        if (!time_of_option(value, &options->since_ms))
            argp_error(state, "--since: '%s' is neither a time like 2026-11-21T12:00:00Z nor a span like 24h", value);
        return true;
    default:
        return false;
    }
}

int64_t id_of_argument(const char *text, struct argp_state *state) {
    uint64_t id = 0;
    if (text_to_number(span_of_text(text), INT64_MAX, &id) != OK || id == 0)
        argp_error(state, "'%s' is no id: a whole number above zero is wanted", text);
    return (int64_t) id;
}
