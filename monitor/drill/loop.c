#include "drill/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "drill/folder.h"

#define ARENA_LIMIT ((size_t) 1024 * 1024)
#define MMD_SECONDS 60

void loop_free_at(struct event_base **loop) {
    if (*loop != NULL)
        event_base_free(*loop);
}

static void on_stop(evutil_socket_t signal_number, short events, void *context) {
    (void) events;
    log_say(LOG_NOTICE, "drill.stops", LOG_NUMBER("signal", signal_number));
    event_base_loopbreak(context);
}

result stop_events_init(struct event_base *loop, struct stop_events *events) {
    static const int numbers[] = {SIGTERM, SIGINT};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < 2; i++) {
        events->signals[i] = evsignal_new(loop, numbers[i], on_stop, loop);
        if (events->signals[i] == NULL || event_add(events->signals[i], NULL) != 0)
            return &fault_no_memory;
    }
    return OK;
}

result run_loop(struct event_base *loop, struct reason *reason) {
    return event_base_dispatch(loop) >= 0 ? OK : reason_set(reason, &fault_machine, "libevent's loop broke; it does not say why");
}

/* A program that ends by itself says so with its own exit code, also where it is told to stop meanwhile. */
static void ignore_stops(void) {
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigprocmask(SIG_BLOCK, &stops, NULL);
}

void stop_events_done(struct stop_events *events) {
    ignore_stops();
    for (size_t i = 0; i < 2; i++)
        if (events->signals[i] != NULL)
            event_free(events->signals[i]);
}

result folder_lock(const char *folder, int *ret_lock, struct reason *reason) {
    char path[FOLDER_PATH_SIZE];
    if (!folder_path(path, folder, "lock"))
        return reason_set(reason, &fault_drill_folder, "%s: path too long", folder);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return reason_set(reason, fault_of_errno(errno, &fault_drill_folder), "%s: cannot be opened: %s", path, strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        close(lock);
        return why == EWOULDBLOCK ? reason_set(reason, &fault_drill_folder, "%s: another pinwatch-drill runs in this folder", folder)
                                  : reason_set(reason, fault_of_errno(why, &fault_drill_folder), "%s: cannot be locked: %s", path, strerror(why));
    }
    *ret_lock = lock;
    return OK;
}

result remembered_port(const char *folder, unsigned *ret_port, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(DRILL_FILE_SIZE_MAX);
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    struct drill_file file;
    bool is_there;
    uint64_t mark = memory_mark();
    *ret_port = 0;
    if (arena == NULL)
        return reason_set(reason, &fault_no_memory, "no memory");
    TRY(folder_look_for(folder, DRILL_FILE_NAME, &is_there, reason));
    if (!is_there)
        return OK;
    TRY(folder_read(folder, DRILL_FILE_NAME, &text, reason));
    if (drill_file_read(buffer_span(&text), arena, &file) == OK)
        *ret_port = file.port;
    return memory_mark() == mark ? OK : reason_set(reason, &fault_no_memory, "%s/%s: no memory to read it", folder, DRILL_FILE_NAME);
}

void place_log(struct drill_log *log, unsigned port, struct log_place *ret_place) {
    snprintf(ret_place->url, sizeof ret_place->url, "http://127.0.0.1:%u/%s/", port, log->name);
    snprintf(log->origin, sizeof log->origin, "127.0.0.1:%u/%s", port, log->name);
}

void describe_log(const struct drill_log *log, const struct log_place *place, struct drill_file_log *ret_log) {
    *ret_log = (struct drill_file_log){.name = log->name,
                                       .description = log->is_static ? "pinwatch drill static-ct" : "pinwatch drill RFC 6962",
                                       .operator_name = "pinwatch drill",
                                       .protocol = log->is_static ? LOG_STATIC_CT : LOG_RFC6962,
                                       .url = place->url,
                                       .monitoring_url = log->is_static ? place->url : "",
                                       .origin = log->is_static ? log->origin : "",
                                       .key = span_of(log->spki.bytes, log->spki.size),
                                       .log_id = log->spki.sha256,
                                       .mmd_seconds = MMD_SECONDS};
}

result save_drill_file(const char *folder, const struct drill_file *file, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(DRILL_FILE_SIZE_MAX);
    if (!drill_file_write(file, &text))
        return buffer_check(&text) == &fault_no_memory ? reason_set(reason, &fault_no_memory, "%s: no memory to write it", DRILL_FILE_NAME) : reason_set(reason, &fault_limit_reached, "%s is larger than %zu bytes", DRILL_FILE_NAME, DRILL_FILE_SIZE_MAX);
    return folder_write(folder, DRILL_FILE_NAME, buffer_span(&text), 0644, reason);
}
