#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "cli/pins.h"
#include "cli/pins_chain.h"
#include "cli/read_file.h"
#include "cli/table.h"
#include "formats/release_file.h"

#define PINS_EXIT_UNREADABLE 2
#define RELEASES_SIZE_MAX ((size_t) 4 * 1024 * 1024)

enum { CHAINS_MAX = 100, KEY_ON = 256, KEY_FAIL_ON, KEY_RENEWAL, KEY_RELEASES };

struct lint_options {
    struct pins_input input;
    const char *chains[CHAINS_MAX];
    size_t chain_count;
    const char *releases;
    enum finding_severity fail_on;
    int64_t now;
    bool is_renewed_automatically;
};

static enum finding_severity severity_of_argument(const char *text, struct argp_state *state) {
    for (unsigned i = 0; i < finding_severity_count; i++)
        if (strcmp(finding_severity_name((enum finding_severity) i), text) == 0)
            return (enum finding_severity) i;
    argp_error(state, "--fail-on: '%s' is no severity; wanted info, notice, warning or critical", text);
    return SEVERITY_WARNING;
}

static void take_chain(struct lint_options *options, const char *path, struct argp_state *state) {
    if (options->chain_count == CHAINS_MAX)
        argp_error(state, "at most %d chains are taken at once", CHAINS_MAX);
    else
        options->chains[options->chain_count++] = path;
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct lint_options *options = state->input;
    switch (key) {
    case 'C':
        take_chain(options, value, state);
        return 0;
    case KEY_ON:
        options->now = pins_date_of_argument("--on", value, state);
        return 0;
    case KEY_FAIL_ON:
        options->fail_on = severity_of_argument(value, state);
        return 0;
    case KEY_RELEASES:
        options->releases = value;
        return 0;
    case KEY_RENEWAL:
        options->is_renewed_automatically = true;
        return 0;
    case ARGP_KEY_END:
        if (options->input.paths.count == 0)
            argp_error(state, "which files? (- for standard input)");
        return 0;
    default:
        return pins_input_take(key, value, state, &options->input);
    }
}

static const struct argp_option options_taken[] = {
    {"chain", 'C', "FILE", 0, "What is served now: certificates in PEM or DER, the leaf first; holds for the names in the leaf. May be given several times", 0},
    {"releases", KEY_RELEASES, "FILE", 0, "Releases with their end of support (YAML or CSV): those that name one of the files, by its path or last part, carry it; those that name none carry all", 0},
    {"on", KEY_ON, "DATE", 0, "Judge as of this day instead of today", 0},
    {"fail-on", KEY_FAIL_ON, "SEVERITY", 0, "Exit with 1 from this severity on: info, notice, warning (the default) or critical", 0},
    {"automatic-renewal", KEY_RENEWAL, NULL, 0, "Certificates are renewed by machine (otherwise concluded from a lifetime of up to 100 days)", 0},
    PINS_OPTION_FORMAT,
    COMMAND_OPTION_JSON,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "FILE...",
    .doc = "Say what is wrong or unwise about pin files, how grave it is, and what to do. Files given together are taken to be of one app: what Android and iOS pin "
           "for the same host is compared. With the chain that is served much more can be told: whether clients refuse it now, and whether a backup pin is left. "
           "Needs no database.\v"
           "Examples:\n"
           "  pinwatch pins lint network_security_config.xml Info.plist\n"
           "  pinwatch pins lint --chain fullchain.pem --on 2027-01-01 app-release.apk\n\n"
           "docs/pins.md explains every rule.\n\n"
           "Build servers go by the exit code.\n\n"
           "Exit codes: 0 clean; 1 remarks of severity warning or worse (--fail-on moves that); 2 a file cannot be read; 64 wrong usage; "
           "69 this machine lacks something.",
};

/* ---- facts */

static int read_chains(const struct lint_options *options, struct arena *arena, struct pin_lint_chain *chains) {
    for (size_t i = 0; i < options->chain_count; i++) {
        struct pins_chain chain;
        struct reason reason = {""};
        result outcome = pins_chain_read(options->chains[i], arena, &chain, &reason);
        if (outcome == OK)
            outcome = pins_chain_for_lint(&chain, options->chains[i], options->now, arena, &chains[i]);
        if (outcome == OK)
            continue;
        int code = exit_with(outcome, &reason);
        return code == EXIT_DATA ? PINS_EXIT_UNREADABLE : code;
    }
    return EXIT_OK;
}

/* "app.apk" is "build/app.apk!res/xml/pins.xml", too. */
static bool is_named(const char *name, const char *source) {
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(65536);
    const char *member = strchr(source, '!');
    buffer_add(&path, span_of(source, member == NULL ? strlen(source) : (size_t) (member - source)));
    const char *slash = strrchr(buffer_text(&path), '/');
    return strcmp(name, source) == 0 || strcmp(name, buffer_text(&path)) == 0 || (slash != NULL && strcmp(name, slash + 1) == 0);
}

static bool carries(const struct release *release, const struct pin_document *document) {
    for (size_t i = 0; release->pins[i] != NULL; i++)
        if (is_named(release->pins[i], document->source))
            return true;
    return release->pins[0] == NULL;
}

/* One row for each release and each document that it carries. */
static result match_releases(const struct release *releases, size_t count, const struct pins_files *files, struct pin_lint_facts *facts) {
    struct pin_lint_release *rows = arena_take_array(files->arena, count * files->count + 1, sizeof *rows);
    if (rows == NULL)
        return &fault_no_memory;
    facts->releases = rows;
    for (size_t i = 0; i < count; i++) {
        const struct release *release = &releases[i];
        const char *name = arena_printf(files->arena, "%s %s (%s)", release->app, release->version, release->platform);
        if (name == NULL)
            return &fault_no_memory;
        for (size_t k = 0; !release->is_retired && k < files->count; k++)
            if (carries(release, &files->documents[k]))
                rows[facts->release_count++] = (struct pin_lint_release){.name = name, .document = &files->documents[k], .has_end_of_support = release->has_end_of_support,
                                                                         .end_of_support = release->end_of_support};
    }
    return OK;
}

static int read_releases(const char *path, const struct pins_files *files, struct pin_lint_facts *facts) {
    CLEANUP(buffer_done) struct buffer content = buffer_with_limit(RELEASES_SIZE_MAX);
    struct release *releases = NULL;
    struct reason reason = {""}, why = {""};
    size_t count = 0;
    if (path == NULL)
        return EXIT_OK;
    result outcome = read_file(path, &content, &reason);
    if (outcome == OK) {
        outcome = release_file_read(buffer_span(&content), files->arena, &releases, &count, &why);
        if (outcome == &fault_release_file)
            (void) reason_set(&reason, outcome, "%s: %s", path, why.text);
    }
    if (outcome == OK)
        outcome = match_releases(releases, count, files, facts);
    if (outcome == OK)
        return EXIT_OK;
    int code = exit_with(outcome, &reason);
    return code == EXIT_DATA ? PINS_EXIT_UNREADABLE : code;
}

/* ---- for people */

static const char *colour_of(enum finding_severity severity) {
    static const char *const colours[] = {[SEVERITY_INFO] = "\033[2m", [SEVERITY_NOTICE] = "", [SEVERITY_WARNING] = "\033[33m", [SEVERITY_CRITICAL] = "\033[31m"};
    return colours[severity];
}

static void print_place(const struct pin_lint_remark *remark) {
    if (remark->document == NULL)
        return;
    print_harmless(span_of_text(remark->document->source));
    if (remark->line > 0)
        printf(":%u", remark->line);
    fputs(": ", stdout);
}

static void print_remark(const struct pin_lint_remark *remark) {
    bool has_colours = terminal_has_colours();
    print_place(remark);
    printf("%s%s%s: ", has_colours ? colour_of(remark->severity) : "", finding_severity_name(remark->severity), has_colours ? "\033[0m" : "");
    if (remark->set != NULL && remark->set->host != NULL) {
        print_sentence(remark->set->host);
        fputs(": ", stdout);
    }
    print_sentence(remark->message);
    printf(" [%s]\n", remark->rule);
    if (remark->advice[0] != '\0')
        printf("    %s\n", remark->advice);
}

static void print_sum(const struct pins_files *files, const struct pin_lint_remark *remarks, size_t count) {
    size_t sums[finding_severity_count] = {0}, sets = pins_set_count(files);
    for (size_t i = 0; i < count; i++)
        sums[remarks[i].severity]++;
    printf("%zu pin set%s in %zu file%s:", sets, sets == 1 ? "" : "s", files->count, files->count == 1 ? "" : "s");
    const char *comma = "";
    for (unsigned i = finding_severity_count; i-- > 0;) {
        bool has_plural = i == SEVERITY_NOTICE || i == SEVERITY_WARNING;
        if (sums[i] > 0)
            printf("%s %zu %s%s", comma, sums[i], finding_severity_name((enum finding_severity) i), has_plural && sums[i] > 1 ? "s" : "");
        comma = sums[i] > 0 ? "," : comma;
    }
    puts(count == 0 ? " nothing to remark" : "");
}

/* ---- JSON */

static json_t *text_json(const char *text) {
    CLEANUP(buffer_done) struct buffer harmless = buffer_with_limit(4 * strlen(text) + 16);
    text_add_harmless(&harmless, span_of_text(text));
    return json_string(buffer_text(&harmless));
}

static json_t *remark_json(const struct pin_lint_remark *remark) {
    json_t *object = json_object();
    json_object_set_new(object, "source", remark->document == NULL ? json_null() : text_json(remark->document->source));
    json_object_set_new(object, "line", remark->line == 0 ? json_null() : json_integer(remark->line));
    json_object_set_new(object, "format", remark->document == NULL ? json_null() : json_string(pin_format_name(remark->document->format)));
    json_object_set_new(object, "host", remark->set == NULL || remark->set->host == NULL ? json_null() : json_string(remark->set->host));
    json_object_set_new(object, "rule", json_string(remark->rule));
    json_object_set_new(object, "severity", json_string(finding_severity_name(remark->severity)));
    json_object_set_new(object, "message", json_string(remark->message));
    json_object_set_new(object, "advice", remark->advice[0] == '\0' ? json_null() : json_string(remark->advice));
    return object;
}

/* ---- */

static int show(const struct lint_options *options, const struct pins_files *files, const struct pin_lint_remark *remarks, size_t count) {
    bool has_failed = false;
    uint64_t mark = memory_mark();
    for (size_t i = 0; i < count; i++) {
        has_failed = has_failed || remarks[i].severity >= options->fail_on;
        if (!options->input.is_json)
            print_remark(&remarks[i]);
        else if (!print_json_line(json_if_whole(remark_json(&remarks[i]), mark)))
            return EXIT_IO;
    }
    if (!options->input.is_json && files->count > 0)
        print_sum(files, remarks, count);
    return has_failed ? EXIT_FINDING : EXIT_OK;
}

static int judge_and_show(const struct lint_options *options, const struct pins_files *files) {
    struct pin_lint_chain *chains = arena_take_array(files->arena, options->chain_count + 1, sizeof *chains);
    struct pin_lint_facts facts = {.now = options->now, .is_renewed_automatically = options->is_renewed_automatically, .chains = chains, .chain_count = options->chain_count};
    struct pin_lint_remark *remarks;
    size_t count;
    if (chains == NULL)
        return exit_with(&fault_no_memory, NULL);
    int code = read_chains(options, files->arena, chains);
    if (code == EXIT_OK)
        code = read_releases(options->releases, files, &facts);
    if (code != EXIT_OK)
        return code;
    result outcome = pin_lint(files->documents, files->count, &facts, files->arena, &remarks, &count);
    return outcome == OK ? show(options, files, remarks, count) : exit_with(outcome, NULL);
}

int pins_run_lint(int argc, char **argv) {
    struct lint_options options = {.fail_on = SEVERITY_WARNING, .now = clock_wall_ms() / 1000};
    struct pins_files files;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = pins_read_files(&options.input.paths, PINS_INPUT_FORMAT(&options.input), &files);
    if (code != EXIT_OK)
        return code;
    code = judge_and_show(&options, &files);
    if (files.refused > 0 && (code == EXIT_OK || code == EXIT_FINDING))
        code = files.code == EXIT_DATA ? PINS_EXIT_UNREADABLE : files.code;
    pins_files_done(&files);
    return code;
}
