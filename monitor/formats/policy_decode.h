/* From a JSON tree to a policy; used for the database's JSON and for the data file's YAML. */
#pragma once

#include <jansson.h>

#include "formats/policy_rules.h"

/* Which value is refused: the value itself, and what holds it. */
struct decode_culprit {
    const json_t *value, *holder;
};

/* Error: fault_policy; the sentence in `reason` names the field. */
MUST_CHECK result policy_decode(const json_t *tree, struct arena *arena, struct policy_rules *ret_rules,
                                struct decode_culprit *ret_culprit, struct reason *reason);
