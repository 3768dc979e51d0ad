/* Serves the drill's logs over HTTP on 127.0.0.1: RFC 6962 4 and static-ct-api, by a table of routes. */
#pragma once

#include <event2/event.h>

#include "base/reason.h"
#include "drill/log.h"

#define DRILL_LOGS_MAX 4

struct http;

/* What add-chain or add-pre-chain was sent. */
struct submission {
    struct drill_log *log;
    bool is_precertificate;
    const struct span *chain; /* DER, leaf first */
    size_t count;
};

/* Logs the chain and appends the answer's JSON; a reason otherwise. */
typedef result (*http_submit)(void *context, const struct submission *submission, struct buffer *ret_json, struct reason *reason);

struct http_options {
    struct drill_log *logs[DRILL_LOGS_MAX];
    size_t log_count;
    const struct span *roots; /* DER, for get-roots; borrowed */
    size_t root_count;
    http_submit submit;       /* NULL: the logs are read-only */
    void *submit_context;
};

/* Listens on `port` (0: any free one). */
MUST_CHECK result http_new(struct event_base *loop, const struct http_options *options, unsigned port, struct http **ret_http,
                           struct reason *reason);
void http_free(struct http *http);
unsigned http_port(const struct http *http);
