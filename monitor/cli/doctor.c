#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/table.h"

#define TO_DO_LIMIT ((size_t) 64 * 1024)
#define ARENA_LIMIT (1u << 30) /* a ceiling: every watch of a tenant may be loaded */

enum { COLUMN_CHECK, COLUMN_STATE, COLUMN_SAYS, COLUMN_ADVICE, COLUMN_COUNT };

struct doctor_options {
    const char *config;
    bool as_json;
};

static const char *const state_names[] = {[CHECK_OK] = "ok", [CHECK_WARNING] = "warning", [CHECK_FAILED] = "failed"};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct doctor_options *options = state->input;
    switch (key) {
    case 'c':
        options->config = value;
        return 0;
    case 'j':
        options->as_json = true;
        return 0;
    default:
        return command_no_argument(key, value, state);
    }
}

static const struct argp_option options_taken[] = {COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, {0}};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .doc = "Check everything that the service needs: settings, state folder, disk, clock, programs, database, logs, channels, resolvers. "
           "Nothing is changed.\v"
           "With --json one object a line: {\"check\", \"state\": \"ok\"|\"warning\"|\"failed\", \"says\", \"advice\"}.\n\n"
           "Exit codes: 0 everything is well, perhaps with warnings; 1 a check failed.",
};

static void set_words(struct reason *words, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
static void set_words(struct reason *words, const char *format, va_list arguments) {
    struct reason text;
    vsnprintf(text.text, sizeof text.text, format, arguments);
    (void) reason_set(words, OK, "%s", text.text);
}

void check_set(struct check_outcome *outcome, enum check_state state, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set_words(&outcome->says, format, arguments);
    va_end(arguments);
    outcome->state = state;
}

void check_advise(struct check_outcome *outcome, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set_words(&outcome->advice, format, arguments);
    va_end(arguments);
}

static enum check_state run_checks(struct doctor *doctor, const struct check *checks, struct table *table) {
    static const enum table_tone tones[] = {[CHECK_OK] = TONE_GOOD, [CHECK_WARNING] = TONE_WARNING, [CHECK_FAILED] = TONE_BAD};
    enum check_state worst = CHECK_OK;
    for (const struct check *check = checks; check->name != NULL; check++) {
        struct check_outcome outcome = {.state = CHECK_OK, .says = {""}, .advice = {""}};
        if (check->needs_store && doctor->store == NULL)
            continue;
        check->look(doctor, &outcome);
        table_text(table, COLUMN_CHECK, check->name);
        table_text(table, COLUMN_STATE, state_names[outcome.state]);
        table_tone(table, COLUMN_STATE, tones[outcome.state]);
        table_text(table, COLUMN_SAYS, outcome.says.text);
        table_text(table, COLUMN_ADVICE, outcome.advice.text);
        table_end_row(table);
        if (outcome.advice.text[0] != '\0')
            buffer_printf(doctor->to_do, "  %-13s %s\n", check->name, outcome.advice.text);
        worst = outcome.state > worst ? outcome.state : worst;
    }
    return worst;
}

static void look_at_settings(struct doctor *doctor, struct check_outcome *ret_outcome) {
    if (doctor->settings == NULL) {
        check_set(ret_outcome, CHECK_FAILED, "%s", doctor->settings_reason.text);
        check_advise(ret_outcome, "do what it says; `pinwatch init` writes a new file where there is none");
        return;
    }
    check_set(ret_outcome, CHECK_OK, "%s is valid", settings_path(doctor->settings));
    if (doctor->settings->follows_public_logs || doctor->settings->logs_count > 0)
        return;
    check_set(ret_outcome, CHECK_WARNING, "%s is valid, but no log is followed except those of the drill",
              settings_path(doctor->settings));
    check_advise(ret_outcome, "`pinwatch init --contact YOU@EXAMPLE --set follows_public_logs=true`");
}

static const struct check settings_checks[] = {{"settings", false, look_at_settings}, {NULL, false, NULL}};

static int examine(struct doctor *doctor, struct table *table, bool as_json) {
    enum check_state worst = run_checks(doctor, settings_checks, table);
    const struct check *const groups[] = {doctor_machine_checks, doctor_database_checks, doctor_caa_checks, doctor_network_checks};
    for (size_t i = 0; doctor->settings != NULL && i < sizeof groups / sizeof groups[0]; i++) {
        enum check_state state = run_checks(doctor, groups[i], table);
        worst = state > worst ? state : worst;
    }
    int printed = table_print(table, NULL);
    if (!as_json && doctor->to_do->size > 0)
        printf("\nWhat to do\n%s", buffer_text(doctor->to_do));
    return worst == CHECK_FAILED ? EXIT_FINDING : printed;
}

int command_doctor(int argc, char **argv) {
    static const struct table_column columns[COLUMN_COUNT] = {
        {"CHECK", "check", false, false, false}, {"STATE", "state", false, false, false}, {"FOUND", "says", false, false, false}, {NULL, "advice", false, false, false}};
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    struct doctor_options options = {0};
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    CLEANUP(table_free_at) struct table *table = table_new(columns, COLUMN_COUNT, options.as_json);
    if (arena == NULL || table == NULL)
        return exit_with(&fault_no_memory, NULL);
    CLEANUP(buffer_done) struct buffer to_do = buffer_with_limit(TO_DO_LIMIT);
    struct doctor doctor = {.arena = arena, .to_do = &to_do};
    result outcome = settings_load(options.config, &doctor.settings, &doctor.settings_reason);
    if (outcome != OK && doctor.settings_reason.text[0] == '\0')
        reason_of_fault(outcome, &doctor.settings_reason);
    int code = examine(&doctor, table, options.as_json);
    store_free(doctor.store);
    settings_free(doctor.settings);
    return code;
}
