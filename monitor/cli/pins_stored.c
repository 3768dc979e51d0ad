/* `pinwatch pins list|show|remove`: what is stored. */
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/database.h"
#include "cli/pins.h"
#include "cli/pins_table.h"
#include "store/pins.h"

#define LIMIT_DEFAULT 100000

struct stored_options {
    struct list_options list;
    const char *name;
    int64_t version; /* 0: the one in force */
    bool is_yaml;
};

static error_t take_list_option(int key, char *value, struct argp_state *state) {
    struct stored_options *options = state->input;
    return list_option_take(key, value, state, &options->list) ? 0 : command_no_argument(key, value, state);
}

static error_t take_name_option(int key, char *value, struct argp_state *state) {
    struct stored_options *options = state->input;
    switch (key) {
    case 'v':
        options->version = id_of_argument(value, state);
        return 0;
    case 'y':
        options->is_yaml = true;
        return 0;
    default:
        if (list_option_take(key, value, state, &options->list))
            return 0;
        return command_one_argument(key, value, state, "name", "which document? (`pinwatch pins list` shows their names)", &options->name);
    }
}

static const struct argp_option list_taken[] = {
    COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, {"limit", 'n', "N", 0, "At most so many rows (100000)", 0}, {0}};
static const struct argp_option show_taken[] = {
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {"version", 'v', "N", 0, "This version instead of the one in force", 0},
    {"yaml", 'y', NULL, 0, "Print what is stored, as YAML that the other commands read", 0},
    {0},
};
static const struct argp_option remove_taken[] = {COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, {0}};
static const struct argp list_parser = {
    .options = list_taken, .parser = take_list_option,
    .doc = "List the pin documents in force.\vExit codes: 0 listed; 69 the database cannot be reached; 78 settings are wrong."};
static const struct argp show_parser = {
    .options = show_taken, .parser = take_name_option, .args_doc = "NAME",
    .doc = "Show the versions of a document, newest first, and the pin sets of the one in force.\v"
           "Examples:\n"
           "  pinwatch pins show app-release.apk\n"
           "  pinwatch pins show app-release.apk --version 2 --yaml > before.yaml\n\n"
           "Exit codes: 0 shown; 65 there is no such document, or no such version of it; 69 the database cannot be reached; 78 settings are wrong."};
static const struct argp remove_parser = {
    .options = remove_taken, .parser = take_name_option, .args_doc = "NAME",
    .doc = "Take a document out of force. Its versions stay. A document that a release names is not removed, unless that is retired.\v"
           "Exit codes: 0 removed; 65 there is no such document, or a release names it; 69 the database cannot be reached; 78 settings are wrong."};

static int run_with(const struct argp *parser, int argc, char **argv, int (*work)(const struct stored_options *options, struct database *database)) {
    struct stored_options options = {.list = {.limit = LIMIT_DEFAULT}};
    struct database database;
    if (command_parse(parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.list.config, &database);
    if (code != EXIT_OK)
        return code;
    code = work(&options, &database);
    database_done(&database);
    return code;
}

/* ---- list */

static const struct table_column list_columns[] = {
    {"Name", "name", false, true, false},      {"Version", "version", true, false, false}, {"Format", "format", false, false, false}, {"Source", "source", false, false, true},
    {"Set by", "set_by", false, false, true},  {"Who", "who", false, false, true},         {"Since", "from", false, false, false},    {NULL, "sha256", false, false, false},
};

static void put_hash(struct table *table, size_t column, const struct hash *hash) {
    char hex[HASH_HEX_SIZE];
    hash_to_hex(hash, hex);
    table_text(table, column, hex);
}

static int list(const struct stored_options *options, struct database *database) {
    struct store_pin_question question = {.tenant_id = DEFAULT_TENANT, .limit = options->list.limit};
    struct store_pin_document *documents;
    size_t count;
    result outcome = store_pin_documents_list(database->store, &question, database->arena, &documents, &count);
    if (outcome != OK)
        return database_failed(database, outcome);
    CLEANUP(table_free_at) struct table *table = table_new(list_columns, sizeof list_columns / sizeof list_columns[0], options->list.is_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < count; i++) {
        table_text(table, 0, documents[i].name);
        table_number(table, 1, documents[i].version);
        table_text(table, 2, pin_format_name(documents[i].format));
        table_text(table, 3, documents[i].source);
        table_text(table, 4, documents[i].set_by_apply ? "apply" : "cli");
        table_text(table, 5, documents[i].set_who);
        table_time_ms(table, 6, documents[i].from_ms);
        put_hash(table, 7, &documents[i].sha256);
        table_end_row(table);
    }
    return table_print(table, "No pins are stored: `pinwatch pins import FILE` begins.");
}

int pins_run_list(int argc, char **argv) {
    return run_with(&list_parser, argc, argv, list);
}

/* ---- show */

static const struct table_column version_columns[] = {
    {"Version", "version", true, false, false}, {"Format", "format", false, false, false}, {"Source", "source", false, true, false},
    {"Set by", "set_by", false, false, true},   {"Who", "who", false, false, false},       {"From", "from", false, false, false},
    {"Until", "until", false, false, false},    {NULL, "ended_by", false, false, false},   {NULL, "ended_who", false, false, false},
    {NULL, "name", false, false, false},        {NULL, "sha256", false, false, false},
};

static void add_version(struct table *table, const struct store_pin_document *document) {
    table_number(table, 0, document->version);
    table_text(table, 1, pin_format_name(document->format));
    table_text(table, 2, document->source);
    table_text(table, 3, document->set_by_apply ? "apply" : "cli");
    table_text(table, 4, document->set_who);
    table_time_ms(table, 5, document->from_ms);
    if (document->has_ended) {
        table_time_ms(table, 6, document->until_ms);
        table_text(table, 7, document->ended_by_apply ? "apply" : "cli");
        table_text(table, 8, document->ended_who);
    }
    table_text(table, 9, document->name);
    put_hash(table, 10, &document->sha256);
    table_end_row(table);
}

static int print_versions(const struct stored_options *options, const struct store_pin_document *documents, size_t count) {
    CLEANUP(table_free_at) struct table *table = table_new(version_columns, sizeof version_columns / sizeof version_columns[0], options->list.is_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < count; i++)
        if (options->version == 0 || documents[i].version == options->version)
            add_version(table, &documents[i]);
    return table_print(table, "");
}

static int print_sets(const struct store_pin_document *stored, struct arena *arena) {
    struct pin_document document;
    struct reason reason = {""};
    result outcome = store_pin_document_read(stored, arena, &document, &reason);
    CLEANUP(table_free_at) struct table *table = pins_table_new();
    if (outcome != OK || table == NULL)
        return exit_with(outcome != OK ? outcome : &fault_no_memory, &reason);
    for (size_t i = 0; i < document.set_count; i++)
        pins_table_add(table, &document, &document.sets[i], arena);
    putchar('\n');
    return table_print(table, "It has no pin set: it pins nothing.");
}

/* The version asked for, or the one in force, or the last that was. */
static const struct store_pin_document *choose(const struct stored_options *options, const struct store_pin_document *documents, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (options->version == 0 || documents[i].version == options->version)
            return &documents[i];
    return NULL;
}

static int show(const struct stored_options *options, struct database *database) {
    struct store_pin_question question = {.tenant_id = DEFAULT_TENANT, .name = options->name, .with_content = true};
    struct store_pin_document *documents;
    size_t count;
    result outcome = store_pin_documents_list(database->store, &question, database->arena, &documents, &count);
    if (outcome != OK)
        return database_failed(database, outcome);
    const struct store_pin_document *chosen = choose(options, documents, count);
    struct reason reason = {""};
    if (chosen == NULL) {
        (void) reason_set(&reason, OK, count == 0 ? "pins: there is no document \"%s\"; `pinwatch pins list` shows those that there are"
                                                  : "pins: \"%s\" has no such version; `pinwatch pins show` without --version lists those that there are", options->name);
        return exit_with(&fault_store_not_found, &reason);
    }
    if (options->is_yaml)
        return fputs(chosen->content, stdout) == EOF ? EXIT_IO : EXIT_OK;
    int code = print_versions(options, documents, count);
    return code == EXIT_OK && !options->list.is_json ? print_sets(chosen, database->arena) : code;
}

int pins_run_show(int argc, char **argv) {
    return run_with(&show_parser, argc, argv, show);
}

/* ---- remove */

static int remove_document(const struct stored_options *options, struct database *database) {
    struct store_author author = {.tenant_id = DEFAULT_TENANT, .who = author_name(database->arena), .now_ms = clock_wall_ms()};
    if (author.who == NULL)
        return exit_with(&fault_no_memory, NULL);
    result outcome = store_pin_document_remove(database->store, &author, options->name);
    if (outcome != OK)
        return database_failed(database, outcome);
    if (options->list.is_json)
        return print_json_line(json_pack("{s:o}", "removed", json_string(options->name))) ? EXIT_OK : EXIT_IO;
    print_sentence(options->name);
    puts(" is out of force; its versions stay.");
    return EXIT_OK;
}

int pins_run_remove(int argc, char **argv) {
    return run_with(&remove_parser, argc, argv, remove_document);
}
