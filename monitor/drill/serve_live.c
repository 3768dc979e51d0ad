#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "drill/folder.h"
#include "drill/http_parts.h"
#include "drill/loop.h"
#include "drill/order_socket.h"
#include "drill/serve.h"

#define SOCKET_NAME "orders.sock"

static const char *const log_names[DRILL_LIVE_LOGS] = {"rfc6962", "static"};

static const struct {
    const char *name, *owner, *caa_domain;
} authority_names[DRILL_AUTHORITIES] = {
    {"expected", "pinwatch drill", "drill.pinwatch.invalid"},
    {"unexpected", "pinwatch drill mis-issuing CA", "mis-issuing.pinwatch.invalid"},
};

static void desk_done(struct issue_desk *desk) {
    for (size_t i = 0; i < DRILL_AUTHORITIES; i++)
        authority_done(&desk->authorities[i]);
    for (size_t i = 0; i < DRILL_LIVE_LOGS; i++) {
        live_free(desk->lives[i]);
        drill_log_done(&desk->logs[i]);
    }
}

static result open_log(struct issue_desk *desk, size_t at, const char *folder, struct reason *reason) {
    char name[64];
    EVP_PKEY *key;
    snprintf(name, sizeof name, "%s.key", log_names[at]);
    TRY(key_open(folder, name, &key, reason));
    TRY(drill_log_init(&desk->logs[at], log_names[at], at == 1, key));
    return live_open(&desk->logs[at], folder, &desk->lives[at], reason);
}

static result open_desk(struct issue_desk *desk, const struct serve_options *options, struct reason *reason) {
    desk->now_ms = clock_wall_ms;
    for (size_t i = 0; i < DRILL_AUTHORITIES; i++) {
        desk->authorities[i].name = authority_names[i].name;
        desk->authorities[i].owner = authority_names[i].owner;
        TRY(authority_open(options->folder, clock_wall_ms() / 1000, &desk->authorities[i], reason));
    }
    for (size_t i = 0; i < DRILL_LIVE_LOGS; i++) {
        TRY(open_log(desk, i, options->folder, reason));
        if (options->batch != 0)
            desk->logs[i].batch = options->batch;
    }
    return OK;
}

static result announce(struct issue_desk *desk, const struct serve_options *options, unsigned port, const char *socket_path,
                       struct reason *reason) {
    struct drill_file file = {.port = port, .socket = socket_path, .log_count = DRILL_LIVE_LOGS, .authority_count = DRILL_AUTHORITIES};
    struct log_place places[DRILL_LIVE_LOGS];
    for (size_t i = 0; i < DRILL_LIVE_LOGS; i++) {
        place_log(&desk->logs[i], port, &places[i]);
        describe_log(&desk->logs[i], &places[i], &file.logs[i]);
    }
    for (size_t i = 0; i < DRILL_AUTHORITIES; i++)
        file.authorities[i] = (struct drill_file_authority){.name = authority_names[i].name,
                                                            .owner = authority_names[i].owner,
                                                            .caa_domain = authority_names[i].caa_domain,
                                                            .spki_sha256 = desk->authorities[i].spki.sha256,
                                                            .root_spki_sha256 = desk->authorities[i].root_spki.sha256,
                                                            .certificate = buffer_span(&desk->authorities[i].intermediate_der)};
    TRY(save_drill_file(options->folder, &file, reason));
    log_say(LOG_NOTICE, "drill.ready", LOG_NUMBER("port", port), LOG_TEXT("rfc6962", places[0].url), LOG_TEXT("static", places[1].url),
            LOG_NUMBER("entries", tree_size(&desk->logs[0].tree) + tree_size(&desk->logs[1].tree)));
    return OK;
}

static result run_with_desk(struct event_base *loop, struct issue_desk *desk, const struct serve_options *options,
                            struct reason *reason) {
    struct span roots[DRILL_AUTHORITIES];
    struct http_options http_options = {.log_count = DRILL_LIVE_LOGS, .roots = roots, .root_count = DRILL_AUTHORITIES,
                                        .submit = issue_submit, .submit_context = desk};
    for (size_t i = 0; i < DRILL_AUTHORITIES; i++)
        roots[i] = buffer_span(&desk->authorities[i].root_der);
    for (size_t i = 0; i < DRILL_LIVE_LOGS; i++)
        http_options.logs[i] = &desk->logs[i];
    unsigned port = options->port;
    if (port == 0)
        TRY(remembered_port(options->folder, &port, reason));
    struct http *http = NULL;
    result is_bound = http_new(loop, &http_options, port, &http, reason);
    if (is_bound == &fault_drill_port && options->port == 0 && port != 0) /* somebody else has it by now */
        is_bound = http_new(loop, &http_options, 0, &http, reason);
    TRY(is_bound);
    char folder[FOLDER_PATH_SIZE], socket_path[FOLDER_PATH_SIZE];
    struct order_socket *orders = NULL;
    result outcome = &fault_drill_folder;
    if (realpath(options->folder, folder) == NULL)
        outcome = reason_set(reason, fault_of_errno(errno, &fault_drill_folder), "%s: cannot be looked at: %s", options->folder, strerror(errno));
    else if (folder_path(socket_path, folder, SOCKET_NAME))
        outcome = order_socket_new(loop, socket_path, desk, &orders, reason);
    if (outcome == OK)
        outcome = announce(desk, options, http_port(http), socket_path, reason);
    if (outcome == OK)
        outcome = run_loop(loop, reason);
    order_socket_free(orders);
    http_free(http);
    return outcome;
}

static void close_at(int *file) {
    if (*file >= 0)
        close(*file);
}

result serve_live(const struct serve_options *options, struct reason *reason) {
    CLEANUP(close_at) int lock = -1;
    CLEANUP(loop_free_at) struct event_base *loop = event_base_new();
    CLEANUP(stop_events_done) struct stop_events stop = {0};
    CLEANUP(desk_done) struct issue_desk desk = {0};
    if (loop == NULL)
        return reason_set(reason, &fault_no_memory, "no memory");
    TRY(folder_make(options->folder, 0700, reason));
    TRY(folder_lock(options->folder, &lock, reason));
    uint64_t mark = memory_mark();
    result outcome = open_desk(&desk, options, reason);
    if (outcome != OK && memory_mark() != mark) /* then no file is to blame */
        return reason_set(reason, &fault_no_memory, "%s: no memory to open it", options->folder);
    TRY(outcome);
    TRY(stop_events_init(loop, &stop));
    return run_with_desk(loop, &desk, options, reason);
}
