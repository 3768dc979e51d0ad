/* Orders to the running drill, over its socket (drill/issue.h says what an order is). */
#pragma once

#include "base/reason.h"
#include "base/span.h"

struct drill_wish {
    const char *state_folder;
    const char *name;     /* DNS name */
    bool is_expected;     /* issued by the CA that policies expect; else mis-issued */
    int64_t timeout_ms;
};

struct drill_issued {
    struct hash log_id, tbs_sha256;
    uint64_t index;
    int64_t timestamp_ms; /* of the leaf */
};

extern const struct fault fault_drill_absent;  /* SETTINGS: no drill runs */
extern const struct fault fault_drill_refused; /* INPUT: the drill said no */

/* Blocks until the drill has answered. */
MUST_CHECK result drill_order(const struct drill_wish *wish, struct drill_issued *ret_issued, struct reason *reason);
