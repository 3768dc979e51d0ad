/* Transfers against a server in the same loop that answers each path with canned bytes. */
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

#include "net/transfer.h"

#define BODY_ROOM 100
#define PEERS_MAX 64

struct canned {
    const char *path;
    const char *answer; /* NULL: none ever comes */
    bool closes;
};

static const struct canned answers[] = {
    {"/ok", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"v1\"\r\n\r\nhello", false},
    {"/gzip", "HTTP/1.1 200 OK\r\ncontent-encoding: GZIP\r\nContent-Length: 5\r\n\r\n\x1f\x8b???", false},
    {"/brotli", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", false},
    {"/unchanged", "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n", false},
    {"/moved", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", false},
    {"/busy", "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy", false},
    {"/early", "HTTP/1.1 103 Early Hints\r\nETag: \"no\"\r\nRetry-After: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
    {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", true},
    {"/announced", "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\nhello", false},
    {"/endless", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n"
                 "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n", false},
    {"/large-error", "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n"
                     "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n0\r\n\r\n", false},
    {"/garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n", true},
    {"/silent", NULL, false},
    {"/post", "HTTP/1.1 204 No Content\r\n\r\n", false},
};

struct server {
    struct event_base *loop;
    struct evconnlistener *listener;
    unsigned port, connections;
    struct bufferevent *peers[PEERS_MAX];
    char last_request[4000];
    struct net *net;
};

static void on_request(struct bufferevent *peer, void *context) {
    struct server *server = context;
    struct evbuffer *input = bufferevent_get_input(peer);
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    if (end.pos < 0)
        return;
    size_t size = evbuffer_get_length(input);
    assert_true(size < sizeof server->last_request);
    evbuffer_remove(input, server->last_request, size);
    server->last_request[size] = '\0';
    char path[50];
    const char *begin = strchr(server->last_request, ' ') + 1;
    snprintf(path, sizeof path, "%.*s", (int) strcspn(begin, " ?"), begin);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (strcmp(path, answers[i].path) == 0 && answers[i].answer != NULL) {
            bufferevent_write(peer, answers[i].answer, strlen(answers[i].answer));
            if (answers[i].closes) {
                bufferevent_flush(peer, EV_WRITE, BEV_FINISHED);
                shutdown(bufferevent_getfd(peer), SHUT_RD);
            }
        }
}

static void drop(struct server *server, struct bufferevent *peer) {
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (server->peers[i] == peer)
            server->peers[i] = NULL;
    bufferevent_free(peer);
}

static void on_written(struct bufferevent *peer, void *context) {
    struct server *server = context;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i].closes && strstr(server->last_request, answers[i].path) != NULL) {
            drop(server, peer);
            return;
        }
}

static void on_gone(struct bufferevent *peer, short what, void *context) {
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        drop(context, peer);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t socket, struct sockaddr *address, int size, void *context) {
    (void) listener;
    (void) address;
    (void) size;
    struct server *server = context;
    struct bufferevent *peer = bufferevent_socket_new(server->loop, socket, BEV_OPT_CLOSE_ON_FREE);
    assert_true(server->connections < PEERS_MAX);
    server->peers[server->connections++] = peer;
    bufferevent_setcb(peer, on_request, on_written, on_gone, server);
    bufferevent_enable(peer, EV_READ | EV_WRITE);
}

static int start(void **state) {
    struct server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server->loop = event_base_new();
    server->listener = evconnlistener_new_bind(server->loop, on_accept, server, LEV_OPT_CLOSE_ON_FREE, 16,
                                               (struct sockaddr *) &address, sizeof address);
    getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *) &address, &size);
    server->port = ntohs(address.sin_port);
    struct net_options options = {.user_agent = "pinwatch/test (+https://example.org)",
                                  .connections_max = 4,
                                  .connections_host_max = 4};
    *state = server;
    return net_new(server->loop, &options, &server->net) == OK ? 0 : -1;
}

static int stop(void **state) {
    struct server *server = *state;
    net_free(server->net);
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (server->peers[i] != NULL)
            bufferevent_free(server->peers[i]);
    evconnlistener_free(server->listener);
    event_base_free(server->loop);
    free(server);
    return 0;
}

struct wait {
    struct event_base *loop;
    struct transfer_answer answer;
    unsigned times;
};

static void on_done(void *context, const struct transfer_answer *answer) {
    struct wait *wait = context;
    wait->answer = *answer;
    wait->times++;
    event_base_loopexit(wait->loop, NULL);
}

static uint8_t body[BODY_ROOM];

static struct transfer_request request_of(char url[100], const struct server *server, const char *path) {
    snprintf(url, 100, "http://user:secret@127.0.0.1:%u%s?token=x", server->port, path);
    return (struct transfer_request){.url = url, .body = body, .body_room = sizeof body, .timeout_ms = 3000, .verifies_tls = true};
}

static struct transfer_answer run(struct server *server, const struct transfer_request *request) {
    struct wait wait = {.loop = server->loop};
    struct transfer *transfer;
    assert_ptr_equal(transfer_start(server->net, request, on_done, &wait, &transfer), OK);
    assert_int_equal(wait.times, 0);
    event_base_dispatch(server->loop);
    assert_int_equal(wait.times, 1);
    return wait.answer;
}

static struct transfer_answer get(struct server *server, const char *path) {
    char url[100];
    struct transfer_request request = request_of(url, server, path);
    return run(server, &request);
}

static void a_body_arrives_in_the_callers_memory_with_its_etag(void **state) {
    struct transfer_answer answer = get(*state, "/ok");
    assert_ptr_equal(answer.fault, OK);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body_size, 5);
    assert_memory_equal(body, "hello", 5);
    assert_string_equal(answer.etag, "\"v1\"");
    assert_int_equal(answer.encoding, TRANSFER_IDENTITY);
    assert_int_equal(answer.retry_after_ms, -1);
}

static void gzip_is_reported_and_not_decoded(void **state) {
    struct transfer_answer answer = get(*state, "/gzip");
    assert_ptr_equal(answer.fault, OK);
    assert_int_equal(answer.encoding, TRANSFER_GZIP);
    assert_memory_equal(body, "\x1f\x8b???", 5);
    assert_int_equal(get(*state, "/brotli").encoding, TRANSFER_ENCODING_OTHER);
}

static void an_unchanged_answer_is_no_fault(void **state) {
    struct server *server = *state;
    char url[100];
    struct transfer_request request = request_of(url, server, "/unchanged");
    request.if_none_match = "\"v1\"";
    struct transfer_answer answer = run(server, &request);
    assert_ptr_equal(answer.fault, OK);
    assert_int_equal(answer.status, 304);
    assert_non_null(strstr(server->last_request, "\r\nIf-None-Match: \"v1\"\r\n"));
    assert_non_null(strstr(server->last_request, "\r\nUser-Agent: pinwatch/test (+https://example.org)\r\n"));
    assert_null(strstr(server->last_request, "Accept-Encoding"));
}

static void gzip_is_asked_for_only_when_wanted(void **state) {
    struct server *server = *state;
    char url[100];
    struct transfer_request request = request_of(url, server, "/ok");
    request.accepts_gzip = true;
    run(server, &request);
    assert_non_null(strstr(server->last_request, "\r\nAccept-Encoding: gzip\r\n"));
}

static void a_redirect_is_a_fault_that_says_so(void **state) {
    struct transfer_answer answer = get(*state, "/moved");
    assert_ptr_equal(answer.fault, &fault_transfer_status);
    assert_int_equal(answer.status, 302);
    assert_non_null(strstr(answer.reason.text, "redirects are not followed"));
}

static void a_busy_log_gives_its_status_body_and_waiting_time(void **state) {
    struct transfer_answer answer = get(*state, "/busy");
    assert_ptr_equal(answer.fault, &fault_transfer_status);
    assert_int_equal(answer.status, 429);
    assert_int_equal(answer.retry_after_ms, 7000);
    assert_int_equal(answer.body_size, 4);
}

static void the_sentence_names_the_address_without_user_or_query(void **state) {
    struct server *server = *state;
    char wanted[100];
    snprintf(wanted, sizeof wanted, "http://127.0.0.1:%u/busy: status 429 (asks to wait 7 s), wanted 200", server->port);
    assert_string_equal(get(server, "/busy").reason.text, wanted);
}

static void headers_of_an_interim_answer_do_not_count(void **state) {
    struct transfer_answer answer = get(*state, "/early");
    assert_ptr_equal(answer.fault, OK);
    assert_string_equal(answer.etag, "");
    assert_int_equal(answer.retry_after_ms, -1);
}

static void a_truncated_answer_is_broken(void **state) {
    assert_ptr_equal(get(*state, "/short").fault, &fault_transfer_broken);
    assert_ptr_equal(get(*state, "/garbage").fault, &fault_transfer_broken);
}

static void an_answer_over_the_ceiling_is_given_up(void **state) {
    assert_ptr_equal(get(*state, "/announced").fault, &fault_transfer_too_large);
    struct transfer_answer answer = get(*state, "/endless");
    assert_ptr_equal(answer.fault, &fault_transfer_too_large);
    assert_true(answer.body_size <= BODY_ROOM);
    assert_non_null(strstr(answer.reason.text, "100 bytes"));
}

static void an_error_page_over_the_ceiling_is_still_that_error(void **state) {
    struct transfer_answer answer = get(*state, "/large-error");
    assert_ptr_equal(answer.fault, &fault_transfer_status);
    assert_int_equal(answer.status, 404);
    assert_int_equal(answer.body_size, BODY_ROOM);
}

static void silence_ends_at_the_deadline(void **state) {
    struct server *server = *state;
    char url[100];
    struct transfer_request request = request_of(url, server, "/silent");
    request.timeout_ms = 100;
    assert_ptr_equal(run(server, &request).fault, &fault_transfer_timeout);
    request.timeout_ms = 20000;
    request.stall_ms = 1000;
    struct transfer_answer answer = run(server, &request);
    assert_ptr_equal(answer.fault, &fault_transfer_timeout);
    assert_in_range(answer.latency_ms, 500, 4000);
}

static void a_closed_port_or_an_unknown_name_is_a_connect_fault(void **state) {
    struct server *server = *state;
    struct transfer_request request = {.url = "http://127.0.0.1:1/", .body = body, .body_room = sizeof body, .timeout_ms = 3000};
    struct transfer_answer answer = run(server, &request);
    assert_ptr_equal(answer.fault, &fault_transfer_connect);
    assert_int_equal(answer.status, 0);
    request.url = "http://name.invalid/";
    assert_ptr_equal(run(server, &request).fault, &fault_transfer_connect);
}

static void a_transfer_that_failed_spoils_none_after_it(void **state) {
    struct server *server = *state;
    static const char *const urls[] = {"http://name.invalid/", "http://127.0.0.1:1/"};
    for (size_t i = 0; i < 2; i++) {
        struct transfer_request request = {.url = urls[i], .body = body, .body_room = sizeof body, .timeout_ms = 3000};
        assert_ptr_equal(run(server, &request).fault, &fault_transfer_connect);
        assert_ptr_equal(run(server, &request).fault, &fault_transfer_connect);
        assert_ptr_equal(get(server, "/ok").fault, OK);
    }
}

static void plain_http_on_an_https_address_is_a_tls_fault(void **state) {
    struct server *server = *state;
    char url[100];
    snprintf(url, sizeof url, "https://127.0.0.1:%u/garbage", server->port);
    struct transfer_request request = {.url = url, .body = body, .body_room = sizeof body, .timeout_ms = 300, .verifies_tls = true};
    result fault = run(server, &request).fault;
    assert_true(fault == &fault_transfer_tls || fault == &fault_transfer_timeout);
}

static void only_http_addresses_without_control_characters_are_taken(void **state) {
    struct server *server = *state;
    static const char *const bad[] = {"ftp://127.0.0.1/", "file:///etc/passwd", "nonsense", "http://a\r\nb/", ""};
    struct transfer *transfer;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct transfer_request request = {.url = bad[i], .timeout_ms = 100};
        assert_ptr_equal(transfer_start(server->net, &request, on_done, NULL, &transfer), &fault_transfer_url);
    }
    const char *const headers[] = {"X-A: b\r\nX-C: d", NULL};
    struct transfer_request request = {.url = "http://127.0.0.1/", .timeout_ms = 100, .headers = headers};
    assert_ptr_equal(transfer_start(server->net, &request, on_done, NULL, &transfer), &fault_transfer_url);
}

static void a_post_carries_its_body_and_headers_and_any_2xx_is_success(void **state) {
    struct server *server = *state;
    char url[100];
    const char *const headers[] = {"Content-Type: application/json", NULL};
    struct transfer_request request = request_of(url, server, "/post");
    request.post = span_of_text("{\"a\":1}");
    request.headers = headers;
    struct transfer_answer answer = run(server, &request);
    assert_ptr_equal(answer.fault, OK);
    assert_int_equal(answer.status, 204);
    assert_non_null(strstr(server->last_request, "POST /post?token=x HTTP/1.1"));
    assert_non_null(strstr(server->last_request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(server->last_request, "\r\n\r\n{\"a\":1}"));
}

static void the_path_of_a_failed_post_is_not_told(void **state) {
    struct server *server = *state;
    char url[100];
    struct transfer_request request = request_of(url, server, "/moved");
    request.post = span_of_text("x");
    struct transfer_answer answer = run(server, &request);
    assert_ptr_equal(answer.fault, &fault_transfer_status);
    assert_null(strstr(answer.reason.text, "/moved"));
}

static void a_proxy_of_the_environment_is_not_asked_for_loopback(void **state) {
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    struct transfer_answer answer = get(*state, "/ok");
    struct transfer_request request = {.url = "http://192.0.2.1/", .body = body, .body_room = sizeof body, .timeout_ms = 3000};
    struct transfer_answer proxied = run(*state, &request);
    unsetenv("http_proxy");
    assert_ptr_equal(answer.fault, OK);
    assert_ptr_equal(proxied.fault, &fault_transfer_connect); /* refused by the proxy's port at once, not timed out */
}

static void the_connection_is_kept_for_the_next_request(void **state) {
    struct server *server = *state;
    for (int i = 0; i < 5; i++)
        get(server, "/ok");
    assert_int_equal(server->connections, 1);
}

static void a_cancelled_transfer_never_calls_back(void **state) {
    struct server *server = *state;
    struct wait wait = {.loop = server->loop};
    char url[100];
    struct transfer_request request = request_of(url, server, "/silent");
    struct transfer *transfer;
    assert_ptr_equal(transfer_start(server->net, &request, on_done, &wait, &transfer), OK);
    get(server, "/ok");
    transfer_cancel(transfer);
    get(server, "/ok");
    assert_int_equal(wait.times, 0);
    assert_ptr_equal(transfer_start(server->net, &request, on_done, &wait, &transfer), OK);
}

struct chain {
    struct server *server;
    struct transfer *self;
    int left;
};

static void start_next(void *context, const struct transfer_answer *answer) {
    struct chain *chain = context;
    assert_ptr_equal(answer->fault, OK);
    transfer_cancel(chain->self); /* its own end is already being told */
    if (--chain->left == 0) {
        event_base_loopexit(chain->server->loop, NULL);
        return;
    }
    char url[100];
    struct transfer_request request = request_of(url, chain->server, "/ok");
    assert_ptr_equal(transfer_start(chain->server->net, &request, start_next, chain, &chain->self), OK);
}

static void a_transfer_may_be_started_from_the_end_of_another(void **state) {
    struct chain chain = {.server = *state, .left = 50};
    char url[100];
    struct transfer_request request = request_of(url, *state, "/ok");
    assert_ptr_equal(transfer_start(chain.server->net, &request, start_next, &chain, &chain.self), OK);
    event_base_dispatch(chain.server->loop);
    assert_int_equal(chain.left, 0);
}

static CURLcode easy_code;

static void on_easy_done(void *context, CURLcode code) {
    easy_code = code;
    event_base_loopexit(context, NULL);
}

static void a_callers_own_handle_runs_on_the_same_loop_and_stays_its_own(void **state) {
    struct server *server = *state;
    char url[100];
    request_of(url, server, "/post");
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    for (int i = 0; i < 2; i++) {
        easy_code = CURLE_AGAIN;
        assert_ptr_equal(net_run_easy(server->net, easy, on_easy_done, server->loop), OK);
        event_base_dispatch(server->loop);
        assert_int_equal(easy_code, CURLE_OK);
    }
    easy_code = CURLE_AGAIN;
    assert_ptr_equal(net_run_easy(server->net, easy, on_easy_done, server->loop), OK);
    net_cancel_easy(server->net, easy);
    get(server, "/ok");
    assert_int_equal(easy_code, CURLE_AGAIN);
    curl_easy_cleanup(easy);
}

static void retry_after_is_read_in_both_forms(void **state) {
    (void) state;
    const int64_t now = 784111770000; /* 1994-11-06T08:49:30Z */
    static const struct {
        const char *value;
        int64_t wait_ms;
    } cases[] = {
        {"0", 0},
        {"120", 120000},
        {" 5 ", 5000},
        {"99999999999999999999", 86400000},
        {"100000", 86400000},
        {"0000000000000002", 2000}, /* RFC 9110 10.2.3 sets no number of digits */
        {"Sun, 06 Nov 1994 08:49:37 GMT", 7000},
        {"Sun, 06 Nov 1994 08:49:37 UTC", 7000},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 7000},
        {"Sun Nov  6 08:49:37 1994", 7000},
        {"Sun, 06 Nov 1994 08:49:00 GMT", 0},
        {"Sun, 06 Nov 2094 08:49:37 GMT", 86400000},
        {"", -1},
        {"-1", -1},
        {"soon", -1},
        {"1.5", -1},
        {"Sun, 32 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 24:49:37 GMT", -1},
        {"Sun, 06 Nox 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1994", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (retry_after_parse(span_of_text(cases[i].value), now) != cases[i].wait_ms)
            fail_msg("'%s' gives %lld", cases[i].value, (long long) retry_after_parse(span_of_text(cases[i].value), now));
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++)
        unsetenv(proxies[i]);
    const struct CMUnitTest tests[] = {
        WITH_SERVER(a_body_arrives_in_the_callers_memory_with_its_etag),
        WITH_SERVER(gzip_is_reported_and_not_decoded),
        WITH_SERVER(an_unchanged_answer_is_no_fault),
        WITH_SERVER(gzip_is_asked_for_only_when_wanted),
        WITH_SERVER(a_redirect_is_a_fault_that_says_so),
        WITH_SERVER(a_busy_log_gives_its_status_body_and_waiting_time),
        WITH_SERVER(the_sentence_names_the_address_without_user_or_query),
        WITH_SERVER(headers_of_an_interim_answer_do_not_count),
        WITH_SERVER(a_truncated_answer_is_broken),
        WITH_SERVER(an_answer_over_the_ceiling_is_given_up),
        WITH_SERVER(an_error_page_over_the_ceiling_is_still_that_error),
        WITH_SERVER(silence_ends_at_the_deadline),
        WITH_SERVER(a_closed_port_or_an_unknown_name_is_a_connect_fault),
        WITH_SERVER(a_transfer_that_failed_spoils_none_after_it),
        WITH_SERVER(plain_http_on_an_https_address_is_a_tls_fault),
        WITH_SERVER(only_http_addresses_without_control_characters_are_taken),
        WITH_SERVER(a_post_carries_its_body_and_headers_and_any_2xx_is_success),
        WITH_SERVER(the_path_of_a_failed_post_is_not_told),
        WITH_SERVER(a_proxy_of_the_environment_is_not_asked_for_loopback),
        WITH_SERVER(the_connection_is_kept_for_the_next_request),
        WITH_SERVER(a_cancelled_transfer_never_calls_back),
        WITH_SERVER(a_transfer_may_be_started_from_the_end_of_another),
        WITH_SERVER(a_callers_own_handle_runs_on_the_same_loop_and_stays_its_own),
        cmocka_unit_test(retry_after_is_read_in_both_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
