/* Which logs there are and which are followed: chosen anew whenever a list, the settings or the drill say something else. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "rules/signature.h"
#include "steps/kept_file.h"
#include "steps/monitor.h"

#define CHOICE_ARENA_LIMIT ((size_t) 64 * 1024 * 1024)
#define KEY_FILE_MAX 65536
#define CONFIGURED_MAX 128

static const char *with_slash(struct arena *arena, const char *url) {
    size_t size = strlen(url);
    return arena_printf(arena, "%s%s", url, size > 0 && url[size - 1] == '/' ? "" : "/");
}

/* A key in the settings: base64 of DER, or the path of a file. */
static result read_key(const char *given, struct arena *arena, struct span *ret_key) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(KEY_FILE_MAX);
    uint8_t der[1024];
    size_t size;
    if (given[0] == '/')
        TRY(kept_file_read(given, &text));
    else
        buffer_add_text(&text, given);
    TRY(signature_key_read(buffer_span(&text), der, &size));
    ret_key->bytes = arena_copy(arena, span_of(der, size));
    ret_key->size = size;
    return ret_key->bytes == NULL ? &fault_no_memory : OK;
}

FAULT(fault_settings_log_id, FAULT_SETTINGS, "settings.log-id", "configured log", "RFC 6962 3.2", "its key does not hash to the log_id given",
      "log_id = SHA-256 of the key");

static result configured_log(const struct settings_log *given, struct arena *arena, struct chosen_log *ret_log) {
    bool is_static = given->monitoring_url[0] != '\0';
    struct hash expected;
    *ret_log = (struct chosen_log){.sources = SOURCE_SETTINGS, .origin = given->origin, .reason = "in the settings"};
    struct listed_log *log = &ret_log->log;
    log->protocol = is_static ? LOG_STATIC_CT : LOG_RFC6962;
    log->description = given->description[0] != '\0' ? given->description : given->url;
    log->operator_name = given->operator_name;
    log->url = with_slash(arena, given->url);
    log->monitoring_url = is_static ? with_slash(arena, given->monitoring_url) : "";
    log->mmd_seconds = given->mmd_seconds;
    log->log_type = "prod";
    if (log->url == NULL || log->monitoring_url == NULL)
        return &fault_no_memory;
    TRY(read_key(given->key, arena, &log->key));
    digest_of(log->key, &log->log_id);
    if (given->log_id[0] == '\0')
        return OK;
    TRY(hash_from_base64(span_of_text(given->log_id), &expected));
    return hash_equal(&expected, &log->log_id) ? OK : &fault_settings_log_id;
}

/* Is it this machine's trouble, rather than the settings'? Then the log is not left out: all are chosen again later. */
static bool passes(result fault) {
    return fault == &fault_no_memory || fault == &fault_machine;
}

static result add_configured(struct monitor *monitor, struct arena *arena, struct chosen_log *logs, size_t *ret_count) {
    size_t count = 0;
    for (unsigned i = 0; i < monitor->settings->logs_count && count < CONFIGURED_MAX; i++) {
        const struct settings_log *given = &monitor->settings->logs[i];
        result fault = configured_log(given, arena, &logs[count]);
        if (passes(fault))
            return fault;
        if (fault == OK)
            count++;
        else
            log_say(LOG_ERROR, "log.refused", LOG_TEXT("log", given->url), LOG_FAULT(fault));
    }
    *ret_count = count;
    return OK;
}

static size_t add_drill(const struct monitor *monitor, struct chosen_log *logs) {
    if (monitor->drill_arena == NULL)
        return 0;
    for (size_t i = 0; i < monitor->drill.log_count; i++) {
        const struct drill_file_log *drill = &monitor->drill.logs[i];
        logs[i] = (struct chosen_log){.sources = SOURCE_DRILL, .origin = drill->origin, .reason = "the drill's own",
                                      .log = {.log_id = drill->log_id, .protocol = drill->protocol, .description = drill->description,
                                              .operator_name = drill->operator_name, .url = drill->url, .log_type = "prod",
                                              .monitoring_url = drill->monitoring_url, .key = drill->key, .mmd_seconds = drill->mmd_seconds}};
    }
    return monitor->drill.log_count;
}

static void mark_logs(struct monitor *monitor) {
    for (size_t i = 0; i < monitor->log_count; i++)
        monitor->logs[i].is_wanted = false;
    for (size_t i = 0; i < monitor->chosen_count; i++) {
        const struct chosen_log *chosen = &monitor->chosen[i];
        size_t at = 0;
        while (at < monitor->log_count && !hash_equal(&monitor->logs[at].log_id, &chosen->log.log_id))
            at++;
        if (at == MONITOR_LOGS_MAX || !chosen->is_followed)
            continue;
        if (at == monitor->log_count)
            monitor->logs[monitor->log_count++] = (struct monitor_log){.monitor = monitor, .log_id = chosen->log.log_id};
        monitor->logs[at].is_wanted = true;
        monitor->logs[at].chosen = i;
        if (monitor->logs[at].follow == NULL || followed_log_update(monitor->logs[at].follow, chosen) == OK)
            continue;
        log_say(LOG_WARNING, "log.not-updated", LOG_TEXT("log", chosen->log.description));
        monitor->chosen_from = 0; /* all are chosen again soon */
    }
}

result step_choose_logs(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    uint64_t version = list_step_version(monitor->lists) + monitor->drill_version + 1;
    if (version == monitor->chosen_from)
        return OK;
    struct arena *arena = arena_new(CHOICE_ARENA_LIMIT);
    struct chosen_log *configured = arena == NULL ? NULL : arena_take_array(arena, CONFIGURED_MAX + DRILL_FILE_LOGS_MAX, sizeof *configured);
    struct log_choice_input input = {.chrome = list_step_chrome(monitor->lists), .apple = list_step_apple(monitor->lists),
                                     .configured = configured, .now_ms = world_clock_time(&monitor->clock, clock_wall_ms())};
    struct chosen_log *chosen = NULL;
    size_t count = 0;
    result fault = configured == NULL ? &fault_no_memory : OK;
    if (fault == OK)
        fault = add_configured(monitor, arena, configured, &input.configured_count);
    if (fault == OK) {
        input.configured_count += add_drill(monitor, configured + input.configured_count);
        fault = log_choose(&input, arena, &chosen, &count);
    }
    if (fault == OK)
        fault = store_logs_save(monitor->store, chosen, count, clock_wall_ms());
    if (fault != OK) {
        arena_free(arena);
        return fault;
    }
    struct arena *old = monitor->chosen_arena;
    monitor->chosen_arena = arena;
    monitor->chosen = chosen;
    monitor->chosen_count = count;
    monitor->chosen_from = version;
    mark_logs(monitor);
    arena_free(old);
    return OK;
}
