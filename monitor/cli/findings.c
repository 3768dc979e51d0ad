#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "cli/certificate_json.h"
#include "cli/database.h"
#include "cli/plain.h"
#include "cli/table.h"
#include "store/findings.h"

struct findings_options {
    struct list_options list;
    const char *state, *rule, *least_severity, *note;
    int64_t certificate_id;
    int64_t *ids; /* of the arguments */
    size_t id_count;
};

#define IDS_MAX 1000

static error_t take_argument(char *value, struct argp_state *state, struct findings_options *options) {
    if (options->ids == NULL)
        argp_error(state, "no arguments are taken, '%s' was given", value);
    if (options->id_count == IDS_MAX)
        argp_error(state, "at most %d ids at once", IDS_MAX);
    options->ids[options->id_count++] = id_of_argument(value, state);
    return 0;
}

static void require_one_of(struct argp_state *state, const char *option, const char *value, const char *const *names) {
    for (; *names != NULL; names++)
        if (strcmp(*names, value) == 0)
            return;
    argp_error(state, "%s: '%s' is not known (see --help)", option, value);
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    static const char *const states[] = {"all", "open", "acknowledged", "resolved", "suppressed", NULL};
    static const char *const severities[] = {"info", "notice", "warning", "critical", NULL};
    struct findings_options *options = state->input;
    if (list_option_take(key, value, state, &options->list))
        return 0;
    switch (key) {
    case 'S':
        require_one_of(state, "--state", value, states);
        options->state = strcmp(value, "all") == 0 ? "" : value;
        return 0;
    case 'l':
        require_one_of(state, "--least-severity", value, severities);
        options->least_severity = value;
        return 0;
    case 'r':
        options->rule = value;
        return 0;
    case 'C':
        options->certificate_id = id_of_argument(value, state);
        return 0;
    case 'm':
        options->note = value;
        return 0;
    case ARGP_KEY_ARG:
        return take_argument(value, state, options);
    case ARGP_KEY_NO_ARGS:
        if (options->ids != NULL)
            argp_error(state, "which finding? (`pinwatch findings list` shows their ids)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

#define EXITS "\vExit codes: 0 done; 65 there is no such finding; 69 the database cannot be reached; 78 settings are wrong."

static const struct argp_option list_options_taken[] = {
    LIST_OPTIONS,
    {"state", 'S', "STATE", 0, "open, acknowledged, resolved, suppressed or all (open)", 0},
    {"rule", 'r', "RULE", 0, "Only this rule; with a dot at the end all that begin so: certificate.", 0},
    {"least-severity", 'l', "SEVERITY", 0, "info, notice, warning or critical, and what is worse", 0},
    {"certificate", 'C', "ID", 0, "Only about this certificate", 0},
    {0},
};
static const struct argp_option show_options_taken[] = {COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, {0}};
static const struct argp_option decide_options_taken[] = {
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {"note", 'm', "TEXT", 0, "Why; kept with the finding", 0},
    {0},
};
static const struct argp list_parser = {.options = list_options_taken, .parser = take_option, .doc = "List findings, newest first." EXITS};
static const struct argp show_parser = {.options = show_options_taken, .parser = take_option, .args_doc = "ID…", .doc = "Show findings with evidence and history." EXITS};
static const struct argp ack_parser = {.options = decide_options_taken, .parser = take_option, .args_doc = "ID…",
                                       .doc = "Acknowledge findings: somebody looks at them." EXITS};
static const struct argp resolve_parser = {.options = decide_options_taken, .parser = take_option, .args_doc = "ID…",
                                           .doc = "Resolve findings: dealt with. The same fact opens a new one when it is seen again." EXITS};

static json_t *row_json(const struct store_finding_row *row) {
    uint64_t mark = memory_mark();
    json_t *evidence = json_loads(row->evidence, JSON_DECODE_ANY, NULL);
    char log_id[HASH_BASE64_SIZE];
    hash_to_base64(&row->log_id.hash, log_id);
    json_t *object = json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "finding_id", (json_int_t) row->finding_id, "rule",
                     row->rule, "severity", row->severity, "state", row->state, "subject", row->subject, "occurrences",
                     (json_int_t) row->occurrences, "certificate_id",
                     row->certificate_id == 0 ? json_null() : json_integer((json_int_t) row->certificate_id), "log_id",
                     row->log_id.is_known ? json_string(log_id) : json_null(), "opened_at", time_json_ms(row->opened_ms), "last_seen_at",
                     time_json_ms(row->last_seen_ms), "closed_at", row->closed_ms == 0 ? json_null() : time_json_ms(row->closed_ms),
                     "evidence", evidence == NULL ? json_object() : evidence);
    return json_if_whole(object, mark);
}

/* ---- list */

static const struct table_column columns[] = {
    {"Id", NULL, true, false, false},      {"Opened", NULL, false, false, true}, {"Severity", NULL, false, false, false}, {"Rule", NULL, false, false, false},
    {"State", NULL, false, false, false}, {"About", NULL, false, true, false},
};

/* Names that matched, else the log, else the subject. */
static void about(const struct store_finding_row *row, struct buffer *out) {
    json_t *evidence = json_loads(row->evidence, JSON_DECODE_ANY, NULL), *name;
    const char *log = json_string_value(json_object_get(evidence, "description"));
    size_t at;
    json_array_foreach(json_object_get(evidence, "matched_names"), at, name) {
        if (at < 5 && json_is_string(name))
            buffer_printf(out, "%s%s", at == 0 ? "" : " ", json_string_value(name));
    }
    if (out->size == 0)
        buffer_add_text(out, log != NULL ? log : row->subject);
    if (json_is_true(json_object_get(evidence, "is_drill")))
        buffer_add_text(out, " (drill)");
    json_decref(evidence);
}

static void add_row(struct table *table, const struct store_finding_row *row) {
    CLEANUP(buffer_done) struct buffer words = buffer_with_limit(16384);
    bool is_bad = strcmp(row->severity, "critical") == 0;
    about(row, &words);
    table_number(table, 0, row->finding_id);
    table_time_ms(table, 1, row->opened_ms);
    table_text(table, 2, row->severity);
    table_tone(table, 2, is_bad ? TONE_BAD : strcmp(row->severity, "warning") == 0 ? TONE_WARNING : TONE_PLAIN);
    table_text(table, 3, row->rule);
    table_text(table, 4, row->state);
    table_text(table, 5, buffer_text(&words));
    table_end_row(table);
}

static int print_findings(const struct findings_options *options, struct database *database) {
    CLEANUP(table_free_at) struct table *table = table_new(columns, sizeof columns / sizeof columns[0], false);
    struct store_finding_filter filter = {.tenant_id = STORE_ALL_TENANTS, .state = options->state, .rule = options->rule,
                                          .least_severity = options->least_severity, .certificate_id = options->certificate_id};
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (unsigned left = options->list.limit; left > 0; left -= filter.limit) {
        struct store_finding_row *rows;
        size_t count;
        filter.limit = left < LIST_PAGE ? left : LIST_PAGE;
        result outcome = store_findings_list(database->store, &filter, database->arena, &rows, &count);
        if (outcome != OK)
            return database_failed(database, outcome);
        for (size_t i = 0; i < count; i++)
            if (!options->list.is_json)
                add_row(table, &rows[i]);
            else if (!print_json_line(row_json(&rows[i])))
                return EXIT_IO;
        if (count < filter.limit)
            break;
        filter.before_id = rows[count - 1].finding_id;
    }
    return options->list.is_json ? EXIT_OK : table_print(table, "Nothing found.");
}

/* ---- show */

static void print_value(const char *label, const char *value) {
    printf("%-14s", label);
    print_harmless(span_of_text(value));
    putchar('\n');
}

static void print_time(const char *label, int64_t unix_ms) {
    char text[RFC3339_SIZE];
    text_of_time_ms(unix_ms, text);
    if (unix_ms != 0)
        print_value(label, text);
}

static void print_detail(const struct store_finding_detail *detail) {
    const struct store_finding_row *row = &detail->finding;
    const char *name;
    json_t *evidence = json_loads(row->evidence, JSON_DECODE_ANY, NULL), *value;
    printf("Finding %lld\n", (long long) row->finding_id);
    print_value("Rule", row->rule);
    print_value("Severity", row->severity);
    print_value("State", row->state);
    print_value("Subject", row->subject);
    print_time("Opened", row->opened_ms);
    print_time("Last seen", row->last_seen_ms);
    print_time("Closed", row->closed_ms);
    puts("Evidence");
    json_object_foreach(evidence, name, value)
        plain_print(name, value);
    json_decref(evidence);
    puts("History");
    for (size_t i = 0; i < detail->event_count; i++) {
        char text[RFC3339_SIZE];
        text_of_time_ms(detail->events[i].at_ms, text);
        printf("  %s ", text);
        print_harmless(span_of_text(detail->events[i].what));
        fputs(" by ", stdout);
        print_harmless(span_of_text(detail->events[i].who));
        fputs(detail->events[i].note[0] == '\0' ? "" : ": ", stdout);
        print_harmless(span_of_text(detail->events[i].note));
        putchar('\n');
    }
}

static json_t *detail_json(const struct store_finding_detail *detail) {
    uint64_t mark = memory_mark();
    json_t *object = row_json(&detail->finding), *events = json_array();
    for (size_t i = 0; i < detail->event_count; i++)
        json_array_append_new(events, json_pack("{s:o, s:s, s:s, s:s}", "at", time_json_ms(detail->events[i].at_ms), "who",
                                                detail->events[i].who, "what", detail->events[i].what, "note", detail->events[i].note));
    json_object_set_new(object, "events", events);
    return json_if_whole(object, mark);
}

static int show_findings(const struct findings_options *options, struct database *database) {
    for (size_t i = 0; i < options->id_count; i++) {
        struct store_finding_detail detail;
        result outcome = store_finding_show(database->store, options->ids[i], database->arena, &detail);
        if (outcome != OK)
            return database_failed(database, outcome);
        if (!options->list.is_json)
            print_detail(&detail);
        else if (!print_json_line(detail_json(&detail)))
            return EXIT_IO;
    }
    return EXIT_OK;
}

/* ---- ack, resolve */

static int decide(const struct findings_options *options, struct database *database, const char *state) {
    const char *who = author_name(database->arena);
    if (who == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < options->id_count; i++) {
        const struct store_decision decision = {.finding_id = options->ids[i], .state = state, .who = who,
                                                .note = options->note == NULL ? "" : options->note, .now_ms = clock_wall_ms()};
        bool was_changed = false;
        result outcome = store_finding_decide(database->store, &decision, &was_changed);
        if (outcome != OK)
            return database_failed(database, outcome);
        if (options->list.is_json)
            (void) print_json_line(json_pack("{s:I, s:s, s:b}", "finding_id", (json_int_t) options->ids[i], "state", state, "changed", was_changed));
        else
            printf("Finding %lld %s %s.\n", (long long) options->ids[i], was_changed ? "is now" : "was already", state);
    }
    return EXIT_OK;
}

static int acknowledge(const struct findings_options *options, struct database *database) {
    return decide(options, database, "acknowledged");
}

static int resolve(const struct findings_options *options, struct database *database) {
    return decide(options, database, "resolved");
}

static int run_with(const struct argp *argp, int argc, char **argv, bool takes_ids,
                    int (*act)(const struct findings_options *, struct database *)) {
    int64_t ids[IDS_MAX];
    struct database database;
    struct findings_options options = {.list = {.limit = LIST_LIMIT_DEFAULT}, .state = "open", .rule = "", .least_severity = "",
                                       .ids = takes_ids ? ids : NULL};
    if (command_parse(argp, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.list.config, &database);
    if (code != EXIT_OK)
        return code;
    code = act(&options, &database);
    database_done(&database);
    return code;
}

static int run_list(int argc, char **argv) {
    return run_with(&list_parser, argc, argv, false, print_findings);
}

static int run_show(int argc, char **argv) {
    return run_with(&show_parser, argc, argv, true, show_findings);
}

static int run_ack(int argc, char **argv) {
    return run_with(&ack_parser, argc, argv, true, acknowledge);
}

static int run_resolve(int argc, char **argv) {
    return run_with(&resolve_parser, argc, argv, true, resolve);
}

static const struct command sub_commands[] = {
    {"list", "", "List findings, newest first", run_list},
    {"show", "", "Show findings with their evidence", run_show},
    {"ack", "", "Acknowledge: somebody looks at them", run_ack},
    {"resolve", "", "Resolve: dealt with", run_resolve},
    {0},
};

int command_findings(int argc, char **argv) {
    return command_run_sub(sub_commands, "Judged facts that somebody should know, with evidence.", argc, argv);
}
