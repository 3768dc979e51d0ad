/* The resolvers that a DNS client asks: where they are, and what is known of them. Private to net/. */
#pragma once

#include "base/reason.h"
#include "net/dns_channel.h"
#include "net/dns_client.h"

#define DNS_UPSTREAM_NAME_SIZE (INET6_ADDRSTRLEN + 8) /* "[2001:db8::1]:53" */
#define DNS_UPSTREAMS_MAX ((size_t) 32)

TAILQ_HEAD(dns_questions, dns_question);

struct dns_upstream {
    struct dns_address address;
    bool is_validating;
    char name[DNS_UPSTREAM_NAME_SIZE];
    enum { EDNS_UNKNOWN, EDNS_WORKS, EDNS_FAILS } edns;
    int64_t edns_until_ms;           /* monotonic: when EDNS_FAILS is forgotten */
    struct dns_channel *channels[2]; /* without and with EDNS; NULL: none */
    struct dns_questions waiting;    /* in order */
    unsigned in_flight;
};

/* The resolvers of the options, or else those of resolv.conf. Release with memory_free. Errors: fault_dns_resolver, fault_no_memory. */
MUST_CHECK result dns_upstreams_new(const struct dns_client_options *options, struct dns_upstream **ret_upstreams, size_t *ret_count,
                                    struct reason *reason);
/* Should the next message have an OPT record? */
bool dns_upstream_takes_edns(struct dns_upstream *upstream);
void dns_upstream_learn_edns(struct dns_upstream *upstream, bool works);
