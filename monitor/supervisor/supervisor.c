#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define READY_POLL_MS 25
#define HARD_STOP_MS 10000 /* PostgreSQL itself kills its back-ends 5 s after SIGQUIT: its end must not come first */
#define SLOW_START_MS 60000
#define DEATHS_KEPT 16
#define ORPHANS_AT_ONCE 1000

FAULT(fault_supervisor_deaths, FAULT_RETRY, "service.deaths", "service", "", "one of its programs died too often",
      "programs that stay alive");
FAULT(fault_supervisor_refused, FAULT_SETTINGS, "service.refused", "service", "", "one of its programs refuses to run like this",
      "other settings, or another version");
FAULT(fault_supervisor_signals, FAULT_BUG, "service.signals", "signals", "", "they cannot be received", "a signal descriptor");

enum child_state { CHILD_WAITING, CHILD_STARTED, CHILD_READY, CHILD_STOPPING };

struct child {
    const struct child_plan *plan;
    enum child_state state;
    pid_t pid;            /* 0: not running */
    int64_t due_ms;       /* waiting: not before; stopping: when the next, harder signal goes out */
    int64_t started_ms;
    bool is_done;         /* a task that has ended well */
    bool was_slow;        /* said once */
    unsigned hardness;    /* signals sent while stopping */
    int64_t deaths_ms[DEATHS_KEPT]; /* ring */
    unsigned death_count;
    unsigned waits;       /* in a row: ended because something else was out of reach */
};

struct supervisor {
    const struct supervisor_options *options;
    struct child children[SUPERVISED_MAX];
    size_t count;
    int signals;
    bool is_stopping;
    bool told_ready;
    result outcome;
    struct reason *reason;
    int64_t watchdog_ms; /* 0: nobody asks */
    int64_t watchdog_due_ms;
};

static bool is_ready(const struct child *child) {
    return child->is_done || child->state == CHILD_READY;
}

static const struct child *find_child(const struct supervisor *supervisor, const char *name) {
    for (size_t i = 0; i < supervisor->count; i++)
        if (strcmp(supervisor->children[i].plan->name, name) == 0)
            return &supervisor->children[i];
    return NULL;
}

static bool needs_are_met(const struct supervisor *supervisor, const struct child *child) {
    const struct child *needed = child->plan->needs[0] == '\0' ? NULL : find_child(supervisor, child->plan->needs);
    return needed == NULL || is_ready(needed);
}

static int64_t pause_after(const struct restart_policy *policy, unsigned deaths) {
    int64_t pause = policy->first_ms;
    uint32_t dice = 0;
    for (unsigned i = 1; i < deaths && pause < policy->cap_ms; i++)
        pause *= 2;
    pause = pause > policy->cap_ms ? policy->cap_ms : pause;
    if (getrandom(&dice, sizeof dice, GRND_NONBLOCK) != (ssize_t) sizeof dice)
        dice = 0;
    return pause + pause * (int64_t) (dice % (policy->jitter_percent + 1)) / 100;
}

static unsigned deaths_within(const struct child *child, int64_t window_ms, int64_t now_ms) {
    unsigned within = 0;
    for (unsigned i = 0; i < child->death_count && i < DEATHS_KEPT; i++)
        within += child->deaths_ms[i] > now_ms - window_ms;
    return within;
}

static void begin_stop(struct supervisor *supervisor) {
    if (supervisor->is_stopping)
        return;
    supervisor->is_stopping = true;
    sd_notify(0, "STOPPING=1\nSTATUS=stopping");
    log_say(LOG_NOTICE, "service.stopping", LOG_NUMBER("pid", getpid()));
}

/* Counts a death, and plans the next start or the end of the service. `how` says it for people. */
static void note_death(struct supervisor *supervisor, struct child *child, const char *how) {
    const struct restart_policy *policy = child->plan->restart;
    int64_t now = clock_monotonic_ms();
    child->state = CHILD_WAITING;
    child->deaths_ms[child->death_count++ % DEATHS_KEPT] = now;
    unsigned deaths = deaths_within(child, policy->window_ms, now);
    child->due_ms = now + pause_after(policy, deaths);
    log_say(LOG_WARNING, "child.died", LOG_TEXT("child", child->plan->name), LOG_TEXT("how", how), LOG_NUMBER("deaths", deaths),
            LOG_NUMBER("starts_again_in_ms", child->due_ms - now));
    if (deaths < policy->deaths_max)
        return;
    supervisor->outcome = reason_set(supervisor->reason, &fault_supervisor_deaths,
                                     "%s: died %u times within %lld seconds (%s); the service stops, wanted a program that stays alive",
                                     child->plan->name, deaths, (long long) (policy->window_ms / 1000), how);
    log_say(LOG_ERROR, "service.deaths", LOG_TEXT("reason", supervisor->reason->text));
    begin_stop(supervisor);
}

/* A database that is away for long or still recovering, or a machine without a free process, must not end the service: the program is
 * tried again, and not counted. */
static void note_wait(struct child *child, const char *why) {
    int64_t pause = pause_after(child->plan->restart, ++child->waits);
    child->state = CHILD_WAITING;
    child->due_ms = clock_monotonic_ms() + pause;
    log_say(LOG_WARNING, "child.waits", LOG_TEXT("child", child->plan->name), LOG_TEXT("reason", why),
            LOG_NUMBER("starts_again_in_ms", pause));
}

/* What the program wrote before it ended (base/last_words.h); false when nothing. */
static bool read_last_words(const char *path, char *ret_text, size_t size) {
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t count = file < 0 ? 0 : read(file, ret_text, size - 1);
    if (file >= 0)
        close(file);
    ret_text[count > 0 ? count : 0] = '\0';
    return count > 0;
}

static void forget_last_words(const struct supervisor *supervisor) {
    if (supervisor->options->last_words != NULL)
        (void) unlink(supervisor->options->last_words);
}

/* Trying again would end in the same way, and hide the sentence behind a number of deaths. */
static void note_refusal(struct supervisor *supervisor, const struct child *child) {
    char words[400];
    if (!read_last_words(supervisor->options->last_words, words, sizeof words))
        snprintf(words, sizeof words, "it ended with exit code %d; its own last message says why", EX_CONFIG);
    supervisor->outcome = reason_set(supervisor->reason, &fault_supervisor_refused, "program %s: %s", child->plan->name, words);
    log_say(LOG_ERROR, "service.refused", LOG_TEXT("reason", supervisor->reason->text));
    begin_stop(supervisor);
}

static void start_child(struct supervisor *supervisor, struct child *child) {
    struct reason why = {""};
    if (child->plan->prepare != NULL)
        child->plan->prepare(child->plan->context);
    result outcome = child_start(child->plan, &child->pid, &why);
    if (outcome == &fault_child_scarce)
        note_wait(child, why.text);
    else if (outcome != OK)
        note_death(supervisor, child, why.text);
    if (outcome != OK)
        return;
    child->state = CHILD_STARTED;
    child->hardness = 0;
    child->started_ms = clock_monotonic_ms();
    child->was_slow = false;
    log_say(LOG_INFO, "child.started", LOG_TEXT("child", child->plan->name), LOG_NUMBER("pid", child->pid));
}

static void look_whether_ready(struct child *child, int64_t now) {
    const struct child_plan *plan = child->plan;
    int64_t alive = now - child->started_ms;
    if (!plan->is_task && alive >= plan->settle_ms && (plan->is_ready == NULL || plan->is_ready(plan->context))) {
        child->state = CHILD_READY;
        child->waits = 0;
        log_say(LOG_INFO, "child.ready", LOG_TEXT("child", plan->name), LOG_NUMBER("after_ms", alive));
        return;
    }
    if (alive < SLOW_START_MS || child->was_slow)
        return;
    child->was_slow = true;
    log_say(LOG_WARNING, "child.slow", LOG_TEXT("child", plan->name), LOG_TEXT("reason", "it is not ready after a minute"));
}

static void send_stop(struct child *child, int64_t now) {
    const int steps[] = {child->plan->stop_signal, child->plan->hard_stop_signal, SIGKILL};
    unsigned step = child->hardness < 2 ? child->hardness : 2;
    if (step > 0)
        log_say(LOG_WARNING, "child.slow-stop", LOG_TEXT("child", child->plan->name), LOG_NUMBER("signal", steps[step]));
    kill(step == 2 ? -child->pid : child->pid, steps[step]);
    child->state = CHILD_STOPPING;
    child->due_ms = now + (step == 0 ? child->plan->stop_ms : HARD_STOP_MS);
    child->hardness++;
}

static void advance_child(struct supervisor *supervisor, struct child *child, int64_t now) {
    if (child->state == CHILD_WAITING && !child->is_done && now >= child->due_ms && needs_are_met(supervisor, child))
        start_child(supervisor, child);
    else if (child->state == CHILD_STARTED)
        look_whether_ready(child, now);
    else if (child->state == CHILD_STOPPING && now >= child->due_ms)
        send_stop(child, now);
}

/* Last first, one after the other: a child is told to stop when all that may need it are gone. */
static void advance_stop(struct supervisor *supervisor, int64_t now) {
    for (size_t i = supervisor->count; i-- > 0;) {
        struct child *child = &supervisor->children[i];
        if (child->pid == 0)
            continue;
        if (child->state != CHILD_STOPPING || now >= child->due_ms)
            send_stop(child, now);
        return;
    }
}

static bool all_are_ready(const struct supervisor *supervisor) {
    for (size_t i = 0; i < supervisor->count; i++)
        if (!is_ready(&supervisor->children[i]))
            return false;
    return true;
}

static bool all_are_gone(const struct supervisor *supervisor) {
    for (size_t i = 0; i < supervisor->count; i++)
        if (supervisor->children[i].pid != 0)
            return false;
    return true;
}

static void tell_ready(struct supervisor *supervisor) {
    if (supervisor->told_ready || !all_are_ready(supervisor))
        return;
    supervisor->told_ready = true;
    sd_notifyf(0, "READY=1\nSTATUS=%zu programs run", supervisor->count);
    log_say(LOG_NOTICE, "service.ready", LOG_NUMBER("pid", getpid()));
    if (supervisor->options->ready != NULL)
        supervisor->options->ready(supervisor->options->context);
}

static void say_how(const siginfo_t *info, char *ret_how, size_t size) {
    if (info->si_code == CLD_EXITED)
        snprintf(ret_how, size, "exit code %d", info->si_status);
    else
        snprintf(ret_how, size, "signal %d, %s", info->si_status, strsignal(info->si_status));
}

static void note_end(struct supervisor *supervisor, struct child *child, const siginfo_t *info) {
    char how[80];
    bool was_asked = child->state == CHILD_STOPPING;
    bool ended_well = info->si_code == CLD_EXITED && info->si_status == 0;
    child->pid = 0;
    if (child->plan->is_task && ended_well) {
        child->is_done = true;
        child->state = CHILD_WAITING;
        return;
    }
    say_how(info, how, sizeof how);
    if (was_asked) { /* to make way for a new start with new settings, or for good */
        child->state = CHILD_WAITING;
        child->due_ms = 0;
    }
    if (was_asked || supervisor->is_stopping)
        log_say(LOG_INFO, "child.stopped", LOG_TEXT("child", child->plan->name), LOG_TEXT("how", how));
    else if (info->si_code == CLD_EXITED && info->si_status == EX_UNAVAILABLE)
        note_wait(child, "what it needs is out of reach");
    else if (info->si_code == CLD_EXITED && info->si_status == EX_CONFIG)
        note_refusal(supervisor, child);
    else if (child->plan->starves != NULL && child->plan->starves(child->plan->context) != NULL)
        note_wait(child, child->plan->starves(child->plan->context));
    else
        note_death(supervisor, child, how);
}

/* Whatever a dead leader left in its group (readers, back-ends, hooks) goes with it; before it is reaped its number cannot belong to
 * anybody else. */
static void reap(struct supervisor *supervisor) {
    for (size_t i = 0; i < supervisor->count; i++) {
        struct child *child = &supervisor->children[i];
        siginfo_t info = {0};
        if (child->pid == 0 || waitid(P_PID, (id_t) child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            continue;
        kill(-child->pid, SIGKILL);
        (void) waitid(P_PID, (id_t) child->pid, &info, WEXITED);
        note_end(supervisor, child, &info);
    }
}

/* In a container the service may be process 1, to whom everybody's orphans fall: readers of a killed monitor, what a hook left. */
static void reap_orphans(const struct supervisor *supervisor) {
    for (unsigned i = 0; i < ORPHANS_AT_ONCE; i++) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return;
        for (size_t known = 0; known < supervisor->count; known++)
            if (supervisor->children[known].pid == info.si_pid)
                return; /* it ended just now: its own signal is on the way */
        (void) waitid(P_PID, (id_t) info.si_pid, &info, WEXITED | WNOHANG);
    }
}

static void reload_child(struct child *child) {
    if (child->pid == 0)
        return;
    if (child->plan->on_reload == RELOAD_SIGNAL)
        kill(child->pid, SIGHUP);
    if (child->plan->on_reload == RELOAD_RESTART && child->state != CHILD_STOPPING)
        send_stop(child, clock_monotonic_ms());
}

static void reload(struct supervisor *supervisor) {
    struct reason why = {""};
    const struct supervisor_options *options = supervisor->options;
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long) clock_monotonic_ms() * 1000);
    result outcome = options->reload == NULL ? OK : options->reload(options->context, &why);
    if (outcome != OK)
        log_say(LOG_ERROR, "settings.refused", LOG_FAULT(outcome), LOG_TEXT("reason", why.text),
                LOG_TEXT("consequence", "the service goes on with the settings that it had"));
    for (size_t i = 0; outcome == OK && i < supervisor->count; i++)
        reload_child(&supervisor->children[i]);
    if (outcome == OK)
        log_say(LOG_NOTICE, "settings.reloaded", LOG_NUMBER("pid", getpid()));
    sd_notify(0, supervisor->told_ready ? "READY=1" : "STATUS=starting");
}

static void take_signals(struct supervisor *supervisor) {
    struct signalfd_siginfo info;
    while (read(supervisor->signals, &info, sizeof info) == (ssize_t) sizeof info) {
        if (info.ssi_signo == SIGHUP && !supervisor->is_stopping)
            reload(supervisor);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            begin_stop(supervisor);
    }
    reap(supervisor);
    reap_orphans(supervisor);
}

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t next_wake(const struct supervisor *supervisor, int64_t now) {
    int64_t wake = now + 10000;
    if (supervisor->watchdog_ms > 0)
        wake = earlier(wake, supervisor->watchdog_due_ms);
    for (size_t i = 0; i < supervisor->count; i++) {
        const struct child *child = &supervisor->children[i];
        if (child->state == CHILD_STARTED)
            wake = earlier(wake, now + READY_POLL_MS);
        else if (child->state == CHILD_STOPPING || (child->state == CHILD_WAITING && !child->is_done && child->due_ms > now))
            wake = earlier(wake, child->due_ms);
    }
    return wake > now ? wake - now : 0;
}

static void feed_watchdog(struct supervisor *supervisor, int64_t now) {
    if (supervisor->watchdog_ms == 0 || now < supervisor->watchdog_due_ms)
        return;
    sd_notify(0, "WATCHDOG=1");
    supervisor->watchdog_due_ms = now + supervisor->watchdog_ms / 2;
}

static void turn(struct supervisor *supervisor) {
    int64_t now = clock_monotonic_ms();
    if (supervisor->is_stopping) {
        advance_stop(supervisor, now);
    } else {
        for (size_t i = 0; i < supervisor->count && !supervisor->is_stopping; i++)
            advance_child(supervisor, &supervisor->children[i], now);
        tell_ready(supervisor);
    }
    feed_watchdog(supervisor, now);
    if (supervisor->options->idle != NULL)
        supervisor->options->idle(supervisor->options->context);
}

static result open_signals(int *ret_signals) {
    sigset_t wanted;
    sigemptyset(&wanted);
    const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&wanted, numbers[i]);
    if (sigprocmask(SIG_BLOCK, &wanted, NULL) != 0)
        return &fault_supervisor_signals;
    int signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals < 0)
        return fault_of_errno(errno, &fault_supervisor_signals);
    *ret_signals = signals;
    return OK;
}

static void set_watchdog(struct supervisor *supervisor) {
    uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) > 0)
        supervisor->watchdog_ms = (int64_t) (microseconds / 1000);
}

result supervisor_run(const struct supervisor_options *options, struct reason *reason) {
    struct supervisor supervisor = {.options = options, .count = options->count, .reason = reason, .outcome = OK};
    if (options->count > SUPERVISED_MAX)
        return &fault_limit_reached;
    TRY(open_signals(&supervisor.signals));
    for (size_t i = 0; i < options->count; i++)
        supervisor.children[i] = (struct child){.plan = &options->plans[i]};
    set_watchdog(&supervisor);
    forget_last_words(&supervisor);
    sd_notify(0, "STATUS=starting");
    for (;;) {
        turn(&supervisor);
        if (supervisor.is_stopping && all_are_gone(&supervisor))
            break;
        struct pollfd watched = {.fd = supervisor.signals, .events = POLLIN};
        if (poll(&watched, 1, (int) next_wake(&supervisor, clock_monotonic_ms())) > 0)
            take_signals(&supervisor);
    }
    close(supervisor.signals);
    forget_last_words(&supervisor);
    return supervisor.outcome;
}
