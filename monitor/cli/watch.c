#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/caa_seen.h"
#include "cli/database.h"
#include "cli/read_file.h"
#include "cli/table.h"
#include "cli/watch_policy.h"
#include "cli/watch_text.h"
#include "formats/watch_list.h"
#include "store/data.h"

#define EXPECTED_MAX 50
#define WATCH_FILE_MAX ((size_t) 1024 * 1024 * 1024)

struct watch_options {
    struct list_options list;
    const char *policy;
    const char *expected[EXPECTED_MAX]; /* CAA domains */
    size_t expected_count;
    bool reports_new;
    char **items; /* arguments */
    int item_count;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct watch_options *options = state->input;
    if (list_option_take(key, value, state, &options->list))
        return 0;
    switch (key) {
    case 'p':
        options->policy = value;
        return 0;
    case 'e':
        if (options->expected_count == EXPECTED_MAX)
            argp_error(state, "--expect: at most %d domains; a policy for `pinwatch apply` takes more", EXPECTED_MAX);
        options->expected[options->expected_count++] = value;
        return 0;
    case 'r':
        options->reports_new = true;
        return 0;
    case ARGP_KEY_END:
        if (options->policy != NULL && (options->expected_count > 0 || options->reports_new))
            argp_error(state, "--policy names a policy, --expect and --report-new make one: wanted one way");
        return 0;
    case ARGP_KEY_ARGS:
        options->items = state->argv + state->next;
        options->item_count = state->argc - state->next;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* A growing list of watches and the arena that holds their values. */
struct gathered {
    struct store_watch *watches;
    size_t count, room;
    struct arena *arena;
    const char *policy;
    struct store_policy made; /* by --expect and --report-new; its name is NULL when there is none */
};

static result gather(struct gathered *gathered, struct span text, struct reason *reason) {
    char value[256];
    struct store_watch watch = {.tenant_id = DEFAULT_TENANT, .policy = gathered->policy == NULL ? "" : gathered->policy};
    TRY(watch_item_parse(text, &watch.kind, value, reason));
    watch.value = arena_copy_text(gathered->arena, value);
    if (watch.value == NULL)
        return &fault_no_memory;
    struct store_watch *watches = memory_grow(gathered->watches, gathered->count, &gathered->room, sizeof *watches);
    if (watches == NULL)
        return &fault_no_memory;
    gathered->watches = watches;
    gathered->watches[gathered->count++] = watch;
    return OK;
}

static result gather_arguments(struct gathered *gathered, const struct watch_options *options, struct reason *reason) {
    for (int i = 0; i < options->item_count; i++)
        TRY(gather(gathered, span_of_text(options->items[i]), reason));
    return OK;
}

static result gather_files(struct gathered *gathered, const struct watch_options *options, struct reason *reason) {
    for (int i = 0; i < options->item_count; i++) {
        CLEANUP(buffer_done) struct buffer text = buffer_with_limit(WATCH_FILE_MAX);
        TRY(read_file(options->items[i], &text, reason));
        struct watch_list_reader reader = watch_list_reader_of(buffer_span(&text));
        struct span item;
        while (watch_list_next(&reader, &item)) {
            struct reason why = {""};
            result outcome = gather(gathered, item, &why);
            if (outcome != OK)
                return reason_set(reason, outcome, "%s, line %zu: %s", options->items[i], reader.line, why.text);
        }
    }
    return OK;
}

typedef result (*gatherer)(struct gathered *gathered, const struct watch_options *options, struct reason *reason);

static void say_added(const struct watch_options *options, const struct gathered *gathered, size_t added) {
    if (options->list.is_json) {
        (void) print_json_line(json_pack("{s:I, s:I}", "given", (json_int_t) gathered->count, "added", (json_int_t) added));
        return;
    }
    printf("%zu watched from now on, %zu of them new.\n", gathered->count, added);
    if (gathered->made.name != NULL)
        printf("Policy %s: %s\n", gathered->made.name,
               options->expected_count == 0 ? "every certificate is told (certificate.new, to channels that take severity info)."
               : options->reports_new       ? "other issuers are an alarm, and every certificate is told."
                                            : "other issuers are an alarm.");
    else if (options->policy == NULL)
        puts("No policy: certificates are recorded (`pinwatch certs`), and NOTHING about them is alerted.\n"
             "  --expect letsencrypt.org   makes other issuers an alarm\n"
             "  --report-new               tells of every certificate");
}

static int add_gathered(const struct watch_options *options, struct gathered *gathered, struct database *database) {
    const struct store_author author = {.tenant_id = DEFAULT_TENANT, .who = author_name(database->arena), .now_ms = clock_wall_ms()};
    size_t added = 0;
    if (author.who == NULL)
        return exit_with(&fault_no_memory, NULL);
    result outcome = gathered->made.name == NULL ? OK : store_policy_set(database->store, &author, &gathered->made);
    if (outcome != OK)
        return database_failed(database, outcome);
    outcome = store_watches_add(database->store, &author, gathered->watches, gathered->count, &added);
    if (outcome != OK)
        return database_failed(database, outcome);
    say_added(options, gathered, added);
    return EXIT_OK;
}

static int remove_gathered(const struct watch_options *options, struct gathered *gathered, struct database *database) {
    const struct store_author author = {.tenant_id = DEFAULT_TENANT, .who = author_name(database->arena), .now_ms = clock_wall_ms()};
    if (author.who == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < gathered->count; i++) {
        result outcome = store_watch_remove(database->store, &author, gathered->watches[i].kind, gathered->watches[i].value);
        if (outcome != OK)
            return database_failed(database, outcome);
    }
    if (!options->list.is_json)
        printf("%zu no longer watched.\n", gathered->count);
    else
        (void) print_json_line(json_pack("{s:I}", "removed", (json_int_t) gathered->count));
    return EXIT_OK;
}

static result make_policy(const struct watch_options *options, struct gathered *gathered, struct reason *reason) {
    const struct watch_policy_wish wish = {.caa_domains = options->expected, .caa_domain_count = options->expected_count,
                                           .reports_new = options->reports_new};
    if (wish.caa_domain_count == 0 && !wish.reports_new)
        return OK;
    TRY(watch_policy_of(&wish, gathered->arena, &gathered->made, reason));
    gathered->policy = gathered->made.name;
    return OK;
}

/* The policy's domains may be imported ones, which the database knows. Returns the exit code. */
static int check_policy(const struct gathered *gathered, struct database *database) {
    struct ca_extra_rows extra;
    struct reason reason = {""};
    if (gathered->made.name == NULL)
        return EXIT_OK;
    result outcome = caa_seen_extra(database, &extra);
    if (outcome != OK)
        return database_failed(database, outcome);
    outcome = watch_policy_check(&gathered->made, &extra, gathered->arena, &reason);
    return outcome == OK ? EXIT_OK : exit_with(outcome, &reason);
}

/* Parses everything before the database is touched. */
static int run_change(const struct argp *argp, int argc, char **argv, gatherer gather_all,
                      int (*change)(const struct watch_options *, struct gathered *, struct database *)) {
    struct watch_options options = {0};
    struct database database = {0};
    struct reason reason = {""};
    if (command_parse(argp, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    if (options.item_count == 0) {
        fprintf(stderr, "pinwatch: nothing was named; try '%s --help'\n", argv[0]);
        return EXIT_USAGE_WRONG;
    }
    struct gathered gathered = {.arena = arena_new((size_t) 2 * 1024 * 1024 * 1024), .policy = options.policy};
    result outcome = gathered.arena == NULL ? &fault_no_memory : make_policy(&options, &gathered, &reason);
    if (outcome == OK)
        outcome = gather_all(&gathered, &options, &reason);
    int code = EXIT_OK;
    if (outcome != OK) {
        code = exit_with(outcome, &reason);
        code = code == EXIT_SETTINGS ? EXIT_DATA : code;
    } else {
        code = database_open(options.list.config, &database);
        if (code == EXIT_OK) {
            code = check_policy(&gathered, &database);
            code = code == EXIT_OK ? change(&options, &gathered, &database) : code;
            database_done(&database);
        }
    }
    memory_free(gathered.watches);
    arena_free(gathered.arena);
    return code;
}

#define CHANGE_EXITS "\vExit codes: 0 done; 65 an item is wrong or does not exist; 69 the database cannot be reached; 78 settings are wrong."
#define FORMS "example.com is that name alone, .example.com also everything below, 192.0.2.0/24 addresses, sha256:HEX a key, @example.com e-mail addresses."

static const struct argp_option add_options[] = {
    COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON,
    {"policy", 'p', "NAME", 0, "The policy that their certificates are judged by; also set for those that are watched already", 0},
    {"expect", 'e', "DOMAIN", 0, "A CAA domain of an issuer that you expect, such as letsencrypt.org; repeats. Makes a policy", 0},
    {"report-new", 'r', NULL, 0, "Tell of every certificate (certificate.new, severity info). Makes a policy", 0},
    {0},
};
static const struct argp_option plain_options[] = {COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, {0}};
static const struct argp_option show_options[] = {
    COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, {"limit", 'n', "N", 0, "At most so many rows (1000000)", 0}, {0}};
static const struct argp add_parser = {.options = add_options, .parser = take_option, .args_doc = "ITEM…",
                                       .doc = "Watch names, addresses or keys. " FORMS CHANGE_EXITS};
static const struct argp import_parser = {.options = add_options, .parser = take_option, .args_doc = "FILE…",
                                          .doc = "Watch what the files name, one item a line, as certspotter's watchlist has them. " FORMS CHANGE_EXITS};
static const struct argp remove_parser = {.options = plain_options, .parser = take_option, .args_doc = "ITEM…",
                                          .doc = "Stop watching. What was recorded stays. " FORMS CHANGE_EXITS};
static const struct argp list_parser = {.options = show_options, .parser = take_option,
                                        .doc = "List what is watched.\vExit codes: 0 listed; 69 the database cannot be reached; 78 settings are wrong."};

static int run_add(int argc, char **argv) {
    return run_change(&add_parser, argc, argv, gather_arguments, add_gathered);
}

static int run_import(int argc, char **argv) {
    return run_change(&import_parser, argc, argv, gather_files, add_gathered);
}

static int run_remove(int argc, char **argv) {
    return run_change(&remove_parser, argc, argv, gather_arguments, remove_gathered);
}

static const struct table_column columns[] = {
    {"Id", "watch_id", true, false, false},     {"Watch", "watch", false, true, false},  {"Kind", "kind", false, false, true}, {NULL, "value", false, false, false},
    {"Policy", "policy", false, false, false}, {"Set by", "set_by", false, false, true}, {"Who", "who", false, false, true},   {"Since", "set_at", false, false, true},
};

static void add_row(struct table *table, const struct store_watch *watch, struct arena *arena) {
    table_number(table, 0, watch->watch_id);
    table_text(table, 1, watch_text_of(watch->kind, watch->value, arena));
    table_text(table, 2, watch_kind_name(watch->kind));
    table_text(table, 3, watch->value);
    if (watch->policy[0] != '\0')
        table_text(table, 4, watch->policy);
    table_text(table, 5, watch->set_by_apply ? "apply" : "cli");
    table_text(table, 6, watch->set_who);
    table_time_ms(table, 7, watch->set_ms);
    table_end_row(table);
}

static int print_watches(const struct watch_options *options, struct database *database) {
    CLEANUP(table_free_at) struct table *table = table_new(columns, sizeof columns / sizeof columns[0], options->list.is_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    const struct store_watch *after = NULL;
    for (unsigned left = options->list.limit; left > 0;) {
        struct store_watch_set set = {0};
        unsigned page = left < LIST_PAGE ? left : LIST_PAGE;
        result outcome = store_watches_list(database->store, DEFAULT_TENANT, after, page, database->arena, &set);
        if (outcome != OK)
            return database_failed(database, outcome);
        for (size_t i = 0; i < set.watch_count; i++)
            add_row(table, &set.watches[i], database->arena);
        if (set.watch_count < page)
            break;
        after = &set.watches[set.watch_count - 1];
        left -= page;
    }
    return table_print(table, "Nothing is watched: `pinwatch watch add .example.com` begins.");
}

static int run_list(int argc, char **argv) {
    struct watch_options options = {.list = {.limit = 1000000}};
    struct database database;
    if (command_parse(&list_parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.list.config, &database);
    if (code != EXIT_OK)
        return code;
    code = print_watches(&options, &database);
    database_done(&database);
    return code;
}

static const struct command sub_commands[] = {
    {"add", "", "Watch names, addresses or keys", run_add},
    {"remove", "", "Stop watching some", run_remove},
    {"list", "", "List what is watched", run_list},
    {"import", "", "Watch what a file names", run_import},
    {0},
};

int command_watch(int argc, char **argv) {
    return command_run_sub(sub_commands, "What is watched: names, subtrees, addresses, keys, e-mail domains.", argc, argv);
}
