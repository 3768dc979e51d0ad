/* What the database saw of the certificates whose names a CAA set governs, where one can be reached. */
#pragma once

#include <jansson.h>

#include "cli/database.h"
#include "rules/caa_usage.h"

/* Imported CA keys and all they are needed for, in the database's arena. */
MUST_CHECK result caa_seen_extra(struct database *database, struct ca_extra_rows *ret_extra);
MUST_CHECK result caa_seen_load(struct database *database, const struct caa_seen_wish *wish, const struct ca_extra_rows *extra, struct caa_usage *ret_seen);

/* Prints certificates, one a line behind `indent`: id, issuer, end, names. */
void caa_seen_print(const char *indent, const struct caa_seen_certificate *certificates, size_t count);
/* {"certificate_id","issuer","not_after","names"} each. */
json_t *caa_seen_json(const struct caa_seen_certificate *certificates, size_t count);
