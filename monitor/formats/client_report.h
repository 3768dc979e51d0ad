/* A report of a client whose pins were not satisfied: HPKP (RFC 7469 3) and TrustKit's JSON. Anybody can send one. */
#pragma once

#include "base/arena.h"
#include "base/reason.h"
#include "formats/pin_set.h"

enum client_report_format { CLIENT_REPORT_HPKP, CLIENT_REPORT_TRUSTKIT };
const char *client_report_format_name(enum client_report_format format); /* "hpkp", "trustkit" */

enum { CLIENT_REPORT_SIZE_MAX = 128 * 1024, CLIENT_REPORT_CHAIN_MAX = 20, CLIENT_REPORT_PINS_MAX = 100, CLIENT_REPORT_TEXT_MAX = 255 /* bytes of app, version … */ };
#define CLIENT_REPORT_ARENA_SIZE ((size_t) 4 * 1024 * 1024) /* of the reader; the facts about the report take as much again */

struct client_report {
    enum client_report_format format;
    const char *host;          /* asked for; A-labels, lower case */
    const char *noted_host;    /* whose pins held; may be a parent */
    uint16_t port;             /* 0: not said */
    bool has_subdomains, includes_subdomains;
    bool has_enforcement, is_enforced; /* not enforced: the connection was made */
    bool has_date;
    int64_t date;              /* of the refusal by the client's clock, Unix seconds */
    bool is_date_local;        /* of an unknown time zone (TrustKit on Android): somewhere between date - 14 h and date + 12 h */
    bool has_expiry;
    int64_t expiry;            /* of the noted pins */
    const char *app, *version, *platform; /* "" where not said; the platform in lower case, as releases write it: "ios", "android" */
    const char *library;       /* "trustkit 1.0.0"; "" */
    bool has_result;
    int result;                /* TrustKit's validation-result, as sent */
    const struct span *served, *validated; /* certificates, DER, leaf first as the client says; those that cannot be read are left out */
    size_t served_count, validated_count;
    const struct pin *pins;    /* known to the client: SHA-256 of keys */
    size_t pin_count;
    const char *const *notes;  /* what was left out or is odd, harmless sentences; NULL-terminated, never NULL */
};

/* Does the document look like a report, and of which kind? Cheap. For a sentence to who takes one for a pin file. */
bool client_report_is_likely(struct span file, enum client_report_format *ret_format);
/* Everything in `arena` (CLIENT_REPORT_ARENA_SIZE is enough). Errors: fault_client_report with member and what was wanted in `reason`,
 * fault_no_memory. */
extern const struct fault fault_client_report; /* REFUSE */
MUST_CHECK result client_report_read(struct span file, struct arena *arena, struct client_report *ret_report, struct reason *reason);
