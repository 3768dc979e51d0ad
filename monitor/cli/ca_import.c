#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/ca.h"
#include "cli/ca_difference.h"
#include "cli/ca_reports.h"
#include "cli/database.h"
#include "cli/table.h"
#include "store/ca_keys.h"

#define COMPLAINTS_SHOWN 20

struct import_options {
    struct ca_options common;
    bool is_dry_run, is_reset;
    char **files;
    int file_count;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct import_options *options = state->input;
    if (ca_option_take(key, value, &options->common))
        return 0;
    switch (key) {
    case 'n':
        options->is_dry_run = true;
        return 0;
    case 'R':
        options->is_reset = true;
        return 0;
    case ARGP_KEY_ARGS:
        options->files = state->argv + state->next;
        options->file_count = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (options->is_reset && options->file_count > 0)
            argp_error(state, "--reset takes everything imported back, FILEs import: wanted one of the two");
        if (!options->is_reset && options->file_count == 0)
            argp_error(state, "which reports? (CSV files from www.ccadb.org/resources; or --reset)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options_taken[] = {
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {"dry-run", 'n', NULL, 0, "Say what would change, and change nothing", 0},
    {"reset", 'R', NULL, 0, "Take everything imported back: the shipped table alone counts again", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "FILE...",
    .doc = "Refresh the table of CA keys from CCADB's reports, downloaded from www.ccadb.org/resources: AllCAAIdentifiersReportCSVV2 (which CAA domains "
           "the CA of each certificate recognises) and AllCertificateRecordsCSVFormat in any version (whose each certificate is), and, for keys "
           "newer than this version of pinwatch, the AllCertificatePEMsCSVFormat reports that hold them. A report is known by its header row. "
           "One import takes the place of the one before it.\v"
           "Exit codes: 0 imported, or nothing to change; 65 a file is no such report, or nothing in it is of use; 69 the database cannot be reached.",
};

struct work {
    const struct import_options *options;
    struct database database;
    struct ca_reports *reports;
    struct ca_import import;
    struct store_ca_keys before;
    struct ca_difference difference;
};

/* ------------------------------------------------------------------ reading */

static result read_reports(struct work *work, struct reason *reason) {
    const struct import_options *options = work->options;
    work->reports = ca_reports_new();
    if (work->reports == NULL)
        return &fault_no_memory;
    if (options->is_reset)
        return OK;
    for (int i = 0; i < options->file_count; i++)
        TRY(ca_reports_add(work->reports, options->files[i], reason));
    TRY(ca_reports_check(work->reports, reason));
    TRY(ca_reports_look_at_certificates(work->reports, reason));
    const struct ca_import_input input = ca_reports_input(work->reports);
    TRY(ca_import_join(&input, work->reports->arena, &work->import));
    for (size_t i = 0; i < work->import.complaint_count; i++)
        TRY(ca_reports_complain(work->reports, work->import.complaints[i].file, work->import.complaints[i].line, work->import.complaints[i].text));
    return work->import.count > 0 ? OK
                                  : reason_set(reason, &fault_ccadb_report, "no row of the reports can be used; wanted identifiers with CAA domains, and the "
                                               "records of the same certificates");
}

/* ------------------------------------------------------------------ telling */

static int print_complaints(const struct work *work) {
    const struct ca_reports *reports = work->reports;
    bool is_json = work->options->common.is_json;
    for (size_t i = 0; i < reports->complaint_count && (is_json || i < COMPLAINTS_SHOWN); i++) {
        const struct ca_import_complaint *complaint = &reports->complaints[i];
        if (is_json) {
            json_t *line = json_pack("{s:s, s:o, s:I, s:s}", "type", "complaint", "file", json_string(complaint->file), "line", (json_int_t) complaint->line,
                                     "text", complaint->text);
            if (!print_json_line(line))
                return EXIT_IO;
            continue;
        }
        print_harmless(span_of_text(complaint->file));
        printf(":%zu: %s\n", complaint->line, complaint->text);
    }
    if (!is_json && reports->complaint_count > COMPLAINTS_SHOWN)
        printf("and %zu more complaints; --json lists all\n", reports->complaint_count - COMPLAINTS_SHOWN);
    return EXIT_OK;
}

static int print_summary(const struct work *work, bool is_applied) {
    const struct ca_difference *found = &work->difference;
    size_t complaints = work->reports->complaint_count;
    if (work->options->common.is_json) {
        json_t *line = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "type", "summary", "keys", (json_int_t) work->import.count, "added",
                                 (json_int_t) found->added, "changed", (json_int_t) found->changed, "gone", (json_int_t) found->gone, "same",
                                 (json_int_t) found->same, "complaints", (json_int_t) complaints, "keys_missing",
                                 (json_int_t) work->import.keys_missing, "applied", is_applied);
        return print_json_line(line) ? EXIT_OK : EXIT_IO;
    }
    printf("%zu keys: %zu added, %zu changed, %zu the same, %zu gone; %zu complaints.%s\n", work->import.count, found->added, found->changed, found->same,
           found->gone, complaints, is_applied ? "" : work->options->is_dry_run ? " Nothing was written (dry run)." : " Nothing was to be written.");
    if (work->import.keys_missing > 0)
        printf("%zu certificates are newer than this version of pinwatch: import the AllCertificatePEMsCSVFormat reports as well.\n", work->import.keys_missing);
    return EXIT_OK;
}

/* ------------------------------------------------------------------ saving */

static json_t *reports_json(const struct ca_reports *reports) {
    json_t *array = json_array();
    for (size_t i = 0; i < reports->file_count; i++) {
        const struct ca_file *file = &reports->files[i];
        const char *name = strrchr(file->path, '/');
        char sha256[HASH_HEX_SIZE];
        CLEANUP(buffer_done) struct buffer shown = buffer_with_limit(4096);
        hash_to_hex(&file->sha256, sha256);
        text_add_harmless(&shown, span_of_text(name == NULL ? file->path : name + 1));
        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:I, s:I}", "file", buffer_text(&shown), "kind", ccadb_kind_name(file->kind), "sha256", sha256,
                                               "rows", (json_int_t) file->rows, "complaints", (json_int_t) file->complaints));
    }
    return array;
}

/* The same files again over the same table: not even the date is news. */
static bool is_repeated(const struct work *work, json_t *reports) {
    const struct store_ca_import *newest = &work->before.import;
    json_t *stored = json_loads(newest->reports, 0, NULL);
    bool is_same = newest->import_id > 0 && newest->is_reset == work->options->is_reset && strcmp(newest->table_date, ca_table_date()) == 0 &&
                   json_equal(stored, reports) == 1;
    json_decref(stored);
    bool is_nothing = newest->import_id == 0 && work->options->is_reset;
    return (is_same || is_nothing) && work->difference.count == 0;
}

static result save(struct work *work, bool *ret_is_applied) {
    json_t *reports = reports_json(work->reports);
    char *text = json_dumps(reports, JSON_COMPACT | JSON_ENSURE_ASCII);
    struct store_ca_import import = {.import_id = work->before.import.import_id, .imported_ms = clock_wall_ms(), .is_reset = work->options->is_reset,
                                     .imported_by = author_name(work->database.arena), .table_date = ca_table_date(), .reports = text,
                                     .added = (int64_t) work->difference.added, .changed = (int64_t) work->difference.changed,
                                     .gone = (int64_t) work->difference.gone};
    bool is_needed = !work->options->is_dry_run && text != NULL && !is_repeated(work, reports);
    result outcome = text == NULL || import.imported_by == NULL ? &fault_no_memory : OK;
    if (outcome == OK && is_needed)
        outcome = store_ca_import_save(work->database.store, &import, work->import.rows, work->import.count);
    *ret_is_applied = is_needed && outcome == OK;
    memory_free_foreign(text);
    json_decref(reports);
    return outcome;
}

static int tell(const struct work *work, bool is_applied) {
    int code = ca_difference_print(&work->difference, work->options->common.is_json, is_applied);
    if (code == EXIT_OK)
        code = print_complaints(work);
    return code == EXIT_OK ? print_summary(work, is_applied) : code;
}

static int import_into(struct work *work) {
    struct ca_extra_rows before;
    struct arena *arena = work->database.arena;
    bool is_applied = false;
    result outcome = store_ca_keys_load(work->database.store, true, arena, &work->before);
    if (outcome != OK)
        return database_failed(&work->database, outcome);
    outcome = store_ca_keys_use(&work->before, arena, &before);
    if (outcome == OK)
        outcome = ca_difference_find(&before, work->before.rows, work->before.count, &work->import, arena, &work->difference);
    if (outcome != OK)
        return exit_with(outcome, NULL);
    outcome = save(work, &is_applied);
    if (outcome != OK)
        return store_why(work->database.store)->text[0] == '\0' ? exit_with(outcome, NULL) : database_failed(&work->database, outcome);
    return tell(work, is_applied);
}

int ca_import(int argc, char **argv) {
    struct import_options options = {0};
    struct work work = {.options = &options};
    struct reason reason = {""};
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    result outcome = read_reports(&work, &reason);
    int code = outcome == OK ? database_open(options.common.config, &work.database) : exit_with(outcome, &reason);
    if (outcome == OK && code == EXIT_OK) {
        code = import_into(&work);
        database_done(&work.database);
    }
    ca_reports_free(work.reports);
    return code;
}
