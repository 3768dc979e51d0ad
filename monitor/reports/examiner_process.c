#include "reports/examiner_process.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "formats/client_report.h"
#include "reports/examine.h"
#include "reports/examiner.h"

#define ANSWER_MS 5000
#define START_MS 10000
#define PAUSE_FIRST_MS 50
#define PAUSE_CAP_MS 10000

struct examiner_process {
    struct examiner_options options;
    pid_t pid;               /* 0: none */
    struct bufferevent *talk;
    struct event *alarm;     /* to start it, or because it takes too long */
    bool is_ready, is_asked;
    unsigned deaths;         /* since it last answered */
};

static void set_alarm(struct examiner_process *process, int64_t ms) {
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    event_add(process->alarm, &after);
}

/* ---- start and end */

static bool add_actions(posix_spawn_file_actions_t *actions, int socket) {
    return posix_spawn_file_actions_adddup2(actions, socket, STDIN_FILENO) == 0 && posix_spawn_file_actions_adddup2(actions, socket, STDOUT_FILENO) == 0 &&
           posix_spawn_file_actions_addclosefrom_np(actions, 3) == 0;
}

static bool add_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    return posix_spawnattr_setsigmask(attributes, &none) == 0 && posix_spawnattr_setsigdefault(attributes, &all) == 0 && posix_spawnattr_setpgroup(attributes, 0) == 0 &&
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) == 0;
}

/* A clean environment and one socket: no password, no connection of ours. */
static bool spawn(int socket, pid_t *ret_pid) {
    char name[] = "pinwatch-reports", word[] = EXAMINER_WORD;
    char *arguments[] = {name, word, NULL}, *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return false;
    }
    bool is_started = add_actions(&actions, socket) && add_attributes(&attributes) && posix_spawn(ret_pid, "/proc/self/exe", &actions, &attributes, arguments, environment) == 0;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return is_started;
}

static void end(struct examiner_process *process) {
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    process->pid = 0;
    if (process->talk != NULL)
        bufferevent_free(process->talk);
    process->talk = NULL;
    process->is_ready = false;
}

/* What it was asked about did that, or may have: nobody asks it again. */
static void fail(struct examiner_process *process, const char *why) {
    bool was_asked = process->is_asked;
    int64_t pause = PAUSE_FIRST_MS;
    end(process);
    process->is_asked = false;
    for (unsigned i = 0; i < process->deaths && pause < PAUSE_CAP_MS; i++)
        pause *= 2;
    process->deaths++;
    log_say(LOG_WARNING, "examiner.died", LOG_TEXT("why", why), LOG_NUMBER("had_report", was_asked), LOG_NUMBER("deaths", process->deaths));
    set_alarm(process, pause > PAUSE_CAP_MS ? PAUSE_CAP_MS : pause);
    if (was_asked)
        process->options.on_answer(process->options.context, EXAMINATION_DIED, span_of(NULL, 0));
}

/* ---- talk */

static void finish(struct examiner_process *process, const struct examiner_answer *answer) {
    struct evbuffer *input = bufferevent_get_input(process->talk);
    evbuffer_drain(input, sizeof *answer);
    event_del(process->alarm);
    if (!process->is_asked) {
        process->is_ready = true;
        process->options.on_ready(process->options.context);
        return;
    }
    struct span text = span_of(answer->size == 0 ? NULL : evbuffer_pullup(input, answer->size), answer->size);
    if (answer->size > 0 && text.bytes == NULL) {
        fail(process, "no memory for its answer");
        return;
    }
    process->is_asked = false;
    process->deaths = 0;
    process->options.on_answer(process->options.context, answer->status == EXAMINER_TEXT ? EXAMINED : EXAMINATION_REFUSED, text);
    evbuffer_drain(input, answer->size);
    process->is_ready = true;
    process->options.on_ready(process->options.context);
}

static void on_bytes(struct bufferevent *unused_talk, void *context) {
    (void) unused_talk;
    struct examiner_process *process = context;
    struct examiner_answer answer;
    struct evbuffer *input = bufferevent_get_input(process->talk);
    size_t size = evbuffer_get_length(input);
    if (size < sizeof answer)
        return;
    evbuffer_copyout(input, &answer, sizeof answer);
    bool is_good = process->is_ready ? false : process->is_asked ? (answer.status == EXAMINER_TEXT && answer.size > 2) || answer.status == EXAMINER_REFUSAL
                                                                 : answer.status == 0 && answer.size == 0;
    if (!is_good || answer.size > EXAMINE_TEXT_MAX || size > sizeof answer + answer.size)
        fail(process, "it answers what was not asked");
    else if (size == sizeof answer + answer.size)
        finish(process, &answer);
}

static void on_end(struct bufferevent *unused_talk, short what, void *context) {
    (void) unused_talk;
    (void) what;
    fail(context, "it has ended");
}

static void start(struct examiner_process *process) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        fail(process, "no socket for it");
        return;
    }
    evutil_make_socket_nonblocking(ends[0]);
    bool is_started = spawn(ends[1], &process->pid);
    close(ends[1]);
    process->talk = is_started ? bufferevent_socket_new(process->options.loop, ends[0], BEV_OPT_CLOSE_ON_FREE) : NULL;
    if (process->talk == NULL) {
        close(ends[0]);
        fail(process, "it cannot be started");
        return;
    }
    bufferevent_setcb(process->talk, on_bytes, NULL, on_end, process);
    bufferevent_setwatermark(process->talk, EV_READ, 0, sizeof(struct examiner_answer) + EXAMINE_TEXT_MAX + 1);
    bufferevent_enable(process->talk, EV_READ | EV_WRITE);
    set_alarm(process, START_MS);
}

static void on_alarm(evutil_socket_t unused_socket, short unused_what, void *context) {
    (void) unused_socket;
    (void) unused_what;
    struct examiner_process *process = context;
    if (process->pid == 0)
        start(process);
    else
        fail(process, process->is_asked ? "a report takes it too long" : "it does not begin");
}

/* ---- public */

result examiner_process_new(const struct examiner_options *options, struct examiner_process **ret_process) {
    struct examiner_process *process = memory_new(sizeof *process);
    if (process == NULL)
        return &fault_no_memory;
    process->options = *options;
    process->alarm = event_new(options->loop, -1, 0, on_alarm, process);
    if (process->alarm == NULL) {
        memory_free(process);
        return &fault_no_memory;
    }
    set_alarm(process, 0);
    *ret_process = process;
    return OK;
}

void examiner_process_free(struct examiner_process *process) {
    if (process == NULL)
        return;
    end(process);
    event_free(process->alarm);
    memory_free(process);
}

bool examiner_process_is_ready(const struct examiner_process *process) {
    return process->is_ready;
}

void examiner_process_ask(struct examiner_process *process, struct span body, int64_t now) {
    struct examiner_request request = {.size = (uint32_t) body.size, .now = now};
    process->is_ready = false;
    process->is_asked = true;
    set_alarm(process, ANSWER_MS);
    bufferevent_write(process->talk, &request, sizeof request);
    bufferevent_write(process->talk, body.bytes, body.size);
}
