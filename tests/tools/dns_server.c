#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "formats/dns_message.h"
#include "tools/dns_server.h"

struct query {
    uint16_t id;
    bool has_edns, is_cd, is_tcp;
    char label[64];
    struct span question; /* name, type, class */
};

/* ── what it answers ── */

static struct query read_query(struct server *server, struct span bytes) {
    assert_true(bytes.size > 12 + 5);
    struct query query = {.id = (uint16_t) (bytes.bytes[0] << 8 | bytes.bytes[1]), .has_edns = bytes.bytes[11] == 1, .is_cd = bytes.bytes[3] & 0x10};
    memcpy(server->last_flags, bytes.bytes + 2, 2);
    size_t end = 12;
    while (bytes.bytes[end] != 0)
        end += bytes.bytes[end] + (size_t) 1;
    query.question = span_of(bytes.bytes + 12, end + 5 - 12);
    snprintf(query.label, sizeof query.label, "%.*s", bytes.bytes[12], (const char *) bytes.bytes + 13);
    if (query.has_edns) /* OPT without options: root, 41, 1232 */
        assert_memory_equal(bytes.bytes + end + 5, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
    assert_int_equal(bytes.size, end + 5 + (query.has_edns ? 11 : 0));
    return query;
}

static void add_header(struct buffer *out, const struct query *query, unsigned flags, unsigned answers, bool has_soa) {
    buffer_add_number(out, 2, query->id);
    buffer_add_number(out, 2, 0x8180 | flags);
    buffer_add_number(out, 2, 1);
    buffer_add_number(out, 2, answers);
    buffer_add_number(out, 2, has_soa);
    buffer_add_number(out, 2, query->has_edns);
    buffer_add(out, query->question);
}

static void add_caa(struct buffer *out, const char *value) {
    size_t size = strlen(value);
    buffer_add(out, span_of("\xc0\x0c\x01\x01\x00\x01\x00\x00\x01\x2c", 10));
    buffer_add_number(out, 2, size + 7);
    buffer_add(out, span_of("\0\5issue", 7));
    buffer_add_text(out, value);
}

static void add_soa(struct buffer *out) {
    buffer_add(out, span_of("\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x16\x00\x00\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x3c", 34));
}

static void add_opt(struct buffer *out, const struct query *query, uint16_t extended_error) {
    if (!query->has_edns)
        return;
    buffer_add(out, span_of("\0\0\x29\x04\xd0\0\0\0\0", 9));
    buffer_add_number(out, 2, extended_error > 0 ? 6 : 0);
    if (extended_error == 0)
        return;
    buffer_add(out, span_of("\0\x0f\0\2", 4));
    buffer_add_number(out, 2, extended_error);
}

static void add_answer(struct buffer *out, const struct query *query, unsigned flags, const char *value) {
    add_header(out, query, flags, value != NULL, value == NULL);
    if (value != NULL)
        add_caa(out, value);
    else
        add_soa(out);
    add_opt(out, query, 0);
}

static void add_error(struct buffer *out, const struct query *query, unsigned rcode, uint16_t extended_error) {
    add_header(out, query, rcode, 0, false);
    add_opt(out, query, extended_error);
}

/* Nearly 64 KiB: 1001 records of 59 to 65 bytes. */
static void add_big(struct buffer *out, const struct query *query) {
    add_header(out, query, 0, BIG_RECORDS, false);
    for (unsigned i = 0; i < BIG_RECORDS; i++) {
        char value[64];
        snprintf(value, sizeof value, "%04u.a-rather-long-issuer-domain-name.example", i);
        add_caa(out, value);
    }
    add_opt(out, query, 0);
}

static void add_wrong(struct buffer *out, const struct query *query) {
    struct query other = *query;
    uint8_t question[300];
    memcpy(question, query->question.bytes, query->question.size);
    other.question.bytes = question;
    if (strcmp(query->label, "wrong-id") == 0)
        other.id++;
    else if (strcmp(query->label, "wrong-name") == 0)
        question[1]++;
    else
        question[query->question.size - 4] = 0; /* type 257 becomes 1 */
    add_answer(out, &other, 0, "evil.example");
}

/* False: says nothing. */
static bool answer(const struct query *query, struct buffer *out) {
    const char *label = query->label;
    if (strcmp(label, "silent") == 0)
        return false;
    if (strcmp(label, "nodata") == 0)
        add_answer(out, query, 0, NULL);
    else if (strcmp(label, "nxdomain") == 0)
        add_answer(out, query, 3, NULL);
    else if (strcmp(label, "secure") == 0)
        add_answer(out, query, 0x20, "ca.example");
    else if (strcmp(label, "servfail") == 0 || (strcmp(label, "bogus") == 0 && !query->is_cd))
        add_error(out, query, 2, 0);
    else if (strcmp(label, "expired") == 0)
        add_error(out, query, 2, 7);
    else if (strcmp(label, "refused") == 0)
        add_error(out, query, 5, 0);
    else if (strncmp(label, "wrong-", 6) == 0)
        add_wrong(out, query);
    else if (strcmp(label, "malformed") == 0)
        add_header(out, query, 0, 7, false);
    else if (strncmp(label, "big", 3) == 0 && !query->is_tcp)
        add_header(out, query, 0x200, 0, false);
    else if (strncmp(label, "big", 3) == 0)
        add_big(out, query);
    else
        add_answer(out, query, 0, "ca.example");
    return true;
}

/* ── how it answers ── */

static bool answer_query(struct server *server, const struct query *query, struct buffer *out) {
    server->edns_queries += query->has_edns;
    server->cd_queries += query->is_cd;
    if (query->has_edns && server->drops_edns)
        return false;
    if (query->has_edns && (server->hates_edns || server->hates_edns_with_opt)) {
        struct query bare = *query;
        bare.has_edns = server->hates_edns_with_opt;
        add_error(out, &bare, 1, 0);
        return true;
    }
    return answer(query, out);
}

static void send_datagram(struct server *server, const struct sockaddr_in *peer, struct span bytes) {
    assert_int_equal(sendto(server->udp, bytes.bytes, bytes.size, 0, (const struct sockaddr *) peer, sizeof *peer), bytes.size);
}

/* From another port than the one that was asked. */
static void send_as_stranger(const struct sockaddr_in *peer, struct span bytes) {
    int stranger = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sendto(stranger, bytes.bytes, bytes.size, 0, (const struct sockaddr *) peer, sizeof *peer), bytes.size);
    close(stranger);
}

static void on_later(evutil_socket_t socket, short events, void *context) {
    (void) socket;
    (void) events;
    struct later *later = context;
    later->server->open--;
    send_datagram(later->server, &later->peer, buffer_span(&later->bytes));
}

static void send_later(struct server *server, struct buffer *bytes, unsigned wait_ms) {
    assert_true(server->later_count < LATER_MAX);
    struct later *later = &server->later[server->later_count++];
    *later = (struct later){.server = server, .peer = server->peer, .bytes = *bytes};
    *bytes = buffer_with_limit(DNS_MESSAGE_MAX);
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    later->timer = evtimer_new(server->loop, on_later, later);
    evtimer_add(later->timer, &wait);
    server->open++;
    server->open_most = server->open > server->open_most ? server->open : server->open_most;
}

static void note(struct server *server, const struct query *query) {
    unsigned port = ntohs(server->peer.sin_port);
    if (server->udp_queries < PORTS_MAX)
        server->ids[server->udp_queries] = query->id;
    server->udp_queries++;
    size_t used = strlen(server->order);
    snprintf(server->order + used, sizeof server->order - used, "%s ", query->label);
    for (unsigned i = 0; i < server->port_count; i++)
        if (server->ports[i] == port)
            return;
    assert_true(server->port_count < PORTS_MAX);
    server->ports[server->port_count++] = port;
}

static void on_datagram(evutil_socket_t socket, short events, void *context) {
    (void) events;
    struct server *server = context;
    uint8_t bytes[2000];
    socklen_t size = sizeof server->peer;
    ssize_t count = recvfrom(socket, bytes, sizeof bytes, 0, (struct sockaddr *) &server->peer, &size);
    if (count < 0)
        return;
    struct query query = read_query(server, span_of(bytes, (size_t) count));
    struct buffer out = buffer_with_limit(DNS_MESSAGE_MAX);
    note(server, &query);
    if (answer_query(server, &query, &out)) {
        if (strncmp(query.label, "slow", 4) == 0)
            send_later(server, &out, (unsigned) atoi(query.label + 4));
        else if (strcmp(query.label, "stranger") == 0)
            send_as_stranger(&server->peer, buffer_span(&out));
        else
            send_datagram(server, &server->peer, buffer_span(&out));
        if (strcmp(query.label, "wrong-name") == 0 && server->udp_queries == 2) { /* the second time the right one follows */
            buffer_reset(&out);
            add_answer(&out, &query, 0, "ca.example");
            send_datagram(server, &server->peer, buffer_span(&out));
        }
    }
    buffer_done(&out);
}

static void on_tcp(struct bufferevent *peer, void *context) {
    struct server *server = context;
    struct evbuffer *input = bufferevent_get_input(peer);
    uint8_t bytes[2000];
    while (evbuffer_get_length(input) > 2) {
        ssize_t count = evbuffer_copyout(input, bytes, sizeof bytes);
        size_t size = (size_t) bytes[0] << 8 | bytes[1];
        if ((size_t) count < size + 2)
            return;
        evbuffer_drain(input, size + 2);
        struct query query = read_query(server, span_of(bytes + 2, size));
        query.is_tcp = true;
        server->tcp_queries++;
        if (server->is_wordless_tcp) {
            bufferevent_disable(peer, EV_READ); /* for good: it is the connection that hangs */
            return;
        }
        struct buffer out = buffer_with_limit(DNS_MESSAGE_MAX);
        assert_true(answer_query(server, &query, &out));
        uint8_t head[2] = {(uint8_t) (out.size >> 8), (uint8_t) out.size};
        bufferevent_write(peer, head, 2);
        bufferevent_write(peer, out.bytes, out.size);
        buffer_done(&out);
    }
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t socket, struct sockaddr *address, int size, void *context) {
    (void) listener;
    (void) address;
    (void) size;
    struct server *server = context;
    assert_true(server->peer_count < PEERS_MAX);
    struct bufferevent *peer = bufferevent_socket_new(server->loop, socket, BEV_OPT_CLOSE_ON_FREE);
    server->peers[server->peer_count++] = peer;
    bufferevent_setcb(peer, on_tcp, NULL, NULL, server);
    bufferevent_enable(peer, EV_READ | EV_WRITE);
}

static void serve_tcp(struct server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(server->port)};
    socklen_t size = sizeof address;
    server->listener = evconnlistener_new_bind(server->loop, on_accept, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 16,
                                               (struct sockaddr *) &address, sizeof address);
    assert_non_null(server->listener);
    getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *) &address, &size);
    server->port = ntohs(address.sin_port);
}

void serve(struct server *server) {
    if (server->listener == NULL)
        serve_tcp(server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(server->port)};
    if (server->udp >= 0)
        return;
    server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(server->udp, (struct sockaddr *) &address, sizeof address), 0);
    server->udp_event = event_new(server->loop, server->udp, EV_READ | EV_PERSIST, on_datagram, server);
    event_add(server->udp_event, NULL);
}

void stop_serving_tcp(struct server *server) {
    evconnlistener_free(server->listener);
    server->listener = NULL;
}

void stop_serving(struct server *server) {
    event_free(server->udp_event);
    close(server->udp);
    server->udp = -1;
    stop_serving_tcp(server);
}

struct server *server_new(void) {
    struct server *server = calloc(1, sizeof *server);
    server->loop = event_base_new();
    server->udp = -1;
    serve(server);
    return server;
}

void server_free(struct server *server) {
    if (server->listener != NULL)
        stop_serving(server);
    for (unsigned i = 0; i < server->peer_count; i++)
        bufferevent_free(server->peers[i]);
    for (unsigned i = 0; i < server->later_count; i++) {
        event_free(server->later[i].timer);
        buffer_done(&server->later[i].bytes);
    }
    event_base_free(server->loop);
    free(server);
}
