#include <ares.h>
#include <arpa/nameser.h>
#include <curl/curl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/doctor.h"

#define DNS_WAIT_MS 3000
#define HTTP_WAIT_S 10
#define CLOCK_SLACK_S 60 /* Date has whole seconds, and the answer was under way */

/* ---- resolvers */

struct question {
    bool is_answered;
    int status;
};

static void take_answer(void *context, int status, int timeouts, unsigned char *answer, int size) {
    struct question *question = context;
    (void) timeouts, (void) answer, (void) size;
    *question = (struct question){true, status};
}

static void wait_for_answer(ares_channel channel, const struct question *question) {
    int64_t deadline = clock_monotonic_ms() + 2 * DNS_WAIT_MS;
    while (!question->is_answered && clock_monotonic_ms() < deadline) {
        ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
        struct pollfd watched[ARES_GETSOCK_MAXNUM];
        int mask = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
        nfds_t count = 0;
        for (int i = 0; i < ARES_GETSOCK_MAXNUM && (ARES_GETSOCK_READABLE(mask, i) || ARES_GETSOCK_WRITABLE(mask, i)); i++)
            watched[count++] = (struct pollfd){.fd = sockets[i], .events = POLLIN};
        (void) poll(watched, count, 100);
        for (nfds_t i = 0; i < count; i++)
            ares_process_fd(channel, watched[i].revents != 0 ? watched[i].fd : ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
}

/* Asks for the root's name servers: every resolver can say something to that. */
static int ask_resolver(const struct settings_resolver *resolver, struct arena *arena) {
    struct ares_options options = {.timeout = DNS_WAIT_MS / 2, .tries = 2};
    struct question question = {false, ARES_ETIMEOUT};
    ares_channel channel;
    bool is_ipv6 = strchr(resolver->address, ':') != NULL;
    const char *server = arena_printf(arena, is_ipv6 ? "[%s]:%u" : "%s:%u", resolver->address, resolver->port);
    if (server == NULL || ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) != ARES_SUCCESS)
        return ARES_ENOMEM;
    if (ares_set_servers_ports_csv(channel, server) == ARES_SUCCESS) {
        ares_query(channel, ".", ns_c_in, ns_t_ns, take_answer, &question);
        wait_for_answer(channel, &question);
    }
    ares_destroy(channel);
    return question.status;
}

static void look_at_configured(struct doctor *doctor, struct check_outcome *ret_outcome) {
    const struct settings *settings = doctor->settings;
    unsigned silent = 0;
    for (unsigned i = 0; i < settings->resolvers_count; i++) {
        int status = ask_resolver(&settings->resolvers[i], doctor->arena);
        if (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND)
            continue;
        silent++;
        check_set(ret_outcome, CHECK_WARNING, "resolver %s port %u: %s", settings->resolvers[i].address, settings->resolvers[i].port,
                  ares_strerror(status));
        check_advise(ret_outcome, "correct `resolvers` in %s, or let port 53 through", settings_path(settings));
    }
    if (silent == 0)
        check_set(ret_outcome, CHECK_OK, "%u resolvers answer", settings->resolvers_count);
    if (silent == settings->resolvers_count)
        ret_outcome->state = CHECK_FAILED;
}

static void look_at_system(const struct settings *settings, struct check_outcome *ret_outcome) {
    struct addrinfo *addresses = NULL;
    if (!settings->follows_public_logs) {
        check_set(ret_outcome, CHECK_OK, "the system's; nothing needs them while no public log is followed");
        return;
    }
    int status = getaddrinfo("www.gstatic.com", "https", NULL, &addresses);
    if (status == 0) {
        freeaddrinfo(addresses);
        check_set(ret_outcome, CHECK_OK, "the system's resolver answers");
        return;
    }
    check_set(ret_outcome, CHECK_FAILED, "www.gstatic.com: %s", gai_strerror(status));
    check_advise(ret_outcome, "check /etc/resolv.conf; behind a proxy this may be as it should");
}

static void look_at_resolvers(struct doctor *doctor, struct check_outcome *ret_outcome) {
    if (doctor->settings->resolvers_count > 0)
        look_at_configured(doctor, ret_outcome);
    else
        look_at_system(doctor->settings, ret_outcome);
}

/* ---- the way out, and what time it is there */

static size_t take_header(char *line, size_t size, size_t count, void *context) {
    char date[64];
    time_t *ret_time = context;
    size_t length = size * count;
    if (length > 5 && length < sizeof date && strncasecmp(line, "date:", 5) == 0) {
        memcpy(date, line + 5, length - 5);
        date[length - 5] = '\0';
        *ret_time = curl_getdate(date, NULL);
    }
    return length;
}

static CURLcode ask_head(const struct settings *settings, time_t *ret_time) {
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return CURLE_OUT_OF_MEMORY;
    curl_easy_setopt(easy, CURLOPT_URL, settings->chrome_list_url);
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long) HTTP_WAIT_S);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "pinwatch/" PINWATCH_VERSION);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, ret_time);
    if (settings->ca_file[0] != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_file);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    return code;
}

static void look_at_way_out(struct doctor *doctor, struct check_outcome *ret_outcome) {
    const struct settings *settings = doctor->settings;
    time_t there = -1;
    if (!settings->follows_public_logs || settings->chrome_list_url[0] == '\0') {
        check_set(ret_outcome, CHECK_OK, "not needed while no public log is followed");
        return;
    }
    CURLcode code = ask_head(settings, &there);
    if (code != CURLE_OK) {
        check_set(ret_outcome, CHECK_FAILED, "%s: %s", settings->chrome_list_url, curl_easy_strerror(code));
        check_advise(ret_outcome, "let HTTPS out, or set https_proxy in the service's environment");
        return;
    }
    int64_t off = there == -1 ? 0 : clock_wall_ms() / 1000 - (int64_t) there;
    if (off <= CLOCK_SLACK_S && off >= -CLOCK_SLACK_S) {
        check_set(ret_outcome, CHECK_OK, "the list of logs can be fetched, and its server has our time");
        return;
    }
    check_set(ret_outcome, CHECK_FAILED, "our clock is %lld seconds %s that of the list's server", (long long) (off < 0 ? -off : off),
              off < 0 ? "behind" : "ahead of");
    check_advise(ret_outcome, "set the clock; log.stale and validity are judged with it");
}

const struct check doctor_network_checks[] = {
    {"resolvers", false, look_at_resolvers}, {"way out", false, look_at_way_out}, {NULL, false, NULL}};
