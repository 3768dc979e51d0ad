#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/read_file.h"
#include "cli/table.h"
#include "rules/log_choice.h"
#include "rules/signature.h"

#define SIGNATURE_SIZE_MAX 4096
#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

enum signature_state { SIGNATURE_ABSENT, SIGNATURE_VALID, SIGNATURE_INVALID };
static const char *const signature_names[] = {"absent", "valid", "invalid"};

struct loglist_options {
    const char *file, *signature;
    bool is_json;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct loglist_options *options = state->input;
    switch (key) {
    case 'j':
        options->is_json = true;
        return 0;
    case 'S':
        options->signature = value;
        return 0;
    default:
        return command_one_argument(key, value, state, "file", "which log list? (- for standard input)", &options->file);
    }
}

static const struct argp_option options_taken[] = {
    COMMAND_OPTION_JSON,
    {"signature", 'S', "FILE", 0, "Check this signature (log_list.sig) with Google's key for log lists", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "FILE",
    .doc = "Say which logs of a log list (Chrome's or Apple's) would be followed and why, and which not and why. Needs no database.\v"
           "Exit codes: 0 read; 1 the signature is bad; 65 the file is no log list.",
};

enum column { TYPE, LOG_ID, DESCRIPTION, OPERATOR, PROTOCOL, STATE, FOLLOWED, REASON, URL, column_count };
static const struct table_column columns[column_count] = {
    [TYPE] = {NULL, "type", false, false, false},
    [LOG_ID] = {NULL, "log_id", false, false, false},
    [DESCRIPTION] = {"Log", "description", false, false, false},
    [OPERATOR] = {"Operator", "operator", false, false, false},
    [PROTOCOL] = {"Protocol", "protocol", false, false, false},
    [STATE] = {"State", "state", false, false, false},
    [FOLLOWED] = {"Followed", "followed", false, false, false},
    [REASON] = {"Why", "reason", false, true, false},
    [URL] = {NULL, "url", false, false, false},
};

static void add_log(struct table *table, const struct chosen_log *log) {
    char log_id[HASH_BASE64_SIZE];
    hash_to_base64(&log->log.log_id, log_id);
    table_text(table, TYPE, "log");
    table_text(table, LOG_ID, log_id);
    table_text(table, DESCRIPTION, log->log.description);
    table_text(table, OPERATOR, log->log.operator_name);
    table_text(table, PROTOCOL, log_protocol_name(log->log.protocol));
    if (log->log.state != LOG_STATE_NONE)
        table_text(table, STATE, log_state_name(log->log.state));
    table_boolean(table, FOLLOWED, log->is_followed);
    table_tone(table, FOLLOWED, log->is_followed ? TONE_GOOD : TONE_FAINT);
    table_text(table, REASON, log->reason);
    table_text(table, URL, log->log.url);
    table_end_row(table);
}

/* An entry that breaks a rule: its log has no id that could be trusted. */
static void add_refused(struct table *table, const struct refused_log *refused) {
    table_text(table, TYPE, "refused");
    table_text(table, DESCRIPTION, refused->description);
    table_boolean(table, FOLLOWED, false);
    table_tone(table, FOLLOWED, TONE_BAD);
    table_text(table, REASON, refused->reason.text);
    table_end_row(table);
}

struct summary {
    size_t logs, followed;
    enum signature_state signature;
    const struct log_list *list;
};

static int print_summary(const struct loglist_options *options, const struct summary *summary) {
    char when[RFC3339_SIZE] = "no time";
    if (summary->list->has_timestamp)
        text_of_time_ms(summary->list->timestamp_ms, when);
    if (!options->is_json) {
        printf("%zu of %zu logs would be followed; signature %s; list of %s.\n", summary->followed, summary->logs,
               signature_names[summary->signature], when);
        return EXIT_OK;
    }
    json_t *line = json_pack("{s:s, s:I, s:I, s:I, s:s, s:o}", "type", "summary", "logs", (json_int_t) summary->logs, "followed",
                             (json_int_t) summary->followed, "refused", (json_int_t) summary->list->refused_count, "signature",
                             signature_names[summary->signature], "timestamp",
                             summary->list->has_timestamp ? json_string(when) : json_null());
    return print_json_line(line) ? EXIT_OK : EXIT_IO;
}

static int print_list(const struct loglist_options *options, struct summary *summary, struct arena *arena) {
    const struct log_list *list = summary->list;
    bool is_chrome = list->has_timestamp && list->is_all_logs;
    const struct log_choice_input input = {.chrome = is_chrome ? list : NULL, .apple = is_chrome ? NULL : list, .now_ms = clock_wall_ms()};
    struct chosen_log *logs;
    result outcome = log_choose(&input, arena, &logs, &summary->logs);
    if (outcome != OK)
        return exit_with(outcome, NULL);
    CLEANUP(table_free_at) struct table *table = table_new(columns, column_count, options->is_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < summary->logs; i++) {
        add_log(table, &logs[i]);
        summary->followed += logs[i].is_followed;
    }
    for (size_t i = 0; i < list->refused_count; i++)
        add_refused(table, &list->refused[i]);
    int code = table_print(table, "The list holds no logs.");
    return code == EXIT_OK ? print_summary(options, summary) : code;
}

static result check_signature(const struct loglist_options *options, struct span json, enum signature_state *ret_state, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer signature = buffer_with_limit(SIGNATURE_SIZE_MAX);
    *ret_state = SIGNATURE_ABSENT;
    if (options->signature == NULL)
        return OK;
    TRY(read_file(options->signature, &signature, reason));
    result fault = signature_check_log_list(json, buffer_span(&signature));
    if (fault != OK && fault->family != FAULT_LOG)
        return fault; /* our own trouble says nothing about the signature */
    *ret_state = fault == OK ? SIGNATURE_VALID : SIGNATURE_INVALID;
    return OK;
}

static int check(const struct loglist_options *options, struct arena *arena) {
    CLEANUP(buffer_done) struct buffer json = buffer_with_limit(LOG_LIST_SIZE_MAX);
    struct reason reason = {""};
    struct log_list list;
    struct summary summary = {.list = &list};
    result outcome = read_file(options->file, &json, &reason);
    if (outcome == OK)
        outcome = check_signature(options, buffer_span(&json), &summary.signature, &reason);
    if (outcome == OK)
        outcome = log_list_parse(buffer_span(&json), arena, &list, &reason);
    if (outcome != OK) {
        int code = exit_with(outcome, &reason);
        return summary.signature == SIGNATURE_INVALID ? EXIT_FINDING : code == EXIT_SETTINGS ? EXIT_DATA : code;
    }
    int code = print_list(options, &summary, arena);
    if (code == EXIT_OK && summary.signature == SIGNATURE_INVALID) {
        fprintf(stderr, "pinwatch: %s is not a signature of Google's log list key over %s\n", options->signature, options->file);
        return EXIT_FINDING;
    }
    return code;
}

static int run_check(int argc, char **argv) {
    struct loglist_options options = {0};
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    struct arena *arena = arena_new(ARENA_LIMIT);
    int code = arena == NULL ? exit_with(&fault_no_memory, NULL) : check(&options, arena);
    arena_free(arena);
    return code;
}

static const struct command sub_commands[] = {
    {"check", "", "Which logs of a list would be followed, and why", run_check},
    {0},
};

int command_loglist(int argc, char **argv) {
    return command_run_sub(sub_commands, "Lists of CT logs.", argc, argv);
}
