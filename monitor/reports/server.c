#include "reports/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "formats/client_report.h"
#include "reports/request.h"

#define READ_MS 10000      /* for the whole request, however it trickles */
#define ANSWER_MS 30000    /* for examiner and database */
#define LINGER_MS 2000     /* so that who still sends does not miss the answer */
#define LINGER_BYTES_MAX ((size_t) 1024 * 1024)
#define MIN_TURN_MS 500    /* whoever had so long to send gives way when there is no place left */
#define BACKLOG 128
#define LISTEN_AGAIN_MS 5000

FAULT(fault_reports_listen, FAULT_RETRY, "reports.listen", "reports_address", "", "the address cannot be listened on", "an address of this machine, and a free port");

enum connection_state { READING_HEAD, READING_BODY, WAITING, LINGERING };

struct connection {
    struct server *server;
    struct connection *next, *before;
    struct bufferevent *talk;
    struct event *deadline;
    enum connection_state state;
    int64_t begun_ms;
    size_t searched;           /* bytes of the head in which its end is not */
    struct request_head head;
    struct request_chunks chunks;
    struct buffer body;
    bool is_from_proxy;
    char peer[RATE_SOURCE_SIZE];
    size_t lingered;
    struct intake_item item;
};

struct server {
    struct server_options options;
    struct evconnlistener *listener;
    struct event *again;
    struct connection *first, *last; /* the oldest first */
    size_t count;
    int64_t full_said_ms;
};

/* ---- connections */

static void drop(struct connection *connection) {
    struct server *server = connection->server;
    intake_forget(server->options.intake, &connection->item);
    *(connection->before == NULL ? &server->first : &connection->before->next) = connection->next;
    *(connection->next == NULL ? &server->last : &connection->next->before) = connection->before;
    server->count--;
    if (connection->deadline != NULL)
        event_free(connection->deadline);
    if (connection->talk != NULL)
        bufferevent_free(connection->talk);
    buffer_done(&connection->body);
    memory_free(connection);
}

static void set_deadline(struct connection *connection, int64_t ms) {
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    event_add(connection->deadline, &after);
}

/* ---- answers */

static const char *phrase_of(unsigned status) {
    static const struct {
        unsigned status;
        const char *phrase;
    } table[] = {{200, "OK"},           {400, "Bad Request"},         {404, "Not Found"},       {405, "Method Not Allowed"}, {408, "Request Timeout"}, {411, "Length Required"},
                 {413, "Content Too Large"}, {415, "Unsupported Media Type"}, {417, "Expectation Failed"}, {429, "Too Many Requests"}, {500, "Internal Server Error"},
                 {501, "Not Implemented"}, {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].status == status)
            return table[i].phrase;
    return "Error";
}

static void respond(struct connection *connection, const struct intake_answer *answer) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(2048);
    buffer_printf(&text, "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\nConnection: close\r\n", answer->status, phrase_of(answer->status),
                  strlen(answer->sentence) + 1);
    if (answer->status == 405)
        buffer_add_text(&text, "Allow: POST\r\n");
    if (answer->retry_after_s > 0)
        buffer_printf(&text, "Retry-After: %u\r\n", answer->retry_after_s);
    buffer_printf(&text, "\r\n%s\n", answer->sentence);
    buffer_done(&connection->body);
    connection->state = LINGERING;
    if (buffer_check(&text) != OK || bufferevent_write(connection->talk, text.bytes, text.size) != 0)
        set_deadline(connection, 0);
    else
        set_deadline(connection, LINGER_MS);
}

void server_answer(struct intake_item *item, const struct intake_answer *answer) {
    respond(item->owner, answer);
}

static void refuse(struct connection *connection, unsigned status, const char *sentence, unsigned retry_after_s) {
    const struct intake_answer answer = {status, sentence, retry_after_s};
    respond(connection, &answer);
}

static const char *sentence_of(unsigned status) {
    static const struct {
        unsigned status;
        const char *sentence;
    } table[] = {{400, "not a request of HTTP/1.1"},
                 {404, "reports are taken at " SERVER_PATH},
                 {405, "reports come by POST"},
                 {411, "wanted Content-Length, or chunks"},
                 {413, "larger than a report may be"},
                 {415, "wanted a body without Content-Encoding"},
                 {417, "wanted no expectation but 100-continue"},
                 {501, "wanted no transfer coding but chunked"},
                 {505, "wanted HTTP/1.1 or HTTP/1.0"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].status == status)
            return table[i].sentence;
    return "refused";
}

/* ---- reading */

/* False: it was refused. */
static bool pass_limits(struct connection *connection) {
    struct server *server = connection->server;
    struct intake_item *item = &connection->item;
    memcpy(item->source, connection->peer, sizeof item->source);
    if (connection->is_from_proxy)
        (void) rate_source_of_text(connection->head.forwarded, item->source); /* else the proxy's own */
    enum rate_answer answer = rate_take(server->options.rate, item->source, clock_monotonic_ms());
    if (answer == RATE_SOURCE_LIMIT) {
        intake_count(server->options.intake, CLIENT_REPORT_SOURCE_LIMIT);
        refuse(connection, 429, "too many reports from this source; send it again later", 60);
    } else if (answer == RATE_LIMIT) {
        intake_count(server->options.intake, CLIENT_REPORT_LIMIT);
        refuse(connection, 503, "too many reports from everybody; send it again later", 10);
    }
    return answer == RATE_GO;
}

static bool begin_body(struct connection *connection, struct span head) {
    unsigned status = request_head_read(head, CLIENT_REPORT_SIZE_MAX, &connection->head);
    if (status == 0 && strcmp(connection->head.path, SERVER_PATH) != 0)
        status = 404;
    if (status == 413)
        intake_count(connection->server->options.intake, CLIENT_REPORT_TOO_LARGE);
    if (status != 0) {
        refuse(connection, status, sentence_of(status), 0);
        return false;
    }
    if (!pass_limits(connection))
        return false;
    connection->body = buffer_with_limit(CLIENT_REPORT_SIZE_MAX);
    connection->state = READING_BODY;
    if (connection->head.wants_continue)
        bufferevent_write(connection->talk, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    return true;
}

/* False: nothing more can be done with it now. */
static bool read_head(struct connection *connection, struct evbuffer *input) {
    size_t size = evbuffer_get_length(input);
    size_t looked = size > REQUEST_HEAD_MAX ? REQUEST_HEAD_MAX : size;
    struct span bytes = span_of(looked == 0 ? NULL : evbuffer_pullup(input, (ssize_t) looked), looked);
    size_t head_size = bytes.bytes == NULL ? 0 : request_head_size(bytes, connection->searched);
    connection->searched = looked;
    if (head_size == 0 && size >= REQUEST_HEAD_MAX)
        refuse(connection, 400, "its head is larger than 8 KiB", 0);
    if (head_size == 0 || !begin_body(connection, span_of(bytes.bytes, head_size)))
        return false;
    evbuffer_drain(input, head_size);
    return true;
}

static void finish_body(struct connection *connection) {
    connection->state = WAITING;
    connection->item.body = buffer_span(&connection->body);
    connection->item.owner = connection;
    set_deadline(connection, ANSWER_MS);
    intake_take(connection->server->options.intake, &connection->item);
}

static void refuse_chunks(struct connection *connection) {
    bool is_large = connection->body.failed && !connection->body.has_no_memory;
    if (is_large)
        intake_count(connection->server->options.intake, CLIENT_REPORT_TOO_LARGE);
    if (connection->body.has_no_memory)
        refuse(connection, 503, "no memory for it; send it again later", 60);
    else
        refuse(connection, is_large ? 413 : 400, is_large ? sentence_of(413) : "its chunks are broken", 0);
}

static void read_body(struct connection *connection, struct evbuffer *input) {
    size_t size = evbuffer_get_length(input);
    struct span bytes = span_of(size == 0 ? NULL : evbuffer_pullup(input, -1), size);
    bool is_whole;
    if (size > 0 && bytes.bytes == NULL)
        return;
    if (connection->head.is_chunked) {
        if (!request_chunks_take(&connection->chunks, bytes, &connection->body)) {
            refuse_chunks(connection);
            return;
        }
        is_whole = connection->chunks.state == CHUNK_DONE;
    } else {
        size_t wanted = connection->head.body_size - connection->body.size;
        if (!buffer_add(&connection->body, span_of(bytes.bytes, size < wanted ? size : wanted)) && size > 0) {
            refuse_chunks(connection);
            return;
        }
        is_whole = size >= wanted;
    }
    evbuffer_drain(input, size);
    if (is_whole)
        finish_body(connection);
}

static void on_bytes(struct bufferevent *talk, void *context) {
    struct connection *connection = context;
    struct evbuffer *input = bufferevent_get_input(talk);
    if (connection->state == READING_HEAD && !read_head(connection, input) && connection->state == READING_HEAD)
        return;
    if (connection->state == READING_BODY)
        read_body(connection, input);
    if (connection->state == WAITING || connection->state == LINGERING) {
        connection->lingered += evbuffer_get_length(input);
        evbuffer_drain(input, evbuffer_get_length(input));
        if (connection->lingered > LINGER_BYTES_MAX)
            drop(connection);
    }
}

/* The answer is on its way: no more of ours, but who still sends is heard out. */
static void on_sent(struct bufferevent *talk, void *context) {
    struct connection *connection = context;
    if (connection->state == LINGERING && evbuffer_get_length(bufferevent_get_output(talk)) == 0)
        shutdown(bufferevent_getfd(talk), SHUT_WR);
}

static void on_end(struct bufferevent *unused_talk, short unused_what, void *context) {
    (void) unused_talk;
    (void) unused_what;
    struct connection *connection = context;
    /* Who has sent everything and closed its half still waits for the answer; who has gone is noticed when that is written. */
    if (connection->state != WAITING)
        drop(connection);
}

static void on_deadline(evutil_socket_t unused_socket, short unused_what, void *context) {
    (void) unused_socket;
    (void) unused_what;
    struct connection *connection = context;
    if (connection->state == LINGERING) {
        drop(connection);
        return;
    }
    bool is_ours = connection->state == WAITING;
    intake_forget(connection->server->options.intake, &connection->item);
    refuse(connection, is_ours ? 503 : 408, is_ours ? "it takes too long to look at it; send it again later" : "the request took too long", is_ours ? 30 : 0);
}

/* ---- accepting */

static size_t count_of(const struct server *server, const char *peer) {
    size_t count = 0;
    for (const struct connection *at = server->first; at != NULL; at = at->next)
        count += strcmp(at->peer, peer) == 0;
    return count;
}

/* When there is no place left, who has had a turn and still sends, or only lingers, gives way. */
static bool make_room(struct server *server, int64_t now_ms) {
    if (server->count < SERVER_CONNECTIONS_MAX)
        return true;
    for (struct connection *at = server->first; at != NULL; at = at->next)
        if (at->state == LINGERING || (at->state != WAITING && now_ms - at->begun_ms >= MIN_TURN_MS)) {
            drop(at);
            return true;
        }
    return false;
}

static void link_in(struct server *server, struct connection *connection) {
    connection->before = server->last;
    *(server->last == NULL ? &server->first : &server->last->next) = connection;
    server->last = connection;
    server->count++;
}

static bool add_connection(struct server *server, evutil_socket_t socket, const char *peer, bool is_from_proxy) {
    struct connection *connection = memory_new(sizeof *connection);
    if (connection == NULL)
        return false;
    connection->server = server;
    connection->begun_ms = clock_monotonic_ms();
    memcpy(connection->peer, peer, sizeof connection->peer);
    connection->is_from_proxy = is_from_proxy;
    link_in(server, connection);
    connection->deadline = event_new(server->options.loop, -1, 0, on_deadline, connection);
    connection->talk = connection->deadline == NULL ? NULL : bufferevent_socket_new(server->options.loop, socket, BEV_OPT_CLOSE_ON_FREE);
    if (connection->talk == NULL) {
        drop(connection);
        return false;
    }
    bufferevent_setcb(connection->talk, on_bytes, on_sent, on_end, connection);
    bufferevent_setwatermark(connection->talk, EV_READ, 0, REQUEST_HEAD_MAX + CLIENT_REPORT_SIZE_MAX);
    bufferevent_enable(connection->talk, EV_READ | EV_WRITE);
    set_deadline(connection, READ_MS);
    return true;
}

static void say_full(struct server *server, int64_t now_ms) {
    if (server->full_said_ms != 0 && now_ms - server->full_said_ms < 60000)
        return;
    server->full_said_ms = now_ms;
    log_say(LOG_WARNING, "reports.full", LOG_NUMBER("connections", server->count), LOG_TEXT("effect", "further connections are closed"));
}

static void on_accept(struct evconnlistener *unused_listener, evutil_socket_t socket, struct sockaddr *address, int unused_size, void *context) {
    (void) unused_listener;
    (void) unused_size;
    struct server *server = context;
    char peer[RATE_SOURCE_SIZE] = "";
    int64_t now_ms = clock_monotonic_ms();
    rate_source_of(address, peer);
    bool is_proxy = rate_is_address(address, server->options.proxy);
    bool has_place = (is_proxy || count_of(server, peer) < SERVER_CONNECTIONS_SOURCE_MAX) && make_room(server, now_ms);
    if (!has_place) {
        say_full(server, now_ms);
        intake_count(server->options.intake, CLIENT_REPORT_LIMIT);
    }
    if (!has_place || !add_connection(server, socket, peer, is_proxy))
        evutil_closesocket(socket);
}

/* ---- listening */

static void on_again(evutil_socket_t socket, short what, void *context);

static bool try_to_listen(struct server *server, int *ret_error) {
    char text[80];
    struct sockaddr_storage address;
    int size = sizeof address;
    bool is_v6 = strchr(server->options.address, ':') != NULL;
    snprintf(text, sizeof text, is_v6 ? "[%s]:%s" : "%s:%s", server->options.address, server->options.port_text);
    *ret_error = EINVAL;
    if (evutil_parse_sockaddr_port(text, (struct sockaddr *) &address, &size) != 0)
        return false;
    errno = 0;
    server->listener = evconnlistener_new_bind(server->options.loop, on_accept, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
                                               (struct sockaddr *) &address, size);
    *ret_error = errno;
    return server->listener != NULL;
}

/* Not without the port: the program goes on, so that a port that is taken ends nothing else of the service. */
static void listen_or_wait(struct server *server, bool is_first) {
    int error = 0;
    if (try_to_listen(server, &error)) {
        log_say(LOG_NOTICE, "reports.listening", LOG_TEXT("address", server->options.address), LOG_TEXT("port", server->options.port_text), LOG_TEXT("path", SERVER_PATH));
        return;
    }
    if (is_first)
        log_say(LOG_ERROR, "reports.cannot-listen", LOG_TEXT("address", server->options.address), LOG_TEXT("port", server->options.port_text),
                LOG_TEXT("why", error == 0 ? "no memory" : strerrordesc_np(error)), LOG_TEXT("effect", "it is tried again and again"), LOG_FAULT(&fault_reports_listen));
    const struct timeval after = {.tv_sec = LISTEN_AGAIN_MS / 1000};
    event_add(server->again, &after);
}

static void on_again(evutil_socket_t unused_socket, short unused_what, void *context) {
    (void) unused_socket;
    (void) unused_what;
    listen_or_wait(context, false);
}

result server_new(const struct server_options *options, struct server **ret_server) {
    struct server *server = memory_new(sizeof *server);
    if (server == NULL)
        return &fault_no_memory;
    server->options = *options;
    server->again = event_new(options->loop, -1, 0, on_again, server);
    if (server->again == NULL) {
        memory_free(server);
        return &fault_no_memory;
    }
    listen_or_wait(server, true);
    *ret_server = server;
    return OK;
}

void server_free(struct server *server) {
    if (server == NULL)
        return;
    while (server->first != NULL)
        drop(server->first);
    if (server->listener != NULL)
        evconnlistener_free(server->listener);
    event_free(server->again);
    memory_free(server);
}
