#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/pins.h"
#include "cli/table.h"
#include "rules/pin_difference.h"

#define EXPORT_SIZE_MAX ((size_t) 64 * 1024 * 1024)

enum { KEY_TO = 256, KEY_LOSSY };

struct export_options {
    const char *path, *output;
    enum pin_format format, to;
    bool has_format, has_to, is_lossy;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct export_options *options = state->input;
    switch (key) {
    case 'F':
        options->format = pins_format_of_argument(value, state);
        options->has_format = true;
        return 0;
    case KEY_TO:
        options->to = pins_format_of_argument(value, state);
        options->has_to = true;
        if (pin_format_entry_of(options->to)->write == NULL)
            argp_error(state, "files of the format %s can be read, and not be written", value);
        return 0;
    case KEY_LOSSY:
        options->is_lossy = true;
        return 0;
    case 'o':
        options->output = value;
        return 0;
    case ARGP_KEY_END:
        if (!options->has_to)
            argp_error(state, "into which format? (--to)");
        return 0;
    default:
        return command_one_argument(key, value, state, "file", "which file? (- for standard input)", &options->path);
    }
}

static const struct argp_option options_taken[] = {
    {"to", KEY_TO, "FORMAT", 0, "Write this format: android, apple, trustkit-ios, trustkit-android, okhttp, hpkp, tlsa, chromium or yaml", 0},
    {"lossy", KEY_LOSSY, NULL, 0, "Write it even where the format cannot say everything; what is lost is told all the same", 0},
    {"output", 'o', "FILE", 0, "Write to this file, which must not exist yet, instead of standard output", 0},
    PINS_OPTION_FORMAT,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "FILE",
    .doc = "Write what a pin file says in another format, or in its own. What the format cannot say is listed on standard error, entry by entry, and nothing is written "
           "without --lossy. The file written is read again and held against the first: a difference for clients that nobody told of is a bug, and nothing is written.\v"
           "Examples:\n"
           "  pinwatch pins export Info.plist --to yaml -o pins.yaml\n"
           "  pinwatch pins export pins.yaml --to android --lossy > network_security_config.xml\n\n"
           "Exit codes: 0 written; 1 something would be lost, or no pin set is left, and nothing was written; 64 wrong usage; 65 the file cannot be used, or several documents are in it; "
           "69 this machine lacks something; 70 a bug in pinwatch; 73 the file cannot be created; 74 writing failed.",
};

/* ---- writing */

static int write_all(int file, struct span bytes, const char *path) {
    while (bytes.size > 0) {
        ssize_t count = write(file, bytes.bytes, bytes.size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            fprintf(stderr, "pinwatch: %s: %s\n", path, strerrordesc_np(errno));
            return EXIT_IO;
        }
        bytes = span_of(bytes.bytes + count, bytes.size - (size_t) count);
    }
    return EXIT_OK;
}

static int write_out(const struct export_options *options, struct span bytes) {
    if (options->output == NULL || strcmp(options->output, "-") == 0)
        return fwrite(bytes.bytes, 1, bytes.size, stdout) == bytes.size ? EXIT_OK : EXIT_IO;
    int file = open(options->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) {
        fprintf(stderr, "pinwatch: %s: %s\n", options->output, strerrordesc_np(errno));
        return EXIT_CREATE;
    }
    int code = write_all(file, bytes, options->output);
    if (close(file) != 0 && code == EXIT_OK) {
        fprintf(stderr, "pinwatch: %s: %s\n", options->output, strerrordesc_np(errno));
        code = EXIT_IO;
    }
    if (code != EXIT_OK)
        (void) unlink(options->output);
    return code;
}

/* ---- what is lost */

FAULT(fault_pins_export, FAULT_BUG, "pins.export", "exported pin file", "", "it says something else than the file it was made of", "the same, or a remark");

/* The file written, as its own reader reads it, held against the first. */
static result compare_back(const struct pin_document *document, const struct export_options *options, struct span written, struct arena *arena, size_t *ret_count, struct reason *reason) {
    struct pin_document back = {.source = "the exported file", .format = options->to};
    struct pin_change *changes;
    struct reason why = {""};
    result outcome = written.size > PIN_FILE_SIZE_MAX ? &fault_limit_reached : pin_format_entry_of(options->to)->read(written, arena, &back, &why);
    if (outcome == &fault_limit_reached)
        return reason_set(reason, &fault_pin_file, "%s: nothing was written, because the file would have more than %zu bytes, %d hosts, or %d pins for one, and no such file is read here",
                          document->source, PIN_FILE_SIZE_MAX, PIN_SETS_MAX, PINS_OF_SET_MAX);
    if (outcome == &fault_no_memory)
        return outcome;
    if (outcome != OK)
        return reason_set(reason, &fault_pins_export, "the exported file cannot be read back: %s", why.text);
    struct pin_difference_sides sides = {.before = document, .before_count = 1, .after = &back, .after_count = 1};
    return pin_difference(&sides, arena, &changes, ret_count);
}

static result make(const struct pin_document *document, const struct export_options *options, struct arena *arena, struct pin_document *lost, struct buffer *out, struct reason *reason) {
    const struct pin_format_entry *entry = pin_format_entry_of(options->to);
    struct pin_builder builder = pin_builder_of(arena, lost);
    size_t differences;
    TRY(entry->write(document, &builder, out));
    TRY(pin_builder_end(&builder));
    TRY(buffer_check(out));
    if (out->size == 0) /* nothing is left, and all of it was told */
        return OK;
    TRY(compare_back(document, options, buffer_span(out), arena, &differences, reason));
    if (differences > 0 && lost->remark_count == 0)
        return reason_set(reason, &fault_pins_export, "%zu differences for clients that nobody told of between %s and its export as %s", differences, document->source, pin_format_name(options->to));
    return OK;
}

static int export(const struct export_options *options, const struct pin_document *document, struct arena *arena) {
    CLEANUP(buffer_done) struct buffer out = buffer_with_limit(EXPORT_SIZE_MAX);
    struct pin_document lost = {.source = document->source, .format = options->to};
    struct reason reason = {""};
    result outcome = make(document, options, arena, &lost, &out, &reason);
    if (outcome != OK)
        return exit_with(outcome, &reason);
    pins_print_remarks(&lost);
    if (out.size == 0) {
        fprintf(stderr, "pinwatch: nothing was written, because no pin set is left that a file of the format %s could hold\n", pin_format_name(options->to));
        return EXIT_FINDING;
    }
    bool is_less = lost.remark_count > 0 || pins_has_remark(document, PIN_REMARK_ERROR);
    if (is_less && !options->is_lossy) {
        fprintf(stderr, "pinwatch: nothing was written, because the %s file would not say all that stands above; --lossy writes it all the same\n", pin_format_name(options->to));
        return EXIT_FINDING;
    }
    return write_out(options, buffer_span(&out));
}

int pins_run_export(int argc, char **argv) {
    struct export_options options = {.path = NULL};
    struct pins_files files;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    struct pins_paths paths = {.items = {options.path}, .count = 1};
    int code = pins_read_files(&paths, options.has_format ? &options.format : NULL, &files);
    if (code != EXIT_OK)
        return code;
    code = files.code;
    if (code == EXIT_OK && files.count != 1) {
        struct reason reason;
        code = exit_with(reason_set(&reason, &fault_pin_file, "%s: holds %zu documents, one is exported at a time: take the one that is meant out of the package", options.path, files.count), &reason);
    } else if (code == EXIT_OK) {
        pins_print_remarks(&files.documents[0]);
        code = export(&options, &files.documents[0], files.arena);
    }
    pins_files_done(&files);
    return code;
}
