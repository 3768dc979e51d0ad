/* Asking every resolver one question, all at once. */
#pragma once

#include "base/reason.h"
#include "net/dns_client.h"

struct dns_said {
    const char *resolver;     /* "192.0.2.1:53" */
    bool is_validating;
    bool is_left_out;         /* one of resolv.conf that does not answer, where another does */
    struct caa_answer answer;
};
struct dns_all_said {
    struct dns_said *items;
    size_t count;
};
/* One item per resolver of the options. Everything in `arena`. Errors: fault_dns_resolver, fault_no_memory, fault_machine; what resolvers do
 * not answer is in the answers. */
MUST_CHECK result dns_look_up(const struct dns_client_options *options, const struct dns_name *name, uint16_t type, struct arena *arena,
                              struct dns_all_said *ret_said, struct reason *reason);
