/* How CAA records, who may issue under them, and what is unwise about them are shown: to people, and as JSON for scripts. */
#pragma once

#include <jansson.h>

#include "cli/caa_judged.h"

/* `{"flags":n,"tag":…,"value":…}` each; values that are no UTF-8 with RFC 1035 escapes. */
json_t *caa_records_json(const struct caa_record *records, size_t count);
/* A list of CAA domains: null is every CA, [] nobody. */
json_t *caa_issuers_json(const struct caa_issuers *issuers);
/* `{"rule":…,"severity":…,"message":…,"suggest":…}` each; `suggest` is null where there is none. */
json_t *caa_remarks_json(const struct caa_lint_remark *remarks, size_t count);
/* One record a line behind `indent`; a long set is cut with a line that says so. */
void caa_records_print(const char *indent, const struct caa_record *records, size_t count);
/* "letsencrypt.org (Let's Encrypt), …", "any CA", "nobody". */
void caa_issuers_print(const struct caa_issuers *issuers);
void caa_remarks_print(const struct caa_lint_remark *remarks, size_t count);

/* All of `caa check`; NULL without memory. */
json_t *caa_judged_json(const struct caa_judged *judged);
void caa_judged_print(const struct caa_judged *judged);
