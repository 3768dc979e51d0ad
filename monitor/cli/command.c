#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "settings/spelling.h"

#define NAME_LIMIT 200

error_t command_parse(const struct argp *argp, int argc, char **argv, void *input) {
    error_t outcome = argp_parse(argp, argc, argv, 0, NULL, input);
    if (outcome == ENOMEM) { /* as argp itself does where the words on the command line are wrong */
        fputs("pinwatch: no memory for the command line\n", stderr);
        exit(EXIT_UNAVAILABLE);
    }
    return outcome;
}

error_t command_no_argument(int key, const char *value, struct argp_state *state) {
    if (key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    argp_error(state, "no arguments are taken, '%s' was given", value);
    return 0;
}

error_t command_one_argument(int key, const char *value, struct argp_state *state, const char *kind, const char *question,
                             const char **argument) {
    if (key == ARGP_KEY_NO_ARGS && question != NULL)
        argp_error(state, "%s", question);
    else if (key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    else if (*argument != NULL)
        argp_error(state, "one %s is taken, '%s' is too many", kind, value);
    else
        *argument = value;
    return 0;
}

static size_t count_of(const struct command *table) {
    size_t count = 0;
    while (table[count].name != NULL)
        count++;
    return count;
}

static void print_sub_commands(FILE *out, const struct command *table, const char *introduction, const char *name) {
    fprintf(out, "%s\n\nUsage: %s COMMAND [OPTION...]\n\n", introduction, name);
    for (const struct command *row = table; row->name != NULL; row++)
        fprintf(out, "  %-10s %s\n", row->name, row->summary);
    fprintf(out, "\n`%s COMMAND --help` says more.\n", name);
}

static int refuse_sub_command(const struct command *table, const char *name, const char *given) {
    const char *nearest = spelling_nearest(given, table, count_of(table), sizeof *table);
    fprintf(stderr, "pinwatch: '%s' has no command '%s'", name, given);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fprintf(stderr, "\nTry '%s --help'.\n", name);
    return EXIT_USAGE_WRONG;
}

static int run_row(const struct command *row, int argc, char **argv) {
    CLEANUP(buffer_done) struct buffer name = buffer_with_limit(NAME_LIMIT);
    if (!buffer_printf(&name, "%s %s", argv[0], row->name))
        return exit_with(&fault_no_memory, NULL);
    AUTO_FREE char *text = buffer_take_text(&name);
    if (text == NULL)
        return exit_with(&fault_no_memory, NULL);
    argv[1] = text;
    return row->run(argc - 1, argv + 1);
}

int command_run_sub(const struct command *table, const char *introduction, int argc, char **argv) {
    if (argc < 2) {
        print_sub_commands(stderr, table, introduction, argv[0]);
        return EXIT_USAGE_WRONG;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0 || strcmp(argv[1], "help") == 0) {
        print_sub_commands(stdout, table, introduction, argv[0]);
        return EXIT_OK;
    }
    for (const struct command *row = table; row->name != NULL; row++)
        if (strcmp(row->name, argv[1]) == 0)
            return run_row(row, argc, argv);
    return refuse_sub_command(table, argv[0], argv[1]);
}

struct settings *command_settings(const char *path, int *ret_exit_code) {
    struct settings *settings = NULL;
    struct reason reason = {""};
    result outcome = settings_load(path, &settings, &reason);
    if (outcome != OK)
        *ret_exit_code = exit_with(outcome, &reason);
    return settings;
}
