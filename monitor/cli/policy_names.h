/* Does the table of CA keys, with what was imported, know the CAA domains and owners that a policy names? A misspelt one would turn every certificate into news. */
#pragma once

#include "base/arena.h"
#include "base/reason.h"
#include "rules/ca_table.h"

/* `rules`: JSON of the policy. reason->text stays "" when all are known, else names the first that is not. Fails without memory. */
MUST_CHECK result policy_names_check(const char *rules, const struct ca_extra_rows *extra, struct arena *arena, struct reason *ret_unknown);
