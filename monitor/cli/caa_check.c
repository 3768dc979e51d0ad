#include <stdio.h>
#include <string.h>

#include "cli/caa_ask.h"
#include "cli/caa_plan.h"
#include "cli/caa_print.h"
#include "cli/table.h"

struct check_options {
    struct caa_asking asking;
    struct dns_name name;
    const char *given_name, *issuer, *records;
    bool is_wildcard;
};

static void check_together(struct check_options *options, struct argp_state *state) {
    if (options->records != NULL && options->asking.resolver_count > 0)
        argp_error(state, "--records judges a file instead of asking: leave --resolver out");
    caa_asking_check(&options->asking, state);
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct check_options *options = state->input;
    if (caa_asking_take(key, value, state, &options->asking))
        return 0;
    switch (key) {
    case 'i':
        options->issuer = value;
        return 0;
    case 'w':
        options->is_wildcard = true;
        return 0;
    case 'f':
        options->records = value;
        return 0;
    case ARGP_KEY_END:
        check_together(options, state);
        return 0;
    default:
        return caa_name_argument(key, value, state, &options->given_name, &options->name);
    }
}

static const struct argp_option options_taken[] = {
    {"issuer", 'i', "CA", 0, "May this CA issue? A CAA domain (letsencrypt.org), or the name of an owner (`pinwatch ca list`): any of its domains suffices", 0},
    {"wildcard", 'w', NULL, 0, "Judge a wildcard certificate, *.NAME", 0},
    CAA_ASKING_OPTIONS,
    {"records", 'f', "FILE", 0, "Judge the CAA records of this file (a zone file, or one record a line, of NAME) instead of asking; - for standard input", 0},
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
           "  pinwatch caa check --resolver 127.0.0.1 --validating example.com\n"
           "  echo '0 issue \"letsencrypt.org\"' | pinwatch caa check --records - example.com\n\n"
           "A lookup that fails (SERVFAIL, REFUSED, no answer, DNSSEC that does not validate) permits nothing and forbids nothing: it is "
           "unknown. So it is when several resolvers do not come to the same verdict. IP addresses and onion names have no CAA records in the "
           "DNS; they are refused as wrong usage.\n\n"
           "With --records, and a database that can be reached, the certificates are named that were seen, have not expired, and could not be renewed "
           "by their issuer under the planned records.\n\n"
           "Exit codes: with --issuer 0 allowed; 1 forbidden; 2 unknown. Without: 0 resolved; 2 the lookup failed, or the resolvers do not say "
           "the same. Always: 64 wrong usage; 65 the file of --records cannot be used; 69 this machine lacks something; 78 settings are wrong.",
};

/* ---- the two ways to a climb */

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
static int read_plan(const struct check_options *options, struct arena *arena, struct caa_text *ret_text, struct caa_lookups *ret_lookups) {
    struct dns_name origin = dns_name_is_wildcard(&options->name) ? dns_name_parent(&options->name) : options->name;
    const char *file = caa_file_shown(options->records);
    struct reason reason = {""};
    int code = caa_read_file(options->records, &origin, arena, ret_text);
    if (code == EXIT_OK)
        code = complain(file, ret_text);
    if (code != EXIT_OK)
        return code;
    result outcome = caa_look_up_in(ret_text, file, &options->name, arena, ret_lookups, &reason);
    return outcome == OK ? EXIT_OK : exit_with(outcome, &reason);
}

/* ---- */

static int exit_code_for(const struct caa_judged *judged) {
    static const int codes[] = {[CAA_CHECK_NONE] = EXIT_OK, [CAA_CHECK_ALLOWED] = EXIT_OK, [CAA_CHECK_FORBIDDEN] = EXIT_FINDING, [CAA_CHECK_UNKNOWN] = CAA_EXIT_UNKNOWN};
    return codes[judged->verdict];
}

/* `plan` NULL: the DNS was asked. */
static int show(const struct check_options *options, const struct caa_judged *judged, const struct caa_plan *plan) {
    if (!options->asking.is_json) {
        caa_judged_print(judged);
        if (plan != NULL)
            caa_plan_print(plan);
        return exit_code_for(judged);
    }
    json_t *object = caa_judged_json(judged);
    if (object == NULL)
        return exit_with(&fault_no_memory, NULL);
    if (plan != NULL)
        caa_plan_add_json(plan, object);
    return print_json_line(object) ? exit_code_for(judged) : EXIT_IO;
}

static int show_plan(const struct check_options *options, const struct caa_judged *judged, const struct caa_text *text) {
    struct caa_plan plan;
    caa_plan_look(judged, text, options->asking.config, &plan);
    int code = show(options, judged, &plan);
    caa_plan_done(&plan);
    return code;
}

static int check(const struct check_options *options, struct arena *arena) {
    struct caa_candidate candidate;
    struct caa_lookups lookups;
    struct caa_judged judged;
    struct caa_text text;
    struct reason reason = {""};
    result outcome = options->issuer == NULL ? OK : caa_candidate_of(options->issuer, arena, &candidate, &reason);
    if (outcome != OK) {
        int refused = exit_with(outcome, &reason);
        return refused == EXIT_DATA ? EXIT_USAGE_WRONG : refused;
    }
    int code = options->records != NULL ? read_plan(options, arena, &text, &lookups) : caa_ask(&options->asking, &options->name, arena, &lookups);
    if (code != EXIT_OK)
        return code;
    bool is_wildcard = options->is_wildcard || lookups.items[0].climb.is_wildcard;
    outcome = caa_judge_lookups(&lookups, is_wildcard, options->issuer == NULL ? NULL : &candidate, arena, &judged);
    if (outcome != OK)
        return exit_with(outcome, NULL);
    return options->records != NULL ? show_plan(options, &judged, &text) : show(options, &judged, NULL);
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
