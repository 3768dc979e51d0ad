/* The command line: a table of commands, and what `pinwatch --help` teaches. */
#include <argp.h>
#include <event2/event.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/ownership.h"
#include "base/standard_files.h"
#include "cli/command.h"
#include "cli/table.h"
#include "settings/spelling.h"

#define START "Start here"
#define WANT "What to watch, whom to tell"
#define SEEN "What was seen"
#define CHECK "Checks without the service"

static const struct command commands[] = {
    {"init", START, "Write the settings file, prepare the state folder and the database", command_init},
    {"run", START, "Run the service", command_run},
    {"stop", START, "Stop the service and wait until it has ended", command_stop},
    {"doctor", START, "Check everything that the service needs and say what to do", command_doctor},
    {"drill", START, "Fire drill: issue a wrong certificate locally and time the alert", command_drill},
    {"watch", WANT, "Add, remove, list and import what is watched", command_watch},
    {"releases", WANT, "Add, retire, list and import the releases of apps whose pins count", command_releases},
    {"apply", WANT, "Make watches, policies and channels what a YAML file says", command_apply},
    {"export", WANT, "Print watches, policies and channels as such a file", command_export},
    {"findings", SEEN, "List, show, acknowledge and resolve findings", command_findings},
    {"certs", SEEN, "List the certificates that matched a watch", command_certs},
    {"alerts", SEEN, "List deliveries; send a test alert", command_alerts},
    {"logs", SEEN, "Show how far each log is read and verified", command_logs},
    {"scan", CHECK, "Read logs once, verify them, print what matches", command_scan},
    {"caa", CHECK, "Say which CAs may issue for a name, by its CAA records", command_caa},
    {"ca", CHECK, "Which CA holds which key and recognises which CAA domains; import CCADB's reports", command_ca},
    {"cert", CHECK, "Show a certificate from the database or a file", command_cert},
    {"pins", CHECK, "Which keys apps accept: read, store, lint and compare pin files; gate, plan and forecast a rotation", command_pins},
    {"loglist", CHECK, "Say which logs of a list would be followed, and why", command_loglist},
    {NULL, NULL, NULL, NULL},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0] - 1)

static void print_help(FILE *out) {
    const char *group = "";
    fputs("pinwatch watches Certificate Transparency logs and tells you within seconds when a certificate\n"
          "for one of your names was issued that you did not expect.\n\n"
          "Usage: pinwatch COMMAND [OPTION...]\n",
          out);
    for (const struct command *row = commands; row->name != NULL; row++) {
        if (strcmp(group, row->group) != 0)
            fprintf(out, "\n%s\n", row->group);
        group = row->group;
        fprintf(out, "  %-10s %s\n", row->name, row->summary);
    }
    fputs("\nExamples\n"
          "  pinwatch init --contact you@example.com     a settings file and an empty database\n"
          "  pinwatch run --detach                       the service, in the background\n"
          "  pinwatch watch add .example.com             that name and every name below it\n"
          "  pinwatch drill                              proof that an alert reaches you\n"
          "  pinwatch findings list                      what needs eyes\n"
          "\nExit codes\n"
          "  0 done                  1 a finding: a failed check, a log that contradicts itself\n"
          "  64 wrong usage          65 a file or answer that cannot be used\n"
          "  69 log, database or service cannot be reached             70 a bug in pinwatch\n"
          "  73 a file cannot be created     74 reading or writing failed     77 no permission\n"
          "  78 the settings must be changed\n"
          "\n`pinwatch COMMAND --help` says more about each command.\n",
          out);
}

static const struct command *find_command(const char *name) {
    for (const struct command *row = commands; row->name != NULL; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static int refuse_command(const char *name) {
    const char *nearest = spelling_nearest(name, commands, COMMAND_COUNT, sizeof commands[0]);
    fprintf(stderr, "pinwatch: there is no command '%s'", name);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fputs("\nTry 'pinwatch --help'.\n", stderr);
    return EXIT_USAGE_WRONG;
}

static bool is_one_of(const char *given, const char *a, const char *b, const char *c) {
    return strcmp(given, a) == 0 || strcmp(given, b) == 0 || strcmp(given, c) == 0;
}

/* Somewhere memory was refused. A service and a scan ask again themselves; of all others what was printed may lack something, and a
 * failed check may say more about this machine than about what it checked. */
static int look_at_shortage(const struct command *command, int code) {
    bool helps_itself = command->run == command_run || command->run == command_scan;
    bool may_be_wrong = code == EXIT_OK || code == EXIT_FINDING || code == EXIT_IO;
    if (helps_itself || !may_be_wrong)
        return code;
    fputs("pinwatch: memory ran out on the way: what was printed may lack something, wanted free memory; run it again\n", stderr);
    return EXIT_UNAVAILABLE;
}

static int run_command(const char *name, int argc, char **argv) {
    const struct command *command = find_command(name);
    char title[64];
    if (command == NULL)
        return refuse_command(name);
    result ready = digest_init(); /* here, where running out of memory can still be said */
    if (ready != OK)
        return exit_with(ready, NULL);
    snprintf(title, sizeof title, "pinwatch %s", command->name);
    argv[0] = title;
    uint64_t mark = memory_mark();
    int code = command->run(argc, argv);
    return memory_mark() == mark ? code : look_at_shortage(command, code);
}

static int run_help(int argc, char **argv) {
    char help[] = "--help";
    char *arguments[] = {argv[0], help, NULL};
    if (argc >= 3)
        return run_command(argv[2], 2, arguments);
    print_help(stdout);
    return EXIT_OK;
}

static int run(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE_WRONG;
    }
    if (is_one_of(argv[1], "--help", "-?", "-h") || strcmp(argv[1], "help") == 0)
        return run_help(argc, argv);
    if (is_one_of(argv[1], "--version", "-V", "version")) {
        puts(argp_program_version);
        return EXIT_OK;
    }
    return run_command(argv[1], argc - 1, argv + 1);
}

/* libevent itself would end the process with 1, which is a finding. */
static void end_without_loop(int unused_error) {
    (void) unused_error;
    fputs("pinwatch: this machine lacked descriptors or memory for the event loop; try again\n", stderr);
    exit(EXIT_UNAVAILABLE);
}

int main(int argc, char **argv) {
    standard_files_open();
    event_set_fatal_callback(end_without_loop);
    ownership_forbid_cores();
    argp_program_version = "pinwatch " PINWATCH_VERSION;
    setlocale(LC_CTYPE, "");
    log_init("pinwatch", LOG_NOTICE, false);
    int code = run(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout) != 0) && (code == EXIT_OK || code == EXIT_IO)) {
        fputs("pinwatch: standard output: cannot be written\n", stderr);
        return EXIT_IO;
    }
    return code;
}
