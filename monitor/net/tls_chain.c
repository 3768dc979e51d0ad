#include "net/tls_chain.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

FAULT(fault_tls_chain, FAULT_RETRY, "tls.chain", "TLS server", "", "it does not answer", "a server that speaks TLS");

enum { CERTIFICATES_MAX = 100 };

struct wait {
    int socket;
    int64_t deadline_ms;
};

/* ---- connecting */

/* 0: ready; else an errno. */
static int wait_for(const struct wait *wait, short events) {
    for (;;) {
        int64_t left = wait->deadline_ms - clock_monotonic_ms();
        struct pollfd poll_on = {.fd = wait->socket, .events = events};
        int ready = left <= 0 ? 0 : poll(&poll_on, 1, (int) left);
        if (ready > 0)
            return 0;
        if (ready == 0)
            return ETIMEDOUT;
        if (errno != EINTR)
            return errno;
    }
}

static int finish_connecting(const struct wait *wait) {
    int error = wait_for(wait, POLLOUT);
    socklen_t size = sizeof error;
    if (error != 0)
        return error;
    return getsockopt(wait->socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? errno : error;
}

/* Returns 0 with an open socket in *ret_wait, or an errno with none. */
static int connect_to(const struct addrinfo *address, int64_t timeout_ms, struct wait *ret_wait) {
    *ret_wait = (struct wait){.deadline_ms = clock_monotonic_ms() + timeout_ms};
    ret_wait->socket = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (ret_wait->socket < 0)
        return errno;
    int error = connect(ret_wait->socket, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS)
        error = finish_connecting(ret_wait);
    if (error != 0)
        close(ret_wait->socket);
    return error;
}

static result name_address(const struct addrinfo *address, struct arena *arena, struct tls_chain *chain) {
    char text[NI_MAXHOST];
    if (getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
        text[0] = '\0';
    chain->address = arena_copy_text(arena, text);
    return chain->address == NULL ? &fault_no_memory : OK;
}

static result connect_to_any(const struct tls_chain_question *question, const struct addrinfo *first, struct arena *arena, struct tls_chain *chain,
                             struct wait *ret_wait, struct reason *reason) {
    int error = ENOENT;
    for (const struct addrinfo *address = first; address != NULL; address = address->ai_next) {
        error = connect_to(address, question->timeout_ms, ret_wait);
        if (error != 0)
            continue;
        result outcome = name_address(address, arena, chain);
        if (outcome != OK)
            close(ret_wait->socket);
        return outcome;
    }
    return reason_set(reason, fault_of_errno(error, &fault_tls_chain), "%s port %u: %s", question->host, question->port, strerrordesc_np(error));
}

static result reach(const struct tls_chain_question *question, struct arena *arena, struct tls_chain *chain, struct wait *ret_wait, struct reason *reason) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *addresses = NULL;
    char port[8];
    snprintf(port, sizeof port, "%u", question->port);
    int failure = getaddrinfo(question->host, port, &hints, &addresses);
    if (failure == EAI_ADDRFAMILY || failure == EAI_NONAME || failure == EAI_NODATA) { /* a loopback address counts where nothing else is configured */
        hints.ai_flags = 0;
        failure = getaddrinfo(question->host, port, &hints, &addresses);
    }
    if (failure == EAI_MEMORY)
        return &fault_no_memory;
    if (failure != 0)
        return reason_set(reason, &fault_tls_chain, "%s: %s", question->host, failure == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(failure));
    result outcome = connect_to_any(question, addresses, arena, chain, ret_wait, reason);
    freeaddrinfo(addresses);
    return outcome;
}

/* ---- the handshake */

static void context_free_at(SSL_CTX **context) {
    SSL_CTX_free(*context);
}

static void connection_free_at(SSL **connection) {
    SSL_free(*connection);
}

/* OpenSSL's words for what people meet most mislead: plain text is a wrong version to it. */
static const char *words_of(unsigned long code) {
    switch (ERR_GET_REASON(code)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
        return "what answers there does not speak TLS";
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return "the server closed the connection";
    default:
        return ERR_reason_error_string(code);
    }
}

static result refuse_handshake(const struct tls_chain_question *question, const char *why, struct reason *reason) {
    unsigned long code = ERR_peek_error();
    const char *words = why != NULL ? why : code == 0 ? "the server closed the connection" : words_of(code);
    bool has_no_memory = why == NULL && ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    result outcome = has_no_memory ? &fault_no_memory : reason_set(reason, &fault_tls_chain, "%s port %u: no TLS handshake: %s", question->host, question->port, words == NULL ? "unknown error" : words);
    ERR_clear_error();
    return outcome;
}

static result shake_hands(const struct tls_chain_question *question, SSL *connection, const struct wait *wait, struct reason *reason) {
    for (;;) {
        ERR_clear_error();
        int outcome = SSL_connect(connection);
        if (outcome == 1)
            return OK;
        int wanted = SSL_get_error(connection, outcome);
        if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE)
            return refuse_handshake(question, NULL, reason);
        int error = wait_for(wait, wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
        if (error != 0)
            return refuse_handshake(question, strerrordesc_np(error), reason);
    }
}

/* Verification never ends the handshake: what is served is to be shown. */
static bool prepare(SSL *connection, const struct tls_chain_question *question, int socket) {
    const char *name = question->server_name;
    SSL_set_verify(connection, SSL_VERIFY_NONE, NULL);
    if (SSL_set_fd(connection, socket) != 1)
        return false;
    return name == NULL || (SSL_set_tlsext_host_name(connection, name) == 1 && SSL_set1_host(connection, name) == 1);
}

static result take_certificate(X509 *certificate, struct arena *arena, struct span *ret_der) {
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    if (size <= 0)
        return &fault_no_memory;
    uint8_t *copy = arena_copy(arena, span_of(der, (size_t) size));
    OPENSSL_free(der);
    *ret_der = span_of(copy, (size_t) size);
    return copy == NULL ? &fault_no_memory : OK;
}

static result take_chain(const SSL *connection, struct arena *arena, struct tls_chain *chain) {
    STACK_OF(X509) *served = SSL_get_peer_cert_chain(connection);
    int count = served == NULL ? 0 : sk_X509_num(served);
    count = count > CERTIFICATES_MAX ? CERTIFICATES_MAX : count;
    chain->certificates = arena_take_array(arena, (size_t) count + 1, sizeof *chain->certificates);
    if (chain->certificates == NULL)
        return &fault_no_memory;
    for (int i = 0; i < count; i++)
        TRY(take_certificate(sk_X509_value(served, i), arena, &chain->certificates[chain->count++]));
    long outcome = SSL_get_verify_result(connection);
    chain->is_verified = outcome == X509_V_OK;
    chain->trouble = chain->is_verified ? "" : arena_copy_text(arena, X509_verify_cert_error_string(outcome));
    chain->version = arena_copy_text(arena, SSL_get_version(connection));
    return chain->trouble == NULL || chain->version == NULL ? &fault_no_memory : OK;
}

static result ask(const struct tls_chain_question *question, const struct wait *wait, struct arena *arena, struct tls_chain *chain, struct reason *reason) {
    CLEANUP(context_free_at) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, 0) != 1)
        return &fault_no_memory;
    (void) SSL_CTX_set_default_verify_paths(context); /* without roots nothing verifies, and that is said */
    CLEANUP(connection_free_at) SSL *connection = SSL_new(context);
    if (connection == NULL || !prepare(connection, question, wait->socket))
        return &fault_no_memory;
    TRY(shake_hands(question, connection, wait, reason));
    TRY(take_chain(connection, arena, chain));
    if (chain->count == 0)
        return reason_set(reason, &fault_tls_chain, "%s port %u: the server shows no certificate", question->host, question->port);
    return OK;
}

result tls_chain_get(const struct tls_chain_question *question, struct arena *arena, struct tls_chain *ret_chain, struct reason *reason) {
    struct wait wait;
    uint64_t mark = memory_mark();
    *ret_chain = (struct tls_chain){.trouble = ""};
    TRY(reach(question, arena, ret_chain, &wait, reason));
    result outcome = ask(question, &wait, arena, ret_chain, reason);
    close(wait.socket);
    return outcome == OK && memory_mark() != mark ? &fault_no_memory : outcome; /* OpenSSL may have judged the chain with less than it needs */
}
