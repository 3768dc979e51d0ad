/* pinwatch-reports: takes what clients report whose pins were not satisfied. A child of `pinwatch run`. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/last_words.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/ownership.h"
#include "base/standard_files.h"
#include "reports/examiner.h"
#include "reports/server.h"
#include "settings/database.h"
#include "store/schema.h"

enum { EXIT_USAGE = 64, EXIT_LATER = 69, EXIT_OTHER = 70, EXIT_SETTINGS = 78 };
#define NEW_SHARE 10 /* of a day's room that one source may take: a tenth */

struct program {
    struct settings *settings;
    struct event_base *loop;
    struct store *store;
    struct rate *rate;
    struct intake *intake;
    struct server *server;
    struct event *signals[2];
    char port[8];
};

static enum log_level level_of(const char *name) {
    static const char *const names[] = {[LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    for (size_t i = LOG_ERROR; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return (enum log_level) i;
    return LOG_NOTICE;
}

static void on_stop(evutil_socket_t signal, short unused_what, void *context) {
    (void) unused_what;
    struct program *program = context;
    log_say(LOG_NOTICE, "stopping", LOG_NUMBER("signal", signal));
    event_base_loopbreak(program->loop);
}

static result watch_signals(struct program *program) {
    static const int numbers[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        program->signals[i] = evsignal_new(program->loop, numbers[i], on_stop, program);
        if (program->signals[i] == NULL || event_add(program->signals[i], NULL) != 0)
            return &fault_no_memory;
    }
    return OK;
}

static result open_store(struct program *program, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer conninfo = buffer_with_limit(8192);
    const struct store_options options = {.application_name = "pinwatch-reports", .connect_timeout_s = 3,
                                          .statement_timeout_ms = 5000, .lock_timeout_ms = 2000, .writes = true};
    result outcome = database_conninfo(program->settings, DATABASE_RECEIVER, &conninfo, reason);
    if (outcome == OK)
        outcome = store_new(buffer_text(&conninfo), &options, &program->store);
    if (conninfo.bytes != NULL)
        explicit_bzero(conninfo.bytes, conninfo.size);
    return outcome;
}

static result open_rate(struct program *program) {
    uint8_t secret[16];
    const struct settings *settings = program->settings;
    unsigned share = settings->reports_new_per_day / NEW_SHARE;
    const struct rate_limits limits = {.per_minute_source = settings->reports_per_minute_source, .per_second = settings->reports_per_second,
                                       .new_per_day_source = share == 0 ? 1 : share};
    if (getrandom(secret, sizeof secret, 0) != (ssize_t) sizeof secret)
        return &fault_machine;
    return rate_new(&limits, secret, &program->rate);
}

static result set_up(struct program *program, struct reason *reason) {
    const struct settings *settings = program->settings;
    program->loop = event_base_new();
    if (program->loop == NULL)
        return &fault_no_memory;
    TRY(digest_init());
    TRY(open_store(program, reason));
    TRY(open_rate(program));
    const struct intake_options intake = {.loop = program->loop, .store = program->store, .rate = program->rate, .room = settings->reports_new_per_day, .on_answer = server_answer};
    TRY(intake_new(&intake, &program->intake));
    snprintf(program->port, sizeof program->port, "%u", settings->reports_port);
    const struct server_options server = {.loop = program->loop, .intake = program->intake, .rate = program->rate, .address = settings->reports_address,
                                          .port_text = program->port, .proxy = settings->reports_proxy};
    TRY(watch_signals(program));
    if (settings->reports_address[0] != '\0')
        return server_new(&server, &program->server);
    log_say(LOG_NOTICE, "reports.off", LOG_TEXT("why", "reports_address is empty since the service started"));
    return OK;
}

static void tear_down(struct program *program) {
    if (program->intake != NULL) {
        intake_flush(program->intake);
        event_base_loop(program->loop, EVLOOP_NONBLOCK); /* so that who is recorded hears of it */
    }
    server_free(program->server);
    intake_free(program->intake);
    rate_free(program->rate);
    for (size_t i = 0; i < sizeof program->signals / sizeof program->signals[0]; i++)
        if (program->signals[i] != NULL)
            event_free(program->signals[i]);
    store_free(program->store);
    if (program->loop != NULL)
        event_base_free(program->loop);
    settings_free(program->settings);
}

/* Whatever is wrong here: the rest of the service goes on without it. */
static int complain(result why, struct reason *reason) {
    if (reason->text[0] == '\0')
        reason_of_fault(why, reason);
    last_words_write(reason->text);
    log_say(LOG_ERROR, "cannot.start", LOG_TEXT("fault", why->name), LOG_TEXT("why", reason->text));
    return EXIT_LATER;
}

static int serve(const char *path) {
    CLEANUP(tear_down) struct program program = {0};
    struct reason reason = {""};
    ownership_forbid_cores();
    standard_files_never_wait();
    log_init("pinwatch-reports", LOG_NOTICE, !isatty(STDERR_FILENO));
    result outcome = settings_load_in_force(path, &program.settings, &reason);
    if (outcome == OK)
        log_init("pinwatch-reports", level_of(program.settings->log_level), !isatty(STDERR_FILENO));
    if (outcome == OK)
        outcome = set_up(&program, &reason);
    if (outcome != OK)
        return complain(outcome, &reason);
    log_say(LOG_NOTICE, "started", LOG_TEXT("version", PINWATCH_VERSION));
    if (event_base_dispatch(program.loop) < 0)
        return complain(reason_set(&reason, &fault_machine, "libevent's loop broke; it does not say why"), &reason);
    log_say(LOG_NOTICE, "stopped", LOG_TEXT("version", PINWATCH_VERSION));
    return 0;
}

int main(int argc, char **argv) {
    standard_files_open();
    if (argc == 2 && strcmp(argv[1], EXAMINER_WORD) == 0)
        return examiner_serve();
    const char *path = argc == 3 && strcmp(argv[1], "--config") == 0 ? argv[2] : NULL;
    if (argc != 1 && path == NULL) {
        fputs("pinwatch-reports [--config FILE]: started by `pinwatch run`\n", stderr);
        return EXIT_USAGE;
    }
    return serve(path);
}
