/* CCADB reports as a person downloaded them, read from files into the lists that rules/ca_table_import joins. */
#pragma once

#include "base/buffer.h"
#include "formats/ccadb_report.h"
#include "rules/ca_table_import.h"

#define CA_FILES_MAX 256
#define CA_FILE_SIZE_MAX ((size_t) 512 * 1024 * 1024)

struct ca_file {
    const char *path;
    enum ccadb_kind kind;
    struct hash sha256;
    size_t rows, complaints;
    struct buffer content; /* certificates point into it */
};

/* A certificate in a report. */
struct ca_pem {
    struct hash sha256; /* as the report has it; a reader tells the truth */
    struct span pem;
    const char *file;
    size_t line;
};

struct ca_reports {
    struct arena *arena; /* owned */
    struct ca_file files[CA_FILES_MAX];
    size_t file_count;
    struct ca_record *records; /* all lists are owned */
    size_t record_count, record_room;
    struct ca_identifier *identifiers;
    size_t identifier_count, identifier_room;
    struct ca_pem *pems;
    size_t pem_count, pem_room;
    struct ca_certificate *certificates; /* by ca_reports_look_at_certificates */
    size_t certificate_count, certificate_room;
    struct ca_import_complaint *complaints;
    size_t complaint_count, complaint_room;
};

/* NULL without memory. */
struct ca_reports *ca_reports_new(void);
void ca_reports_free(struct ca_reports *reports);
/* Adds one file; `path` is borrowed. Errors: fault_file, fault_ccadb_report, each with a reason that names the file; fault_no_memory. */
MUST_CHECK result ca_reports_add(struct ca_reports *reports, const char *path, struct reason *reason);
/* Is there what an import needs at least? Error: fault_ccadb_report. */
MUST_CHECK result ca_reports_check(const struct ca_reports *reports, struct reason *reason);
/* Has a reader look at the certificates whose keys the shipped table does not know, beside those that issued them. */
MUST_CHECK result ca_reports_look_at_certificates(struct ca_reports *reports, struct reason *reason);
/* Notes what is wrong; the text is copied. */
MUST_CHECK result ca_reports_complain(struct ca_reports *reports, const char *file, size_t line, const char *text);
/* The lists, for ca_import_join. */
struct ca_import_input ca_reports_input(const struct ca_reports *reports);
