/* Which certificates a TLS server serves at this moment. One connection, which is closed after the handshake; nothing is sent through it. */
#pragma once

#include "base/arena.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

extern const struct fault fault_tls_chain; /* FAULT_RETRY: no such name, no answer in time, no TLS */

struct tls_chain_question {
    const char *host;        /* to connect to: a name or an address */
    uint16_t port;
    const char *server_name; /* SNI, and the name that the leaf must be for; NULL: none */
    int64_t timeout_ms;      /* for each address, and the handshake */
};

struct tls_chain {
    struct span *certificates; /* DER, in the order of the handshake: the leaf first */
    size_t count;
    bool is_verified;          /* by OpenSSL, with this machine's roots, for server_name */
    const char *trouble;       /* why not; "" when it is */
    const char *version;       /* "TLSv1.3" */
    const char *address;       /* that answered */
};

/* Everything in `arena`. An unverified chain is no error: it is shown, and said. The process must ignore SIGPIPE. Errors: fault_tls_chain with a
 * sentence, fault_no_memory. */
MUST_CHECK result tls_chain_get(const struct tls_chain_question *question, struct arena *arena, struct tls_chain *ret_chain, struct reason *reason);
