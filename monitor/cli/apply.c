#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/caa_seen.h"
#include "cli/database.h"
#include "cli/policy_names.h"
#include "cli/read_file.h"
#include "cli/table.h"
#include "cli/watch_text.h"
#include "formats/data_file.h"
#include "store/pins.h"

struct apply_options {
    const char *config, *file;
    bool is_json, is_dry_run, allows_unknown;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct apply_options *options = state->input;
    switch (key) {
    case 'c':
        options->config = value;
        return 0;
    case 'j':
        options->is_json = true;
        return 0;
    case 'd':
        options->is_dry_run = true;
        return 0;
    case 'u':
        options->allows_unknown = true;
        return 0;
    default:
        return command_one_argument(key, value, state, "file", "which file? (- for standard input)", &options->file);
    }
}

static const struct argp_option options_taken[] = {
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {"dry-run", 'd', NULL, 0, "Show what would change, change nothing", 0},
    {"allow-unknown", 'u', NULL, 0, "Take CAA domains and owners that the table of CA keys does not know", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "FILE",
    .doc = "Make policies, watches, channels, pins and releases as the YAML file FILE says (docs/watches.md): shows the difference, then applies it in one "
           "transaction. Rows that an earlier apply set and the file no longer has are removed; rows set by other commands stay.\v"
           "Exit codes: 0 applied, or nothing to change; 65 the file is wrong; 69 the database cannot be reached; 78 settings are wrong.",
};

/* Normalised and with the kinds that the store wants; duplicates are refused with the line of the second. */
static result take_watches(const struct data_file *file, struct arena *arena, struct store_data *data, struct reason *reason) {
    data->watches = arena_take_array(arena, file->watch_count + 1, sizeof *data->watches);
    if (data->watches == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < file->watch_count; i++) {
        char value[256];
        struct reason why = {""};
        struct store_watch *watch = &data->watches[data->watch_count++];
        *watch = (struct store_watch){.tenant_id = DEFAULT_TENANT, .policy = file->watches[i].policy};
        result outcome = watch_item_parse(span_of_text(file->watches[i].text), &watch->kind, value, &why);
        if (outcome != OK)
            return reason_set(reason, &fault_data_file, "line %u: %s", file->watches[i].line, why.text);
        watch->value = arena_copy_text(arena, value);
        if (watch->value == NULL)
            return &fault_no_memory;
    }
    return OK;
}

/* The file's text is what was imported. */
static result take_pins(const struct data_file *file, struct arena *arena, struct store_data *data) {
    data->documents = arena_take_array(arena, file->pins_count + 1, sizeof *data->documents);
    data->releases = arena_take_array(arena, file->release_count + 1, sizeof *data->releases);
    if (data->documents == NULL || data->releases == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < file->pins_count; i++) {
        struct store_pin_document *document = &data->documents[i];
        *document = (struct store_pin_document){.name = file->pins[i].name, .content = file->pins[i].content, .source = "apply", .format = PIN_FORMAT_YAML};
        digest_of(span_of_text(document->content), &document->sha256);
    }
    for (size_t i = 0; i < file->release_count; i++)
        data->releases[i] = (struct store_release){.facts = file->releases[i]};
    data->document_count = file->pins_count;
    data->release_count = file->release_count;
    return OK;
}

static result take_data(const struct data_file *file, struct arena *arena, struct store_data *data, struct reason *reason) {
    data->policies = arena_take_array(arena, file->policy_count + 1, sizeof *data->policies);
    data->channels = arena_take_array(arena, file->channel_count + 1, sizeof *data->channels);
    if (data->policies == NULL || data->channels == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < file->policy_count; i++)
        data->policies[i] = (struct store_policy){.tenant_id = DEFAULT_TENANT, .name = file->policies[i].name, .rules = file->policies[i].rules};
    for (size_t i = 0; i < file->channel_count; i++) {
        const struct data_channel *channel = &file->channels[i];
        data->channels[i] = (struct store_channel){.tenant_id = DEFAULT_TENANT, .name = channel->name, .kind = channel->kind,
                                                   .configuration = channel->configuration, .secret_name = channel->secret_name,
                                                   .least_severity = channel->least_severity, .is_enabled = channel->is_enabled};
    }
    data->policy_count = file->policy_count;
    data->channel_count = file->channel_count;
    TRY(take_pins(file, arena, data));
    return take_watches(file, arena, data, reason);
}

static int compare_watches(const void *left, const void *right) {
    const struct store_watch *a = *(const struct store_watch *const *) left, *b = *(const struct store_watch *const *) right;
    return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) : strcmp(a->value, b->value);
}

static result refuse_duplicates(const struct data_file *file, const struct store_data *data, struct arena *arena, struct reason *reason) {
    const struct store_watch **sorted = arena_take_array(arena, data->watch_count + 1, sizeof *sorted);
    if (sorted == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < data->watch_count; i++)
        sorted[i] = &data->watches[i];
    qsort(sorted, data->watch_count, sizeof *sorted, compare_watches);
    for (size_t i = 1; i < data->watch_count; i++)
        if (compare_watches(&sorted[i - 1], &sorted[i]) == 0)
            return reason_set(reason, &fault_data_file, "lines %u and %u: %s is watched twice", file->watches[sorted[i - 1] - data->watches].line,
                              file->watches[sorted[i] - data->watches].line, sorted[i]->value);
    return OK;
}

static result check_names(const struct data_file *file, bool allows_unknown, const struct ca_extra_rows *extra, struct arena *arena,
                          struct reason *reason) {
    for (size_t i = 0; i < file->policy_count; i++) {
        struct reason why = {""};
        TRY(policy_names_check(file->policies[i].rules, extra, arena, &why));
        if (why.text[0] == '\0')
            continue;
        if (!allows_unknown)
            return reason_set(reason, &fault_data_file, "line %u: policy %s: %s; --allow-unknown takes it all the same",
                              file->policies[i].line, file->policies[i].name, why.text);
        fprintf(stderr, "pinwatch: policy %s: %s; other issuers will be reported as unknown, not as unexpected\n", file->policies[i].name, why.text);
    }
    return OK;
}

static const struct table_column columns[] = {
    {"Change", "change", false, false, false}, {"What", "what", false, false, false},  {"Name", "name", false, false, false},
    {"Before", "before", false, false, false}, {"After", "after", false, true, false}, {NULL, "applied", false, false, false},
};

static void set_json(struct table *table, size_t column, const char *json) {
    if (json[0] != '\0')
        table_json(table, column, json_loads(json, JSON_DECODE_ANY, NULL), json);
}

static int print_changes(const struct apply_options *options, const struct store_change *changes, size_t count) {
    struct table *table = table_new(columns, sizeof columns / sizeof columns[0], options->is_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < count; i++) {
        table_text(table, 0, changes[i].change);
        table_text(table, 1, changes[i].what);
        table_text(table, 2, changes[i].name);
        set_json(table, 3, changes[i].before);
        set_json(table, 4, changes[i].after);
        table_boolean(table, 5, !options->is_dry_run);
        table_tone(table, 0, strcmp(changes[i].change, "remove") == 0 ? TONE_BAD : TONE_GOOD);
        table_end_row(table);
    }
    int code = table_print(table, "Nothing changes.");
    table_free(table);
    if (code == EXIT_OK && !options->is_json && count > 0)
        printf(options->is_dry_run ? "%zu changes would be made (dry run).\n" : "%zu changes were made.\n", count);
    return code;
}

static int apply_data(const struct apply_options *options, struct database *database, const struct store_data *data) {
    struct store_author author = {.tenant_id = DEFAULT_TENANT, .who = author_name(database->arena), .is_apply = true, .now_ms = clock_wall_ms()};
    struct store_apply apply = {.author = &author, .wanted = data, .is_dry_run = options->is_dry_run};
    struct store_change *changes;
    size_t count;
    if (author.who == NULL)
        return exit_with(&fault_no_memory, NULL);
    result outcome = store_data_apply(database->store, &apply, database->arena, &changes, &count);
    return outcome == OK ? print_changes(options, changes, count) : database_failed(database, outcome);
}

static result read_data(const struct apply_options *options, struct arena *arena, struct data_file *ret_file, struct store_data *ret_data,
                        struct reason *reason) {
    CLEANUP(buffer_done) struct buffer yaml = buffer_with_limit(DATA_FILE_SIZE_MAX);
    TRY(read_file(options->file, &yaml, reason));
    TRY(data_file_read(buffer_span(&yaml), arena, ret_file, reason));
    TRY(take_data(ret_file, arena, ret_data, reason));
    return refuse_duplicates(ret_file, ret_data, arena, reason);
}

/* Says why a file is refused; returns the exit code. */
static int refuse_file(const struct apply_options *options, result outcome, const struct reason *reason) {
    bool is_about_file = outcome->family == FAULT_SETTINGS || outcome->family == FAULT_INPUT;
    struct reason whole = *reason;
    if (is_about_file && outcome != &fault_file)
        (void) reason_set(&whole, outcome, "%s: %s", options->file, reason->text);
    (void) exit_with(outcome, &whole);
    return is_about_file ? EXIT_DATA : exit_code_of(outcome);
}

/* Owners and domains may be imported ones, which the database knows. */
static int check_and_apply(const struct apply_options *options, struct database *database, const struct data_file *file, const struct store_data *data) {
    struct ca_extra_rows extra;
    struct reason reason = {""};
    result outcome = caa_seen_extra(database, &extra);
    if (outcome != OK)
        return database_failed(database, outcome);
    outcome = check_names(file, options->allows_unknown, &extra, database->arena, &reason);
    return outcome == OK ? apply_data(options, database, data) : refuse_file(options, outcome, &reason);
}

int command_apply(int argc, char **argv) {
    struct apply_options options = {0};
    struct store_data data = {0};
    struct data_file file;
    struct reason reason = {""};
    struct database database;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    struct arena *arena = arena_new((size_t) 2 * 1024 * 1024 * 1024);
    result outcome = arena == NULL ? &fault_no_memory : read_data(&options, arena, &file, &data, &reason);
    if (outcome != OK) {
        arena_free(arena);
        return refuse_file(&options, outcome, &reason);
    }
    int code = database_open(options.config, &database);
    if (code == EXIT_OK) {
        code = check_and_apply(&options, &database, &file, &data);
        database_done(&database);
    }
    arena_free(arena);
    return code;
}
