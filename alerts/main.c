/* pinwatch-alerts: delivers what the outbox holds. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/last_words.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/ownership.h"
#include "base/standard_files.h"
#include "channels/dispatcher.h"
#include "channels/hook_files.h"
#include "settings/database.h"
#include "settings/place.h"
#include "store/schema.h"

#define EXIT_LATER       69 /* sysexits.h EX_UNAVAILABLE: the supervisor tries again and counts no death */
#define EXIT_SETTINGS    78 /* EX_CONFIG */
#define EXIT_OTHER       70
#define CONNECTIONS_MAX  64
#define CONNECTIONS_HOST 8

struct program {
    struct settings *settings;
    struct event_base *loop;
    struct net *net;
    struct store *store;
    struct dispatcher *dispatcher;
    struct channel_tools tools;
    char place[PLACE_NAME_SIZE];
    struct event *signals[3];
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    const char **ret_path = state->input;
    if (key == 'c')
        *ret_path = value;
    else if (key == ARGP_KEY_ARG)
        argp_usage(state);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static const char *read_options(int count, char **arguments) {
    static const struct argp_option options[] = {
        {"config", 'c', "FILE", 0, "The settings file (default: as pinwatch finds it)", 0}, {0}};
    static const struct argp argp = {options, take_option, NULL,
                                     "Delivers alerts from pinwatch's outbox to webhooks, e-mail and hook programs. "
                                     "Started by `pinwatch run`.",
                                     NULL, NULL, NULL};
    const char *path = NULL;
    if (argp_parse(&argp, count, arguments, 0, NULL, &path) != 0) { /* it ends by itself where the words are wrong */
        fputs("pinwatch-alerts: no memory for the command line\n", stderr);
        exit(EXIT_LATER);
    }
    return path;
}

static enum log_level level_of(const char *name) {
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"error", LOG_ERROR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE}, {"debug", LOG_DEBUG}};
    for (size_t i = 0; name != NULL && i < sizeof(levels) / sizeof(levels[0]); i++)
        if (strcmp(levels[i].name, name) == 0)
            return levels[i].level;
    return LOG_INFO;
}

static void on_stop(evutil_socket_t signal, short what, void *context) {
    (void) what;
    struct program *program = context;
    log_say(LOG_NOTICE, "stopping", LOG_NUMBER("signal", signal));
    dispatcher_stop(program->dispatcher);
}

/* Channels are data and read with every delivery. The connection to the database and the trust anchors for HTTPS stay as they
 * were at start. A file that cannot be used changes nothing. */
static void on_reload(evutil_socket_t signal, short what, void *context) {
    (void) signal;
    (void) what;
    struct program *program = context;
    struct settings *fresh = NULL;
    struct reason reason = {0};
    if (settings_load_in_force(settings_path(program->settings), &fresh, &reason) != OK) {
        log_say(LOG_ERROR, "reload.refused", LOG_TEXT("why", reason.text), LOG_TEXT("effect", "the old settings stay"));
        return;
    }
    settings_free(program->settings);
    program->settings = fresh;
    program->tools.settings = fresh;
    log_say(LOG_NOTICE, "reloaded", LOG_TEXT("file", settings_path(fresh)));
}

static result watch_signals(struct program *program) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        program->signals[i] = evsignal_new(program->loop, numbers[i], numbers[i] == SIGHUP ? on_reload : on_stop, program);
        if (program->signals[i] == NULL || event_add(program->signals[i], NULL) != 0)
            return &fault_no_memory;
    }
    return OK;
}

static result open_net(struct program *program) {
    char user_agent[300];
    const char *contact = program->settings->contact;
    bool has_contact = contact != NULL && contact[0] != '\0';
    snprintf(user_agent, sizeof user_agent, "pinwatch-alerts/" PINWATCH_VERSION "%s%s%s", has_contact ? " (" : "",
             has_contact ? contact : "", has_contact ? ")" : "");
    struct net_options options = {
        .user_agent = user_agent,
        .ca_file = program->settings->ca_file,
        .connections_max = CONNECTIONS_MAX,
        .connections_host_max = CONNECTIONS_HOST,
    };
    return net_new(program->loop, &options, &program->net);
}

static result open_store(struct program *program, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer conninfo = buffer_with_limit(8192);
    struct store_options options = {.application_name = "pinwatch-alerts", .connect_timeout_s = 3, .statement_timeout_ms = 10000,
                                    .writes = true};
    result outcome = database_conninfo(program->settings, DATABASE_ALERTS, &conninfo, reason);
    if (outcome == OK)
        outcome = store_new(buffer_text(&conninfo), &options, &program->store);
    if (conninfo.bytes != NULL)
        explicit_bzero(conninfo.bytes, conninfo.size);
    return outcome;
}

static result set_up(struct program *program, struct reason *reason) {
    program->loop = event_base_new();
    if (program->loop == NULL)
        return &fault_no_memory;
    TRY(digest_init());
    TRY(place_name(program->settings->state_folder, program->place, reason));
    TRY(open_store(program, reason));
    TRY(open_net(program));
    program->tools = (struct channel_tools){.loop = program->loop, .net = program->net, .settings = program->settings};
    TRY(dispatcher_new(&program->tools, program->store, program->place, &program->dispatcher));
    return watch_signals(program);
}

static void tear_down(struct program *program) {
    dispatcher_free(program->dispatcher); /* before net: it cancels what runs there */
    for (size_t i = 0; i < sizeof(program->signals) / sizeof(program->signals[0]); i++)
        if (program->signals[i] != NULL)
            event_free(program->signals[i]);
    net_free(program->net);
    store_free(program->store);
    if (program->loop != NULL)
        event_base_free(program->loop);
    settings_free(program->settings);
}

static int complain(result why, struct reason *reason) {
    if (reason->text[0] == '\0')
        reason_of_fault(why, reason);
    last_words_write(reason->text);
    log_say(LOG_ERROR, "cannot.start", LOG_TEXT("fault", why->name), LOG_TEXT("why", reason->text));
    if (why == &fault_schema_older) /* a new start of the service mends it: systemd must not be told to leave it at that */
        return EXIT_OTHER;
    return why->family == FAULT_SETTINGS ? EXIT_SETTINGS : why->family == FAULT_RETRY ? EXIT_LATER : EXIT_OTHER;
}

int main(int count, char **arguments) {
    CLEANUP(tear_down) struct program program = {0};
    struct reason reason = {0};
    standard_files_open();
    ownership_forbid_cores();
    standard_files_never_wait();
    log_init("pinwatch-alerts", LOG_INFO, !isatty(STDERR_FILENO));
    result outcome = settings_load_in_force(read_options(count, arguments), &program.settings, &reason);
    if (outcome != OK)
        return complain(outcome, &reason);
    log_init("pinwatch-alerts", level_of(program.settings->log_level), !isatty(STDERR_FILENO));
    outcome = set_up(&program, &reason);
    if (outcome != OK)
        return complain(outcome, &reason);
    hook_files_sweep(program.settings, clock_wall_ms());
    log_say(LOG_NOTICE, "started", LOG_TEXT("version", PINWATCH_VERSION));
    if (event_base_dispatch(program.loop) < 0)
        return complain(reason_set(&reason, &fault_machine, "libevent's loop broke; it does not say why"), &reason);
    outcome = dispatcher_outcome(program.dispatcher);
    if (outcome != OK) {
        reason = *store_why(program.store);
        return complain(outcome, &reason);
    }
    log_say(LOG_NOTICE, "stopped", LOG_TEXT("version", PINWATCH_VERSION));
    return 0;
}
