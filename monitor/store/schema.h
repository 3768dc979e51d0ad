/* The numbered steps of sql/: which are applied, which are missing. */
#pragma once

#include "store/connection.h"

extern const struct fault fault_schema_newer;   /* SETTINGS: the database knows steps that this build does not */
extern const struct fault fault_schema_older;   /* SETTINGS: steps are missing: `pinwatch init` */
extern const struct fault fault_schema_changed; /* SETTINGS: an applied step is not the file of this build */
extern const struct fault fault_schema_files;   /* SETTINGS: the folder has no steps, or gaps in their numbers */

struct schema_outcome {
    unsigned version_before, version_after; /* number of the last step; 0: none */
};

/* Applies what is missing, each step in its own transaction, under an advisory lock. `folder`: of the .sql files; NULL: where they were
 * installed, or $PINWATCH_SQL. `store` is the owner's. */
MUST_CHECK result schema_apply(struct store *store, const char *folder, int64_t now_ms, struct schema_outcome *ret_outcome);
/* For every program at start: is the schema the one that this build was written for? Steps that only a newer build knows, and
 * missing ones, are refused; needs no more than the right to read schema_step, and no files. */
MUST_CHECK result schema_check(struct store *store);
/* Number of the last step that this build knows. */
unsigned schema_version_known(void);
