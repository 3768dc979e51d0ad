#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/text.h"
#include "supervisor/service_lock.h"
#include "supervisor/state_folder.h"
#include "supervisor/supervisor.h"

/* Stand-in programs are shell scripts that write one line per event into $EVENTS. */
static char folder[64];
static char events_path[128];
static char events_variable[160];
static const char *const environment[] = {events_variable, "PATH=/usr/bin:/bin", NULL};
static const struct restart_policy quick = {.first_ms = 20, .cap_ms = 40, .deaths_max = 5, .window_ms = 60000};

static int make_folder(void **state) {
    (void) state;
    log_init("test", LOG_ERROR, true);
    snprintf(folder, sizeof folder, "/tmp/pinwatch-supervisor-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(events_path, sizeof events_path, "%s/events", folder);
    snprintf(events_variable, sizeof events_variable, "EVENTS=%s", events_path);
    return 0;
}

static int remove_folder(void **state) {
    char path[200];
    (void) state;
    unlink(events_path);
    snprintf(path, sizeof path, "%s/pinwatch.pid", folder);
    unlink(path);
    return rmdir(folder);
}

static int forget_events(void **state) {
    (void) state;
    unlink(events_path);
    return 0;
}

static void pause_ms(long ms) {
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static void read_events(char *text, size_t size) {
    FILE *file = fopen(events_path, "r");
    size_t count = file == NULL ? 0 : fread(text, 1, size - 1, file);
    text[count] = '\0';
    if (file != NULL)
        fclose(file);
}

static void await_event(const char *wanted) {
    char text[4000];
    for (int i = 0; i < 500; i++) {
        read_events(text, sizeof text);
        if (strstr(text, wanted) != NULL)
            return;
        pause_ms(10);
    }
    fail_msg("no '%s' within five seconds, only:\n%s", wanted, text);
}

/* Waits until `second` is there behind `first`; other children may speak in between. */
static void await_event_after(const char *first, const char *second) {
    char text[4000];
    for (int i = 0; i < 500; i++) {
        read_events(text, sizeof text);
        const char *begin = strstr(text, first);
        if (begin != NULL && strstr(begin, second) != NULL)
            return;
        pause_ms(10);
    }
    fail_msg("no '%s' after '%s' within five seconds, only:\n%s", second, first, text);
}

static int number_after(const char *text, const char *word) {
    uint64_t number = 0;
    const char *digits = strstr(text, word) + strlen(word);
    assert_ptr_equal(text_to_number(span_of(digits, strspn(digits, "0123456789")), INT32_MAX, &number), OK);
    return (int) number;
}

#define SCRIPT(name_, script_) \
    .name = (name_), .program = "/bin/sh", .arguments = (const char *const[]){"sh", "-c", (script_), (name_), NULL}, \
    .environment = environment, .restart = &quick, .stop_signal = SIGTERM, .death_signal = SIGKILL, .hard_stop_signal = SIGKILL, \
    .stop_ms = 5000

#define LIVES \
    "trap 'echo $0 ends >>$EVENTS; exit 0' TERM; trap 'echo $0 reloads >>$EVENTS' HUP; echo $0 starts >>$EVENTS;" \
    " while :; do sleep 0.02; done"

static result accept_reload(void *context, struct reason *reason) {
    (void) context, (void) reason;
    return OK;
}

static result refuse_reload(void *context, struct reason *reason) {
    (void) context;
    return reason_set(reason, &fault_settings_value, "refused");
}

static void say_ready(void *context) {
    (void) context;
    FILE *file = fopen(events_path, "a");
    fputs("all ready\n", file);
    fclose(file);
}

/* Exit code of the supervising process: 0 OK, 1 died too often, 2 anything else. */
static pid_t supervise(const struct child_plan *plans, size_t count, result (*reload)(void *, struct reason *)) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct reason reason = {""};
    const struct supervisor_options options = {.plans = plans, .count = count, .reload = reload, .ready = say_ready};
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    result outcome = supervisor_run(&options, &reason);
    _exit(outcome == OK ? 0 : outcome == &fault_supervisor_deaths ? 1 : 2);
}

static int end_of(pid_t pid) {
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void children_start_after_what_they_need_and_stop_in_reverse(void **state) {
    (void) state;
    const struct child_plan plans[] = {
        {SCRIPT("first", LIVES), .needs = "", .settle_ms = 50},
        {SCRIPT("task", "echo task runs >>$EVENTS"), .needs = "first", .is_task = true},
        {SCRIPT("second", LIVES), .needs = "task", .settle_ms = 50},
        {SCRIPT("third", LIVES), .needs = "second", .settle_ms = 50},
    };
    char text[1000];
    pid_t pid = supervise(plans, 4, accept_reload);
    await_event("all ready");
    kill(pid, SIGTERM);
    assert_int_equal(end_of(pid), 0);
    read_events(text, sizeof text);
    assert_string_equal(text, "first starts\ntask runs\nsecond starts\nthird starts\nall ready\nthird ends\nsecond ends\nfirst ends\n");
}

static void a_child_that_dies_is_started_again(void **state) {
    (void) state;
    const struct child_plan plans[] = {
        {SCRIPT("frail", "echo $0 starts >>$EVENTS; [ $(grep -c starts $EVENTS) -gt 2 ] || kill -9 $$; echo survives >>$EVENTS;"
                         "exec sleep 100"),
         .needs = "", .settle_ms = 300}};
    pid_t pid = supervise(plans, 1, accept_reload);
    await_event("survives");
    kill(pid, SIGTERM);
    assert_int_equal(end_of(pid), 0);
}

static void five_deaths_within_the_window_stop_the_service_and_its_other_children(void **state) {
    (void) state;
    const struct child_plan plans[] = {
        {SCRIPT("steady", LIVES), .needs = "", .settle_ms = 50},
        {SCRIPT("dying", "echo dying starts >>$EVENTS; exit 3"), .needs = "steady", .settle_ms = 1000},
    };
    char text[1000];
    pid_t pid = supervise(plans, 2, accept_reload);
    assert_int_equal(end_of(pid), 1);
    read_events(text, sizeof text);
    assert_string_equal(text, "steady starts\ndying starts\ndying starts\ndying starts\ndying starts\ndying starts\nsteady ends\n");
}

static void a_child_whose_database_is_out_of_reach_is_tried_for_as_long_as_that_lasts(void **state) {
    (void) state;
    const struct child_plan plans[] = {
        {SCRIPT("waiting", "echo $0 starts >>$EVENTS; [ $(grep -c starts $EVENTS) -gt 8 ] || exit 69; echo got it >>$EVENTS; exec sleep 100"),
         .needs = "", .settle_ms = 300}};
    pid_t pid = supervise(plans, 1, accept_reload);
    await_event("got it");
    kill(pid, SIGTERM);
    assert_int_equal(end_of(pid), 0);
}

static void a_program_that_is_not_there_counts_as_a_death(void **state) {
    (void) state;
    struct child_plan plan = {SCRIPT("absent", ""), .needs = ""};
    plan.program = "/nonexistent/program";
    assert_int_equal(end_of(supervise(&plan, 1, accept_reload)), 1);
}

static void a_child_that_ignores_sigterm_is_killed_after_its_time(void **state) {
    (void) state;
    struct child_plan plan = {SCRIPT("deaf", "trap '' TERM; echo deaf starts >>$EVENTS; while :; do sleep 0.02; done"), .needs = "",
                              .settle_ms = 20};
    plan.stop_ms = 100;
    pid_t pid = supervise(&plan, 1, accept_reload);
    await_event("all ready");
    kill(pid, SIGTERM);
    assert_int_equal(end_of(pid), 0);
}

static void sighup_reaches_or_restarts_children_unless_the_settings_are_refused(void **state) {
    (void) state;
    const struct child_plan plans[] = {
        {SCRIPT("hears", LIVES), .needs = "", .settle_ms = 50, .on_reload = RELOAD_SIGNAL},
        {SCRIPT("renewed", LIVES), .needs = "", .settle_ms = 50, .on_reload = RELOAD_RESTART},
        {SCRIPT("quiet", LIVES), .needs = "", .settle_ms = 50},
    };
    char text[1000];
    pid_t pid = supervise(plans, 3, accept_reload);
    await_event("all ready");
    kill(pid, SIGHUP);
    await_event("hears reloads");
    await_event_after("renewed ends\n", "renewed starts\n");
    kill(pid, SIGTERM);
    assert_int_equal(end_of(pid), 0);
    read_events(text, sizeof text);
    assert_null(strstr(text, "quiet reloads"));
    unlink(events_path);
    pid = supervise(plans, 3, refuse_reload);
    await_event("all ready");
    kill(pid, SIGHUP);
    pause_ms(200);
    kill(pid, SIGTERM);
    assert_int_equal(end_of(pid), 0);
    read_events(text, sizeof text);
    assert_null(strstr(text, "reloads"));
    assert_null(strstr(strstr(text, "renewed starts") + 1, "renewed starts"));
}

/* Within two seconds; a zombie that nobody has reaped is gone too. */
static bool is_gone(int pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    for (int i = 0; i < 200; i++) {
        char word[8] = "";
        int file = open(path, O_RDONLY);
        ssize_t size = file < 0 ? 0 : read(file, word, sizeof word);
        close(file);
        if (size <= 0)
            return true;
        pause_ms(10);
    }
    return false;
}

static void what_a_dead_child_left_in_its_group_goes_with_it(void **state) {
    (void) state;
    const struct child_plan plans[] = {
        {SCRIPT("parent", "[ -e $EVENTS ] && exec sleep 100; (sleep 100; echo survived >>$EVENTS) & echo orphan $! >>$EVENTS; exit 1"),
         .needs = "", .settle_ms = 100}};
    char text[1000];
    pid_t pid = supervise(plans, 1, accept_reload);
    await_event("all ready");
    read_events(text, sizeof text);
    int orphan = number_after(text, "orphan ");
    assert_true(orphan > 1);
    assert_true(is_gone(orphan));
    kill(pid, SIGTERM);
    assert_int_equal(end_of(pid), 0);
}

static void children_die_with_a_supervisor_that_is_killed(void **state) {
    (void) state;
    const struct child_plan plans[] = {{SCRIPT("child", "echo pid $$ >>$EVENTS; exec sleep 100"), .needs = "", .settle_ms = 20}};
    char text[1000];
    pid_t pid = supervise(plans, 1, accept_reload);
    await_event("all ready");
    read_events(text, sizeof text);
    int child = number_after(text, "pid ");
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(is_gone(child));
}

static void a_child_inherits_no_descriptor_and_only_the_environment_of_its_plan(void **state) {
    (void) state;
    int leaked = open("/dev/null", O_RDONLY);
    assert_true(dup2(leaked, 77) == 77);
    setenv("LEAKED", "yes", 1);
    const struct child_plan plans[] = {
        {SCRIPT("bare", "echo fd77 $([ -e /proc/self/fd/77 ] && echo open || echo closed) leaked=$LEAKED. >>$EVENTS; exec sleep 100"),
         .needs = "", .settle_ms = 20}};
    pid_t pid = supervise(plans, 1, accept_reload);
    await_event("fd77 closed leaked=.");
    kill(pid, SIGTERM);
    assert_int_equal(end_of(pid), 0);
    close(leaked);
    close(77);
}

static bool has_entry(const char *const *list, const char *entry) {
    for (; *list != NULL; list++)
        if (strcmp(*list, entry) == 0)
            return true;
    return false;
}

static void secrets_reach_only_who_asks_for_them(void **state) {
    (void) state;
    struct arena *arena = arena_new(1u << 20);
    setenv("PINWATCH_SECRET_MAIL", "hush", 1);
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
    setenv("LD_PRELOAD_X", "no", 1);
    setenv("https_proxy", "http://proxy:3128", 1);
    const char *const *without = child_environment(arena, &(struct child_settings){"/s.yaml", "/copy"}, false);
    const char *const *with = child_environment(arena, &(struct child_settings){"/s.yaml", "/copy"}, true);
    assert_true(has_entry(without, "PINWATCH_CONFIG=/s.yaml"));
    assert_true(has_entry(without, "https_proxy=http://proxy:3128"));
    assert_false(has_entry(without, "PINWATCH_SECRET_MAIL=hush"));
    assert_false(has_entry(without, "CREDENTIALS_DIRECTORY=/run/credentials/x"));
    assert_false(has_entry(without, "LD_PRELOAD_X=no"));
    assert_true(has_entry(with, "PINWATCH_SECRET_MAIL=hush"));
    assert_true(has_entry(with, "CREDENTIALS_DIRECTORY=/run/credentials/x"));
    unsetenv("PINWATCH_SECRET_MAIL");
    unsetenv("CREDENTIALS_DIRECTORY");
    unsetenv("https_proxy");
    arena_free(arena);
}

static void a_second_service_on_one_state_folder_is_refused_with_the_first_ones_pid(void **state) {
    (void) state;
    struct reason reason = {""};
    int lock = -1, second = -1;
    char wanted[64];
    assert_int_equal(service_lock_holder(folder, &reason), 0);
    assert_ptr_equal(service_lock_take(folder, &lock, &reason), OK);
    assert_int_equal(service_lock_holder(folder, &reason), getpid());
    assert_ptr_equal(service_lock_take(folder, &second, &reason), &fault_service_running);
    assert_int_equal(second, -1);
    snprintf(wanted, sizeof wanted, "process id %d ", (int) getpid());
    assert_non_null(strstr(reason.text, wanted));
    close(lock);
    assert_int_equal(service_lock_holder(folder, &reason), 0);
    assert_ptr_equal(service_lock_take(folder, &lock, &reason), OK);
    close(lock);
}

static void a_state_folder_is_made_private_and_refused_when_it_is_open(void **state) {
    (void) state;
    char state_path[128], secrets[160], hooks[160], parent[100];
    struct reason reason = {""};
    struct stat status;
    snprintf(parent, sizeof parent, "%s/deep", folder);
    snprintf(state_path, sizeof state_path, "%s/state", parent);
    snprintf(secrets, sizeof secrets, "%s/secrets", state_path);
    snprintf(hooks, sizeof hooks, "%s/hooks.d", state_path);
    const struct settings settings = {.state_folder = state_path, .secrets_folder = secrets, .hooks_folder = hooks};
    assert_ptr_equal(state_folder_prepare(&settings, &reason), OK);
    assert_ptr_equal(state_folder_prepare(&settings, &reason), OK);
    assert_int_equal(stat(state_path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(stat(secrets, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(chmod(state_path, 0750), 0);
    assert_ptr_equal(state_folder_prepare(&settings, &reason), &fault_state_folder);
    assert_non_null(strstr(reason.text, "mode 0750 lets others in, wanted 0700"));
    rmdir(hooks);
    rmdir(secrets);
    rmdir(state_path);
    rmdir(parent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(children_start_after_what_they_need_and_stop_in_reverse, forget_events),
        cmocka_unit_test_setup(a_child_that_dies_is_started_again, forget_events),
        cmocka_unit_test_setup(five_deaths_within_the_window_stop_the_service_and_its_other_children, forget_events),
        cmocka_unit_test_setup(a_child_whose_database_is_out_of_reach_is_tried_for_as_long_as_that_lasts, forget_events),
        cmocka_unit_test_setup(a_program_that_is_not_there_counts_as_a_death, forget_events),
        cmocka_unit_test_setup(a_child_that_ignores_sigterm_is_killed_after_its_time, forget_events),
        cmocka_unit_test_setup(sighup_reaches_or_restarts_children_unless_the_settings_are_refused, forget_events),
        cmocka_unit_test_setup(what_a_dead_child_left_in_its_group_goes_with_it, forget_events),
        cmocka_unit_test_setup(children_die_with_a_supervisor_that_is_killed, forget_events),
        cmocka_unit_test_setup(a_child_inherits_no_descriptor_and_only_the_environment_of_its_plan, forget_events),
        cmocka_unit_test(secrets_reach_only_who_asks_for_them),
        cmocka_unit_test(a_second_service_on_one_state_folder_is_refused_with_the_first_ones_pid),
        cmocka_unit_test(a_state_folder_is_made_private_and_refused_when_it_is_open),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
