/* From CCADB's reports to rows of the CA table: which CAA domains the CA of each certificate says it recognises, joined with whose the
 * certificate is and with its key.
 *
 * The report of identifiers names certificates by their subject key identifier alone, so the records say which certificates that are, and
 * the key comes from the certificate itself (as a reader saw it) or from those that were known when the shipped table was made. What
 * cannot be joined without doubt is complained of and left out. */
#pragma once

#include "rules/ca_table.h"

/* A row of AllCertificateRecords. */
struct ca_record {
    struct hash sha256, parent_sha256;
    bool has_parent, is_root, is_subordinate; /* run by another than the owner of what is above it */
    struct span ski;
    const char *owner, *name;
};

/* A row of AllCAAIdentifiersReport that holds at least one domain. */
struct ca_identifier {
    struct span ski;
    const char *const *domains; /* lower case, NULL-terminated */
    bool is_partial;            /* the CA may recognise more: then nothing that rests on it is certain */
    const char *file;
    size_t line;
};

/* What a reader saw of a certificate. */
struct ca_certificate {
    struct hash sha256, spki_sha256, issuer_spki_sha256;
    bool has_issuer; /* the signature was verified with that key */
};

struct ca_import_input {
    const struct ca_record *records;
    size_t record_count;
    const struct ca_identifier *identifiers;
    size_t identifier_count;
    const struct ca_certificate *certificates;
    size_t certificate_count;
};

struct ca_import_row {
    struct ca_row row;
    struct hash certificate_sha256; /* one that was disclosed with the key */
    const char *name;               /* its name there */
};

struct ca_import_complaint {
    const char *file;
    size_t line;
    const char *text; /* a clause */
};

struct ca_import {
    struct ca_import_row *rows; /* by key, each once */
    size_t count;
    struct ca_import_complaint *complaints;
    size_t complaint_count;
    size_t keys_missing; /* identifiers left out because the key of no certificate is known */
};

/* A row is certain when every owner on every path is known and each step of a path that the shipped table does not know was verified. For
 * a key that the shipped table knows the owner's name stays as it is there, and what is recognised above it stays in the path; a new key has
 * the name of the mapped owner above it where CCADB names the same owner for both, else CCADB's name.
 * Everything in `arena` or borrowed from the input. Errors: fault_no_memory; fault_limit_reached for paths of no end. */
MUST_CHECK result ca_import_join(const struct ca_import_input *input, struct arena *arena, struct ca_import *ret_import);
