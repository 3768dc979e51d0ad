#include <stdio.h>

#include "base/memory.h"
#include "base/whole_json.h"
#include "cli/pins.h"
#include "cli/pins_changes.h"
#include "cli/table.h"

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct pins_input *options = state->input;
    switch (key) {
    case ARGP_KEY_END:
        if (options->paths.count != 2)
            argp_error(state, "two files are compared, the old one and the new one");
        return 0;
    default:
        return pins_input_take(key, value, state, options);
    }
}

static const struct argp_option options_taken[] = {PINS_OPTION_FORMAT, COMMAND_OPTION_JSON, {0}};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "OLD NEW",
    .doc = "Say what changes for clients when NEW takes the place of OLD, host by host: which names are pinned, which keys are accepted, until when, and "
           "whether a mismatch refuses the connection. The files may be of different formats; the order of entries, comments and roles make no difference.\v"
           "Examples:\n"
           "  pinwatch pins diff released-app.apk build/app.apk\n"
           "  pinwatch pins diff network_security_config.xml Info.plist\n\n"
           "A line with ! may refuse connections that were made before; a line with + or - alone says what is accepted.\n\n"
           "Exit codes: 0 no difference; 1 there are differences; 64 wrong usage; 65 a file cannot be used; 69 this machine lacks something.",
};

/* ---- */

static int show(const struct pins_input *options, const struct pin_difference_sides *sides, struct arena *arena) {
    uint64_t mark = memory_mark();
    struct pin_change *changes;
    size_t count;
    result outcome = pin_difference(sides, arena, &changes, &count);
    if (outcome != OK)
        return exit_with(outcome, NULL);
    if (!options->is_json)
        pins_print_changes(changes, count, arena);
    if (!options->is_json && count == 0)
        puts("No difference for clients.");
    for (size_t i = 0; options->is_json && i < count; i++)
        if (!print_json_line(json_if_whole(pins_change_json(&changes[i]), mark)))
            return EXIT_IO;
    return count > 0 ? EXIT_FINDING : EXIT_OK;
}

static int read_side(const struct pins_input *options, size_t number, struct pins_files *files) {
    struct pins_paths path = {.items = {options->paths.items[number]}, .count = 1};
    int code = pins_read_files(&path, PINS_INPUT_FORMAT(options), files);
    for (size_t i = 0; code == EXIT_OK && i < files->count; i++)
        pins_print_remarks(&files->documents[i]);
    return code != EXIT_OK ? code : files->code;
}

int pins_run_diff(int argc, char **argv) {
    struct pins_input options = {.is_json = false};
    struct pins_files before = {.arena = NULL}, after = {.arena = NULL};
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = read_side(&options, 0, &before);
    if (code == EXIT_OK)
        code = read_side(&options, 1, &after);
    if (code == EXIT_OK) {
        struct pin_difference_sides sides = {.before = before.documents, .before_count = before.count, .after = after.documents, .after_count = after.count};
        code = show(&options, &sides, after.arena);
    }
    pins_files_done(&before);
    pins_files_done(&after);
    return code;
}
