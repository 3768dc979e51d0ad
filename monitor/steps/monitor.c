#include "steps/ca_links.h"
#include "steps/monitor.h"
#include "steps/pin_world.h"

#include <openssl/rand.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/last_words.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/user_agent.h"
#include "settings/database.h"
#include "settings/place.h"
#include "store/schema.h"

#define AGENT_LIMIT 512
#define READER_DEADLINE_MS 20000
#define SLOTS 160
#define EXIT_AS_DEAD 1
#define EXIT_OUT_OF_REACH 69
#define EXIT_SETTINGS_WRONG 78

/* ---- the table of steps */

static int64_t run_steps(struct monitor *monitor, int64_t now_ms) {
    int64_t due = now_ms + 1000;
    if (now_ms < monitor->store_pause_until_ms)
        return monitor->store_pause_until_ms;
    for (size_t i = 0; i < monitor_step_count && i < MONITOR_STEPS_MAX; i++) {
        if (now_ms >= monitor->step_due_ms[i]) {
            monitor->step_due_ms[i] = now_ms + monitor_steps[i].interval_ms;
            result fault = monitor_steps[i].run(monitor, now_ms);
            if (fault == OK)
                store_step_worked(monitor, i);
            else
                store_step_failed(monitor, i, fault);
        }
        if (now_ms < monitor->store_pause_until_ms) /* the database is away: the others would only wait for it as well */
            return monitor->store_pause_until_ms;
        due = monitor->step_due_ms[i] < due ? monitor->step_due_ms[i] : due;
    }
    return due;
}

/* Chosen logs and new leases follow each other within one round, so that a drill is read as soon as it is announced. A database that refused
 * the step is left alone for as long as it was going to be. */
static void hurry_leases(struct monitor *monitor) {
    for (size_t i = 0; i < monitor_step_count; i++)
        if (monitor_steps[i].run == step_hold_leases && monitor->step_trouble[i].failures == 0)
            monitor->step_due_ms[i] = 0;
}

static int64_t after_round(void *context, int64_t now_ms) {
    struct monitor *monitor = context;
    uint64_t before = monitor->chosen_from;
    bool had_watches = monitor->watches != NULL;
    int64_t due_lists = list_step_run(monitor->lists, now_ms);
    int64_t due = run_steps(monitor, now_ms);
    bool is_any_lost = false;
    for (size_t i = 0; i < monitor->log_count; i++)
        is_any_lost = is_any_lost || monitor->logs[i].is_lost;
    if (monitor->chosen_from != before || (!had_watches && monitor->watches != NULL) || is_any_lost) {
        hurry_leases(monitor);
        due = now_ms + 50;
    }
    return due < due_lists ? due : due_lists;
}

static bool on_list_event(void *context, const char *rule, const char *list, bool is_over, const char *evidence) {
    struct log_event event = {.rule = rule, .is_over = is_over, .detail = list, .evidence = evidence, .now_ms = clock_wall_ms()};
    if (store_is_paused(context)) /* it is told later */
        return false;
    result fault = monitor_tell(context, NULL, &event);
    if (fault == OK)
        return true;
    store_tell_failed(context, rule, fault);
    log_say(LOG_WARNING, "finding.not-recorded", LOG_TEXT("rule", rule), LOG_FAULT(fault));
    return false;
}

/* ---- life */

static void hold_hangups(int how) {
    sigset_t hangup;
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    sigprocmask(how, &hangup, NULL);
}

static void on_signal(int number, short unused_events, void *context) {
    (void) unused_events;
    struct monitor *monitor = context;
    log_say(LOG_NOTICE, number == SIGHUP ? "monitor.reloading" : "monitor.stopping", LOG_NUMBER("signal", number));
    monitor->should_restart = number == SIGHUP;
    if (number == SIGHUP)
        hold_hangups(SIG_BLOCK); /* the next one waits for whom this process becomes */
    monitor->should_stop = true;
}

static result add_signals(struct monitor *monitor) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < 3; i++) {
        monitor->signals[i] = evsignal_new(monitor->loop, numbers[i], on_signal, monitor);
        if (monitor->signals[i] == NULL || evsignal_add(monitor->signals[i], NULL) != 0)
            return &fault_no_memory;
    }
    hold_hangups(SIG_UNBLOCK);
    return OK;
}

/* The holder names its place, so that the successor of a killed monitor knows a dead one's lease. */
static result name_holder(struct monitor *monitor, struct reason *reason) {
    uint64_t random;
    TRY(place_name(monitor->settings->state_folder, monitor->predecessor, reason));
    if (RAND_bytes((unsigned char *) &random, sizeof random) != 1)
        return reason_set(reason, &fault_machine, "no random bytes to name this process with");
    snprintf(monitor->holder, sizeof monitor->holder, "%s%d:%016llx", monitor->predecessor, (int) getpid(), (unsigned long long) random);
    return OK;
}

static result open_store(struct monitor *monitor, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer conninfo = buffer_with_limit(8192);
    struct store_options options = {.application_name = "pinwatch-monitor", .writes = true};
    TRY(database_conninfo(monitor->settings, DATABASE_MONITOR, &conninfo, reason));
    TRY(store_new(buffer_text(&conninfo), &options, &monitor->store));
    result fault = schema_check(monitor->store);
    return fault == OK ? OK : reason_set(reason, fault, "%s", store_why(monitor->store)->text);
}

static result open_world(struct monitor *monitor) {
    const struct settings *settings = monitor->settings;
    CLEANUP(buffer_done) struct buffer agent = buffer_with_limit(AGENT_LIMIT);
    TRY(user_agent_write(settings->contact, &agent));
    struct net_options net = {.user_agent = buffer_text(&agent), .ca_file = settings->ca_file[0] != '\0' ? settings->ca_file : NULL,
                              .connections_max = 256, .connections_host_max = 32};
    struct reader_pool_options pool = {.reader_count = settings->readers, .slot_count = SLOTS, .deadline_ms = READER_DEADLINE_MS,
                                       .slot_size = (size_t) settings->slot_megabytes * 1024 * 1024};
    TRY(net_new(monitor->loop, &net, &monitor->world.net));
    TRY(reader_pool_new(monitor->loop, &pool, &monitor->world.readers));
    monitor->world.sink = store_sink_of(monitor);
    monitor->world.clock = &monitor->clock;
    TRY(issuer_fetch_new(&monitor->world, &monitor->issuers));
    TRY(list_step_new(monitor->world.net, settings, &monitor->clock, on_list_event, monitor, &monitor->lists));
    TRY(drive_new(monitor->loop, &monitor->drive));
    drive_set_extra(monitor->drive, after_round, monitor);
    return OK;
}

static result open_all(struct monitor *monitor, struct reason *reason) {
    monitor->loop = event_base_new();
    if (monitor->loop == NULL)
        return &fault_no_memory;
    monitor->world.loop = monitor->loop;
    TRY(digest_init());
    TRY(add_signals(monitor));
    TRY(name_holder(monitor, reason));
    TRY(open_store(monitor, reason));
    TRY(open_world(monitor));
    list_step_load(monitor->lists);
    return OK;
}

static void release_leases(struct monitor *monitor) {
    for (size_t i = 0; i < monitor->log_count; i++) {
        struct store_lease lease = {.holder = monitor->holder, .fencing = monitor->logs[i].fencing};
        if (monitor->logs[i].follow != NULL && store_lease_release(monitor->store, &monitor->logs[i].log_id, &lease) != OK)
            return; /* they expire by themselves */
    }
}

static void close_all(struct monitor *monitor) {
    if (monitor->store != NULL)
        release_leases(monitor);
    caa_poller_free(monitor);
    second_look_free(monitor->second_look);
    issuer_fetch_free(monitor->issuers);
    issuer_jobs_free(monitor);
    ca_links_free(monitor->ca_links);
    pin_world_free(monitor->pins);
    list_step_free(monitor->lists);
    for (size_t i = 0; i < monitor->log_count; i++)
        followed_log_free(monitor->logs[i].follow);
    if (monitor->world.readers != NULL)
        reader_pool_free(monitor->world.readers);
    drive_free(monitor->drive);
    if (monitor->world.net != NULL)
        net_free(monitor->world.net);
    watch_set_free(monitor->watches);
    arena_free(monitor->chosen_arena);
    arena_free(monitor->drill_arena);
    arena_free(monitor->ca_arena);
    store_free(monitor->store);
    for (size_t i = 0; i < 3; i++)
        if (monitor->signals[i] != NULL)
            event_free(monitor->signals[i]);
    if (monitor->loop != NULL)
        event_base_free(monitor->loop);
    memory_free(monitor);
}

/* The supervisor tries again for as long as the database or memory is out of reach, or the database's keeper withholds a right, and stops
 * the service at once where only other settings or programs help; everything else counts as a death. So does a schema that has become too
 * old (programs installed anew under a running service, an older backup): a new start of the service mends it. */
static int exit_code_of(result fault) {
    if (fault == &fault_schema_older)
        return EXIT_AS_DEAD;
    bool waits = fault->family == FAULT_RETRY || fault == &fault_store_rights || fault == &fault_store_missing;
    return waits ? EXIT_OUT_OF_REACH : fault->family == FAULT_SETTINGS ? EXIT_SETTINGS_WRONG : EXIT_AS_DEAD;
}

int monitor_run(const struct settings *settings) {
    struct monitor *monitor = memory_new(sizeof *monitor);
    struct reason reason = {{0}};
    if (monitor == NULL)
        return 1;
    monitor->settings = settings;
    result fault = open_all(monitor, &reason);
    if (fault == OK)
        fault = drive_run(monitor->drive, &monitor->should_stop);
    if (fault != OK)
        log_say(LOG_ERROR, "monitor.failed", LOG_TEXT("why", reason.text), LOG_FAULT(fault));
    if (fault != OK)
        last_words_write(reason.text);
    int code = fault != OK ? exit_code_of(fault) : monitor->should_restart ? MONITOR_RESTART : 0;
    close_all(monitor);
    return code;
}
