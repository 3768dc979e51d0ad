#include <stdio.h>

#include "base/memory.h"
#include "base/whole_json.h"
#include "cli/pins_keep.h"
#include "cli/pins_table.h"

struct import_options {
    struct pins_input input;
    const char *host, *name, *config;
    bool is_dry_run, is_partial;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct import_options *options = state->input;
    switch (key) {
    case 'H':
        options->host = pins_host_of_argument(value, state);
        return 0;
    case 'N':
        options->name = value;
        return 0;
    case 'c':
        options->config = value;
        return 0;
    case 'p':
        options->is_partial = true;
        return 0;
    case 'n':
        options->is_dry_run = true;
        return 0;
    case ARGP_KEY_END:
        if (options->input.paths.count == 0)
            argp_error(state, "which files? (- for standard input)");
        if (options->name != NULL && options->input.paths.count > 1)
            argp_error(state, "--name is for one file: import several one by one");
        return 0;
    default:
        return pins_input_take(key, value, state, &options->input);
    }
}

static const struct argp_option options_taken[] = {
    PINS_OPTION_FORMAT,
    {"host", 'H', "HOST", 0, "Pins of a file that names no host (a key, Chromium's list) are taken to be for it; with --dry-run only what holds for it is shown", 0},
    {"name", 'N', "NAME", 0, "Store the file's pins under this name instead of the file's own", 0},
    {"partial", 'p', NULL, 0, "Store also files of which some entries could not be used, without these", 0},
    {"dry-run", 'n', NULL, 0, "Read and show, store nothing; needs no database", 0},
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "FILE...",
    .doc = "Read pin files as their platforms would, and store them, so that releases can name them; what is stored under a name already becomes its next version, "
           "and what changes for clients is told. All FILEs are stored, or none. With --dry-run each pin set is shown: for which names, which keys, until when, and whether a mismatch refuses the "
           "connection. Formats: Android network security config (XML, or compiled, also inside an APK), Apple NSPinnedDomains (plist, also inside an IPA), "
           "TrustKit, OkHttp lines, HPKP headers, TLSA records, Chromium pins, our YAML, and certificates, requests and public keys. What could not be used is told on "
           "standard error, with file and line.\v"
           "Examples:\n"
           "  pinwatch pins import --dry-run res/xml/network_security_config.xml\n"
           "  pinwatch pins import --dry-run --json app-release.apk Info.plist\n"
           "  pinwatch pins import --name bank-4.2 app-release.apk\n\n"
           "docs/pins.md explains the formats and every remark.\n\n"
           "Exit codes: 0 everything was read, and stored unless --dry-run; 1 some entries could not be used: nothing was stored, but with --partial; 64 wrong usage; "
           "65 a file cannot be used at all; 69 the database cannot be reached, or this machine lacks something; 78 settings are wrong.",
};

/* ---- which sets */

/* A file without hosts has its pins for the host that is asked for. */
static void put_host(const struct pin_document *document, const char *host) {
    for (size_t i = 0; i < document->set_count; i++)
        if (document->sets[i].host == NULL)
            document->sets[i].host = host;
}

/* Sets of the document in the order of the file, or those that hold for the host. NULL without memory. */
static const struct pin_set **sets_of(const struct import_options *options, const struct pin_document *document, struct arena *arena, size_t *ret_count) {
    const struct pin_set **sets = arena_take_array(arena, document->set_count + 1, sizeof *sets);
    if (sets == NULL)
        return NULL;
    for (size_t i = 0; options->host == NULL && i < document->set_count; i++)
        sets[i] = &document->sets[i];
    *ret_count = document->set_count;
    if (options->host == NULL)
        return sets;
    put_host(document, options->host);
    *ret_count = 0;
    const struct pin_set **room = arena_take_array(arena, document->set_count + 1, sizeof *room);
    bool *holds = arena_take_array(arena, document->set_count + 1, sizeof *holds);
    if (room == NULL || holds == NULL)
        return NULL;
    size_t found = pin_sets_for_host(document, options->host, 0, "", room, document->set_count);
    for (size_t i = 0; i < found; i++)
        holds[room[i] - document->sets] = true;
    for (size_t i = 0; i < document->set_count; i++) { /* a host may have records for several ports, each for it alone */
        const struct pin_set *set = &document->sets[i];
        if (set->port == 0 ? holds[i] : strcmp(set->host, options->host) == 0)
            sets[(*ret_count)++] = set;
    }
    return sets;
}

/* ---- JSON */

/* The members that say what was stored, behind those of the set. */
static bool print_stored_json(const char *line, const struct store_pin_outcome *outcome) {
    uint64_t mark = memory_mark();
    json_t *object = json_loads(line, 0, NULL);
    json_object_set_new(object, "document", json_string(outcome->name));
    json_object_set_new(object, "version", json_integer(outcome->version));
    json_object_set_new(object, "stored", json_string(pins_outcome_word(outcome)));
    return print_json_line(json_if_whole(object, mark));
}

static bool print_set_json(const struct pin_document *document, const struct pin_set *set, const struct store_pin_outcome *outcome) {
    CLEANUP(buffer_done) struct buffer line = buffer_with_limit((size_t) 64 * 1024 * 1024);
    if (pin_set_to_json(document, set, &line) != OK)
        return false;
    if (outcome != NULL)
        return print_stored_json(buffer_text(&line), outcome);
    buffer_add_text(&line, "\n");
    return buffer_check(&line) == OK && fputs(buffer_text(&line), stdout) != EOF;
}

/* ---- showing */

static int show_document(const struct import_options *options, const struct pins_keeping *keeping, size_t number, struct table *table) {
    const struct pin_document *document = &keeping->files->documents[number];
    size_t count;
    const struct pin_set **sets = sets_of(options, document, keeping->files->arena, &count);
    if (sets == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < count; i++)
        if (!options->input.is_json)
            pins_table_add(table, document, sets[i], keeping->files->arena);
        else if (!print_set_json(document, sets[i], keeping->outcomes == NULL ? NULL : &keeping->outcomes[number]))
            return EXIT_IO;
    return EXIT_OK;
}

static int show(const struct import_options *options, const struct pins_keeping *keeping) {
    CLEANUP(table_free_at) struct table *table = pins_table_new();
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < keeping->files->count; i++) {
        int code = show_document(options, keeping, i, table);
        if (code != EXIT_OK)
            return code;
    }
    bool has_read = keeping->files->count > 0; /* of a file that was refused nothing can be said */
    return options->input.is_json || !has_read ? EXIT_OK : table_print(table, options->host == NULL ? "no pin sets" : "no pin set holds for this host");
}

static bool has_errors(const struct pins_files *files) {
    for (size_t i = 0; i < files->count; i++)
        if (pins_has_remark(&files->documents[i], PIN_REMARK_ERROR))
            return true;
    return false;
}

/* ---- storing */

static int store_documents(const struct import_options *options, struct pins_keeping *keeping) {
    struct database database;
    int code = database_open(options->config, &database);
    if (code != EXIT_OK)
        return code;
    result outcome = pins_keep(keeping, &database);
    code = outcome == OK ? EXIT_OK : database_failed(&database, outcome);
    database_done(&database);
    return code;
}

static int keep(const struct import_options *options, struct pins_keeping *keeping) {
    struct reason reason = {""};
    for (size_t i = 0; options->host != NULL && i < keeping->files->count; i++)
        put_host(&keeping->files->documents[i], options->host);
    result outcome = pins_keep_prepare(keeping, &reason);
    int code = outcome == OK ? store_documents(options, keeping) : exit_with(outcome, &reason);
    if (code != EXIT_OK)
        return code;
    struct import_options shown = *options;
    shown.host = NULL; /* what was stored is shown, all of it */
    if (options->input.is_json)
        return show(&shown, keeping);
    outcome = pins_keep_tell(keeping);
    return outcome == OK ? EXIT_OK : exit_with(outcome, NULL);
}

static bool may_keep(const struct import_options *options, const struct pins_files *files) {
    if (options->is_dry_run)
        return false;
    bool may = files->refused == 0 && (options->is_partial || !has_errors(files));
    if (!may)
        fprintf(stderr, "pinwatch: nothing was stored, because not everything could be read%s\n",
                files->refused == 0 ? "; --partial stores the rest" : "");
    return may;
}

int pins_run_import(int argc, char **argv) {
    struct import_options options = {.name = NULL};
    struct pins_files files;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = pins_read_files(&options.input.paths, PINS_INPUT_FORMAT(&options.input), &files);
    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < files.count; i++)
        pins_print_remarks(&files.documents[i]);
    struct pins_keeping keeping = {.paths = &options.input.paths, .files = &files, .name = options.name};
    code = may_keep(&options, &files) ? keep(&options, &keeping) : show(&options, &keeping);
    if (code == EXIT_OK)
        code = files.refused > 0 ? files.code : has_errors(&files) ? EXIT_FINDING : EXIT_OK;
    pins_files_done(&files);
    return code;
}
