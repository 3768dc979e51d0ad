/* Reports of clients: what is received, what became of it, what was found out (docs/schema.md, Client reports). */
#pragma once

#include "base/arena.h"
#include "formats/entry_report.h"
#include "rules/report_cause.h"
#include "store/connection.h"

/* ---- receiving (pinwatch_receiver) */

enum client_report_outcome { CLIENT_REPORT_KEPT, CLIENT_REPORT_REPEATED, CLIENT_REPORT_FOREIGN, CLIENT_REPORT_NO_ROOM, CLIENT_REPORT_UNREADABLE, CLIENT_REPORT_TOO_LARGE,
                             CLIENT_REPORT_SOURCE_LIMIT, CLIENT_REPORT_LIMIT, client_report_outcome_count };
const char *client_report_outcome_name(enum client_report_outcome outcome); /* "kept", "no-room" */

struct store_client_reports {
    const char *list;       /* JSON array of what examiners said, each with "source" and "may_add" */
    size_t count;           /* elements of it */
    const uint64_t *refused; /* how many since the last call, by outcome */
    unsigned room;          /* distinct ones that a tenant keeps a day */
    int64_t now_ms;
};
/* One transaction: when this returns OK everything is committed. `ret_outcomes` has room for `count`. */
MUST_CHECK result store_client_reports_take(struct store *store, const struct store_client_reports *reports, enum client_report_outcome *ret_outcomes);

/* ---- joining (pinwatch_monitor) */

struct store_pinned_host {
    int32_t tenant_id;
    const char *host;
    bool covers_below;
};
/* Replaces the list, unless it is that of these pins or later ones already. */
MUST_CHECK result store_pinned_hosts_save(struct store *store, const struct store_pinned_host *hosts, size_t count, uint64_t pins);

struct store_client_report {
    int32_t tenant_id;
    int64_t report_id;
    enum client_report_format format;
    const char *host, *app, *version, *platform;
    bool has_enforcement, is_enforced, has_result;
    int32_t result; /* TrustKit's */
    struct report_facts facts; /* without the leaf's bytes */
    int64_t first_ms;
    bool is_logged, is_covered, is_drill_covered;
};
/* Takes due ones; nobody else does before until_ms. Everything in `arena`. */
struct store_client_report_taking {
    int64_t now_ms, until_ms;
    unsigned limit;
};
MUST_CHECK result store_client_reports_due(struct store *store, const struct store_client_report_taking *taking, struct arena *arena, struct store_client_report **ret_reports,
                                           size_t *ret_count);

struct store_client_report_found {
    int32_t tenant_id;
    int64_t report_id;
    enum report_cause cause;
    const char *why, *severity;
    const char *release_app; /* as releases write it; "": none has that name */
    const char *verdict;     /* of the release it comes from: "accepts", "refuses", "cannot-tell", "not-pinned", "unknown" */
    bool is_drill, looks_again;
    int64_t again_ms;
};
/* One transaction, with the findings. */
MUST_CHECK result store_client_reports_save(struct store *store, const struct store_client_report_found *found, size_t count, int64_t now_ms);

/* What nobody had room for lately; all zero: nothing in the last hour. */
struct store_client_reports_dropped {
    int64_t no_room, limit; /* today and yesterday */
    int64_t first_ms, last_ms;
};
MUST_CHECK result store_client_reports_dropped(struct store *store, int64_t now_ms, struct store_client_reports_dropped *ret_dropped);
MUST_CHECK result store_client_reports_forget(struct store *store, int64_t before_ms);

/* ---- showing (pinwatch_cli) */

struct store_client_report_row {
    int64_t report_id, reports, sources;
    const char *host, *app, *version, *platform, *library, *format, *cause, *why, *severity, *verdict; /* "" where nothing is found out yet */
    bool has_enforcement, is_enforced, is_drill;
    struct known_hash certificate_sha256, issuer_spki_sha256;
    const char *pins; /* joined by spaces */
    int64_t first_ms, last_ms;
    bool has_claimed;
    int64_t claimed_ms;
};
struct store_client_report_query {
    int32_t tenant_id;
    const char *host; /* itself and what is below it; "": all */
    const char *cause; /* "": every one */
    unsigned limit;
};
/* The newest first. */
MUST_CHECK result store_client_reports_list(struct store *store, const struct store_client_report_query *query, struct arena *arena, struct store_client_report_row **ret_rows,
                                            size_t *ret_count);
struct store_client_report_count {
    const char *day, *outcome;
    int64_t reports;
};
/* Of the tenant and of nobody's, the last `days` of them that had any. */
MUST_CHECK result store_client_report_counts(struct store *store, int32_t tenant_id, unsigned days, struct arena *arena, struct store_client_report_count **ret_counts,
                                             size_t *ret_count);
