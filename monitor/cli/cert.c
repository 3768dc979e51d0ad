#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/caa_print.h"
#include "cli/caa_seen.h"
#include "cli/cert_file.h"
#include "cli/certificate_json.h"
#include "cli/database.h"
#include "cli/plain.h"
#include "cli/read_file.h"
#include "cli/table.h"
#include "store/certificates.h"

struct cert_options {
    const char *config, *what;
    bool is_json;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct cert_options *options = state->input;
    switch (key) {
    case 'c':
        options->config = value;
        return 0;
    case 'j':
        options->is_json = true;
        return 0;
    default:
        return command_one_argument(key, value, state, "id or file",
                                    "which certificate? (an id that `pinwatch certs` shows, or a file; - for standard input)", &options->what);
    }
}

static const struct argp_option options_taken[] = {COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, {0}};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "ID|FILE",
    .doc = "Show a certificate: one that was seen, by its id, or every one in FILE (PEM or DER, certificate or precertificate), which needs no "
           "database. A number is a file's name only as ./NUMBER.\v"
           "Exit codes: 0 shown; 65 the file holds nothing readable, or there is no such certificate; 69 the database cannot be reached.",
};

/* ---- for people: the JSON's members, without the raw bytes */

static void print_name(const char *label, const json_t *name) {
    const char *value = json_string_value(json_object_get(name, "value"));
    printf("  %-22s%-6s", label, json_string_value(json_object_get(name, "type")));
    print_harmless(span_of_text(value == NULL ? "" : value));
    puts(strcmp(json_string_value(json_object_get(name, "from")), "cn") == 0 ? "  (common name)" : "");
}

static void print_names(const json_t *names) {
    size_t at;
    const json_t *item;
    json_array_foreach(names, at, item)
        print_name(at == 0 ? "names" : "", item);
}

static void print_for_people(json_t *object) {
    const char *name;
    json_t *value;
    puts(json_is_true(json_object_get(object, "precertificate")) ? "Precertificate" : "Certificate");
    json_object_foreach(object, name, value) {
        size_t size = strlen(name);
        bool is_raw = size > 4 && strcmp(name + size - 4, "_der") == 0;
        if (strcmp(name, "names") == 0)
            print_names(value);
        else if (!is_raw && strcmp(name, "precertificate") != 0 && strcmp(name, "caa") != 0 && strcmp(name, "pins") != 0)
            plain_print(name, value);
    }
    json_decref(object);
}

FAULT(fault_print, FAULT_RETRY, "output.failed", "standard output", "", "it takes no more", "room for what is printed");

/* Takes the reference over. */
static result print_object(bool is_json, json_t *object) {
    if (!is_json) {
        print_for_people(object);
        return OK;
    }
    return print_json_line(object) ? OK : &fault_print;
}

/* ---- a file */

struct shown {
    bool is_json, has_readable;
};

static result show_report(void *context, const struct entry_report *report) {
    struct shown *shown = context;
    shown->has_readable = shown->has_readable || !report->is_unreadable || report->name_count > 0;
    if (!report->is_unreadable)
        return print_object(shown->is_json, certificate_report_json(report));
    struct reason reason;
    (void) exit_with(reason_set(&reason, &fault_cert_file, "a certificate cannot be read: %s", report->reason_text), &reason);
    return report->name_count > 0 ? print_object(shown->is_json, certificate_report_json(report)) : OK;
}

static int show_file(const struct cert_options *options) {
    CLEANUP(buffer_done) struct buffer content = buffer_with_limit(CERT_FILE_SIZE_MAX);
    struct shown shown = {.is_json = options->is_json};
    struct reason reason = {""};
    result outcome = read_file(options->what, &content, &reason);
    if (outcome == OK)
        outcome = cert_file_decode(buffer_span(&content), show_report, &shown, &reason);
    if (outcome == &fault_print)
        return EXIT_IO;
    if (outcome != OK)
        return exit_with(outcome, &reason);
    return shown.has_readable ? EXIT_OK : EXIT_DATA;
}

/* ---- the database */

static void print_labelled(const char *label, const char *text) {
    fputs(label, stdout);
    print_harmless(span_of_text(text));
}

/* What the recorded CAA history says about one name. */
static void print_verdict(const char *label, const struct store_caa_verdict_row *row) {
    char begin[RFC3339_SIZE], end[RFC3339_SIZE];
    printf("  %-22s", label);
    print_labelled("", row->name);
    print_labelled(": ", row->verdict);
    print_labelled(", ", row->reason);
    putchar('\n');
    if (row->window_begin_ms == 0)
        return;
    text_of_time_ms(row->window_begin_ms, begin);
    text_of_time_ms(row->issued_ms, end);
    printf("%26swindow %s to %s; now: %s\n", "", begin, end, row->today);
    if (row->record_count == 0)
        return;
    print_labelled("                          records of ", row->owner);
    print_labelled(", told by ", row->resolver);
    puts(row->is_authenticated ? " (secure)" : "");
    caa_records_print("                            ", row->records, row->record_count);
}

/* What clients of one release make of it under one name. */
static void print_pins(const char *label, const struct store_pin_verdict_row *row) {
    printf("  %-22s", label);
    print_labelled("", row->app);
    print_labelled(" ", row->platform);
    print_labelled(" ", row->version);
    print_labelled(", ", row->name);
    print_labelled(": ", row->verdict);
    if (row->role[0] != '\0')
        print_labelled(" by ", row->role);
    print_labelled(", ", row->why);
    puts(strcmp(row->verdict, "refuses") == 0 && !row->is_enforced ? " (only reported)" : "");
}

static void print_stored(json_t *object, const struct certificate_verdicts *verdicts) {
    print_for_people(object);
    if (verdicts->count == 0)
        puts("  caa                   not judged yet");
    for (size_t i = 0; i < verdicts->count; i++)
        print_verdict(i == 0 ? "caa" : "", &verdicts->rows[i]);
    for (size_t i = 0; i < verdicts->pin_count; i++)
        print_pins(i == 0 ? "pins" : "", &verdicts->pins[i]);
}

static int show_stored(const struct cert_options *options, int64_t id) {
    struct store_certificate_detail detail;
    struct certificate_verdicts verdicts = {0};
    struct store_caa_verdict_row *rows = NULL;
    struct store_pin_verdict_row *pins = NULL;
    struct ca_extra_rows extra = {0};
    struct database database;
    int code = database_open(options->config, &database);
    if (code != EXIT_OK)
        return code;
    result outcome = store_certificate_show(database.store, id, database.arena, &detail);
    if (outcome == OK)
        outcome = store_caa_verdicts_load(database.store, id, database.arena, &rows, &verdicts.count);
    if (outcome == OK)
        outcome = store_pin_verdicts_load(database.store, id, database.arena, &pins, &verdicts.pin_count);
    if (outcome == OK)
        outcome = caa_seen_extra(&database, &extra);
    verdicts.rows = rows;
    verdicts.pins = pins;
    if (outcome != OK)
        code = database_failed(&database, outcome);
    else if (!options->is_json)
        print_stored(certificate_detail_json(&detail, &verdicts, &extra), &verdicts);
    else if (!print_json_line(certificate_detail_json(&detail, &verdicts, &extra)))
        code = EXIT_IO;
    database_done(&database);
    return code;
}

static int run_show(int argc, char **argv) {
    struct cert_options options = {0};
    uint64_t id;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    bool is_id = text_to_number(span_of_text(options.what), INT64_MAX, &id) == OK && id > 0;
    return is_id ? show_stored(&options, (int64_t) id) : show_file(&options);
}

static const struct command sub_commands[] = {
    {"show", "", "Show a certificate of the database or of a file", run_show},
    {0},
};

int command_cert(int argc, char **argv) {
    return command_run_sub(sub_commands, "One certificate in every detail.", argc, argv);
}
