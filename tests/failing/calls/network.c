/* libcurl, libevent, and the resolver. */
#include <ares.h>
#include <curl/curl.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdarg.h>

#include "failing/calls/calls.h"

#define CURL_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_CURL, type, name, parameters, arguments, failure)
CURL_CALL(CURL *, curl_easy_init, (void), (), NULL)
CURL_CALL(CURLM *, curl_multi_init, (void), (), NULL)
CURL_CALL(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL *easy), (multi, easy), CURLM_OUT_OF_MEMORY)
CURL_CALL(CURLMcode, curl_multi_socket_action, (CURLM * multi, curl_socket_t file, int events, int *running),
          (multi, file, events, running), CURLM_INTERNAL_ERROR)
CURL_CALL(CURLMcode, curl_multi_assign, (CURLM * multi, curl_socket_t file, void *data), (multi, file, data), CURLM_BAD_SOCKET)
CURL_CALL(CURLcode, curl_easy_perform, (CURL * easy), (easy), CURLE_OUT_OF_MEMORY)
CURL_CALL(CURLU *, curl_url, (void), (), NULL)
CURL_CALL(CURLUcode, curl_url_set, (CURLU * url, CURLUPart part, const char *text, unsigned flags), (url, part, text, flags),
          CURLUE_OUT_OF_MEMORY)
CURL_CALL(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text), (list, text), NULL)

/* Options take one argument that is at most a pointer or 64-bit number wide, passed as either. */
#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
    static CURLcode (*real)(CURL *, CURLoption, ...);
    va_list list;
    va_start(list, option);
    void *value = va_arg(list, void *);
    va_end(list);
    if (call_fails(CALL_CURL))
        return CURLE_OUT_OF_MEMORY;
    FIND_REAL(curl_easy_setopt)
    return real(easy, option, value);
}

#undef curl_multi_setopt
CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...) {
    static CURLMcode (*real)(CURLM *, CURLMoption, ...);
    va_list list;
    va_start(list, option);
    void *value = va_arg(list, void *);
    va_end(list);
    if (call_fails(CALL_CURL))
        return CURLM_OUT_OF_MEMORY;
    FIND_REAL(curl_multi_setopt)
    return real(multi, option, value);
}

#define EVENT_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_EVENT, type, name, parameters, arguments, failure)
EVENT_CALL(struct event *, event_new, (struct event_base * base, evutil_socket_t file, short what, event_callback_fn call, void *context),
           (base, file, what, call, context), NULL)

/* One whose time is set already needs no memory. */
int event_add(struct event *event, const struct timeval *delay) {
    static int (*real)(struct event *, const struct timeval *);
    bool is_set = delay != NULL && event_pending(event, EV_TIMEOUT, NULL) != 0;
    if (!is_set && call_fails_as(CALL_EVENT, "event_add"))
        return -1;
    FIND_REAL(event_add)
    return real(event, delay);
}

EVENT_CALL(int, event_base_loop, (struct event_base * base, int flags), (base, flags), -1)
EVENT_CALL(struct bufferevent *, bufferevent_socket_new, (struct event_base * base, evutil_socket_t file, int options), (base, file, options), NULL)
EVENT_CALL(int, bufferevent_write, (struct bufferevent * to, const void *bytes, size_t size), (to, bytes, size), -1)
EVENT_CALL(struct evbuffer *, evbuffer_new, (void), (), NULL)
EVENT_CALL(int, evbuffer_add, (struct evbuffer * to, const void *bytes, size_t size), (to, bytes, size), -1)

#define RESOLVER_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_RESOLVER, type, name, parameters, arguments, failure)
RESOLVER_CALL(int, ares_init_options, (ares_channel * channel, struct ares_options *options, int mask), (channel, options, mask), ARES_ENOMEM)
RESOLVER_CALL(int, ares_set_servers_ports_csv, (ares_channel channel, const char *servers), (channel, servers), ARES_ENOMEM)
RESOLVER_CALL(int, ares_set_servers_ports, (ares_channel channel, struct ares_addr_port_node *servers), (channel, servers), ARES_ENOMEM)
RESOLVER_CALL(int, ares_get_servers_ports, (ares_channel channel, struct ares_addr_port_node **servers), (channel, servers), ARES_ENOMEM)
RESOLVER_CALL(int, ares_library_init, (int flags), (flags), ARES_ENOMEM)
RESOLVER_CALL(int, getaddrinfo, (const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out),
              (name, service, hints, out), EAI_MEMORY)
