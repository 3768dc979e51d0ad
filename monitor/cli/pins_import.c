#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/pins.h"
#include "cli/table.h"
#include "rules/pin_holder.h"

struct import_options {
    struct pins_paths paths;
    enum pin_format format;
    const char *host;
    bool has_format, is_dry_run, is_json;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct import_options *options = state->input;
    switch (key) {
    case 'F':
        options->format = pins_format_of_argument(value, state);
        options->has_format = true;
        return 0;
    case 'H':
        options->host = pins_host_of_argument(value, state);
        return 0;
    case 'n':
        options->is_dry_run = true;
        return 0;
    case 'j':
        options->is_json = true;
        return 0;
    case ARGP_KEY_ARG:
        pins_take_path(&options->paths, value, state);
        return 0;
    case ARGP_KEY_END:
        if (options->paths.count == 0)
            argp_error(state, "which files? (- for standard input)");
        if (!options->is_dry_run)
            argp_error(state, "this version reads and shows pin sets, it does not keep them: say so with --dry-run");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options_taken[] = {
    PINS_OPTION_FORMAT,
    {"host", 'H', "HOST", 0, "Only what holds for this host; pins of a file that names no host (a key, Chromium's list) are taken to be for it", 0},
    {"dry-run", 'n', NULL, 0, "Read and show, keep nothing; needs no database", 0},
    COMMAND_OPTION_JSON,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "FILE...",
    .doc = "Read pin files as their platforms would, and show each pin set: for which names, which keys, until when, and whether a mismatch refuses the "
           "connection. Formats: Android network security config (XML, or compiled, also inside an APK), Apple NSPinnedDomains (plist, also inside an IPA), "
           "TrustKit, OkHttp lines, HPKP headers, TLSA records, Chromium pins, our YAML, and certificates, requests and public keys. What could not be used is told on "
           "standard error, with file and line.\v"
           "Examples:\n"
           "  pinwatch pins import --dry-run app/src/main/res/xml/network_security_config.xml\n"
           "  pinwatch pins import --dry-run --json app-release.apk Info.plist\n\n"
           "docs/pins.md explains the formats and every remark.\n\n"
           "Exit codes: 0 everything was read; 1 read, but some entries could not be used; 64 wrong usage; 65 a file cannot be used at all; 69 this machine lacks something.",
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
    for (size_t i = 0; i < document->set_count; i++) { /* a host may have records for several ports */
        const struct pin_set *set = &document->sets[i];
        const struct pin_set **room = arena_take_array(arena, document->set_count + 1, sizeof *room);
        size_t found = room == NULL ? 0 : pin_sets_for_host(document, options->host, set->port, set->protocol, room, document->set_count);
        for (size_t k = 0; k < found; k++)
            if (room[k] == set)
                sets[(*ret_count)++] = set;
    }
    return sets;
}

/* ---- JSON */

static bool print_set_json(const struct pin_document *document, const struct pin_set *set) {
    CLEANUP(buffer_done) struct buffer line = buffer_with_limit((size_t) 64 * 1024 * 1024);
    if (pin_set_to_json(document, set, &line) != OK)
        return false;
    buffer_add_text(&line, "\n");
    return buffer_check(&line) == OK && fputs(buffer_text(&line), stdout) != EOF;
}

/* ---- table */

enum { COLUMN_NAMES, COLUMN_PINS, COLUMN_KEYS, COLUMN_MODE, COLUMN_EXPIRES, COLUMN_FORMAT, COLUMN_SOURCE, COLUMN_COUNT };
static const struct table_column columns[COLUMN_COUNT] = {
    [COLUMN_NAMES] = {.title = "HOST"},           [COLUMN_PINS] = {.title = "PINS", .is_number = true},
    [COLUMN_KEYS] = {.title = "KEYS", .is_wide = true}, [COLUMN_MODE] = {.title = "MODE"},
    [COLUMN_EXPIRES] = {.title = "EXPIRES"},      [COLUMN_FORMAT] = {.title = "FORMAT", .is_spare = true},
    [COLUMN_SOURCE] = {.title = "SOURCE", .is_spare = true},
};

static size_t pin_count_of(const struct pin_set *set) {
    size_t count = 0;
    for (size_t group = 0; group < set->group_count; group++)
        count += set->groups[group].count;
    return count;
}

static void count_owner(const char *owner, const char **owners, size_t *counts, size_t *count, size_t rooms) {
    for (size_t i = 0; i < *count; i++)
        if (strcmp(owners[i], owner) == 0) {
            counts[i]++;
            return;
        }
    if (*count == rooms)
        return;
    owners[*count] = owner;
    counts[(*count)++] = 1;
}

/* "ISRG Root X1, ISRG Root X2, no known CA ×2" */
static void keys_text(const struct pin_set *set, struct buffer *out) {
    enum { OWNERS = 32 };
    const char *owners[OWNERS];
    size_t counts[OWNERS], count = 0;
    for (size_t group = 0; group < set->group_count; group++)
        for (size_t i = 0; i < set->groups[group].count; i++) {
            struct pin_holder holder;
            bool is_known = pin_holder_find(&set->groups[group].pins[i], NULL, &holder);
            const char *who = !is_known ? "no known CA" : holder.name != NULL ? holder.name : holder.owner != NULL ? holder.owner : "a CA";
            count_owner(who, owners, counts, &count, OWNERS);
        }
    for (size_t i = 0; i < count; i++)
        buffer_printf(out, counts[i] > 1 ? "%s%s ×%zu" : "%s%s", i == 0 ? "" : ", ", owners[i], counts[i]);
}

static void put_mode(struct table *table, const struct pin_set *set) {
    bool is_quiet = set->is_pinned && !set->is_enforced;
    table_text(table, COLUMN_MODE, !set->is_pinned ? "not pinned" : set->is_enforced ? "enforced" : set->is_report_only ? "report only" : "not enforced");
    if (is_quiet)
        table_tone(table, COLUMN_MODE, TONE_WARNING);
}

static void put_expiry(struct table *table, const struct pin_set *set) {
    char when[RFC3339_SIZE], text[64];
    if (set->has_max_age)
        snprintf(text, sizeof text, "%ju s after a visit", (uintmax_t) set->max_age_s);
    else if (set->has_expiry) {
        text_of_time(set->expires, when);
        snprintf(text, sizeof text, "%.10s%s", when, set->is_expiry_local ? " (device time)" : "");
    } else
        return;
    table_text(table, COLUMN_EXPIRES, text);
}

static void add_row(struct table *table, const struct pin_document *document, const struct pin_set *set, struct arena *arena) {
    CLEANUP(buffer_done) struct buffer keys = buffer_with_limit(4096), source = buffer_with_limit(8192);
    const char *names = pins_names_text(set, arena);
    keys_text(set, &keys);
    buffer_printf(&source, set->line > 0 ? "%s:%u" : "%s", document->source, set->line);
    table_text(table, COLUMN_NAMES, names == NULL ? "" : names);
    table_number(table, COLUMN_PINS, (int64_t) pin_count_of(set));
    table_text(table, COLUMN_KEYS, buffer_text(&keys));
    put_mode(table, set);
    put_expiry(table, set);
    table_text(table, COLUMN_FORMAT, pin_format_name(set->format));
    table_text(table, COLUMN_SOURCE, buffer_text(&source));
    table_end_row(table);
}

/* ---- */

static int show_document(const struct import_options *options, const struct pins_files *files, const struct pin_document *document, struct table *table) {
    size_t count;
    const struct pin_set **sets = sets_of(options, document, files->arena, &count);
    if (sets == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < count; i++)
        if (!options->is_json)
            add_row(table, document, sets[i], files->arena);
        else if (!print_set_json(document, sets[i]))
            return EXIT_IO;
    return EXIT_OK;
}

static int show(const struct import_options *options, const struct pins_files *files) {
    CLEANUP(table_free_at) struct table *table = table_new(columns, COLUMN_COUNT, false);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < files->count; i++) {
        pins_print_remarks(&files->documents[i]);
        int code = show_document(options, files, &files->documents[i], table);
        if (code != EXIT_OK)
            return code;
    }
    return options->is_json ? EXIT_OK : table_print(table, options->host == NULL ? "no pin sets" : "no pin set holds for this host");
}

static bool has_errors(const struct pins_files *files) {
    for (size_t i = 0; i < files->count; i++)
        if (pins_has_remark(&files->documents[i], PIN_REMARK_ERROR))
            return true;
    return false;
}

int pins_run_import(int argc, char **argv) {
    struct import_options options = {.is_json = false};
    struct pins_files files;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = pins_read_files(&options.paths, options.has_format ? &options.format : NULL, &files);
    if (code != EXIT_OK)
        return code;
    code = show(&options, &files);
    if (code == EXIT_OK)
        code = files.refused > 0 ? files.code : has_errors(&files) ? EXIT_FINDING : EXIT_OK;
    pins_files_done(&files);
    return code;
}
