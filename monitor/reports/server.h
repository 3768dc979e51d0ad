/* The listening side: one POST per connection, to one path, with a ceiling on everything. */
#pragma once

#include "base/reason.h"
#include "reports/intake.h"

#define SERVER_PATH "/reports"

enum { SERVER_CONNECTIONS_MAX = 128, SERVER_CONNECTIONS_SOURCE_MAX = 16 };

struct server_options {
    struct event_base *loop;
    struct intake *intake;
    struct rate *rate;
    const char *address, *port_text; /* to listen on */
    const char *proxy;               /* whose X-Forwarded-For is believed; "": nobody's */
};

struct server;
extern const struct fault fault_reports_listen; /* RETRY: the address cannot be listened on now */
/* Listens at once or, where the address cannot be had, as soon as it can: that is said. Error: fault_no_memory. */
MUST_CHECK result server_new(const struct server_options *options, struct server **ret_server);
/* Hangs up on everybody. */
void server_free(struct server *server);
/* For intake_options. */
void server_answer(struct intake_item *item, const struct intake_answer *answer);
