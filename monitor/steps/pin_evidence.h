/* What a finding says of the releases that refuse a certificate. */
#pragma once

#include "rules/pin_verdict.h"
#include "store/pin_verdicts.h"

struct pin_evidence {
    const struct store_pin_case *about;
    const struct pin_verdicts *verdicts; /* of one tenant */
    const struct ca_extra_rows *extra;
};
/* A JSON object for pin_verdicts_save in `arena`, NULL where no release refuses it. Fails only without memory. */
MUST_CHECK result pin_evidence_write(const struct pin_evidence *evidence, struct arena *arena, const char **ret_text);
