/* Asks resolvers for CAA records, or for others: c-ares carries the messages, formats/dns_message reads them. Not for several threads. */
#pragma once

#include <event2/event.h>

#include "rules/caa_answer.h"

struct dns_resolver {
    const char *address; /* IPv4 or IPv6 */
    uint16_t port;
    bool is_validating;  /* its AD bit is believed */
};

struct dns_client_options {
    const struct dns_resolver *resolvers; /* copied; none: those of resolv.conf, not validating */
    size_t resolver_count;
    const char *resolv_conf;    /* NULL: /etc/resolv.conf */
    unsigned attempts;      /* 0: 2 */
    unsigned attempt_ms;    /* of the first attempt, doubles; 0: 2000 */
    unsigned deadline_ms;   /* of one question in all, from when its turn came, ours: c-ares cannot cancel one; 0: 10000 */
    unsigned in_flight_max; /* questions under way per resolver; more wait in order; 0: 200 */
    unsigned queries_per_channel; /* after so many a new channel, so that the source port changes; 0: 500 */
};

struct dns_client;

extern const struct fault fault_dns_resolver; /* none can be asked: `reason` says which and why */

/* Errors: fault_dns_resolver, fault_no_memory. */
MUST_CHECK result dns_client_new(struct event_base *loop, const struct dns_client_options *options, struct dns_client **ret_client, struct reason *reason);
void dns_client_free(struct dns_client *client); /* questions under way are forgotten without a call back */
size_t dns_client_resolver_count(const struct dns_client *client);
const char *dns_client_resolver_name(const struct dns_client *client, size_t resolver); /* "192.0.2.1:53", "[2001:db8::1]:53" */
bool dns_client_is_validating(const struct dns_client *client, size_t resolver);

/* The answer and everything in it is valid during the call; answered_ms is set. A failure of the world is an answer (CAA_FAILED). */
typedef void dns_caa_done(void *context, const struct caa_answer *answer);
/* Asks one resolver about one owner; `done` is called once, from the loop, never from inside this call. Random id; EDNS, left off for a
 * resolver that answers FORMERR or nothing to it; TCP after TC; after SERVFAIL asks once more with CD=1, and calls it BOGUS when that
 * has an answer. Messages of another id, question or sender are not taken. Beyond in_flight_max questions wait in order, and their
 * deadline begins with their turn: a long line is no failure of the resolver. In `done` everything of this header may be called.
 * Error: fault_no_memory. */
MUST_CHECK result dns_ask_caa(struct dns_client *client, size_t resolver, const struct dns_name *owner, dns_caa_done *done, void *context);
/* The same about records of another type (dns_answer_of_message); signatures are asked for, too. */
MUST_CHECK result dns_ask(struct dns_client *client, size_t resolver, const struct dns_name *owner, uint16_t type, dns_caa_done *done, void *context);
/* Forgets every question of this context. */
void dns_cancel(struct dns_client *client, void *context);
