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
#define CONFIGURED_MAX 1000 /* as many as settings may name */

struct known_logs {
    struct chosen_log *logs;
    size_t count;
};

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

static bool is_among(const struct hash *log_id, const struct chosen_log *logs, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (hash_equal(&logs[i].log.log_id, log_id))
            return true;
    return false;
}

static result tell_not_followed(struct monitor *monitor, const struct hash *log_id, bool is_over, const char *detail) {
    CLEANUP(buffer_done) struct buffer evidence = buffer_with_limit(1024);
    buffer_printf(&evidence, "{\"detail\":\"%s\"}", detail);
    TRY(buffer_check(&evidence));
    struct log_event event = {.rule = "log.not-followed", .is_over = is_over, .detail = "", .evidence = buffer_text(&evidence),
                              .now_ms = clock_wall_ms()};
    return monitor_tell(monitor, log_id, &event);
}

/* A log that a list named and no list names any more: nobody said that it is retired. What comes back, or is said to be retired,
 * is over. */
static result tell_dropped(struct monitor *monitor, const struct known_logs *before, const struct known_logs *now) {
    for (size_t i = 0; i < before->count; i++) {
        const struct chosen_log *log = &before->logs[i];
        if ((log->sources & (SOURCE_CHROME | SOURCE_APPLE)) == 0 || is_among(&log->log.log_id, now->logs, now->count))
            continue;
        log_say(LOG_WARNING, "log.dropped", LOG_TEXT("log", log->log.description), LOG_TEXT("why", log->reason));
        TRY(tell_not_followed(monitor, &log->log.log_id, false, "it was followed, and no list or setting names it any more"));
    }
    for (size_t i = 0; i < now->count; i++)
        if (!is_among(&now->logs[i].log.log_id, before->logs, before->count))
            TRY(tell_not_followed(monitor, &now->logs[i].log.log_id, true, "a list or the settings name it"));
    return OK;
}

static bool is_followed(const struct hash *log_id, const struct known_logs *logs) {
    for (size_t i = 0; i < logs->count; i++)
        if (logs->logs[i].is_followed && hash_equal(&logs->logs[i].log.log_id, log_id))
            return true;
    return false;
}

/* Before the choice is written down: also of a log that a list dropped while no monitor was there to let go of it. */
static result end_conditions(struct monitor *monitor, const struct known_logs *before, const struct known_logs *now) {
    for (size_t i = 0; i < before->count; i++) {
        const struct hash *log_id = &before->logs[i].log.log_id;
        if (is_followed(log_id, now))
            continue;
        TRY(monitor_end_conditions(monitor, log_id));
        if (is_among(log_id, now->logs, now->count)) /* nobody says any more that it should be followed */
            TRY(tell_not_followed(monitor, log_id, true, "the lists do not want it followed any more"));
    }
    return OK;
}

/* While a list is not at hand, what it named last stands in for it; NULL where nothing is known, or the list is not used. */
static struct log_list *remembered_list(const struct known_logs *before, enum log_source source, struct arena *arena) {
    struct log_list *list = arena_take(arena, sizeof *list);
    struct listed_log *logs = arena_take_array(arena, before->count + 1, sizeof *logs);
    if (list == NULL || logs == NULL)
        return NULL;
    *list = (struct log_list){.version = "", .logs = logs};
    for (size_t i = 0; i < before->count; i++)
        if (before->logs[i].sources & source) {
            logs[list->count] = before->logs[i].log;
            logs[list->count].is_state_unknown |= logs[list->count].state == LOG_STATE_NONE; /* it was followed */
            list->count++;
        }
    return list->count > 0 ? list : NULL;
}

static void add_lists(const struct monitor *monitor, const struct known_logs *before, struct arena *arena, struct log_choice_input *input) {
    const struct settings *settings = monitor->settings;
    bool uses_chrome = settings->follows_public_logs && settings->chrome_list_url[0] != '\0';
    bool uses_apple = settings->follows_public_logs && settings->apple_list_url[0] != '\0';
    input->chrome = list_step_chrome(monitor->lists);
    input->apple = list_step_apple(monitor->lists);
    if (input->chrome == NULL && uses_chrome)
        input->chrome = remembered_list(before, SOURCE_CHROME, arena);
    if (input->apple == NULL && uses_apple)
        input->apple = remembered_list(before, SOURCE_APPLE, arena);
}

/* A place that no log has that is to be followed, now or later in this round. */
static struct monitor_log *free_place(struct monitor *monitor) {
    const struct known_logs chosen = {.logs = monitor->chosen, .count = monitor->chosen_count};
    for (size_t i = 0; i < monitor->log_count; i++) {
        struct monitor_log *entry = &monitor->logs[i];
        if (!entry->is_wanted && entry->follow == NULL && !is_followed(&entry->log_id, &chosen))
            return entry;
    }
    return monitor->log_count < MONITOR_LOGS_MAX ? &monitor->logs[monitor->log_count] : NULL;
}

static struct monitor_log *place_for(struct monitor *monitor, const struct hash *log_id) {
    for (size_t i = 0; i < monitor->log_count; i++)
        if (hash_equal(&monitor->logs[i].log_id, log_id))
            return &monitor->logs[i];
    struct monitor_log *entry = free_place(monitor);
    if (entry == NULL)
        return NULL;
    monitor->log_count += entry == &monitor->logs[monitor->log_count] ? 1 : 0;
    *entry = (struct monitor_log){.monitor = monitor, .log_id = *log_id};
    return entry;
}

/* New facts reach the follower; one of the other protocol starts anew. */
static void update_follower(struct monitor *monitor, struct monitor_log *entry, const struct chosen_log *chosen) {
    if (followed_log_identity(entry->follow)->log.protocol != chosen->log.protocol) {
        entry->is_lost = true;
        return;
    }
    if (followed_log_update(entry->follow, chosen) == OK)
        return;
    log_say(LOG_WARNING, "log.not-updated", LOG_TEXT("log", chosen->log.description));
    monitor->chosen_from = 0; /* all are chosen again soon */
}

static void mark_log(struct monitor *monitor, size_t at) {
    const struct chosen_log *chosen = &monitor->chosen[at];
    struct monitor_log *entry = place_for(monitor, &chosen->log.log_id);
    if (entry == NULL) {
        monitor->placeless_count++;
        log_say(LOG_ERROR, "log.no-place", LOG_TEXT("log", chosen->log.description), LOG_NUMBER("most", MONITOR_LOGS_MAX));
        if (tell_not_followed(monitor, &chosen->log.log_id, false, "more logs are named than one monitor follows") != OK)
            monitor->chosen_from = 0;
        return;
    }
    entry->is_wanted = true;
    entry->chosen = at;
    if (entry->told_place != TOLD_OVER && tell_not_followed(monitor, &entry->log_id, true, "there is room for it") != OK)
        monitor->chosen_from = 0;
    else
        entry->told_place = TOLD_OVER;
    if (entry->follow != NULL)
        update_follower(monitor, entry, chosen);
}

static void mark_logs(struct monitor *monitor) {
    for (size_t i = 0; i < monitor->log_count; i++)
        monitor->logs[i].is_wanted = false;
    monitor->placeless_count = 0;
    for (size_t i = 0; i < monitor->chosen_count; i++)
        if (monitor->chosen[i].is_followed)
            mark_log(monitor, i);
}

/* Whose servers say what time it is: those of the logs that are followed and of the lists. */
static void note_operators(struct monitor *monitor) {
    const struct settings *settings = monitor->settings;
    const char *names[MONITOR_LOGS_MAX + 2];
    size_t count = 0;
    if (settings->follows_public_logs && settings->chrome_list_url[0] != '\0')
        names[count++] = LIST_OPERATOR_CHROME;
    if (settings->follows_public_logs && settings->apple_list_url[0] != '\0')
        names[count++] = LIST_OPERATOR_APPLE;
    for (size_t i = 0; i < monitor->chosen_count && count < sizeof names / sizeof names[0]; i++)
        if (monitor->chosen[i].is_followed && (monitor->chosen[i].sources & SOURCE_DRILL) == 0)
            names[count++] = monitor->chosen[i].log.operator_name;
    world_clock_set_asked(&monitor->clock, names, count);
}

result step_choose_logs(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    uint64_t version = list_step_version(monitor->lists) + monitor->drill_version + 1;
    if (version == monitor->chosen_from) {
        if (monitor->placeless_count > 0 && free_place(monitor) != NULL) /* what had to make room has been let go of meanwhile */
            mark_logs(monitor);
        return OK;
    }
    struct arena *arena = arena_new(CHOICE_ARENA_LIMIT);
    struct chosen_log *configured = arena == NULL ? NULL : arena_take_array(arena, CONFIGURED_MAX + DRILL_FILE_LOGS_MAX, sizeof *configured);
    struct log_choice_input input = {.configured = configured, .now_ms = world_clock_time(&monitor->clock, clock_wall_ms())};
    struct known_logs before = {0};
    struct chosen_log *chosen = NULL;
    size_t count = 0;
    result fault = configured == NULL ? &fault_no_memory : OK;
    if (fault == OK)
        fault = add_configured(monitor, arena, configured, &input.configured_count);
    if (fault == OK)
        fault = store_logs_load(monitor->store, arena, &before.logs, &before.count);
    if (fault == OK) {
        add_lists(monitor, &before, arena, &input);
        input.configured_count += add_drill(monitor, configured + input.configured_count);
        fault = log_choose(&input, arena, &chosen, &count);
    }
    const struct known_logs now = {.logs = chosen, .count = count};
    if (fault == OK)
        fault = tell_dropped(monitor, &before, &now);
    if (fault == OK)
        fault = end_conditions(monitor, &before, &now);
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
    note_operators(monitor);
    arena_free(old);
    return OK;
}
