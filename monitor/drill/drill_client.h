/* Orders a certificate from the running drill; blocking, for the command line. */
#pragma once

#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

#define DRILL_PLACES_MAX 4

struct drill_order {
    const char *name;             /* DNS name or IP address */
    bool is_mis_issued;           /* by the CA that nobody expects */
    const char *into;             /* "rfc6962", "static", "both" */
    bool without_precertificate, without_final;
};

struct drill_place {
    struct hash log_id, cert_sha256;
    uint64_t index;
    int64_t timestamp_ms;         /* of the SCT: when it was logged */
    bool is_precertificate;
};

struct drill_issued {
    struct drill_place places[DRILL_PLACES_MAX]; /* in the order in which they were logged */
    size_t place_count;
    struct hash tbs_sha256, spki_sha256, issuer_spki_sha256;
};

extern const struct fault fault_drill_absent;  /* SETTINGS: drill.json is not there, so no drill has run */
extern const struct fault fault_drill_silent;  /* RETRY: it does not answer, or not in time */
extern const struct fault fault_drill_refused; /* INPUT: the drill said no; the sentence gives its reason */
extern const struct fault fault_drill_answer;  /* BUG: its answer or drill.json cannot be read */

/* `drill_folder`: where drill.json is. Waits at most `timeout_ms`. */
MUST_CHECK result drill_issue(const char *drill_folder, const struct drill_order *order, int64_t timeout_ms,
                              struct drill_issued *ret_issued, struct reason *reason);
