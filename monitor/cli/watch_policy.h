/* A policy made from the options of `watch add`, for those who do not want to write a file. */
#pragma once

#include "base/arena.h"
#include "base/reason.h"
#include "rules/ca_table.h"
#include "store/data.h"

struct watch_policy_wish {
    const char *const *caa_domains; /* as typed */
    size_t caa_domain_count;
    bool reports_new;
};

extern const struct fault fault_watch_policy; /* INPUT: a CAA domain that is none, or that no CA in the table recognises */

/* Equal wishes give equal names and rules: "expects-letsencrypt.org", "every-certificate". Texts in `arena`. */
MUST_CHECK result watch_policy_of(const struct watch_policy_wish *wish, struct arena *arena, struct store_policy *ret_policy,
                                  struct reason *reason);
/* Does the table of CA keys, with what was imported (`extra`), know the domains? Error: fault_watch_policy. */
MUST_CHECK result watch_policy_check(const struct store_policy *policy, const struct ca_extra_rows *extra, struct arena *arena, struct reason *reason);
