/* Which organisation holds a CA key: the shipped, dated table of deploy/ca-table, extended by rows known at run time.
 *
 * Only keys are looked up. The name in a certificate's issuer field proves nothing and is never asked. */
#pragma once

#include <stdbool.h>

#include "base/span.h"

enum ca_kind { CA_ROOT, CA_INTERMEDIATE };

struct ca_owner {
    const char *name;                /* "Let's Encrypt" */
    const char *const *caa_domains;  /* NULL-terminated, lower case; what this owner recognises in CAA issue records */
    const char *problem_report;      /* e-mail address or URL for reporting a mis-issued certificate, "" when not known */
};

struct ca_row {
    struct hash spki_sha256;
    const struct ca_owner *owner;
    enum ca_kind kind;
};

/* Rows beside the shipped ones (the drill's CA, an operator's overrides); they win. May be NULL. */
struct ca_extra_rows {
    const struct ca_row *rows;
    size_t count;
};

/* Owner name of the drill's CAs. */
#define CA_OWNER_DRILL "pinwatch drill"

/* True and *ret_row filled when the key is mapped. */
bool ca_table_find(const struct hash *issuer_spki_sha256, const struct ca_extra_rows *extra, struct ca_row *ret_row);
/* Does any owner in the table recognise this CAA domain (lower case)? */
bool ca_table_knows_domain(const char *domain, const struct ca_extra_rows *extra);
/* Is there an owner of this name (case does not count)? */
bool ca_table_knows_owner(const char *name, const struct ca_extra_rows *extra);
/* The shipped owners, one after the other; NULL past the last. */
const struct ca_owner *ca_table_owner_at(size_t number);
bool ca_owner_recognises(const struct ca_owner *owner, const char *domain);
/* "2026-11-21": when the shipped table was made, and how many keys it maps. */
const char *ca_table_date(void);
size_t ca_table_size(void);
