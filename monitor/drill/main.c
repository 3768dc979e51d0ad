/* pinwatch-drill: a local CT log and CA for fire drills and tests. */
#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/ownership.h"
#include "base/standard_files.h"
#include "base/text.h"
#include "drill/generate.h"
#include "drill/serve.h"

#define EXIT_USAGE 64
#define EXIT_FAILED 1
#define SUMMARY_LIMIT ((size_t) 64 * 1024)
#define ENTRIES_MAX ((uint64_t) 100 * 1000 * 1000)

struct arguments {
    const char *command;
    struct serve_options serve;
    struct generate_options generate;
    const char *tiles;
};

static uint64_t number_of(struct argp_state *state, const char *text, uint64_t most) {
    uint64_t number = 0;
    if (text_to_number(span_of_text(text), most, &number) != OK)
        argp_error(state, "'%s': wanted a number up to %llu", text, (unsigned long long) most);
    return number;
}

/* NAME:EVERY; the colon is overwritten so that the name ends there. */
static void add_watch(struct generate_options *options, char *text, struct argp_state *state) {
    char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || options->watch_count == GENERATE_WATCHES_MAX) {
        argp_error(state, "'%s': wanted NAME:EVERY, at most %d times", text, GENERATE_WATCHES_MAX);
        return;
    }
    *colon = '\0';
    options->watches[options->watch_count].name = text;
    options->watches[options->watch_count].every = number_of(state, colon + 1, ENTRIES_MAX);
    if (options->watches[options->watch_count++].every == 0)
        argp_error(state, "EVERY must be at least 1");
}

enum option_key { OPTION_FOLDER = 'f', OPTION_PORT = 'p', OPTION_BATCH = 'b', OPTION_SIZE = 's', OPTION_ENTRIES = 'n',
              OPTION_SEED = 'S', OPTION_WATCH = 'w', OPTION_TILES = 't', OPTION_OUT = 'o' };

static error_t parse(int key, char *text, struct argp_state *state) {
    struct arguments *arguments = state->input;
    switch (key) {
    case OPTION_FOLDER:
    case OPTION_OUT:
        arguments->serve.folder = text;
        arguments->generate.folder = text;
        return 0;
    case OPTION_PORT:
        arguments->serve.port = (unsigned) number_of(state, text, 65535);
        return 0;
    case OPTION_BATCH:
        arguments->serve.batch = (unsigned) number_of(state, text, 100000);
        return 0;
    case OPTION_SIZE:
        arguments->serve.size = number_of(state, text, ENTRIES_MAX);
        return 0;
    case OPTION_ENTRIES:
        arguments->generate.entries = number_of(state, text, ENTRIES_MAX);
        return 0;
    case OPTION_SEED:
        arguments->generate.seed = number_of(state, text, UINT64_MAX);
        return 0;
    case OPTION_WATCH:
        add_watch(&arguments->generate, text, state);
        return 0;
    case OPTION_TILES:
        arguments->tiles = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->command != NULL)
            argp_usage(state);
        arguments->command = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"folder", OPTION_FOLDER, "FOLDER", 0, "where the logs live", 0},
    {"port", OPTION_PORT, "PORT", 0, "on 127.0.0.1; default: the one of last time, else any free one", 0},
    {"batch", OPTION_BATCH, "N", 0, "most entries in one get-entries answer", 0},
    {"size", OPTION_SIZE, "N", 0, "serve-files: only the first N entries", 0},
    {"entries", OPTION_ENTRIES, "N", 0, "generate: how many", 0},
    {"seed", OPTION_SEED, "S", 0, "generate: the same seed gives the same log", 0},
    {"watch", OPTION_WATCH, "NAME:EVERY", 0, "generate: every EVERY-th entry carries NAME; may repeat", 0},
    {"tiles", OPTION_TILES, "FOLDER", 0, "wrap: where tile/data/ is", 0},
    {"out", OPTION_OUT, "FOLDER", 0, "wrap: where to write", 0},
    {0},
};

static result print_summary(const struct buffer *summary) {
    return fwrite(buffer_text(summary), 1, summary->size, stdout) == summary->size && fflush(stdout) == 0 ? OK : &fault_library;
}

static result command_serve(struct arguments *arguments, struct reason *reason) {
    return serve_live(&arguments->serve, reason);
}

static result command_serve_files(struct arguments *arguments, struct reason *reason) {
    return serve_files(&arguments->serve, reason);
}

static result command_generate(struct arguments *arguments, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer summary = buffer_with_limit(SUMMARY_LIMIT);
    TRY(generate_log(&arguments->generate, &summary, reason));
    return print_summary(&summary);
}

static result command_wrap(struct arguments *arguments, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer summary = buffer_with_limit(SUMMARY_LIMIT);
    if (arguments->tiles == NULL)
        return reason_set(reason, &fault_limit_reached, "wrap needs --tiles");
    TRY(wrap_tiles(arguments->tiles, arguments->generate.folder, &summary, reason));
    return print_summary(&summary);
}

static const struct {
    const char *name;
    result (*run)(struct arguments *arguments, struct reason *reason);
} commands[] = {
    {"serve", command_serve}, {"serve-files", command_serve_files}, {"generate", command_generate}, {"wrap", command_wrap}};

int main(int count, char **words) {
    static const struct argp argp = {
        options, parse, "serve|serve-files|generate|wrap",
        "A local CT log and CA for fire drills and tests.\v"
        "serve        two growing logs (RFC 6962 and static-ct) and two CAs, kept in the folder\n"
        "generate     writes a large log of made-up entries\n"
        "wrap         writes given data tiles as such a log\n"
        "serve-files  serves what generate or wrap wrote, under both protocols",
        NULL, NULL, NULL};
    struct arguments arguments = {.generate = {.entries = 100000, .seed = 1}};
    struct reason reason = {""};
    standard_files_open();
    ownership_forbid_cores();
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, count, words, 0, NULL, &arguments) != 0) { /* it ends by itself where the words are wrong */
        fputs("pinwatch-drill: no memory for the command line\n", stderr);
        return EX_UNAVAILABLE;
    }
    log_init("pinwatch-drill", LOG_INFO, isatty(STDERR_FILENO) == 0);
    if (arguments.command == NULL || arguments.serve.folder == NULL) {
        fprintf(stderr, "pinwatch-drill: wanted a command and --folder (see --help)\n");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(arguments.command, commands[i].name) != 0)
            continue;
        result fault = digest_init();
        if (fault == OK)
            fault = commands[i].run(&arguments, &reason);
        if (fault == OK)
            return 0;
        log_say(LOG_ERROR, "drill.failed", LOG_FAULT(fault), LOG_TEXT("detail", reason.text));
        return fault->family == FAULT_RETRY ? EX_UNAVAILABLE : EXIT_FAILED; /* the supervisor waits, and counts no death */
    }
    fprintf(stderr, "pinwatch-drill: no command '%s'\n", arguments.command);
    return EXIT_USAGE;
}
