/* A DNS server in the test's own loop, UDP and TCP on one loopback port, that behaves as the first label of the name says. */
#pragma once

#include <event2/event.h>
#include <netinet/in.h>

#include "base/buffer.h"

#define PORTS_MAX 64
#define PEERS_MAX 16
#define LATER_MAX 64
#define BIG_RECORDS 1001

struct server;
struct later { /* an answer that comes after a while */
    struct server *server;
    struct event *timer;
    struct sockaddr_in peer;
    struct buffer bytes;
};

struct server {
    struct event_base *loop;
    int udp;
    struct event *udp_event;
    struct evconnlistener *listener;
    struct bufferevent *peers[PEERS_MAX];
    unsigned peer_count;
    uint16_t port;
    bool drops_edns, hates_edns, hates_edns_with_opt; /* says nothing, FORMERR without OPT, FORMERR with OPT */
    bool is_wordless_tcp;
    struct sockaddr_in peer; /* of the query at hand */
    unsigned ports[PORTS_MAX];
    unsigned port_count, udp_queries, tcp_queries, edns_queries, cd_queries, open, open_most;
    uint16_t ids[PORTS_MAX];
    uint8_t last_flags[2];
    char order[1000]; /* first labels as they came */
    struct later later[LATER_MAX];
    unsigned later_count;
    struct dns_client *client; /* for the tests */
};

struct server *server_new(void);
void server_free(struct server *server);
/* Starts again on the port that it had. */
void serve(struct server *server);
void stop_serving(struct server *server);
/* TCP alone; what is sent to the port is refused. */
void stop_serving_tcp(struct server *server);
