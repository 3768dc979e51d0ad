/* The Unix socket that takes orders: one JSON object a line in, one a line out. Mode 0600. */
#pragma once

#include <event2/event.h>

#include "base/reason.h"
#include "drill/issue.h"

struct order_socket;

MUST_CHECK result order_socket_new(struct event_base *loop, const char *path, struct issue_desk *desk,
                                   struct order_socket **ret_socket, struct reason *reason);
void order_socket_free(struct order_socket *orders); /* removes the file too */
