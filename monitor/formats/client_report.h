/* A report of a client whose pins were not satisfied: HPKP (RFC 7469 §3) and TrustKit's JSON. Anybody can send one. */
#pragma once

#include "base/arena.h"
#include "base/reason.h"
#include "formats/pin_set.h"

enum client_report_format { CLIENT_REPORT_HPKP, CLIENT_REPORT_TRUSTKIT };
const char *client_report_format_name(enum client_report_format format); /* "hpkp", "trustkit" */

enum { CLIENT_REPORT_SIZE_MAX = 128 * 1024, CLIENT_REPORT_CHAIN_MAX = 20, CLIENT_REPORT_PINS_MAX = 100 };

struct client_report {
    enum client_report_format format;
    const char *host;          /* asked for; A-labels, lower case */
    const char *noted_host;    /* whose pins held; may be a parent */
    uint16_t port;             /* 0: not said */
    bool has_subdomains, includes_subdomains;
    bool has_enforcement, is_enforced; /* not enforced: the connection was made */
    bool has_date;
    int64_t date;              /* of the refusal by the client's clock, Unix seconds */
    bool has_expiry;
    int64_t expiry;            /* of the noted pins (HPKP) */
    const char *app, *version, *platform; /* "" where not said; the platform as releases write it: "ios", "android", "" */
    const char *library;       /* "trustkit 1.0.0"; "" */
    bool has_result;
    int result;                /* TrustKit's validation-result, as sent */
    const struct span *served, *validated; /* certificates, DER, leaf first as the client says; those that cannot be read are left out */
    size_t served_count, validated_count;
    const struct pin *pins;    /* known to the client */
    size_t pin_count;
    const char *const *notes;  /* what was left out or is odd, harmless sentences; NULL-terminated */
};

/* Does the document look like a report? For a sentence to who takes one for a pin file. */
bool client_report_is_likely(struct span file);
/* Everything in `arena`. Errors: fault_client_report with member and what was wanted in `reason`, fault_no_memory. */
extern const struct fault fault_client_report; /* REFUSE */
MUST_CHECK result client_report_read(struct span file, struct arena *arena, struct client_report *ret_report, struct reason *reason);
