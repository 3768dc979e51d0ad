#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/tls_chain.h"
#include "vector_files.h"

#define ARENA_LIMIT ((size_t) 16 * 1024 * 1024)

/* A socket that listens and never answers; its port. */
static int listen_silently(uint16_t *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (const struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *) &address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return listener;
}

static void ask(const char *host, uint16_t port, const char *says) {
    struct tls_chain_question question = {.host = host, .port = port, .server_name = "example.com", .timeout_ms = 200};
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct reason reason = {""};
    struct tls_chain chain;
    assert_ptr_equal(tls_chain_get(&question, arena, &chain, &reason), &fault_tls_chain);
    if (strstr(reason.text, says) == NULL)
        fail_msg("'%s' does not say '%s'", reason.text, says);
    arena_free(arena);
}

static void a_server_that_never_answers_is_given_up_in_time(void **state) {
    (void) state;
    uint16_t port;
    int listener = listen_silently(&port);
    int64_t begin = clock_monotonic_ms();
    ask("127.0.0.1", port, "timed out");
    int64_t waited_ms = clock_monotonic_ms() - begin;
    assert_true(waited_ms >= 200 && waited_ms < 10000);
    close(listener);
}

static void a_port_where_nobody_listens_is_said(void **state) {
    (void) state;
    uint16_t port;
    int listener = listen_silently(&port);
    close(listener);
    ask("127.0.0.1", port, "refused");
}

static void a_name_that_does_not_exist_is_said(void **state) {
    (void) state;
    ask("no host at all", 443, "no host at all");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_never_answers_is_given_up_in_time),
        cmocka_unit_test(a_port_where_nobody_listens_is_said),
        cmocka_unit_test(a_name_that_does_not_exist_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
