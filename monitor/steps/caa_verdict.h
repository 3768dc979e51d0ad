/* Certificates against the recorded CAA history, and whom the records allow as far as the tenant has heard of them. */
#pragma once

#include "rules/issuer_policy.h"
#include "steps/monitor.h"

/* A step: judges a few certificates whose case is due. */
MUST_CHECK result step_judge_caa(struct monitor *monitor, int64_t now_ms);

/* For policies that expect whom the CAA records allow: by what is taken for true now. Records below the watched name can only restrict what it
 * allows: a first record at a new name is no change that anybody would be told of. `monitor` is a struct monitor. */
enum caa_allowance caa_allowance_of(void *monitor, const struct store_watch *watch, const char *name, const char *const *issuer_domains);
