#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "drill/folder.h"
#include "drill/loop.h"
#include "drill/pack.h"
#include "drill/serve.h"

#define BATCH_DEFAULT 1000

static const char *const log_names[PACK_LOGS] = {"rfc6962", "static"};

struct files {
    struct pack *pack;
    struct drill_log logs[PACK_LOGS];
};

static void files_done(struct files *files) {
    for (size_t i = 0; i < PACK_LOGS; i++)
        drill_log_done(&files->logs[i]);
    pack_free(files->pack);
}

static result open_files(struct files *files, const struct serve_options *options, struct reason *reason) {
    TRY(pack_open(options->folder, &files->pack, reason));
    uint64_t size = options->size == 0 ? pack_count(files->pack) : options->size;
    for (size_t i = 0; i < PACK_LOGS; i++) {
        char name[64];
        EVP_PKEY *key;
        snprintf(name, sizeof name, "%s.key", log_names[i]);
        TRY(key_open(options->folder, name, &key, reason));
        TRY(drill_log_init(&files->logs[i], log_names[i], i == 1, key));
        files->logs[i].batch = options->batch == 0 ? BATCH_DEFAULT : options->batch;
        TRY(pack_attach(files->pack, &files->logs[i], size));
    }
    return OK;
}

static result announce(struct files *files, const char *folder, unsigned port, struct reason *reason) {
    struct drill_file file = {.port = port, .socket = "", .log_count = PACK_LOGS};
    struct log_place places[PACK_LOGS];
    for (size_t i = 0; i < PACK_LOGS; i++) {
        place_log(&files->logs[i], port, &places[i]);
        describe_log(&files->logs[i], &places[i], &file.logs[i]);
    }
    TRY(save_drill_file(folder, &file, reason));
    log_say(LOG_NOTICE, "drill.ready", LOG_NUMBER("port", port), LOG_TEXT("rfc6962", places[0].url), LOG_TEXT("static", places[1].url),
            LOG_NUMBER("entries", files->logs[0].published_size));
    return OK;
}

static void close_at(int *file) {
    if (*file >= 0)
        close(*file);
}

result serve_files(const struct serve_options *options, struct reason *reason) {
    CLEANUP(close_at) int lock = -1;
    CLEANUP(loop_free_at) struct event_base *loop = event_base_new();
    CLEANUP(stop_events_done) struct stop_events stop = {0};
    CLEANUP(files_done) struct files files = {0};
    struct http_options http_options = {.logs = {&files.logs[0], &files.logs[1]}, .log_count = PACK_LOGS};
    struct http *http = NULL;
    if (loop == NULL)
        return reason_set(reason, &fault_no_memory, "no memory");
    TRY(folder_lock(options->folder, &lock, reason));
    TRY(open_files(&files, options, reason));
    TRY(stop_events_init(loop, &stop));
    TRY(http_new(loop, &http_options, options->port, &http, reason));
    result outcome = announce(&files, options->folder, http_port(http), reason);
    if (outcome == OK)
        outcome = run_loop(loop, reason);
    http_free(http);
    return outcome;
}
