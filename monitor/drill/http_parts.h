/* One request to the drill's server, and the body of add-chain. Private to drill/. */
#pragma once

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>

#include "base/memory.h"
#include "drill/http.h"

extern const struct fault fault_drill_port;

struct call {
    struct http *http;
    struct evhttp_request *request;
    struct drill_log *log;
    const char *rest; /* of the path, behind the log's name and the route's prefix */
    struct evkeyvalq query;
};

void reply_text(struct call *call, int status, const char *type, const struct buffer *text);
/* A status of failure with one sentence. */
void refuse(struct call *call, int status, const char *sentence);

/* {"chain":[base64 DER, …]} (RFC 6962 4.1) */
struct chain_request {
    uint8_t *memory[DRILL_CHAIN_MAX]; /* owned */
    struct span certificates[DRILL_CHAIN_MAX];
    size_t count;
};

/* False for anything else; nothing is to be released then. */
bool chain_request_read(struct span json, struct chain_request *ret_chain);
void chain_request_done(struct chain_request *chain);
