/* What `caa lint` has looked at and what it says of it. */
#pragma once

#include <jansson.h>

#include "cli/caa_seen.h"
#include "formats/caa_text.h"

/* One record set. */
struct caa_linted_set {
    bool has_owner;        /* a file may hold records that name none */
    struct dns_name owner;
    unsigned line;         /* where it begins in the file */
    const struct caa_record *records;
    size_t record_count;
    const uint32_t *ttl_s; /* in a file; NULL: it says none */
    const struct caa_answer *answer; /* as it was resolved; NULL: from a file */
    const struct caa_usage *seen;     /* NULL: certificates were not looked at */
    struct caa_lint_remark *remarks;
    size_t remark_count;
};

struct caa_linted {
    const char *name;               /* that was resolved; NULL: a file */
    bool is_nonexistent;            /* there is no such name in the DNS */
    const char *file;               /* NULL: resolved */
    const struct caa_text *text;    /* of the file */
    const char *failure;            /* why a name could not be resolved; NULL: it was */
    struct caa_linted_set *sets;    /* none: no name up to the top-level domain has records */
    size_t count;
    const char *unseen;             /* why certificates were not looked at; NULL: they were */
};

/* Is there anything of severity warning or worse, or a line that cannot be read? */
bool caa_linted_has_remarks(const struct caa_linted *linted);
json_t *caa_linted_json(const struct caa_linted *linted);
void caa_linted_print(const struct caa_linted *linted);
