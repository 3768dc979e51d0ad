#include "cli/caa_ask.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/read_file.h"
#include "settings/file.h"

static void add_resolver(struct caa_asking *asking, const char *value, struct argp_state *state) {
    if (asking->resolver_count == CAA_ASKED_MAX)
        argp_error(state, "--resolver: at most %d are asked", CAA_ASKED_MAX);
    size_t place = asking->resolver_count++;
    if (!caa_resolver_of_text(value, asking->addresses[place], &asking->resolvers[place]))
        argp_error(state, "--resolver: '%s' is no address like 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:5353", value);
}

bool caa_asking_take(int key, char *value, struct argp_state *state, struct caa_asking *asking) {
    switch (key) {
    case 'c':
        asking->config = value;
        return true;
    case 'j':
        asking->is_json = true;
        return true;
    case 'r':
        add_resolver(asking, value, state);
        return true;
    case 'v':
        asking->is_validating = true;
        asking->validating_behind = asking->resolver_count;
        return true;
    default:
        return false;
    }
}

void caa_asking_check(struct caa_asking *asking, struct argp_state *state) {
    if (asking->is_validating && asking->resolver_count == 0)
        argp_error(state, "--validating speaks of --resolver; those of the settings have `is_validating` there");
    if (asking->validating_behind > 0 && asking->validating_behind < asking->resolver_count)
        argp_error(state, "--validating speaks of every --resolver, and stands between two: put it behind the last one, or name resolvers of both kinds "
                   "in the settings file");
    for (size_t i = 0; i < asking->resolver_count; i++)
        asking->resolvers[i].is_validating = asking->is_validating;
}

/* ---- resolvers */

/* NULL and EXIT_OK: there is no file that must be used. */
static struct settings *find_settings(const struct caa_asking *asking, struct arena *arena, int *ret_code) {
    const char *path = asking->config != NULL ? asking->config : settings_find_file(arena);
    *ret_code = EXIT_OK;
    if (path == NULL)
        return NULL;
    if (asking->config == NULL && access(path, R_OK) != 0) {
        fprintf(stderr, "pinwatch: %s may not be read by you: the resolvers of the system are asked\n", path);
        return NULL;
    }
    return command_settings(path, ret_code);
}

static result take_settings(const struct settings *settings, struct arena *arena, struct dns_client_options *client) {
    struct dns_resolver *resolvers = arena_take_array(arena, settings->resolvers_count + 1, sizeof *resolvers);
    if (resolvers == NULL)
        return &fault_no_memory;
    for (unsigned i = 0; i < settings->resolvers_count; i++) {
        const struct settings_resolver *given = &settings->resolvers[i];
        const char *address = arena_copy_text(arena, given->address);
        if (address == NULL)
            return &fault_no_memory;
        resolvers[i] = (struct dns_resolver){address, (uint16_t) given->port, given->is_validating};
    }
    client->resolvers = resolvers;
    client->resolver_count = settings->resolvers_count;
    return OK;
}

int caa_asking_resolvers(const struct caa_asking *asking, struct arena *arena, struct dns_client_options *client) {
    int code = EXIT_OK;
    client->resolvers = asking->resolvers;
    client->resolver_count = asking->resolver_count;
    if (asking->resolver_count > 0)
        return EXIT_OK;
    struct settings *settings = find_settings(asking, arena, &code);
    result outcome = settings == NULL ? OK : take_settings(settings, arena, client);
    settings_free(settings);
    return outcome == OK ? code : exit_with(outcome, NULL);
}

int caa_ask(const struct caa_asking *asking, const struct dns_name *name, struct arena *arena, struct caa_lookups *ret_lookups) {
    struct dns_client_options client = {0};
    struct reason reason = {""};
    int code = caa_asking_resolvers(asking, arena, &client);
    if (code != EXIT_OK)
        return code;
    result outcome = caa_look_up(&client, name, arena, ret_lookups, &reason);
    return outcome == OK ? EXIT_OK : exit_with(outcome, &reason);
}

/* ---- files */

const char *caa_file_shown(const char *file) {
    return strcmp(file, "-") == 0 ? "standard input" : file;
}

int caa_read_file(const char *file, const struct dns_name *origin, struct arena *arena, struct caa_text *ret_text) {
    CLEANUP(buffer_done) struct buffer bytes = buffer_with_limit(CAA_TEXT_SIZE_MAX);
    struct reason reason = {""};
    result outcome = read_file(file, &bytes, &reason);
    const uint8_t *kept = outcome == OK ? arena_copy(arena, buffer_span(&bytes)) : NULL;
    if (outcome == OK && kept == NULL)
        outcome = &fault_no_memory;
    if (outcome == OK)
        outcome = caa_text_parse(span_of(kept, bytes.size), origin, arena, ret_text, &reason);
    if (outcome == OK)
        return EXIT_OK;
    int code = exit_with(outcome, &reason);
    return code == EXIT_SETTINGS ? EXIT_DATA : code;
}
