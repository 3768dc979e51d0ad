#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/caa.h"
#include "cli/caa_print.h"
#include "cli/read_file.h"
#include "cli/table.h"
#include "settings/file.h"

#define RESOLVERS_MAX 16

struct check_options {
    struct dns_name name;
    const char *given_name, *issuer, *records, *config;
    struct dns_resolver resolvers[RESOLVERS_MAX];
    char addresses[RESOLVERS_MAX][INET6_ADDRSTRLEN];
    size_t resolver_count;
    bool is_wildcard, is_validating, is_json;
};

static void add_resolver(struct check_options *options, const char *value, struct argp_state *state) {
    if (options->resolver_count == RESOLVERS_MAX)
        argp_error(state, "--resolver: at most %d are asked", RESOLVERS_MAX);
    size_t place = options->resolver_count++;
    if (!caa_resolver_of_text(value, options->addresses[place], &options->resolvers[place]))
        argp_error(state, "--resolver: '%s' is no address like 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:5353", value);
}

static void check_together(struct check_options *options, struct argp_state *state) {
    if (options->records != NULL && options->resolver_count > 0)
        argp_error(state, "--records judges a file instead of asking: leave --resolver out");
    if (options->is_validating && options->resolver_count == 0)
        argp_error(state, "--validating speaks of --resolver; those of the settings have `is_validating` there");
    for (size_t i = 0; i < options->resolver_count; i++)
        options->resolvers[i].is_validating = options->is_validating;
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct check_options *options = state->input;
    switch (key) {
    case 'c':
        options->config = value;
        return 0;
    case 'j':
        options->is_json = true;
        return 0;
    case 'i':
        options->issuer = value;
        return 0;
    case 'w':
        options->is_wildcard = true;
        return 0;
    case 'r':
        add_resolver(options, value, state);
        return 0;
    case 'v':
        options->is_validating = true;
        return 0;
    case 'f':
        options->records = value;
        return 0;
    case ARGP_KEY_END:
        check_together(options, state);
        return 0;
    case ARGP_KEY_ARG:
        if (options->given_name == NULL)
            options->name = caa_name_of_argument(value, state);
        return command_one_argument(key, value, state, "name", "which name?", &options->given_name);
    default:
        return command_one_argument(key, value, state, "name", "which name?", &options->given_name);
    }
}

static const struct argp_option options_taken[] = {
    {"issuer", 'i', "CA", 0, "May this CA issue? A CAA domain (letsencrypt.org), or the name of an owner (`pinwatch ca list`): any of its domains suffices", 0},
    {"wildcard", 'w', NULL, 0, "Judge a wildcard certificate, *.NAME", 0},
    {"resolver", 'r', "ADDRESS[:PORT]", 0, "Ask this one; may be given several times, then all are asked. Without it: those of the settings file, or of /etc/resolv.conf", 0},
    {"validating", 'v', NULL, 0, "These resolvers check DNSSEC and the way to them is safe: believe their AD bit", 0},
    {"records", 'f', "FILE", 0, "Judge the CAA records of this file (a zone file, or one record a line, of NAME) instead of asking; - for standard input", 0},
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "NAME",
    .doc = "Say which CAs may issue certificates for NAME: asks for the CAA records of NAME and the names above it (RFC 8659), shows every "
           "step, the set that counts, who may issue by it, and what is unwise about it. Needs no database and no service.\v"
           "Examples:\n"
           "  pinwatch caa check www.example.com\n"
           "  pinwatch caa check --issuer letsencrypt.org --wildcard example.com\n"
           "  pinwatch caa check --resolver 127.0.0.1 --validating --resolver 192.0.2.53 example.com\n"
           "  echo '0 issue \"letsencrypt.org\"' | pinwatch caa check --records - example.com\n\n"
           "A lookup that fails (SERVFAIL, REFUSED, no answer, DNSSEC that does not validate) permits nothing and forbids nothing: it is "
           "unknown. So it is when several resolvers do not come to the same verdict. IP addresses and onion names have no CAA records in the "
           "DNS; they are refused as wrong usage.\n\n"
           "Exit codes, with --issuer: 0 allowed; 1 forbidden; 2 unknown. Without: 0 resolved; 2 the lookup failed, or the resolvers do not say "
           "the same. Always: 64 wrong usage; 65 the file of --records cannot be used; 69 this machine lacks something; 78 settings are wrong.",
};

/* ---- resolvers */

/* NULL and EXIT_OK: there is no file that must be used. */
static struct settings *find_settings(const struct check_options *options, struct arena *arena, int *ret_code) {
    const char *path = options->config != NULL ? options->config : settings_find_file(arena);
    *ret_code = EXIT_OK;
    if (path == NULL)
        return NULL;
    if (options->config == NULL && access(path, R_OK) != 0) {
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

static int choose_resolvers(const struct check_options *options, struct arena *arena, struct dns_client_options *client) {
    int code = EXIT_OK;
    client->resolvers = options->resolvers;
    client->resolver_count = options->resolver_count;
    if (options->resolver_count > 0)
        return EXIT_OK;
    struct settings *settings = find_settings(options, arena, &code);
    result outcome = settings == NULL ? OK : take_settings(settings, arena, client);
    settings_free(settings);
    return outcome == OK ? code : exit_with(outcome, NULL);
}

/* ---- the two ways to a climb */

static int look_up(const struct check_options *options, struct arena *arena, struct caa_lookups *ret_lookups) {
    struct dns_client_options client = {0};
    struct reason reason = {""};
    int code = choose_resolvers(options, arena, &client);
    if (code != EXIT_OK)
        return code;
    result outcome = caa_look_up(&client, &options->name, arena, ret_lookups, &reason);
    return outcome == OK ? EXIT_OK : exit_with(outcome, &reason);
}

static int complain(const char *file, const struct caa_text *text) {
    for (size_t i = 0; i < text->complaint_count; i++) {
        fprintf(stderr, "pinwatch: %s:%u: ", file, text->complaints[i].line);
        fprintf(stderr, "%s\n", text->complaints[i].sentence);
    }
    if (text->complaints_left_out > 0)
        fprintf(stderr, "pinwatch: %s: and %zu more lines like these\n", file, text->complaints_left_out);
    return text->complaint_count > 0 ? EXIT_DATA : EXIT_OK;
}

/* A file with one line that is no record is not judged: that line may be the one that forbids. */
static int read_plan(const struct check_options *options, struct arena *arena, struct caa_lookups *ret_lookups) {
    CLEANUP(buffer_done) struct buffer bytes = buffer_with_limit(CAA_TEXT_SIZE_MAX);
    struct dns_name origin = dns_name_is_wildcard(&options->name) ? dns_name_parent(&options->name) : options->name;
    const char *file = strcmp(options->records, "-") == 0 ? "standard input" : options->records;
    struct reason reason = {""};
    struct caa_text text;
    result outcome = read_file(options->records, &bytes, &reason);
    const uint8_t *kept = outcome == OK ? arena_copy(arena, buffer_span(&bytes)) : NULL;
    if (outcome == OK && kept == NULL)
        outcome = &fault_no_memory;
    if (outcome == OK)
        outcome = caa_text_parse(span_of(kept, bytes.size), &origin, arena, &text, &reason);
    if (outcome != OK) {
        int code = exit_with(outcome, &reason);
        return code == EXIT_SETTINGS ? EXIT_DATA : code;
    }
    int code = complain(file, &text);
    if (code != EXIT_OK)
        return code;
    outcome = caa_look_up_in(&text, file, &options->name, arena, ret_lookups, &reason);
    return outcome == OK ? EXIT_OK : exit_with(outcome, &reason);
}

/* ---- */

static int exit_code_for(const struct caa_judged *judged) {
    static const int codes[] = {[CAA_CHECK_NONE] = EXIT_OK, [CAA_CHECK_ALLOWED] = EXIT_OK, [CAA_CHECK_FORBIDDEN] = EXIT_FINDING, [CAA_CHECK_UNKNOWN] = CAA_EXIT_UNKNOWN};
    return codes[judged->verdict];
}

static int show(const struct check_options *options, const struct caa_judged *judged) {
    if (!options->is_json)
        caa_judged_print(judged);
    else {
        json_t *object = caa_judged_json(judged);
        if (object == NULL)
            return exit_with(&fault_no_memory, NULL);
        if (!print_json_line(object))
            return EXIT_IO;
    }
    return exit_code_for(judged);
}

static int check(const struct check_options *options, struct arena *arena) {
    struct caa_candidate candidate;
    struct caa_lookups lookups;
    struct caa_judged judged;
    struct reason reason = {""};
    result outcome = options->issuer == NULL ? OK : caa_candidate_of(options->issuer, arena, &candidate, &reason);
    if (outcome != OK) {
        int refused = exit_with(outcome, &reason);
        return refused == EXIT_DATA ? EXIT_USAGE_WRONG : refused;
    }
    int code = options->records != NULL ? read_plan(options, arena, &lookups) : look_up(options, arena, &lookups);
    if (code != EXIT_OK)
        return code;
    bool is_wildcard = options->is_wildcard || lookups.items[0].climb.is_wildcard;
    outcome = caa_judge_lookups(&lookups, is_wildcard, options->issuer == NULL ? NULL : &candidate, arena, &judged);
    return outcome == OK ? show(options, &judged) : exit_with(outcome, NULL);
}

int caa_run_check(int argc, char **argv) {
    struct check_options options = {0};
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    struct arena *arena = arena_new(CAA_LOOKUP_ARENA);
    int code = arena == NULL ? exit_with(&fault_no_memory, NULL) : check(&options, arena);
    arena_free(arena);
    return code;
}
