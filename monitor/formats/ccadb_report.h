/* Reports that anybody may download from CCADB (www.ccadb.org/resources): which CAA domains each CA certificate's CA recognises, whose each
 * certificate is, and the certificates themselves. A report is known by its header row; columns may stand in any order, and further
 * ones are of no interest, so that later versions are read as well.
 *
 * Everything in a row was typed by somebody: what cannot be used is complained of and left out, never guessed. */
#pragma once

#include "base/reason.h"
#include "formats/csv.h"

enum ccadb_kind {
    CCADB_IDENTIFIERS,  /* AllCAAIdentifiersReportCSVV2 */
    CCADB_RECORDS,      /* AllCertificateRecordsCSVFormat, any version */
    CCADB_CERTIFICATES, /* AllCertificatePEMsCSVFormat, and others with a PEM column */
    ccadb_kind_count
};
const char *ccadb_kind_name(enum ccadb_kind kind); /* "AllCAAIdentifiersReportCSVV2", … */

extern const struct fault fault_ccadb_report; /* no such report: the reason says what is missing; or CSV that breaks or has too long a field, with the line */

enum {
    CCADB_DOMAINS_MAX = 128,  /* of one row */
    CCADB_REFUSED_MAX = 16,   /* domains of one row that are told; more are only counted */
    CCADB_TEXT_MAX = 512,     /* owners, names: cut there */
    CCADB_SKI_MAX = 64,
    CCADB_FIELD_MAX = 1024 * 1024, /* bytes; the longest that CCADB has are certificates of some kB */
    CCADB_COLUMNS = 8,
};

struct ccadb_report {
    enum ccadb_kind kind;
    struct csv_reader csv;
    size_t columns[CCADB_COLUMNS]; /* where the columns stand; SIZE_MAX: not there */
};

/* One row. Texts are harmless UTF-8 and in the arena; those that the kind does not have are "". */
struct ccadb_row {
    size_t line;
    const char *complaint;      /* why the row is of no use, a clause; "" when it is of use */
    struct hash sha256;         /* RECORDS, CERTIFICATES: of the certificate */
    struct hash parent_sha256;  /* RECORDS */
    bool has_parent, is_root;
    struct span ski;            /* IDENTIFIERS, RECORDS: subject key identifier; may be empty */
    const char *owner;          /* RECORDS: who runs it: "Subordinate CA Owner", else "CA Owner" */
    bool is_subordinate;        /* the first of the two */
    const char *name;           /* RECORDS: certificate name; IDENTIFIERS: subject */
    const char *const *domains; /* IDENTIFIERS: lower case, each once, NULL-terminated */
    size_t domain_count;
    const char *const *refused; /* IDENTIFIERS: what stood among them and is no domain name, each with why */
    size_t refused_count;
    bool is_partial;            /* IDENTIFIERS: the CA may recognise more than `domains`: something that is no word for nothing was refused */
    struct span pem;            /* CERTIFICATES */
};

/* Reads the header. `text` is borrowed. Error: fault_ccadb_report. */
MUST_CHECK result ccadb_report_open(struct span text, struct ccadb_report *ret_report, struct reason *reason);
/* The next row; false at the end. Errors: fault_ccadb_report, fault_no_memory. */
MUST_CHECK result ccadb_report_next(struct ccadb_report *report, struct arena *arena, struct ccadb_row *ret_row, bool *ret_has_row, struct reason *reason);
