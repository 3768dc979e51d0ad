/* What the commands `pinwatch pins …` share. */
#pragma once

#include "cli/command.h"
#include "formats/pin_file.h"
#include "rules/pin_judge.h"

/* The sub-commands; pins.c has the table. */
int pins_run_import(int argc, char **argv);
int pins_run_list(int argc, char **argv);
int pins_run_show(int argc, char **argv);
int pins_run_remove(int argc, char **argv);
int pins_run_diff(int argc, char **argv);
int pins_run_export(int argc, char **argv);
int pins_run_lint(int argc, char **argv);
int pins_run_of(int argc, char **argv);
int pins_run_gate(int argc, char **argv);
int pins_run_plan(int argc, char **argv);
int pins_run_forecast(int argc, char **argv);
int pins_run_report(int argc, char **argv);
int pins_run_reports(int argc, char **argv);

#define PINS_FILES_MAX 1000

/* Files on the command line. */
struct pins_paths {
    const char *items[PINS_FILES_MAX];
    size_t count;
};
/* Ends the process with a usage error when there are too many. */
void pins_take_path(struct pins_paths *paths, const char *path, struct argp_state *state);

/* What import, lint and diff take alike: files, --format and --json. */
struct pins_input {
    struct pins_paths paths;
    enum pin_format format;
    bool has_format, is_json;
};
#define PINS_INPUT_FORMAT(input) ((input)->has_format ? &(input)->format : NULL)
error_t pins_input_take(int key, char *value, struct argp_state *state, struct pins_input *input);

/* What was read of them. */
struct pins_files {
    struct arena *arena; /* owns all but the bytes of the files */
    struct buffer *contents;
    size_t content_count;
    struct pin_document *documents;
    size_t *ends;        /* of each path: how many documents were there when it had been read */
    size_t count;
    size_t refused;      /* files that could not be used: why is on standard error */
    int code;            /* exit code of the last of these, else EXIT_OK */
};

#define PINS_OPTION_FORMAT {"format", 'F', "FORMAT", 0, "Read the files as this format instead of guessing it by what stands in them", 0}
/* "android", …: ends the process with a usage error that lists the formats where it is none. */
enum pin_format pins_format_of_argument(const char *text, struct argp_state *state);
/* A date, "2026-11-21", or an RFC 3339 time, in Unix seconds; a usage error where it is none. */
int64_t pins_date_of_argument(const char *option, const char *text, struct argp_state *state);
/* A host name as A-labels, in static room; a usage error where it is none. */
const char *pins_host_of_argument(const char *text, struct argp_state *state);

#define PINS_HOST_SIZE 256
/* "example.com", "example.com:8443", "[::1]:8443", "::1"; without a port 443. False where it is none of these. */
bool pins_take_place(const char *text, char ret_host[PINS_HOST_SIZE], uint16_t *ret_port);

/* Reads every file ("-": standard input); `format` NULL: guess. Only lack of memory makes it fail: then nothing is owned. */
int pins_read_files(const struct pins_paths *paths, const enum pin_format *format, struct pins_files *ret_files);
void pins_files_done(struct pins_files *files);
/* The readers' remarks, "FILE:LINE: error: TEXT [RULE]", to standard error. */
void pins_print_remarks(const struct pin_document *document);
/* Is there one of this kind, or a graver one? */
bool pins_has_remark(const struct pin_document *document, enum pin_remark_kind kind);
size_t pins_set_count(const struct pins_files *files);

/* "example.com and below", "*.example.com": the names that a set holds for. In `arena`; NULL without memory. */
const char *pins_names_text(const struct pin_set *set, struct arena *arena);
