#include <signal.h>

#include "base/memory.h"
#include "base/text.h"
#include "net/job.h"

#define SPARE_HANDLES_MAX 32 /* a handle with its buffers is about 70 kB */
#define TEXT_LIMIT ((size_t) 4096)
#define BLIND_MAX 64
#define BEAT_MS 500

struct net {
    struct event_base *loop; /* borrowed */
    CURLM *multi;
    struct event *timer;
    struct event *beat;             /* drives libcurl even where another event could not be added */
    curl_socket_t blind[BLIND_MAX]; /* sockets that nobody watches: the beat asks them */
    size_t blind_count;
    struct net_options options; /* its texts are owned */
    struct net_job *jobs;
    CURL *spare[SPARE_HANDLES_MAX];
    size_t spare_count;
};

/* Tells each finished job; a job may start or stop others meanwhile, so the list is asked anew each time. */
static void tell_finished(struct net *net) {
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(net->multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        char *private_data = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private_data);
        struct net_job *job = (struct net_job *) (void *) private_data;
        net_job_stop(job);
        job->finished(job, code);
    }
}

static void on_socket_ready(evutil_socket_t socket, short events, void *context) {
    struct net *net = context;
    int running;
    int what = (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(net->multi, socket, what, &running);
    tell_finished(net);
}

static void on_timer(evutil_socket_t socket, short events, void *context) {
    (void) socket;
    (void) events;
    struct net *net = context;
    int running;
    curl_multi_socket_action(net->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    tell_finished(net);
}

static void on_beat(evutil_socket_t unused_socket, short unused_events, void *context) {
    (void) unused_socket;
    (void) unused_events;
    struct net *net = context;
    int running;
    if (net->jobs == NULL)
        return;
    for (size_t i = net->blind_count; i-- > 0;)
        if (i < net->blind_count)
            curl_multi_socket_action(net->multi, net->blind[i], 0, &running);
    curl_multi_socket_action(net->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    tell_finished(net);
}

static void blind_forget(struct net *net, curl_socket_t socket) {
    for (size_t i = net->blind_count; i-- > 0;)
        if (net->blind[i] == socket)
            net->blind[i] = net->blind[--net->blind_count];
}

/* Refusing would make libcurl 7.88 free a transfer that it still uses; one that finds no place here ends by its time limit. */
static int blind_keep(struct net *net, curl_socket_t socket) {
    if (net->blind_count < BLIND_MAX)
        net->blind[net->blind_count++] = socket;
    return 0;
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket_wanted(CURL *easy, curl_socket_t socket, int what, void *context, void *socket_data) {
    (void) easy;
    struct net *net = context;
    struct event *watch = socket_data;
    if (watch != NULL) {
        event_free(watch);
        curl_multi_assign(net->multi, socket, NULL);
    }
    blind_forget(net, socket);
    if (what == CURL_POLL_REMOVE)
        return 0;
    short events = (short) (EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    watch = event_new(net->loop, socket, events, on_socket_ready, net);
    if (watch == NULL)
        return blind_keep(net, socket);
    if (event_add(watch, NULL) != 0 || curl_multi_assign(net->multi, socket, watch) != CURLM_OK) {
        event_free(watch);
        return blind_keep(net, socket);
    }
    return 0;
}

/* CURLMOPT_TIMERFUNCTION; a timer that cannot be set is what the beat is for. */
static int on_timer_wanted(CURLM *multi, long timeout_ms, void *context) {
    (void) multi;
    struct net *net = context;
    struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
    (void) (timeout_ms < 0 ? evtimer_del(net->timer) : evtimer_add(net->timer, &wait));
    return 0;
}

static char *copy_text(const char *text) {
    if (text == NULL)
        return NULL;
    CLEANUP(buffer_done) struct buffer copy = buffer_with_limit(TEXT_LIMIT);
    buffer_add_text(&copy, text);
    return buffer_take_text(&copy);
}

static bool set_multi_options(struct net *net) {
    const struct net_options *options = &net->options;
    CURLM *multi = net->multi;
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, net) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, net) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) options->connections_max) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) options->connections_max) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) options->connections_host_max) == CURLM_OK;
}

CLEANUP_OF_POINTER(struct net, net_free)

result net_new(struct event_base *loop, const struct net_options *options, struct net **ret_net) {
    CLEANUP(net_free_at) struct net *net = memory_new(sizeof *net);
    if (net == NULL)
        return &fault_no_memory;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        memory_free(TAKE(net));
        return &fault_no_memory;
    }
    /* CURLOPT_NOSIGNAL leaves SIGPIPE to the program, and a peer that hangs up must not end it. */
    signal(SIGPIPE, SIG_IGN);
    net->loop = loop;
    net->options = *options;
    net->options.user_agent = copy_text(options->user_agent);
    net->options.ca_file = copy_text(options->ca_file);
    net->multi = curl_multi_init();
    net->timer = evtimer_new(loop, on_timer, net);
    net->beat = event_new(loop, -1, EV_PERSIST, on_beat, net);
    struct timeval beat = {.tv_usec = BEAT_MS * 1000};
    if (net->multi == NULL || net->timer == NULL || net->beat == NULL || event_add(net->beat, &beat) != 0 || (net->options.user_agent == NULL) != (options->user_agent == NULL) ||
        (net->options.ca_file == NULL) != (options->ca_file == NULL))
        return &fault_no_memory;
    if (!set_multi_options(net))
        return &fault_no_memory;
    *ret_net = TAKE(net);
    return OK;
}

void net_free(struct net *net) {
    if (net == NULL)
        return;
    while (net->jobs != NULL) {
        struct net_job *job = net->jobs;
        net_job_stop(job);
        job->dropped(job);
    }
    while (net->spare_count > 0)
        curl_easy_cleanup(net->spare[--net->spare_count]);
    if (net->multi != NULL)
        curl_multi_cleanup(net->multi); /* closes connections, which asks for the timer once more */
    if (net->timer != NULL)
        event_free(net->timer);
    if (net->beat != NULL)
        event_free(net->beat);
    memory_free((void *) (uintptr_t) net->options.user_agent);
    memory_free((void *) (uintptr_t) net->options.ca_file);
    memory_free(net);
    curl_global_cleanup();
}

const struct net_options *net_options_of(const struct net *net) {
    return &net->options;
}

CURL *net_take_easy(struct net *net) {
    return net->spare_count > 0 ? net->spare[--net->spare_count] : curl_easy_init();
}

void net_give_easy(struct net *net, CURL *easy) {
    if (easy == NULL)
        return;
    if (net->spare_count == SPARE_HANDLES_MAX) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    net->spare[net->spare_count++] = easy;
}

result net_job_start(struct net *net, struct net_job *job) {
    job->net = net;
    if (curl_easy_setopt(job->easy, CURLOPT_PRIVATE, job) != CURLE_OK)
        return &fault_no_memory;
    CURLMcode code = curl_multi_add_handle(net->multi, job->easy);
    if (code != CURLM_OK)
        return code == CURLM_OUT_OF_MEMORY ? &fault_no_memory : &fault_library;
    job->next = net->jobs;
    job->back = &net->jobs;
    if (job->next != NULL)
        job->next->back = &job->next;
    net->jobs = job;
    return OK;
}

void net_job_stop(struct net_job *job) {
    if (job->back == NULL)
        return;
    curl_multi_remove_handle(job->net->multi, job->easy);
    *job->back = job->next;
    if (job->next != NULL)
        job->next->back = job->back;
    job->back = NULL;
}

/* A caller's own handle. */
struct easy_job {
    struct net_job job; /* first, so that both have one address */
    net_easy_done done;
    void *context;
};

static void easy_finished(struct net_job *job, CURLcode code) {
    struct easy_job easy = *(struct easy_job *) job;
    memory_free(job);
    easy.done(easy.context, code);
}

static void easy_dropped(struct net_job *job) {
    memory_free(job);
}

result net_run_easy(struct net *net, CURL *easy, net_easy_done done, void *context) {
    AUTO_FREE struct easy_job *job = memory_new(sizeof *job);
    if (job == NULL)
        return &fault_no_memory;
    *job = (struct easy_job){.job = {.easy = easy, .finished = easy_finished, .dropped = easy_dropped},
                             .done = done,
                             .context = context};
    TRY(net_job_start(net, &job->job));
    (void) TAKE(job);
    return OK;
}

void net_cancel_easy(struct net *net, CURL *easy) {
    for (struct net_job *job = net->jobs; job != NULL; job = job->next)
        if (job->easy == easy && job->finished == easy_finished) {
            net_job_stop(job);
            easy_dropped(job);
            return;
        }
}
