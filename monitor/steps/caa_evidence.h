/* What a finding says of the CAA verdicts on a certificate. */
#pragma once

#include "rules/ca_table.h"
#include "store/caa_verdicts.h"

struct caa_evidence {
    struct store *store;
    const struct store_caa_case *about;
    const struct store_caa_verdict *verdicts; /* by name of the case */
    const struct ca_path *path;
};
/* A JSON object for caa_verdicts_save, NULL where nothing is inconsistent; memory_free_foreign it. Of more than 20 such names the first 20: for each tenant
 * ("tenants") those that it watches before all others, so that nobody pushes them out with names of his own. */
MUST_CHECK result caa_evidence_write(const struct caa_evidence *evidence, char **ret_text);
