#include "cli/pins.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/read_file.h"
#include "formats/app_package.h"
#include "formats/name_normalise.h"

#define ARENA_LIMIT ((size_t) 1024 * 1024 * 1024)

enum { PORT_HTTPS = 443 };

static const struct command sub_commands[] = {
    {"import", "", "Read pin files of any format, show what they say, and store it", pins_run_import},
    {"list", "", "List the pins that are stored", pins_run_list},
    {"show", "", "Show the versions of stored pins, and what they say", pins_run_show},
    {"remove", "", "Take stored pins out of force", pins_run_remove},
    {"lint", "", "What is wrong or unwise about pin files, and what to do", pins_run_lint},
    {"diff", "", "What changes for clients from one pin file to another", pins_run_diff},
    {"export", "", "Write a pin file in another format, and say what is lost", pins_run_export},
    {"of", "", "The pins of a certificate, key, request or live server, ready for each platform", pins_run_of},
    {"gate", "", "May this key or certificate be served, or would released apps refuse it?", pins_run_gate},
    {"plan", "", "The steps of a rotation, with dates; in an emergency: which staged key can be used now", pins_run_plan},
    {"forecast", "", "The days on which a release would lose the last key that it accepts, as table, JSON or chart", pins_run_forecast},
    {"report", "", "What a client's report of failed pin validation says, and what follows", pins_run_report},
    {"reports", "", "What clients have reported, and what it comes to", pins_run_reports},
    {0},
};

int command_pins(int argc, char **argv) {
    return command_run_sub(sub_commands, "Pins: which keys apps accept, as their platforms read the files.", argc, argv);
}

/* ---- arguments */

void pins_take_path(struct pins_paths *paths, const char *path, struct argp_state *state) {
    for (size_t i = 0; strcmp(path, "-") == 0 && i < paths->count; i++)
        if (strcmp(paths->items[i], "-") == 0)
            argp_error(state, "standard input (-) can be read once");
    if (path[0] == '\0')
        argp_error(state, "an empty argument is no file");
    else if (paths->count == PINS_FILES_MAX)
        argp_error(state, "at most %d files are taken at once", PINS_FILES_MAX);
    else
        paths->items[paths->count++] = path;
}

enum pin_format pins_format_of_argument(const char *text, struct argp_state *state) {
    enum pin_format format = PIN_FORMAT_ANDROID;
    CLEANUP(buffer_done) struct buffer names = buffer_with_limit(1000);
    if (pin_format_of_name(text, &format))
        return format;
    for (unsigned i = 0; i < pin_format_count; i++)
        buffer_printf(&names, "%s%s", i == 0 ? "" : ", ", pin_format_name((enum pin_format) i));
    argp_error(state, "'%s' is no format of pin files; wanted one of: %s", text, buffer_text(&names));
    return format;
}

error_t pins_input_take(int key, char *value, struct argp_state *state, struct pins_input *input) {
    switch (key) {
    case 'F':
        input->format = pins_format_of_argument(value, state);
        input->has_format = true;
        return 0;
    case 'j':
        input->is_json = true;
        return 0;
    case ARGP_KEY_ARG:
        pins_take_path(&input->paths, value, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int64_t pins_date_of_argument(const char *option, const char *text, struct argp_state *state) {
    char room[RFC3339_SIZE];
    int64_t unix_ms = 0;
    snprintf(room, sizeof room, "%s%s", text, strlen(text) == sizeof "2026-11-21" - 1 ? "T00:00:00Z" : "");
    if (text_to_time_ms(span_of_text(room), &unix_ms) != OK)
        argp_error(state, "%s: '%s' is no date, wanted one like 2026-11-21", option, text);
    return unix_ms / 1000;
}

const char *pins_host_of_argument(const char *text, struct argp_state *state) {
    static struct host_text host;
    struct name_budget budget = {.slow_labels = 127};
    host_normalise(host_trim(span_of_text(text), &budget), CHARSET_UTF8, &budget, &host);
    if (host.unreadable_count > 0 || host.size == 0 || strpbrk(text, "/:* ") != NULL)
        argp_error(state, "'%s' is no host name", text);
    host.text[host.size < sizeof host.text ? host.size : sizeof host.text - 1] = '\0';
    return host.text;
}

bool pins_take_place(const char *text, char ret_host[PINS_HOST_SIZE], uint16_t *ret_port) {
    uint64_t number = PORT_HTTPS;
    const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL, *colon = strrchr(text, ':'), *port = NULL;
    size_t size = strlen(text);
    if (bracket != NULL) {
        port = bracket[1] == ':' ? bracket + 2 : NULL;
        if (port == NULL && bracket[1] != '\0')
            return false;
        size = (size_t) (bracket - ++text);
    } else if (colon != NULL && strchr(text, ':') == colon) {
        port = colon + 1;
        size = (size_t) (colon - text);
    }
    if (size == 0 || size >= PINS_HOST_SIZE || (port != NULL && (text_to_number(span_of_text(port), UINT16_MAX, &number) != OK || number == 0)))
        return false;
    memcpy(ret_host, text, size);
    ret_host[size] = '\0';
    *ret_port = (uint16_t) number;
    return true;
}

/* ---- files */

static result keep_documents(struct pins_files *files, const struct pin_document *documents, size_t count) {
    struct pin_document *all = arena_take_array(files->arena, files->count + count + 1, sizeof *all);
    if (all == NULL)
        return &fault_no_memory;
    if (files->count > 0)
        memcpy(all, files->documents, files->count * sizeof *all);
    if (count > 0)
        memcpy(all + files->count, documents, count * sizeof *all);
    files->documents = all;
    files->count += count;
    return OK;
}

static result read_one(const char *path, const enum pin_format *format, struct pins_files *files, struct reason *reason) {
    struct buffer *content = &files->contents[files->content_count++];
    struct pin_document *documents;
    size_t count;
    *content = buffer_with_limit(APP_PACKAGE_SIZE_MAX); /* readers of files that are no packages have limits of their own */
    TRY(read_file(path, content, reason));
    struct pin_file file = {.source = strcmp(path, "-") == 0 ? "standard input" : path, .bytes = buffer_span(content)};
    struct reason why = {""};
    result outcome = pin_file_read(&file, format, files->arena, &documents, &count, &why);
    if (outcome == OK)
        return keep_documents(files, documents, count);
    if (outcome == &fault_no_memory)
        return outcome;
    if (why.text[0] == '\0')
        reason_of_fault(outcome, &why);
    return reason_set(reason, outcome, "%s: %s", file.source, why.text);
}

int pins_read_files(const struct pins_paths *paths, const enum pin_format *format, struct pins_files *ret_files) {
    *ret_files = (struct pins_files){.arena = arena_new(ARENA_LIMIT), .contents = memory_new_array(paths->count + 1, sizeof *ret_files->contents)};
    if (ret_files->arena != NULL)
        ret_files->ends = arena_take_array(ret_files->arena, paths->count + 1, sizeof *ret_files->ends);
    if (ret_files->ends == NULL || ret_files->contents == NULL || keep_documents(ret_files, NULL, 0) != OK) {
        pins_files_done(ret_files);
        return exit_with(&fault_no_memory, NULL);
    }
    for (size_t i = 0; i < paths->count; i++) {
        struct reason reason = {""};
        result outcome = read_one(paths->items[i], format, ret_files, &reason);
        if (outcome == &fault_no_memory) {
            pins_files_done(ret_files);
            return exit_with(outcome, &reason);
        }
        ret_files->ends[i] = ret_files->count;
        if (outcome == OK)
            continue;
        ret_files->refused++;
        ret_files->code = exit_with(outcome, &reason);
    }
    return EXIT_OK;
}

void pins_files_done(struct pins_files *files) {
    for (size_t i = 0; files->contents != NULL && i < files->content_count; i++)
        buffer_done(&files->contents[i]);
    memory_free(TAKE(files->contents));
    arena_free(TAKE(files->arena));
}

size_t pins_set_count(const struct pins_files *files) {
    size_t count = 0;
    for (size_t i = 0; i < files->count; i++)
        count += files->documents[i].set_count;
    return count;
}

/* ---- words */

void pins_print_remarks(const struct pin_document *document) {
    static const char *const kinds[] = {[PIN_REMARK_NOTE] = "note", [PIN_REMARK_WARNING] = "warning", [PIN_REMARK_ERROR] = "error"};
    for (size_t i = 0; i < document->remark_count; i++) {
        const struct pin_remark *remark = &document->remarks[i];
        CLEANUP(buffer_done) struct buffer line = buffer_with_limit(16384);
        text_add_harmless(&line, span_of_text(document->source));
        if (remark->line > 0)
            buffer_printf(&line, ":%u", remark->line);
        buffer_printf(&line, ": %s: %s [%s]\n", kinds[remark->kind], remark->text, remark->rule);
        fputs(buffer_text(&line), stderr);
    }
}

bool pins_has_remark(const struct pin_document *document, enum pin_remark_kind kind) {
    for (size_t i = 0; i < document->remark_count; i++)
        if (document->remarks[i].kind >= kind)
            return true;
    return false;
}

const char *pins_names_text(const struct pin_set *set, struct arena *arena) {
    const char *port = set->port == 0 ? "" : arena_printf(arena, " port %u/%s", set->port, set->protocol);
    if (set->host == NULL)
        return set->name[0] == '\0' ? "-" : set->name;
    switch (set->match) {
    case PIN_HOST_ONE_LABEL_BELOW:
        return arena_printf(arena, "*.%s%s", set->host, port == NULL ? "" : port);
    case PIN_HOST_EXACT_AND_ONE_LABEL:
        return arena_printf(arena, "%s and one label below%s", set->host, port == NULL ? "" : port);
    case PIN_HOST_EXACT_AND_BELOW:
        return arena_printf(arena, "%s and below%s", set->host, port == NULL ? "" : port);
    default:
        return arena_printf(arena, "%s%s", set->host, port == NULL ? "" : port);
    }
}
