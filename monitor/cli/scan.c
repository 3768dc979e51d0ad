/* `pinwatch scan`: the command line of one reading without a database. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/scan.h"

enum scan_key { KEY_LOG = 256, KEY_KEY, KEY_STATIC, KEY_ORIGIN, KEY_LIST, KEY_FROM, KEY_TO, KEY_WATCH, KEY_WATCHLIST, KEY_READERS, KEY_CONTACT, KEY_CA_FILE, KEY_PARALLEL };

static const struct argp_option option_table[] = {
    {NULL, 0, NULL, 0, "What to read", 1},
    {"log", KEY_LOG, "URL", 0, "The log: its base address, or for a static log the monitoring prefix", 1},
    {"key", KEY_KEY, "FILE|BASE64", 0, "The log's public key: a file (PEM, DER, base64 of DER) or the base64 itself", 1},
    {"static", KEY_STATIC, NULL, 0, "The log is a static-ct-api log (tiles)", 1},
    {"origin", KEY_ORIGIN, "NAME", 0, "First line of its checkpoints (default: the URL without scheme and last slash)", 1},
    {"log-list", KEY_LIST, "FILE", 0, "Read all logs that this list (Chrome's or Apple's) says to follow", 1},
    {"from", KEY_FROM, "N", 0, "First entry (default 0)", 1},
    {"to", KEY_TO, "N", 0, "Stop before this entry (default: the head)", 1},
    {NULL, 0, NULL, 0, "What to look for", 2},
    {"watch", KEY_WATCH, "NAME", 0, "A name; .NAME also everything below; . everything; an address or range; sha256:HEX; repeats", 2},
    {"watchlist", KEY_WATCHLIST, "FILE", 0, "One such item a line", 2},
    {NULL, 0, NULL, 0, "How", 3},
    {"readers", KEY_READERS, "N", 0, "Reader processes (default: one per processor)", 3},
    {"parallel", KEY_PARALLEL, "N", 0, "Transfers at once per operator (default 8)", 3},
    {"contact", KEY_CONTACT, "TEXT", 0, "E-mail address or URL for the User-Agent; public logs slow anonymous readers down", 3},
    {"ca-file", KEY_CA_FILE, "FILE", 0, "Trust anchors for HTTPS instead of the system's", 3},
    COMMAND_OPTION_JSON,
    {"quiet", 'q', NULL, 0, "No progress bar", 3},
    {0},
};

struct scan_arguments {
    struct scan_options options;
    struct scan_watch watch;
    int exit_code;
};

static void read_number(struct argp_state *state, const char *text, uint64_t maximum, uint64_t *ret_number) {
    if (text_to_number(span_of_text(text), maximum, ret_number) != OK)
        argp_error(state, "'%s': wanted a whole number up to %llu", text, (unsigned long long) maximum);
}

static void read_unsigned(struct argp_state *state, const char *text, unsigned *ret_number) {
    uint64_t number = 0;
    read_number(state, text, 256, &number);
    *ret_number = (unsigned) number;
}

static void add_watch(struct scan_arguments *arguments, const char *text, bool is_file) {
    struct reason reason = {{0}};
    result fault = is_file ? scan_watch_add_file(&arguments->watch, text, &reason)
                           : scan_watch_add(&arguments->watch, span_of_text(text), &reason);
    if (fault != OK && arguments->exit_code == EXIT_OK) {
        exit_with(fault, &reason);
        arguments->exit_code = EXIT_DATA;
    }
}

static void check_combination(struct argp_state *state, const struct scan_arguments *arguments) {
    const struct scan_options *options = &arguments->options;
    if (state->argc <= 1 || (options->url == NULL) == (options->log_list == NULL))
        argp_error(state, "say what to read: --log URL with --key, or --log-list FILE");
    if (options->url != NULL && options->key == NULL)
        argp_error(state, "--log needs the log's public key: --key FILE or --key BASE64");
    if (options->origin != NULL && !options->is_static)
        argp_error(state, "--origin is for static logs: add --static");
    if (options->from > options->to)
        argp_error(state, "--from must not be greater than --to");
    if (arguments->watch.count == 0 && arguments->exit_code == EXIT_OK)
        argp_error(state, "say what to look for: --watch NAME or --watchlist FILE");
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct scan_arguments *arguments = state->input;
    struct scan_options *options = &arguments->options;
    switch (key) {
    case KEY_LOG: options->url = value; break;
    case KEY_KEY: options->key = value; break;
    case KEY_STATIC: options->is_static = true; break;
    case KEY_ORIGIN: options->origin = value; break;
    case KEY_LIST: options->log_list = value; break;
    case KEY_FROM: read_number(state, value, INT64_MAX, &options->from); break;
    case KEY_TO: read_number(state, value, INT64_MAX, &options->to); break;
    case KEY_WATCH: add_watch(arguments, value, false); break;
    case KEY_WATCHLIST: add_watch(arguments, value, true); break;
    case KEY_READERS: read_unsigned(state, value, &options->readers); break;
    case KEY_PARALLEL: read_unsigned(state, value, &options->parallel); break;
    case KEY_CONTACT: options->contact = value; break;
    case KEY_CA_FILE: options->ca_file = value; break;
    case 'j': options->is_json = true; break;
    case 'q': options->is_quiet = true; break;
    case ARGP_KEY_ARG: argp_error(state, "'%s' is not an option; names go behind --watch", value); break;
    case ARGP_KEY_END: check_combination(state, arguments); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .doc = "Reads logs once, without a database: verifies every root, prints one JSON line per entry that matches, then a summary."
           "\vExamples:\n"
           "  pinwatch scan --log https://ct.example/2026/ --key key.pem --watch .example.com\n"
           "  pinwatch scan --static --log https://mon.ct.example/ --origin ct.example --key key.pem --watch . --from 1000 --to 2000\n"
           "\n"
           "Exit codes: 0 read and verified; 1 a log contradicts itself, a bad signature included; 64 wrong usage; 65 a key, list or "
           "watch file that cannot be used; 69 a log that could not be reached or was lost midway. Of several logs the worst.",
};

int command_scan(int argc, char **argv) {
    struct scan_arguments arguments = {.options = {.to = UINT64_MAX, .parallel = 8}};
    result fault = scan_watch_init(&arguments.watch);
    if (fault != OK)
        return exit_with(fault, NULL);
    int code = command_parse(&parser, argc, argv, &arguments) != 0 ? EXIT_USAGE_WRONG : arguments.exit_code;
    if (code == EXIT_OK)
        code = scan_run(&arguments.options, &arguments.watch);
    scan_watch_done(&arguments.watch);
    return code;
}
