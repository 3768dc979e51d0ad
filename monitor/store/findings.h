/* Findings and alerts, as the commands show and change them. */
#pragma once

#include "base/arena.h"
#include "formats/entry_report.h"
#include "store/connection.h"

#define STORE_ALL_TENANTS (-1)

struct store_finding_row {
    int32_t tenant_id;
    int64_t finding_id;
    const char *rule, *severity, *subject, *state;
    const char *evidence;   /* JSON object */
    uint64_t occurrences;
    int64_t certificate_id; /* 0: none */
    struct known_hash log_id;
    int64_t opened_ms, last_seen_ms;
    int64_t closed_ms;      /* 0: not closed */
};

struct store_finding_filter {
    int32_t tenant_id;           /* STORE_ALL_TENANTS; a tenant also sees the findings of tenant 0 */
    const char *state;           /* "" any; "open", "acknowledged", "resolved", "suppressed" */
    const char *rule;            /* "" any; "certificate." with the dot means all that start so */
    const char *least_severity;  /* "" any */
    int64_t certificate_id;      /* 0 any */
    int64_t before_id;           /* page: ids smaller than this; 0: from the newest */
    unsigned limit;              /* 0: 100 */
};
/* Newest first. */
MUST_CHECK result store_findings_list(struct store *store, const struct store_finding_filter *filter, struct arena *arena,
                                      struct store_finding_row **ret_rows, size_t *ret_count);

struct store_finding_event {
    int64_t at_ms;
    const char *who, *what, *note;
};
struct store_finding_detail {
    struct store_finding_row finding;
    struct store_finding_event *events; /* oldest first */
    size_t event_count;
};
/* Finding ids are unique over all tenants. Error: fault_store_not_found. */
MUST_CHECK result store_finding_show(struct store *store, int64_t finding_id, struct arena *arena,
                                     struct store_finding_detail *ret_detail);

/* Somebody decides about a finding. */
struct store_decision {
    int64_t finding_id;
    const char *state; /* "acknowledged", "resolved", "suppressed", "open" (again) */
    const char *who, *note;
    int64_t now_ms;
};
/* *ret_was_changed (may be NULL) is false when it was so already. Errors: fault_store_not_found. */
MUST_CHECK result store_finding_decide(struct store *store, const struct store_decision *decision, bool *ret_was_changed);

/* Deliveries for `alerts list`. */
struct store_delivery_row {
    int32_t tenant_id;
    int64_t delivery_id, alert_id;
    int64_t finding_id;      /* 0: none */
    bool is_test;
    const char *rule, *severity, *channel, *state; /* queued, delivered, dead */
    char idempotency_key[37];
    unsigned attempts;
    int64_t created_ms, next_attempt_ms;
    int64_t delivered_ms;    /* 0: not yet */
    const char *last_error;
};
struct store_delivery_filter {
    int32_t tenant_id;
    const char *state;    /* "" any */
    const char *channel;  /* "" any */
    int64_t alert_id;     /* 0 any */
    int64_t finding_id;   /* 0 any */
    int64_t before_id;    /* page, as above */
    unsigned limit;       /* 0: 100 */
};
MUST_CHECK result store_deliveries_list(struct store *store, const struct store_delivery_filter *filter, struct arena *arena,
                                        struct store_delivery_row **ret_rows, size_t *ret_count);

/* Queues a marked test alert for one channel, enabled or not. Error: fault_store_not_found. Wait for it with store_deliveries_list. */
struct store_test_alert {
    int32_t tenant_id;
    const char *channel, *who;
    int64_t now_ms;
};
MUST_CHECK result store_alert_test(struct store *store, const struct store_test_alert *test, int64_t *ret_alert_id);
/* Puts a dead delivery back into the queue. Error: fault_store_not_found. */
MUST_CHECK result store_delivery_requeue(struct store *store, int64_t delivery_id, int64_t now_ms);
