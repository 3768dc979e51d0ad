#include "supervisor/service.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define ORPHANS_END_MS 5000
/* A fast stop that meets a crash recovery can wait for ever (PostgreSQL 15: the end of recovery wants a checkpoint from a process that has been
 * stopped already); an immediate one costs another recovery and loses nothing. */
#define POSTGRES_STOP_MS 20000

FAULT(fault_service_program, FAULT_SETTINGS, "service.program", "installation", "", "a program of pinwatch is missing",
      "all programs in one folder or installed");

static const struct restart_policy restart_policy = {
    .first_ms = 500, .cap_ms = 30000, .jitter_percent = 25, .deaths_max = 5, .window_ms = 300000};

struct builder {
    const struct settings *settings;
    struct arena *arena;
    struct service *service;
    struct reason *reason;
    struct child_settings child_settings;
};

static bool postgres_listens(void *context) {
    return private_postgres_is_listening(context);
}

/* A postmaster that died alone must not be followed by one that cannot start, for what it left or because another process bears its number
 * by now. What cannot be cleared away PostgreSQL itself tells of, and is tried again. */
static void clear_the_way(void *context) {
    struct reason why = {""};
    if (private_postgres_end_orphans(context, PRIVATE_POSTGRES_DATA, ORPHANS_END_MS) && private_postgres_forget_dead(context, &why) != OK)
        log_say(LOG_WARNING, "postgres.left-behind", LOG_TEXT("reason", why.text));
}

static const char *postgres_starves(void *context) {
    return private_postgres_has_room(context) ? NULL : "the disk is full: free some room in the state folder, and it goes on by itself";
}

static result add_postgres(const struct builder *builder) {
    struct service *service = builder->service;
    TRY(private_postgres_command(builder->settings, &service->postgres, builder->reason));
    service->postgres.arguments[0] = service->postgres.program; /* postgres finds its own files by it: there is no PATH */
    union {
        const struct settings *borrowed;
        void *context;
    } settings = {.borrowed = builder->settings};
    service->plans[service->count++] = (struct child_plan){
        .name = "postgres", .program = service->postgres.program, .arguments = service->postgres.arguments,
        .environment = service->postgres.environment, .needs = "", .restart = &restart_policy,
        .stop_signal = service->postgres.stop_signal, .death_signal = SIGQUIT, /* nobody is there to see a fast stop hang */
        .hard_stop_signal = SIGQUIT, .stop_ms = POSTGRES_STOP_MS, .prepare = clear_the_way, .is_ready = postgres_listens, .starves = postgres_starves, .context = settings.context};
    return OK;
}

static const char *const *make_arguments(struct arena *arena, const char *const *words, size_t count) {
    const char **arguments = arena_take_array(arena, count + 1, sizeof *arguments);
    for (size_t i = 0; arguments != NULL && i < count; i++)
        arguments[i] = words[i];
    return arguments;
}

static result add_schema(const struct builder *builder) {
    struct service *service = builder->service;
    const char *needs = service->count > 0 ? "postgres" : "";
    const char *const words[] = {"pinwatch", "init", "--schema-only", "--config", settings_path(builder->settings)};
    struct child_plan plan = {
        .name = "schema", .program = program_self(builder->arena), .arguments = make_arguments(builder->arena, words, 5),
        .environment = child_environment(builder->arena, &builder->child_settings, false), .needs = needs,
        .restart = &restart_policy, .is_task = true, .stop_signal = SIGTERM, .death_signal = SIGKILL,
        .hard_stop_signal = SIGKILL, .stop_ms = 30000};
    if (plan.program == NULL || plan.arguments == NULL || plan.environment == NULL)
        return &fault_no_memory;
    service->plans[service->count++] = plan;
    return OK;
}

/* What the programs of our own have in common; the rest is filled in by the caller. */
static result fill_program(const struct builder *builder, const char *file, bool with_secrets, struct child_plan *ret_plan) {
    const char *program = program_find(builder->arena, file);
    result absent = program != NULL ? OK : fault_of_errno(errno, &fault_service_program);
    *ret_plan = (struct child_plan){
        .program = program, .needs = "schema", .restart = &restart_policy,
        .environment = child_environment(builder->arena, &builder->child_settings, with_secrets),
        .stop_signal = SIGTERM, .death_signal = SIGKILL, .hard_stop_signal = SIGKILL, .stop_ms = 15000, .settle_ms = 300};
    if (absent != OK && absent != &fault_service_program)
        return reason_set(builder->reason, absent, "%s: cannot be looked for now", file);
    if (absent != OK)
        return reason_set(builder->reason, absent, "%s: is neither beside this program nor in %s, wanted it installed",
                          file, PINWATCH_INSTALL_LIBEXEC);
    return ret_plan->environment == NULL ? &fault_no_memory : OK;
}

static result add_plan(const struct builder *builder, const struct child_plan *plan) {
    if (plan->arguments == NULL)
        return &fault_no_memory;
    builder->service->plans[builder->service->count++] = *plan;
    return OK;
}

/* Its socket for orders takes connections only after its logs are served. */
static bool drill_listens(void *context) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = context;
    size_t size = strlen(path);
    if (size >= sizeof address.sun_path)
        return true; /* the drill itself says what is wrong */
    memcpy(address.sun_path, path, size + 1);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_open = client >= 0 && connect(client, (const struct sockaddr *) &address, sizeof address) == 0;
    if (client >= 0)
        close(client);
    return is_open;
}

static result add_drill(const struct builder *builder) {
    struct child_plan plan;
    const char *folder = arena_printf(builder->arena, "%s/drill", builder->settings->state_folder);
    const char *port = arena_printf(builder->arena, "%u", builder->settings->drill_port);
    char *socket_path = arena_printf(builder->arena, "%s/drill/orders.sock", builder->settings->state_folder);
    if (folder == NULL || port == NULL || socket_path == NULL)
        return &fault_no_memory;
    const char *const words[] = {"pinwatch-drill", "serve", "--folder", folder, "--port", port};
    TRY(fill_program(builder, words[0], false, &plan));
    plan.name = "drill";
    plan.arguments = make_arguments(builder->arena, words, sizeof words / sizeof words[0]);
    plan.is_ready = drill_listens;
    plan.context = socket_path;
    return add_plan(builder, &plan);
}

static result add_alerts(const struct builder *builder) {
    struct child_plan plan;
    const char *const words[] = {"pinwatch-alerts", "--config", settings_path(builder->settings)};
    TRY(fill_program(builder, words[0], true, &plan));
    plan.name = "alerts";
    plan.on_reload = RELOAD_RESTART;
    plan.arguments = make_arguments(builder->arena, words, sizeof words / sizeof words[0]);
    return add_plan(builder, &plan);
}

/* Its deaths end nothing else: anybody may send it anything. */
static const struct restart_policy reports_policy = {.first_ms = 500, .cap_ms = 30000, .jitter_percent = 25, .deaths_max = UINT_MAX, .window_ms = 300000};

static result add_reports(const struct builder *builder) {
    struct child_plan plan;
    const char *const words[] = {"pinwatch-reports", "--config", settings_path(builder->settings)};
    TRY(fill_program(builder, words[0], false, &plan));
    plan.name = "reports";
    plan.restart = &reports_policy;
    plan.on_reload = RELOAD_RESTART;
    plan.arguments = make_arguments(builder->arena, words, sizeof words / sizeof words[0]);
    return add_plan(builder, &plan);
}

static result add_monitor(const struct builder *builder) {
    struct child_plan plan;
    const char *const words[] = {"pinwatch-monitor", "--config", settings_path(builder->settings)};
    TRY(fill_program(builder, words[0], false, &plan));
    plan.name = "monitor";
    plan.needs = builder->settings->has_drill ? "drill" : "schema";
    plan.on_reload = RELOAD_SIGNAL;
    plan.arguments = make_arguments(builder->arena, words, sizeof words / sizeof words[0]);
    return add_plan(builder, &plan);
}

result service_build(const struct settings *settings, const char *settings_copy, struct arena *arena, struct service *service,
                     struct reason *reason) {
    const struct builder builder = {settings, arena, service, reason, {settings_path(settings), settings_copy}};
    *service = (struct service){0};
    if (private_postgres_is_wanted(settings))
        TRY(add_postgres(&builder));
    TRY(add_schema(&builder));
    if (settings->has_drill)
        TRY(add_drill(&builder));
    TRY(add_alerts(&builder));
    if (settings->reports_address[0] != '\0')
        TRY(add_reports(&builder));
    return add_monitor(&builder);
}
