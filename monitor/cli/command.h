/* The commands: each is one file that exposes `int command_<name>(int argc, char **argv)`.
 *
 * argv[0] is "pinwatch NAME", ready for argp's messages; the return value is the exit code (exit_code.h). Use command_parse
 * instead of argp_parse, so that --help, --usage and errors look and exit alike everywhere. */
#pragma once

#include <argp.h>

#include "cli/exit_code.h"
#include "settings/settings.h"

struct command {
    const char *name;
    const char *group;   /* heading in --help */
    const char *summary; /* one line, no full stop */
    int (*run)(int argc, char **argv);
};

/* All commands; main.c has the table. */
int command_alerts(int argc, char **argv);
int command_apply(int argc, char **argv);
int command_caa(int argc, char **argv);
int command_ca(int argc, char **argv);
int command_cert(int argc, char **argv);
int command_certs(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_drill(int argc, char **argv);
int command_export(int argc, char **argv);
int command_findings(int argc, char **argv);
int command_init(int argc, char **argv);
int command_loglist(int argc, char **argv);
int command_logs(int argc, char **argv);
int command_pins(int argc, char **argv);
int command_releases(int argc, char **argv);
int command_run(int argc, char **argv);
int command_scan(int argc, char **argv);
int command_stop(int argc, char **argv);
int command_watch(int argc, char **argv);

/* As argp_parse with ARGP_IN_ORDER off; wrong usage ends the process with EXIT_USAGE_WRONG. Returns argp_parse's value. */
error_t command_parse(const struct argp *argp, int argc, char **argv, void *input);

/* What an option parser returns for the keys that it does not know itself: a command without arguments refuses one that is given, a command
 * with one argument, a `kind` ("file"), keeps it in *argument (NULL until then), refuses a second one, and asks `question` where there is
 * none (NULL: there may be none). A refusal ends the process with a usage error. */
error_t command_no_argument(int key, const char *value, struct argp_state *state);
error_t command_one_argument(int key, const char *value, struct argp_state *state, const char *kind, const char *question,
                             const char **argument);

/* For commands with sub-commands (`watch add`): finds argv[1] in a table ended by a row without name and runs it with
 * argv[0] = "pinwatch watch add". Unknown or missing: says what there is and returns EXIT_USAGE_WRONG; --help lists them. */
int command_run_sub(const struct command *table, const char *introduction, int argc, char **argv);

/* Loads the settings (path NULL: the usual places); on refusal prints why and returns NULL with *ret_exit_code set. */
struct settings *command_settings(const char *path, int *ret_exit_code);

/* Options that several commands share; put `--config F` and `--json` in argp children or reuse these keys. */
#define COMMAND_OPTION_CONFIG {"config", 'c', "FILE", 0, "Settings file to use instead of the usual one", 0}
#define COMMAND_OPTION_JSON {"json", 'j', NULL, 0, "Print one JSON object a line, for scripts", 0}
