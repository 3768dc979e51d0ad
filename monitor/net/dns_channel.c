#include "net/dns_channel.h"

#include <ares.h>
#include <errno.h>

#include "base/memory.h"
#include "formats/dns_message.h"

#define BEAT_MS 500 /* c-ares' own limits are far away: they only clear what was forgotten */

struct watched_socket {
    LIST_ENTRY(watched_socket) entry;
    struct dns_channel *channel;
    ares_socket_t socket;
    short events;
    struct event *event;
};

struct dns_exchange {
    LIST_ENTRY(dns_exchange) entry;
    struct dns_channel *channel;
    dns_exchange_done *done; /* NULL: forgotten */
    void *context;
};

struct dns_channel {
    LIST_ENTRY(dns_channel) entry;
    struct event_base *loop; /* borrowed */
    ares_channel ares;
    struct event *beat;
    LIST_HEAD(, watched_socket) sockets;
    LIST_HEAD(, dns_exchange) exchanges;
    unsigned sent;
    bool is_retired;
};

static void channel_free(struct dns_channel *channel);

/* Lets c-ares work. The channel may be gone afterwards. */
static void process(struct dns_channel *channel, ares_socket_t readable, ares_socket_t writable) {
    errno = 0; /* why a socket failed is told through errno alone */
    ares_process_fd(channel->ares, readable, writable);
    if (channel->is_retired && LIST_EMPTY(&channel->exchanges))
        channel_free(channel);
}

static void on_ready(evutil_socket_t socket, short events, void *context) {
    process(context, events & EV_READ ? socket : ARES_SOCKET_BAD, events & EV_WRITE ? socket : ARES_SOCKET_BAD);
}

static void on_beat(evutil_socket_t unused_socket, short unused_events, void *context) {
    (void) unused_socket;
    (void) unused_events;
    process(context, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static struct watched_socket *find_socket(struct dns_channel *channel, ares_socket_t socket) {
    struct watched_socket *watched;
    LIST_FOREACH(watched, &channel->sockets, entry) {
        if (watched->socket == socket)
            return watched;
    }
    return NULL;
}

static void unwatch(struct watched_socket *watched) {
    LIST_REMOVE(watched, entry);
    if (watched->event != NULL)
        event_free(watched->event);
    memory_free(watched);
}

/* Without an event nobody hears the answer, and the question runs into its time limit. */
static void watch(struct dns_channel *channel, ares_socket_t socket, short events) {
    struct watched_socket *watched = memory_new(sizeof *watched);
    if (watched == NULL)
        return;
    *watched = (struct watched_socket){.channel = channel, .socket = socket, .events = events};
    LIST_INSERT_HEAD(&channel->sockets, watched, entry);
    watched->event = event_new(channel->loop, socket, (short) (events | EV_PERSIST), on_ready, channel);
    if (watched->event == NULL || event_add(watched->event, NULL) != 0)
        unwatch(watched);
}

/* ARES_OPT_SOCK_STATE_CB; both zero: the socket is about to be closed. */
static void on_socket_state(void *context, ares_socket_t socket, int is_readable, int is_writable) {
    struct dns_channel *channel = context;
    struct watched_socket *watched = find_socket(channel, socket);
    short events = (short) ((is_readable ? EV_READ : 0) | (is_writable ? EV_WRITE : 0));
    if (watched != NULL && watched->events == events)
        return;
    if (watched != NULL)
        unwatch(watched);
    if (events != 0)
        watch(channel, socket, events);
}

/* The options name everything that c-ares would otherwise look up in /etc/resolv.conf and friends, each time. */
static result open_ares(struct dns_channel *channel, bool has_edns, unsigned timeout_ms) {
    struct in_addr none = {.s_addr = htonl(INADDR_LOOPBACK)};
    char lookups[] = "b";
    struct ares_options options = {
        .flags = ARES_FLAG_NOCHECKRESP | (has_edns ? ARES_FLAG_EDNS : 0),
        .ednspsz = DNS_UDP_SIZE,
        .timeout = (int) timeout_ms,
        .tries = 1,
        .ndots = 1,
        .lookups = lookups,
        .servers = &none,
        .nservers = 1,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = channel,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS |
               ARES_OPT_SERVERS | ARES_OPT_SOCK_STATE_CB;
    int status = ares_init_options(&channel->ares, &options, mask);
    if (status != ARES_SUCCESS)
        channel->ares = NULL;
    return status == ARES_SUCCESS ? OK : status == ARES_ENOMEM ? &fault_no_memory : &fault_library;
}

static result set_address(struct dns_channel *channel, const struct dns_address *address) {
    struct ares_addr_port_node node = {.family = address->family, .udp_port = address->port, .tcp_port = address->port};
    if (address->family == AF_INET)
        memcpy(&node.addr.addr4, &address->address.v4, sizeof node.addr.addr4);
    else
        memcpy(&node.addr.addr6, &address->address.v6, sizeof node.addr.addr6);
    int status = ares_set_servers_ports(channel->ares, &node);
    return status == ARES_SUCCESS ? OK : status == ARES_ENOMEM ? &fault_no_memory : &fault_library;
}

static void channel_free(struct dns_channel *channel) {
    struct dns_exchange *exchange;
    LIST_REMOVE(channel, entry);
    LIST_FOREACH(exchange, &channel->exchanges, entry) {
        exchange->done = NULL;
    }
    if (channel->ares != NULL)
        ares_destroy(channel->ares); /* calls on_answer for each, and closes the sockets */
    while (!LIST_EMPTY(&channel->sockets))
        unwatch(LIST_FIRST(&channel->sockets));
    if (channel->beat != NULL)
        event_free(channel->beat);
    memory_free(channel);
}

void dns_channels_done(struct dns_channels *channels) {
    while (!LIST_EMPTY(&channels->all))
        channel_free(LIST_FIRST(&channels->all));
}

static result open_channel(struct dns_channel *channel, const struct dns_address *address, bool has_edns, unsigned timeout_ms) {
    struct timeval beat = {.tv_usec = BEAT_MS * 1000};
    TRY(open_ares(channel, has_edns, timeout_ms));
    TRY(set_address(channel, address));
    channel->beat = event_new(channel->loop, -1, EV_PERSIST, on_beat, channel);
    return channel->beat == NULL || event_add(channel->beat, &beat) != 0 ? &fault_no_memory : OK;
}

result dns_channel_new(struct dns_channels *channels, const struct dns_address *address, bool has_edns, struct dns_channel **ret_channel) {
    struct dns_channel *channel = memory_new(sizeof *channel);
    if (channel == NULL)
        return &fault_no_memory;
    channel->loop = channels->loop;
    LIST_INIT(&channel->sockets);
    LIST_INIT(&channel->exchanges);
    LIST_INSERT_HEAD(&channels->all, channel, entry);
    result outcome = open_channel(channel, address, has_edns, channels->timeout_ms);
    if (outcome == OK)
        *ret_channel = channel;
    else
        channel_free(channel);
    return outcome;
}

void dns_channel_retire(struct dns_channel *channel) {
    channel->is_retired = true; /* the beat frees it where nothing is under way: this may be a call from inside c-ares */
}

static enum dns_transport how_it_went(int status) {
    switch (status) {
    case ARES_SUCCESS:
        return DNS_CARRIED;
    case ARES_ETIMEOUT:
        return DNS_SILENT;
    case ARES_ENOMEM:
        return DNS_NO_MEANS;
    default: /* with ARES_FLAG_NOCHECKRESP no rcode ends here */
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS ? DNS_NO_MEANS : DNS_UNREACHABLE;
    }
}

/* ares_callback */
static void on_answer(void *context, int status, int timeouts, unsigned char *message, int size) {
    (void) timeouts;
    struct dns_exchange *exchange = context;
    enum dns_transport how = how_it_went(status);
    LIST_REMOVE(exchange, entry);
    if (exchange->done != NULL)
        exchange->done(exchange->context, exchange, how, span_of(message, how == DNS_CARRIED && size > 0 ? (size_t) size : 0));
    memory_free(exchange);
}

result dns_channel_send(struct dns_channel *channel, struct span message, dns_exchange_done *done, void *context,
                        struct dns_exchange **ret_exchange) {
    struct dns_exchange *exchange = memory_new(sizeof *exchange);
    if (exchange == NULL)
        return &fault_no_memory;
    *exchange = (struct dns_exchange){.channel = channel, .done = done, .context = context};
    LIST_INSERT_HEAD(&channel->exchanges, exchange, entry);
    *ret_exchange = exchange;
    channel->sent++;
    errno = 0;
    ares_send(channel->ares, message.bytes, (int) message.size, on_answer, exchange);
    return OK;
}

void dns_exchange_forget(struct dns_exchange *exchange) {
    exchange->done = NULL;
}

struct dns_channel *dns_exchange_channel(const struct dns_exchange *exchange) {
    return exchange->channel;
}

unsigned dns_channel_sent(const struct dns_channel *channel) {
    return channel->sent;
}
