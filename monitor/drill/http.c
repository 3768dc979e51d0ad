#include "drill/http.h"

#include <errno.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "drill/http_parts.h"
#include "drill/tile_request.h"

#define BODY_MAX (1024 * 1024)
#define HEADERS_MAX (16 * 1024)
#define IDLE_SECONDS 120
#define JSON_LIMIT ((size_t) 16 * 1024 * 1024)

struct http {
    struct http_options options;
    struct evhttp *server;
    struct evhttp_bound_socket *socket;
    unsigned port;
};

/* ---- helpers of the handlers ---- */

static void reply(struct call *call, int status, const char *type, struct evbuffer *body) {
    struct evkeyvalq *headers = evhttp_request_get_output_headers(call->request);
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_send_reply(call->request, status, NULL, body);
}

void reply_text(struct call *call, int status, const char *type, const struct buffer *text) {
    struct evbuffer *body = evbuffer_new();
    if (body == NULL || text->failed || evbuffer_add(body, buffer_text(text), text->size) != 0)
        evhttp_send_error(call->request, 500, NULL);
    else
        reply(call, status, type, body);
    if (body != NULL)
        evbuffer_free(body);
}

void refuse(struct call *call, int status, const char *sentence) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(REASON_SIZE + 2);
    buffer_add_text(&text, sentence);
    buffer_add_text(&text, "\n");
    reply_text(call, status, "text/plain; charset=utf-8", &text);
}

static void reply_json(struct call *call, const struct buffer *json) {
    reply_text(call, 200, "application/json; charset=utf-8", json);
}

static bool query_number(struct call *call, const char *name, uint64_t *ret_number) {
    const char *value = evhttp_find_header(&call->query, name);
    return value != NULL && text_to_number(span_of_text(value), INT64_MAX, ret_number) == OK;
}

static bool query_hash(struct call *call, const char *name, struct hash *ret_hash) {
    const char *value = evhttp_find_header(&call->query, name);
    return value != NULL && hash_from_base64(span_of_text(value), ret_hash) == OK;
}

static void add_nodes(struct buffer *json, const char *member, const struct hash *nodes, size_t count) {
    buffer_printf(json, "\"%s\":[", member);
    for (size_t i = 0; i < count; i++) {
        char text[HASH_BASE64_SIZE];
        hash_to_base64(&nodes[i], text);
        buffer_printf(json, "%s\"%s\"", i == 0 ? "" : ",", text);
    }
    buffer_add_text(json, "]");
}

/* ---- RFC 6962 4 ---- */

static void get_sth(struct call *call) {
    const struct drill_log_head *head;
    CLEANUP(buffer_done) struct buffer json = buffer_with_limit(JSON_LIMIT);
    if (drill_log_head(call->log, (uint64_t) clock_wall_ms(), &head) != OK || !drill_log_add_sth_json(head, &json))
        refuse(call, 500, "the head cannot be signed");
    else
        reply_json(call, &json);
}

static void get_sth_consistency(struct call *call) {
    uint64_t first, second;
    struct hash nodes[MERKLE_HEIGHT_MAX + 1];
    CLEANUP(buffer_done) struct buffer json = buffer_with_limit(JSON_LIMIT);
    if (!query_number(call, "first", &first) || !query_number(call, "second", &second) || first > second ||
        second > call->log->published_size) {
        refuse(call, 400, "wanted first <= second <= tree size");
        return;
    }
    buffer_add_text(&json, "{");
    add_nodes(&json, "consistency", nodes, tree_consistency(&call->log->tree, first, second, nodes));
    buffer_add_text(&json, "}");
    reply_json(call, &json);
}

/* Index of the leaf, or the tree's size when it is not there. */
static uint64_t find_leaf(const struct drill_log *log, const struct hash *hash) {
    uint64_t index = 0;
    while (index < log->published_size && !hash_equal(&log->tree.levels[0].hashes[index], hash))
        index++;
    return index;
}

static void get_proof_by_hash(struct call *call) {
    uint64_t size;
    struct hash hash, nodes[MERKLE_HEIGHT_MAX];
    CLEANUP(buffer_done) struct buffer json = buffer_with_limit(JSON_LIMIT);
    if (!query_hash(call, "hash", &hash) || !query_number(call, "tree_size", &size) || size > call->log->published_size) {
        refuse(call, 400, "wanted hash=<base64>&tree_size=<at most the tree's>");
        return;
    }
    uint64_t index = find_leaf(call->log, &hash);
    if (index >= size) {
        refuse(call, 404, "no such leaf in a tree of that size");
        return;
    }
    buffer_printf(&json, "{\"leaf_index\":%llu,", (unsigned long long) index);
    add_nodes(&json, "audit_path", nodes, tree_inclusion(&call->log->tree, index, size, nodes));
    buffer_add_text(&json, "}");
    reply_json(call, &json);
}

static void get_entry_and_proof(struct call *call) {
    uint64_t index, size;
    struct hash nodes[MERKLE_HEIGHT_MAX];
    struct drill_log *log = call->log;
    CLEANUP(buffer_done) struct buffer json = buffer_with_limit(JSON_LIMIT), leaf_input = buffer_with_limit(JSON_LIMIT),
                                       extra_data = buffer_with_limit(JSON_LIMIT);
    if (!query_number(call, "leaf_index", &index) || !query_number(call, "tree_size", &size) || index >= size ||
        size > log->published_size) {
        refuse(call, 400, "wanted leaf_index < tree_size <= tree size");
        return;
    }
    if (!log->source->read_entry(log->source_data, index, &leaf_input, &extra_data)) {
        refuse(call, 500, "the entry cannot be read");
        return;
    }
    entry_add_json(&json, buffer_span(&leaf_input), buffer_span(&extra_data));
    json.size -= json.failed ? 0 : 1; /* the closing brace comes after the path */
    buffer_add_text(&json, ",");
    add_nodes(&json, "audit_path", nodes, tree_inclusion(&log->tree, index, size, nodes));
    buffer_add_text(&json, "}");
    reply_json(call, &json);
}

static void get_entries(struct call *call) {
    uint64_t start, end;
    struct drill_log *log = call->log;
    if (!query_number(call, "start", &start) || !query_number(call, "end", &end) || start > end || start >= log->published_size) {
        refuse(call, 400, "wanted start <= end and start < tree size");
        return;
    }
    /* As the large logs do: a request of full size or more is cut at the next multiple of the batch. */
    if (end - start + 1 >= log->batch)
        end = start + log->batch - start % log->batch - 1;
    if (end >= log->published_size)
        end = log->published_size - 1;
    struct evbuffer *body = evbuffer_new();
    if (body == NULL || evbuffer_add(body, "{\"entries\":[", 12) != 0 ||
        !log->source->add_entries(log->source_data, start, end + 1, body) || evbuffer_add(body, "]}", 2) != 0)
        refuse(call, 500, "the entries cannot be read");
    else
        reply(call, 200, "application/json; charset=utf-8", body);
    if (body != NULL)
        evbuffer_free(body);
}

static void get_roots(struct call *call) {
    CLEANUP(buffer_done) struct buffer json = buffer_with_limit(JSON_LIMIT);
    buffer_add_text(&json, "{\"certificates\":[");
    for (size_t i = 0; i < call->http->options.root_count; i++) {
        buffer_add_text(&json, i == 0 ? "\"" : ",\"");
        buffer_add_base64(&json, call->http->options.roots[i]);
        buffer_add_text(&json, "\"");
    }
    buffer_add_text(&json, "]}");
    reply_json(call, &json);
}

static void add_chain_of_kind(struct call *call, bool is_precertificate) {
    const struct http_options *options = &call->http->options;
    if (options->submit == NULL) {
        refuse(call, 403, "this log is read-only");
        return;
    }
    struct chain_request chain;
    struct reason reason = {""};
    CLEANUP(buffer_done) struct buffer json = buffer_with_limit(JSON_LIMIT);
    struct evbuffer *body = evhttp_request_get_input_buffer(call->request);
    size_t size = evbuffer_get_length(body);
    uint64_t mark = memory_mark();
    if (!chain_request_read(span_of(evbuffer_pullup(body, -1), size), &chain)) {
        refuse(call, memory_mark() == mark ? 400 : 503, "wanted {\"chain\":[base64 DER, …]} with 1 to 8 certificates, and memory to read them");
        return;
    }
    struct submission submission = {call->log, is_precertificate, chain.certificates, chain.count};
    result outcome = options->submit(options->submit_context, &submission, &json, &reason);
    if (outcome != OK)
        refuse(call, outcome->family == FAULT_INPUT ? 400 : outcome->family == FAULT_RETRY ? 503 : 500, reason.text);
    else
        reply_json(call, &json);
    chain_request_done(&chain);
}

static void add_chain(struct call *call) {
    add_chain_of_kind(call, false);
}

static void add_pre_chain(struct call *call) {
    add_chain_of_kind(call, true);
}

/* ---- static-ct-api ---- */

static void get_checkpoint(struct call *call) {
    const struct drill_log_head *head;
    CLEANUP(buffer_done) struct buffer note = buffer_with_limit(JSON_LIMIT);
    if (drill_log_head(call->log, (uint64_t) clock_wall_ms(), &head) != OK || !drill_log_add_checkpoint(call->log, head, &note))
        refuse(call, 500, "the head cannot be signed");
    else
        reply_text(call, 200, "text/plain; charset=utf-8", &note);
}

static bool add_hash_tile(const struct drill_log *log, const struct tile_request *tile, struct evbuffer *out) {
    const struct tree_level *level = &log->tree.levels[8 * tile->level];
    return evbuffer_add(out, &level->hashes[tile->number * TILE_WIDTH], tile->width * sizeof(struct hash)) == 0;
}

static void get_tile(struct call *call) {
    struct drill_log *log = call->log;
    struct tile_request tile;
    if (!tile_request_parse(span_of_text(call->rest), &tile)) {
        refuse(call, 404, "not the path of a tile");
        return;
    }
    /* Only what a published head implies, and a partial tile only of a width that some head could have had. */
    uint64_t nodes = log->published_size >> (8 * tile.level);
    if (tile.number >= nodes / TILE_WIDTH + 1 || tile.number * TILE_WIDTH + tile.width > nodes) {
        refuse(call, 404, "no such tile yet");
        return;
    }
    bool is_gzip = false;
    struct evbuffer *body = evbuffer_new();
    if (body == NULL || !(tile.is_data ? log->source->add_data_tile(log->source_data, tile.number, tile.width, body, &is_gzip)
                                       : add_hash_tile(log, &tile, body))) {
        refuse(call, 500, "the tile cannot be read");
    } else {
        if (is_gzip)
            evhttp_add_header(evhttp_request_get_output_headers(call->request), "Content-Encoding", "gzip");
        reply(call, 200, "application/octet-stream", body);
    }
    if (body != NULL)
        evbuffer_free(body);
}

static void get_issuer(struct call *call) {
    struct drill_log *log = call->log;
    struct hash fingerprint;
    struct evbuffer *body = evbuffer_new();
    if (hash_from_hex(span_of_text(call->rest), &fingerprint) != OK)
        refuse(call, 404, "no such issuer");
    else if (body == NULL || !log->source->add_issuer(log->source_data, &fingerprint, body))
        refuse(call, 500, "the issuer cannot be read");
    else if (evbuffer_get_length(body) == 0)
        refuse(call, 404, "no such issuer");
    else
        reply(call, 200, "application/pkix-cert", body);
    if (body != NULL)
        evbuffer_free(body);
}

/* ---- routes ---- */

enum route_logs { ROUTE_BOTH, ROUTE_RFC6962, ROUTE_STATIC };

struct route {
    enum evhttp_cmd_type method;
    enum route_logs logs;
    bool is_prefix; /* the rest of the path is the handler's */
    const char *path; /* behind "/<log name>/" */
    void (*handle)(struct call *call);
};

static const struct route routes[] = {
    {EVHTTP_REQ_GET, ROUTE_RFC6962, false, "ct/v1/get-sth", get_sth},
    {EVHTTP_REQ_GET, ROUTE_RFC6962, false, "ct/v1/get-entries", get_entries},
    {EVHTTP_REQ_GET, ROUTE_RFC6962, false, "ct/v1/get-sth-consistency", get_sth_consistency},
    {EVHTTP_REQ_GET, ROUTE_RFC6962, false, "ct/v1/get-proof-by-hash", get_proof_by_hash},
    {EVHTTP_REQ_GET, ROUTE_RFC6962, false, "ct/v1/get-entry-and-proof", get_entry_and_proof},
    {EVHTTP_REQ_GET, ROUTE_BOTH, false, "ct/v1/get-roots", get_roots},
    {EVHTTP_REQ_POST, ROUTE_BOTH, false, "ct/v1/add-chain", add_chain},
    {EVHTTP_REQ_POST, ROUTE_BOTH, false, "ct/v1/add-pre-chain", add_pre_chain},
    {EVHTTP_REQ_GET, ROUTE_STATIC, false, "checkpoint", get_checkpoint},
    {EVHTTP_REQ_GET, ROUTE_STATIC, true, "tile/", get_tile},
    {EVHTTP_REQ_GET, ROUTE_STATIC, true, "issuer/", get_issuer},
};

/* The log whose name is the first part of the path; what follows goes to ret_rest. */
static struct drill_log *find_log(const struct http *http, const char *path, const char **ret_rest) {
    for (size_t i = 0; i < http->options.log_count; i++) {
        struct drill_log *log = http->options.logs[i];
        size_t size = strlen(log->name);
        if (path[0] == '/' && strncmp(path + 1, log->name, size) == 0 && path[1 + size] == '/') {
            *ret_rest = path + 2 + size;
            return log;
        }
    }
    return NULL;
}

static const struct route *find_route(struct call *call) {
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const struct route *route = &routes[i];
        size_t size = strlen(route->path);
        bool fits = route->is_prefix ? strncmp(call->rest, route->path, size) == 0 : strcmp(call->rest, route->path) == 0;
        if (fits && (route->logs == ROUTE_BOTH || (route->logs == ROUTE_STATIC) == call->log->is_static))
            return route;
    }
    return NULL;
}

static void on_request(struct evhttp_request *request, void *context) {
    struct call call = {.http = context, .request = request};
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
    const char *query = uri == NULL ? NULL : evhttp_uri_get_query(uri);
    call.log = path == NULL ? NULL : find_log(call.http, path, &call.rest);
    const struct route *route = call.log == NULL ? NULL : find_route(&call);
    if (route == NULL) {
        refuse(&call, 404, "no such page");
        return;
    }
    if (evhttp_request_get_command(request) != route->method) {
        refuse(&call, 405, "wrong method");
        return;
    }
    if (evhttp_parse_query_str(query == NULL ? "" : query, &call.query) != 0) {
        refuse(&call, 400, "the query cannot be read");
        return;
    }
    if (route->is_prefix)
        call.rest += strlen(route->path);
    route->handle(&call);
    evhttp_clear_headers(&call.query);
}

/* ---- public ---- */

CLEANUP_OF_POINTER(struct http, http_free)

static result listen_on(struct http *http, unsigned port, struct reason *reason) {
    errno = 0;
    http->socket = evhttp_bind_socket_with_handle(http->server, "127.0.0.1", (ev_uint16_t) port);
    int why = errno != 0 ? errno : ENOMEM; /* so libevent, where it had none for the address */
    if (http->socket == NULL)
        return reason_set(reason, fault_of_errno(why, &fault_drill_port), "127.0.0.1:%u cannot be listened on: %s", port, strerror(why));
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (getsockname(evhttp_bound_socket_get_fd(http->socket), (struct sockaddr *) &address, &size) != 0)
        return reason_set(reason, &fault_drill_port, "the port cannot be read: %s", strerror(errno));
    http->port = ntohs(address.sin_port);
    /* Accepted connections inherit it on Linux; without it the tail of a large answer waits for a delayed ACK, 40 ms each. */
    int enabled = 1;
    if (setsockopt(evhttp_bound_socket_get_fd(http->socket), IPPROTO_TCP, TCP_NODELAY, &enabled, sizeof enabled) != 0)
        return reason_set(reason, &fault_drill_port, "TCP_NODELAY cannot be set: %s", strerror(errno));
    return OK;
}

result http_new(struct event_base *loop, const struct http_options *options, unsigned port, struct http **ret_http,
                struct reason *reason) {
    CLEANUP(http_free_at) struct http *http = memory_new(sizeof *http);
    if (http == NULL)
        return reason_set(reason, &fault_no_memory, "no memory");
    http->options = *options;
    http->server = evhttp_new(loop);
    if (http->server == NULL)
        return reason_set(reason, &fault_no_memory, "no memory");
    evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
    evhttp_set_max_body_size(http->server, BODY_MAX);
    evhttp_set_max_headers_size(http->server, HEADERS_MAX);
    evhttp_set_timeout(http->server, IDLE_SECONDS);
    evhttp_set_gencb(http->server, on_request, http);
    TRY(listen_on(http, port, reason));
    *ret_http = TAKE(http);
    return OK;
}

void http_free(struct http *http) {
    if (http == NULL)
        return;
    if (http->server != NULL)
        evhttp_free(http->server);
    memory_free(http);
}

unsigned http_port(const struct http *http) {
    return http->port;
}
