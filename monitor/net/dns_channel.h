/* c-ares channels on the event loop, one resolver each: a message out, the answer's bytes in. Private to net/.
 *
 * What c-ares 1.18 does here: UDP, TCP after TC, id and question compared; a FORMERR without OPT is asked again without EDNS. Time limits
 * are the caller's: c-ares cannot cancel one question of a channel, so whoever loses interest forgets what was asked. */
#pragma once

#include <event2/event.h>
#include <netinet/in.h>
#include <sys/queue.h>

#include "base/result.h"
#include "base/span.h"

struct dns_address {
    int family; /* AF_INET, AF_INET6 */
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } address;
    uint16_t port;
};

enum dns_transport {
    DNS_CARRIED,     /* there is a message */
    DNS_UNREACHABLE, /* refused, no way there, a connection that ended */
    DNS_SILENT,      /* nothing came in time */
    DNS_NO_MEANS,    /* this machine had no memory or no descriptor */
};

struct dns_channel;

/* All channels of one client. */
struct dns_channels {
    struct event_base *loop; /* borrowed */
    unsigned timeout_ms;     /* when c-ares itself gives up */
    LIST_HEAD(, dns_channel) all;
};
/* Questions under way are forgotten. Not from within a dns_exchange_done. */
void dns_channels_done(struct dns_channels *channels);

/* `has_edns`: each message ends with an OPT record without options. `channels` owns the channel. */
MUST_CHECK result dns_channel_new(struct dns_channels *channels, const struct dns_address *address, bool has_edns, struct dns_channel **ret_channel);
/* It ends once what is under way has ended. Nothing may be sent through it any more. */
void dns_channel_retire(struct dns_channel *channel);
unsigned dns_channel_sent(const struct dns_channel *channel);

/* What was asked, until it is answered. */
struct dns_exchange;
/* Called from inside c-ares, perhaps before dns_channel_send returns: keep what you need and return. The exchange is gone afterwards. */
typedef void dns_exchange_done(void *context, const struct dns_exchange *exchange, enum dns_transport how, struct span message);

/* *ret_exchange is set before `done` can be called. Errors: fault_no_memory. */
MUST_CHECK result dns_channel_send(struct dns_channel *channel, struct span message, dns_exchange_done *done, void *context,
                                   struct dns_exchange **ret_exchange);
/* `done` will not be called. */
void dns_exchange_forget(struct dns_exchange *exchange);
struct dns_channel *dns_exchange_channel(const struct dns_exchange *exchange);
