/* Judgements as part of a payload. Private to store/. */
#pragma once

#include "store/payload.h"
#include "store/record.h"

/* Appends one item of record_range. */
void payload_add_judgement(struct payload *payload, json_t *items, const struct store_judgement *judgement);
/* Sets "findings"; a body that is no JSON makes the payload fail. */
void payload_add_findings(struct payload *payload, json_t *object, const struct store_finding *findings, size_t count);
