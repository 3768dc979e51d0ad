/* HTTP(S) requests on the event loop, through libcurl. */
#pragma once

#include <curl/curl.h>
#include <event2/event.h>

#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

struct net;      /* one per process: the multi handle, connection cache, User-Agent */
struct transfer; /* one request under way */

struct net_options {
    const char *user_agent;    /* "pinwatch/0.1.0 (+https://…; contact@operator)" */
    const char *ca_file;       /* NULL: the system's */
    unsigned connections_max;  /* overall */
    unsigned connections_host_max;
};

enum transfer_encoding { TRANSFER_IDENTITY, TRANSFER_GZIP, TRANSFER_ENCODING_OTHER };

struct transfer_request {
    const char *url; /* http or https only; redirects are never followed */
    uint8_t *body;   /* where the answer's body goes, as received (still compressed) */
    size_t body_room; /* an answer larger than this is fault_transfer_too_large */
    int64_t timeout_ms;         /* for the whole transfer */
    int64_t stall_ms;           /* with less than 1 kB/s for this long it is given up; 0: timeout only */
    const char *if_none_match;  /* ETag to send, or NULL */
    bool accepts_gzip;          /* sends Accept-Encoding: gzip; libcurl never decodes */
    bool verifies_tls;          /* the log fetches verify too; false only for a setting that says so */
    struct span post;           /* POST body when bytes != NULL */
    const char *const *headers; /* extra "Name: value" lines, NULL-terminated, or NULL */
};

extern const struct fault fault_transfer_connect;   /* name, refused, unreachable */
extern const struct fault fault_transfer_timeout;
extern const struct fault fault_transfer_tls;
extern const struct fault fault_transfer_too_large;
extern const struct fault fault_transfer_broken;    /* reset, truncated, protocol error */
extern const struct fault fault_transfer_url;
extern const struct fault fault_transfer_status;    /* any status but 200 and 304 (see transfer_answer.status) */

struct transfer_answer {
    result fault;               /* OK for 200 and 304 (and any 2xx to a POST) */
    struct reason reason;       /* sentence for a person: what, where, status */
    long status;                /* 0 when no answer came */
    size_t body_size;
    enum transfer_encoding encoding;
    char etag[256];             /* "" when none or too long */
    int64_t retry_after_ms;     /* -1: none; both forms are read; capped at one day */
    int64_t date_ms;            /* what time the server says it is, since 1970; -1: not said */
    int64_t latency_ms;
};

typedef void (*transfer_done)(void *context, const struct transfer_answer *answer);

MUST_CHECK result net_new(struct event_base *loop, const struct net_options *options, struct net **ret_net);
void net_free(struct net *net); /* cancels what is under way without calling back */

/* Starts a request; all texts are copied, `body` and `post` must live until `done`, which is called exactly once from the loop,
 * never from inside this call, unless transfer_cancel comes first. */
MUST_CHECK result transfer_start(struct net *net, const struct transfer_request *request, transfer_done done, void *context,
                                 struct transfer **ret_transfer);
void transfer_cancel(struct transfer *transfer);

/* For SMTP and other special handles: runs `easy` (configured by the caller, who keeps owning it) on the same loop. */
typedef void (*net_easy_done)(void *context, CURLcode code);
MUST_CHECK result net_run_easy(struct net *net, CURL *easy, net_easy_done done, void *context);
void net_cancel_easy(struct net *net, CURL *easy);

/* Date and time of RFC 9110 5.6.7 in milliseconds since 1970, -1 where it is none. Pure. */
int64_t http_date_parse(struct span value);
/* Retry-After: seconds, or an HTTP date (any zone name is taken for GMT); milliseconds from now, -1 if neither. Pure. */
int64_t retry_after_parse(struct span value, int64_t now_wall_ms);
