#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/caa.h"
#include "cli/caa_past.h"
#include "cli/database.h"
#include "cli/table.h"

#define FORGOTTEN_MS 120000 /* the poller writes its status every few seconds */

struct history_options {
    struct list_options list;
    struct dns_name name;
    const char *given_name, *given_resolver;
    struct dns_resolver resolver;
    char address[INET6_ADDRSTRLEN];
};

static void take_resolver(struct history_options *options, const char *value, struct argp_state *state) {
    if (!caa_resolver_of_text(value, options->address, &options->resolver))
        argp_error(state, "--resolver: '%s' is no address like 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:5353", value);
    options->given_resolver = value;
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct history_options *options = state->input;
    if (key != 'n' && list_option_take(key, value, state, &options->list))
        return 0;
    if (key == 'r') {
        take_resolver(options, value, state);
        return 0;
    }
    return caa_name_argument(key, value, state, &options->given_name, &options->name);
}

static const struct argp_option options_taken[] = {
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    LIST_OPTION_SINCE,
    {"resolver", 'r', "ADDRESS[:PORT]", 0, "Only what this one said", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "NAME",
    .doc = "Show the CAA records that NAME and the names above it had, as the service recorded them: which set counted when, every answer with the "
           "times at which it was true, and every change with its finding. `pinwatch cert show ID` says what follows from it for a certificate.\v"
           "An answer is true from the time it was heard, less the age that its remaining TTL betrays. Between two answers that differ the older one is "
           "shown until the newer; verdicts about certificates take such a gap for unknown.\n\n"
           "Exit codes: 0 shown; 64 wrong usage; 65 nothing is recorded about NAME itself; 69 the database cannot be reached; 78 settings are wrong.",
};

/* ---- */

static bool is_asked_for(const struct history_options *options, const char *resolver) {
    struct dns_resolver recorded;
    char address[INET6_ADDRSTRLEN];
    if (options->given_resolver == NULL || strcmp(options->given_resolver, resolver) == 0)
        return true;
    return caa_resolver_of_text(resolver, address, &recorded) && strcmp(address, options->address) == 0 && recorded.port == options->resolver.port;
}

/* The name and those above it. */
static result climb_of(struct dns_name name, struct arena *arena, struct store_caa_wish *wish) {
    const char **owners = arena_take_array(arena, dns_name_label_count(&name) + 1, sizeof *owners);
    if (owners == NULL)
        return &fault_no_memory;
    for (; !dns_name_is_root(&name); name = dns_name_parent(&name)) {
        char text[DNS_NAME_TEXT_SIZE];
        dns_name_to_text(&name, text);
        if ((owners[wish->owner_count++] = arena_copy_text(arena, text)) == NULL)
            return &fault_no_memory;
    }
    wish->owners = owners;
    return OK;
}

static result take_resolvers(const struct history_options *options, const struct caa_resolver_history *histories, size_t count, int64_t now_ms,
                             struct caa_past *past) {
    past->resolvers = arena_take_array(past->arena, count + 1, sizeof *past->resolvers);
    if (past->resolvers == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        struct caa_period *periods;
        struct caa_past_resolver *resolver = &past->resolvers[past->resolver_count];
        if (!is_asked_for(options, histories[i].resolver))
            continue;
        TRY(caa_timeline(&histories[i], now_ms, past->arena, &periods, &resolver->period_count));
        resolver->history = &histories[i];
        resolver->periods = periods;
        past->resolver_count++;
        past->is_recorded = past->is_recorded || histories[i].owners[0].count > 0;
    }
    return OK;
}

/* Is anybody polling? */
static result look_at_poller(struct store *store, int64_t now_ms, struct caa_past *past) {
    struct store_caa_status *rows;
    size_t count;
    bool is_alive = false;
    TRY(store_caa_status_load(store, past->arena, &rows, &count));
    for (size_t i = 0; i < count; i++)
        is_alive = is_alive || rows[i].updated_ms > now_ms - FORGOTTEN_MS;
    if (count == 0)
        past->trouble = "No resolver was ever asked: is the service running, and are there `resolvers` in its settings? (pinwatch doctor)";
    else if (!is_alive)
        past->trouble = "No resolver has been asked for minutes: is the service running? (pinwatch doctor)";
    return OK;
}

static result load(const struct history_options *options, struct database *database, struct caa_past *past) {
    struct dns_name base = dns_name_is_wildcard(&options->name) ? dns_name_parent(&options->name) : options->name;
    int64_t now_ms = clock_wall_ms();
    struct store_caa_wish wish = {.from_ms = options->list.since_ms,};
    struct caa_resolver_history *histories;
    struct store_caa_change_shown *changes;
    size_t count;
    *past = (struct caa_past){.arena = database->arena};
    TRY(climb_of(base, database->arena, &wish));
    wish.to_ms = now_ms + (int64_t) 24 * 3600 * 1000; /* clocks differ */
    TRY(store_caa_history_load(database->store, &wish, database->arena, &histories, &count));
    TRY(store_caa_changes_show(database->store, &wish, database->arena, &changes, &past->change_count));
    past->name = wish.owners[0];
    past->changes = changes;
    TRY(take_resolvers(options, histories, count, now_ms, past));
    return look_at_poller(database->store, now_ms, past);
}

static int show(const struct history_options *options, const struct caa_past *past) {
    if (!options->list.is_json)
        caa_past_print(past);
    else {
        json_t *object = caa_past_json(past);
        if (object == NULL)
            return exit_with(&fault_no_memory, NULL);
        if (!print_json_line(object))
            return EXIT_IO;
    }
    return past->is_recorded ? EXIT_OK : EXIT_DATA;
}

static int load_failed(const struct database *database, result outcome) {
    struct reason reason;
    if (outcome != &fault_no_memory)
        return database_failed(database, outcome);
    return exit_with(reason_set(&reason, outcome, "no memory for all that is recorded: --since shows the end of it"), &reason);
}

int caa_run_history(int argc, char **argv) {
    struct history_options options = {0};
    struct database database;
    struct caa_past past;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.list.config, &database);
    if (code != EXIT_OK)
        return code;
    result outcome = load(&options, &database, &past);
    code = outcome == OK ? show(&options, &past) : load_failed(&database, outcome);
    database_done(&database);
    return code;
}
