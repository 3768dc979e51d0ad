/* `pinwatch releases …`: which builds of apps are out there, and which pins they carry. */
#include "cli/releases.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/database.h"
#include "cli/read_file.h"
#include "cli/table.h"
#include "store/pins.h"

#define FILE_SIZE_MAX ((size_t) 16 * 1024 * 1024)
#define LIMIT_DEFAULT 100000
#define CHANGE_EXITS \
    "Exit codes: 0 done, or nothing to change; 65 a value or file is wrong, or a document or release does not exist; 69 the database cannot be reached; " \
    "74 writing failed; 78 settings are wrong."

enum { WORDS_MAX = 3 };

struct release_options {
    struct list_options list;
    const char *words[WORDS_MAX]; /* app, platform, version; or a file */
    unsigned word_count, words_wanted;
    const char *question;
    const char *pins[PINS_OF_RELEASE_MAX];
    size_t pin_count;
    const char *released_on, *share, *end_of_support, *app;
    bool is_dry_run, with_retired, pins_nothing;
};

static error_t take_word(char *value, struct argp_state *state, struct release_options *options) {
    if (options->word_count == options->words_wanted)
        argp_error(state, "'%s' is one word too many", value);
    options->words[options->word_count++] = value;
    return 0;
}

static error_t take_fact(int key, char *value, struct argp_state *state, struct release_options *options) {
    switch (key) {
    case 'p':
        if (options->pin_count == PINS_OF_RELEASE_MAX)
            argp_error(state, "at most %d documents belong to a release", PINS_OF_RELEASE_MAX);
        options->pins[options->pin_count++] = value;
        return 0;
    case 'r':
        options->released_on = value;
        return 0;
    case 'S':
        options->share = value;
        return 0;
    case 'e':
        options->end_of_support = value;
        return 0;
    case 'u':
        options->pins_nothing = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct release_options *options = state->input;
    if (list_option_take(key, value, state, &options->list))
        return 0;
    switch (key) {
    case 'd':
        options->is_dry_run = true;
        return 0;
    case 'a':
        options->with_retired = true;
        return 0;
    case 'A':
        options->app = value;
        return 0;
    case ARGP_KEY_ARG:
        return take_word(value, state, options);
    case ARGP_KEY_END:
        if (options->word_count < options->words_wanted)
            argp_error(state, "%s", options->question);
        return 0;
    default:
        return take_fact(key, value, state, options);
    }
}

static const struct argp_option add_taken[] = {
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {"pins", 'p', "NAME", 0, "A stored pin document that ships in it (`pinwatch pins list`); repeats", 0},
    {"no-pins", 'u', NULL, 0, "It pins nothing", 0},
    {"released-on", 'r', "DATE", 0, "The day it came out, 2026-11-21; before that it is not live", 0},
    {"share", 'S', "SHARE", 0, "Its part of the app's users: 0.125, or 12.5%. Without it that is not known, and counts as all", 0},
    {"end-of-support", 'e', "DATE", 0, "From this day on nobody needs it to work", 0},
    {"dry-run", 'd', NULL, 0, "Show what would change, change nothing", 0},
    {0},
};
static const struct argp_option import_taken[] = {
    COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, {"dry-run", 'd', NULL, 0, "Show what would change, change nothing", 0}, {0}};
static const struct argp_option retire_taken[] = {COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, {0}};
static const struct argp_option list_taken[] = {
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {"app", 'A', "APP", 0, "Of this app alone", 0},
    {"all", 'a', NULL, 0, "Retired ones too", 0},
    {"limit", 'n', "N", 0, "At most so many rows (100000)", 0},
    {0},
};
static const struct argp add_parser = {
    .options = add_taken, .parser = take_option, .args_doc = "APP PLATFORM VERSION",
    .doc = "Add a release: a build that is out there, with the pins that ship in it; or say anew all that is known of it. One that was retired is out again.\v"
           "Example:\n"
           "  pinwatch releases add Bank android 4.2.1 --pins app-release.apk --released-on 2026-03-01 --share 40%\n\n" CHANGE_EXITS};
static const struct argp import_parser = {
    .options = import_taken, .parser = take_option, .args_doc = "FILE",
    .doc = "Add the releases of a list (docs/pins.md), YAML or CSV with a header row of app, platform, version, released_on, share, end_of_support, pins; or say "
           "anew what is known of them. Those that the list does not have stay, retired ones stay retired. All are taken, or none.\v" CHANGE_EXITS};
static const struct argp retire_parser = {
    .options = retire_taken, .parser = take_option, .args_doc = "APP PLATFORM VERSION",
    .doc = "Nobody uses this release any more: it does not count from now on, whatever its dates.\v" CHANGE_EXITS};
static const struct argp list_parser = {
    .options = list_taken, .parser = take_option,
    .doc = "List releases, and whether they are live: out, not retired, support not ended.\vExit codes: 0 listed; 69 the database cannot be reached; 74 writing failed; 78 settings are wrong."};

/* ---- facts of one release, read as a list with one row: the rules are the same */

static void add_field(struct buffer *out, const char *text, char behind) {
    buffer_add_text(out, "\"");
    for (; text != NULL && *text != '\0'; text++)
        buffer_printf(out, *text == '"' ? "\"\"" : "%c", *text);
    buffer_printf(out, "\"%c", behind);
}

static void add_row(const struct release_options *options, struct buffer *out) {
    CLEANUP(buffer_done) struct buffer pins = buffer_with_limit(FILE_SIZE_MAX);
    for (size_t i = 0; i < options->pin_count; i++)
        buffer_printf(&pins, "%s%s", i == 0 ? "" : ";", options->pins[i]);
    for (unsigned i = 0; i < WORDS_MAX; i++)
        add_field(out, options->words[i], ',');
    add_field(out, options->released_on, ',');
    add_field(out, options->share, ',');
    add_field(out, options->end_of_support, ',');
    add_field(out, buffer_text(&pins), '\n');
    out->failed |= pins.failed;
}

static result read_words(const struct release_options *options, struct arena *arena, struct release **ret_releases, size_t *ret_count, struct reason *reason) {
    static const char line[] = "line 2: ";
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(FILE_SIZE_MAX);
    struct reason why = {""};
    buffer_add_text(&text, "app,platform,version,released_on,share,end_of_support,pins\n");
    add_row(options, &text);
    TRY(buffer_check(&text));
    result outcome = release_file_read(buffer_span(&text), arena, ret_releases, ret_count, &why);
    if (outcome == OK)
        return OK;
    bool has_line = strncmp(why.text, line, sizeof line - 1) == 0;
    return reason_set(reason, outcome, "%s", has_line ? why.text + sizeof line - 1 : why.text);
}

static result read_list(const struct release_options *options, struct arena *arena, struct release **ret_releases, size_t *ret_count, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(FILE_SIZE_MAX);
    struct reason why = {""};
    TRY(read_file(options->words[0], &text, reason));
    uint8_t *bytes = arena_copy(arena, buffer_span(&text)); /* values lie in it */
    if (bytes == NULL)
        return &fault_no_memory;
    result outcome = release_file_read(span_of(bytes, text.size), arena, ret_releases, ret_count, &why);
    return outcome == OK ? OK : reason_set(reason, outcome, "%s: %s", options->words[0], why.text);
}

/* ---- add and import */

static const struct table_column change_columns[] = {
    {"Change", "change", false, false, false}, {"Release", "release", false, false, false}, {"Before", "before", false, false, true},
    {"After", "after", false, true, false},    {NULL, "applied", false, false, false},
};

static void put_facts(struct table *table, size_t column, const char *json) {
    if (json[0] != '\0')
        table_json(table, column, json_loads(json, 0, NULL), json);
}

static int print_changes(const struct release_options *options, const struct store_change *changes, size_t count, size_t given) {
    CLEANUP(table_free_at) struct table *table = table_new(change_columns, sizeof change_columns / sizeof change_columns[0], options->list.is_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < count; i++) {
        table_text(table, 0, changes[i].change);
        table_text(table, 1, changes[i].name);
        put_facts(table, 2, changes[i].before);
        put_facts(table, 3, changes[i].after);
        table_boolean(table, 4, !options->is_dry_run);
        table_end_row(table);
    }
    int code = count == 0 && !options->list.is_json ? EXIT_OK : table_print(table, "");
    if (code == EXIT_OK && !options->list.is_json)
        printf("%zu of %zu releases %s.%s\n", count, given, count == 1 ? "is new or changed" : "are new or changed",
               options->is_dry_run ? " Nothing was written (dry run)." : "");
    return code;
}

typedef result releases_reader(const struct release_options *options, struct arena *arena, struct release **ret_releases, size_t *ret_count, struct reason *reason);

static int set_releases(const struct release_options *options, releases_reader *read, bool revives) {
    struct database database;
    struct reason reason = {""};
    struct store_releases_wish wish = {.revives = revives, .is_dry_run = options->is_dry_run};
    struct release *releases;
    struct store_change *changes;
    size_t count;
    int code = database_open(options->list.config, &database);
    if (code != EXIT_OK)
        return code;
    struct store_author author = {.tenant_id = DEFAULT_TENANT, .who = author_name(database.arena), .now_ms = clock_wall_ms()};
    result outcome = author.who == NULL ? &fault_no_memory : read(options, database.arena, &releases, &wish.count, &reason);
    if (outcome != OK) {
        database_done(&database);
        return exit_with(outcome, &reason);
    }
    wish.author = &author;
    wish.releases = releases;
    outcome = store_releases_set(database.store, &wish, database.arena, &changes, &count);
    code = outcome == OK ? print_changes(options, changes, count, wish.count) : database_failed(&database, outcome);
    database_done(&database);
    return code;
}

static int run_add(int argc, char **argv) {
    struct release_options options = {.words_wanted = 3, .question = "which release? APP PLATFORM VERSION, as Bank android 4.2.1"};
    if (command_parse(&add_parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    if ((options.pin_count == 0) != options.pins_nothing) {
        struct reason reason = {""};
        (void) reason_set(&reason, OK, "releases: wanted --pins with the names of the documents that ship in it, or --no-pins where it pins nothing");
        (void) exit_with(&fault_release_file, &reason);
        return EXIT_USAGE_WRONG;
    }
    return set_releases(&options, read_words, true);
}

static int run_import(int argc, char **argv) {
    struct release_options options = {.words_wanted = 1, .question = "which file? (- for standard input)"};
    return command_parse(&import_parser, argc, argv, &options) != 0 ? EXIT_USAGE_WRONG : set_releases(&options, read_list, false);
}

/* ---- retire */

static int retire(const struct release_options *options, struct database *database) {
    struct store_author author = {.tenant_id = DEFAULT_TENANT, .who = author_name(database->arena), .now_ms = clock_wall_ms()};
    struct release *release;
    struct reason reason = {""};
    size_t count;
    bool was_live;
    result outcome = author.who == NULL ? &fault_no_memory : read_words(options, database->arena, &release, &count, &reason);
    if (outcome != OK)
        return exit_with(outcome, &reason);
    outcome = store_release_retire(database->store, &author, release, &was_live);
    if (outcome != OK)
        return database_failed(database, outcome);
    if (options->list.is_json)
        return print_json_line(json_pack("{s:s, s:s, s:s, s:b}", "app", release->app, "platform", release->platform, "version", release->version, "changed",
                                         was_live)) ? EXIT_OK : EXIT_IO;
    puts(was_live ? "Retired: it does not count any more." : "It was retired already.");
    return EXIT_OK;
}

static int run_retire(int argc, char **argv) {
    struct release_options options = {.words_wanted = 3, .question = "which release? APP PLATFORM VERSION (`pinwatch releases list`)"};
    struct database database;
    if (command_parse(&retire_parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.list.config, &database);
    if (code != EXIT_OK)
        return code;
    code = retire(&options, &database);
    database_done(&database);
    return code;
}

/* ---- list */

static int run_list(int argc, char **argv) {
    struct release_options options = {.list = {.limit = LIMIT_DEFAULT}};
    struct database database;
    if (command_parse(&list_parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.list.config, &database);
    if (code != EXIT_OK)
        return code;
    struct store_release_question question = {.tenant_id = DEFAULT_TENANT, .app = options.app, .with_retired = options.with_retired, .limit = options.list.limit};
    struct store_release *releases;
    size_t count;
    result outcome = store_releases_list(database.store, &question, database.arena, &releases, &count);
    code = outcome == OK ? releases_print(releases, count, options.list.is_json, clock_wall_ms() / 1000) : database_failed(&database, outcome);
    database_done(&database);
    return code;
}

static const struct command sub_commands[] = {
    {"add", "", "Add a release, or say anew what is known of it", run_add},
    {"list", "", "List releases, and whether they are live", run_list},
    {"retire", "", "Nobody uses this release any more", run_retire},
    {"import", "", "Add releases from a list, YAML or CSV", run_import},
    {0},
};

int command_releases(int argc, char **argv) {
    return command_run_sub(sub_commands, "Releases: which builds of apps are out there, and which pins they carry.", argc, argv);
}
