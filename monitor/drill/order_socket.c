#include "drill/order_socket.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "drill/folder.h"

#define LINE_MAX_SIZE ((size_t) 64 * 1024)
#define ANSWER_LIMIT ((size_t) 64 * 1024)
#define IDLE_SECONDS 60
#define PEERS_MAX 16

struct peer {
    struct order_socket *orders;
    struct bufferevent *stream;
};

struct order_socket {
    struct event_base *loop;
    struct evconnlistener *listener;
    struct issue_desk *desk;
    struct peer peers[PEERS_MAX]; /* free where stream is NULL */
    char path[sizeof((struct sockaddr_un *) NULL)->sun_path];
};

static void drop_peer(struct peer *peer) {
    bufferevent_free(peer->stream);
    peer->stream = NULL;
}

/* bufferevent_write succeeds also where its event could not be added, and the answer would never leave: asked for once more, that is told. */
static bool send_answer(struct bufferevent *stream, const struct buffer *answer) {
    return bufferevent_write(stream, answer->bytes, answer->size) == 0 && bufferevent_enable(stream, EV_WRITE) == 0;
}

/* A line that could not be taken for want of memory is still there. */
static bool has_line(struct evbuffer *input) {
    return evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_LF).pos >= 0;
}

static void on_line(struct bufferevent *stream, void *context) {
    struct peer *peer = context;
    struct evbuffer *input = bufferevent_get_input(stream);
    size_t size;
    for (char *line; (line = evbuffer_readln(input, &size, EVBUFFER_EOL_LF)) != NULL;) {
        CLEANUP(buffer_done) struct buffer answer = buffer_with_limit(ANSWER_LIMIT);
        bool is_answered = issue_answer(peer->orders->desk, span_of(line, size), &answer) && send_answer(stream, &answer);
        memory_free_foreign(line);
        if (!is_answered) {
            drop_peer(peer);
            return;
        }
    }
    if (has_line(input) || evbuffer_get_length(input) > LINE_MAX_SIZE)
        drop_peer(peer);
}

static void on_end(struct bufferevent *stream, short what, void *context) {
    (void) stream;
    (void) what;
    drop_peer(context);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t socket, struct sockaddr *address, int size, void *context) {
    (void) listener;
    (void) address;
    (void) size;
    struct order_socket *orders = context;
    struct peer *peer = NULL;
    for (size_t i = 0; i < PEERS_MAX && peer == NULL; i++)
        if (orders->peers[i].stream == NULL)
            peer = &orders->peers[i];
    struct bufferevent *stream = peer == NULL ? NULL : bufferevent_socket_new(orders->loop, socket, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL) {
        close(socket);
        return;
    }
    *peer = (struct peer){.orders = orders, .stream = stream};
    const struct timeval idle = {.tv_sec = IDLE_SECONDS};
    bufferevent_setcb(stream, on_line, NULL, on_end, peer);
    if (bufferevent_set_timeouts(stream, &idle, &idle) != 0 || bufferevent_enable(stream, EV_READ | EV_WRITE) != 0)
        drop_peer(peer); /* nobody would hear its orders */
}

CLEANUP_OF_POINTER(struct order_socket, order_socket_free)

result order_socket_new(struct event_base *loop, const char *path, struct issue_desk *desk, struct order_socket **ret_socket,
                        struct reason *reason) {
    CLEANUP(order_socket_free_at) struct order_socket *orders = memory_new(sizeof *orders);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (orders == NULL)
        return reason_set(reason, &fault_no_memory, "no memory");
    if (strlen(path) >= sizeof address.sun_path)
        return reason_set(reason, &fault_drill_folder, "%s: longer than the %zu bytes that a socket's path may have", path,
                          sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    orders->loop = loop;
    orders->desk = desk;
    unlink(path); /* of a drill that was killed; the folder's lock says that none runs */
    mode_t old_mask = umask(0177);
    orders->listener = evconnlistener_new_bind(loop, on_accept, orders, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 4,
                                               (struct sockaddr *) &address, (int) sizeof address);
    int why = errno;
    umask(old_mask);
    if (orders->listener == NULL)
        return reason_set(reason, fault_of_errno(why, &fault_drill_folder), "%s: cannot be listened on: %s", path, strerror(why));
    memcpy(orders->path, path, strlen(path) + 1);
    *ret_socket = TAKE(orders);
    return OK;
}

void order_socket_free(struct order_socket *orders) {
    if (orders == NULL)
        return;
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (orders->peers[i].stream != NULL)
            drop_peer(&orders->peers[i]);
    if (orders->listener != NULL)
        evconnlistener_free(orders->listener);
    if (orders->path[0] != '\0')
        unlink(orders->path);
    memory_free(orders);
}
