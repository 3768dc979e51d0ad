/* Who follows which log: leases are taken and renewed; a log that became ours is started where the database says, one that is not ours
 * any more, or not wanted, is let go. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/monitor.h"

#define LEASE_SECONDS 60
#define POSITION_ARENA_LIMIT ((size_t) 16 * 1024 * 1024)

struct budget *monitor_budget(struct monitor *monitor, const char *operator_name) {
    for (size_t i = 0; i < monitor->operator_count; i++)
        if (strncmp(monitor->operators[i].name, operator_name, sizeof monitor->operators[i].name - 1) == 0)
            return &monitor->operators[i].budget;
    size_t at = monitor->operator_count < MONITOR_OPERATORS_MAX ? monitor->operator_count++ : MONITOR_OPERATORS_MAX - 1;
    struct monitor_operator *operator= &monitor->operators[at];
    struct budget_options options = {.transfers_max = monitor->settings->transfers_per_operator, .transfers_first = 2,
                                     .requests_per_second = monitor->settings->requests_per_second_operator};
    snprintf(operator->name, sizeof operator->name, "%s", operator_name);
    budget_init(&operator->budget, &options, at + 1, clock_monotonic_ms());
    return &operator->budget;
}

static bool starts_at_zero(const struct monitor *monitor, const struct chosen_log *chosen) {
    if (chosen->sources & SOURCE_DRILL)
        return true;
    for (unsigned i = 0; i < monitor->settings->logs_count; i++) {
        const char *url = monitor->settings->logs[i].url; /* as written: with or without the last slash */
        size_t size = strlen(url);
        bool is_start = strncmp(url, chosen->log.url, size) == 0;
        if (is_start && (chosen->log.url[size] == '\0' || strcmp(chosen->log.url + size, "/") == 0))
            return monitor->settings->logs[i].starts_at_zero;
    }
    return false;
}

static struct follow_options options_of(struct monitor *monitor, const struct chosen_log *chosen, bool is_first_start) {
    unsigned poll_seconds = chosen->log.protocol == LOG_STATIC_CT ? monitor->settings->poll_seconds_static : monitor->settings->poll_seconds_rfc6962;
    bool is_drill = (chosen->sources & SOURCE_DRILL) != 0;
    return (struct follow_options){
        .starts_at_head = is_first_start && !starts_at_zero(monitor, chosen), .end = UINT64_MAX,
        .poll_ms = is_drill ? 500 : (int64_t) poll_seconds * 1000, .parallel_max = monitor->settings->transfers_per_operator,
        .budget = monitor_budget(monitor, chosen->log.operator_name),
    };
}

/* Heads that were signed and not yet reproduced when the last follower ended. */
static size_t saved_heads(const struct store_saved_position *saved, struct tree_head *ret_heads) {
    size_t count = 0;
    for (size_t i = 0; i < saved->head_count && count < FOLLOW_HEADS_MAX; i++) {
        const struct store_head *head = &saved->heads[i];
        if (head->state != STORE_HEAD_PENDING || head->signature.size > TREE_HEAD_SIGNATURE_MAX)
            continue;
        ret_heads[count] = (struct tree_head){.size = head->size, .timestamp_ms = head->timestamp_ms, .root = head->root,
                                              .signature_size = head->signature.size};
        memcpy(ret_heads[count++].signature, head->signature.bytes, head->signature.size);
    }
    return count;
}

static void stop_log(struct monitor *monitor, struct monitor_log *entry) {
    drive_remove(monitor->drive, entry->follow);
    followed_log_free(entry->follow);
    entry->follow = NULL;
    entry->is_lost = false;
}

static result start_log(struct monitor *monitor, struct monitor_log *entry) {
    const struct chosen_log *chosen = &monitor->chosen[entry->chosen];
    CLEANUP(arena_free_at) struct arena *arena = arena_new(POSITION_ARENA_LIMIT);
    struct store_saved_position saved;
    bool is_first = true;
    if (arena == NULL)
        return &fault_no_memory;
    TRY(store_position_load(monitor->store, &entry->log_id, arena, &saved));
    TRY(store_log_is_of_first_start(monitor->store, &entry->log_id, &is_first));
    struct follow_options options = options_of(monitor, chosen, is_first);
    struct follow_position position = {.first_index = saved.first_index, .frontier = saved.frontier, .head = saved.head};
    position.head_count = saved_heads(&saved, position.heads);
    TRY(followed_log_new(&monitor->world, chosen, &options, saved.exists ? &position : NULL, &entry->follow));
    followed_log_set_mark(entry->follow, entry);
    result fault = drive_add(monitor->drive, entry->follow);
    log_say(LOG_INFO, "log.started", LOG_TEXT("log", chosen->log.description), LOG_NUMBER("position", saved.exists ? saved.frontier.end : 0),
            LOG_TEXT("why", chosen->reason));
    if (fault != OK)
        stop_log(monitor, entry); /* nothing would ever drive it */
    return fault;
}

/* Nobody can tell any more whether a log that is not followed is stale or silent. A fork stays: it is evidence. */
result monitor_end_conditions(struct monitor *monitor, const struct hash *log_id) {
    static const char *const rules[] = {"log.stale", "log.unreachable", "log.behind", "log.bad-head"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct log_event event = {.rule = rules[i], .is_over = true, .detail = "", .evidence = "{\"detail\":\"the log is not followed any more\"}",
                                  .now_ms = clock_wall_ms()};
        TRY(monitor_tell(monitor, log_id, &event));
    }
    return OK;
}

/* Lets go of what is not wanted or not ours any more. */
static result stop_some(struct monitor *monitor) {
    for (size_t i = 0; i < monitor->log_count; i++) {
        struct monitor_log *entry = &monitor->logs[i];
        if (entry->follow == NULL || (entry->is_wanted && !entry->is_lost))
            continue;
        struct store_lease lease = {.holder = monitor->holder, .fencing = entry->fencing};
        if (!entry->is_wanted) { /* first, so that a database that fails here is asked again */
            TRY(monitor_end_conditions(monitor, &entry->log_id));
            TRY(store_lease_release(monitor->store, &entry->log_id, &lease));
        }
        stop_log(monitor, entry);
    }
    return OK;
}

static result take_leases(struct monitor *monitor, int64_t *fencings) {
    struct hash ids[MONITOR_LOGS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < monitor->log_count; i++)
        if (monitor->logs[i].is_wanted)
            ids[count++] = monitor->logs[i].log_id;
    struct store_lease_wish wish = {.holder = monitor->holder, .predecessor = monitor->predecessor, .ttl_seconds = LEASE_SECONDS};
    return count == 0 ? OK : store_leases_take(monitor->store, ids, count, &wish, fencings);
}

/* No lease, because the database does not know the log: it was made anew, or restored from before the log was found. */
static result notice_forgotten(struct monitor *monitor, const int64_t *fencings) {
    struct hash ids[MONITOR_LOGS_MAX];
    size_t count = 0, known = 0, at = 0;
    for (size_t i = 0; i < monitor->log_count; i++)
        if (monitor->logs[i].is_wanted && fencings[at++] == 0)
            ids[count++] = monitor->logs[i].log_id;
    if (count == 0)
        return OK;
    TRY(store_logs_count_known(monitor->store, ids, count, &known));
    if (known == count)
        return OK;
    log_say(LOG_WARNING, "logs.forgotten", LOG_NUMBER("logs", (int64_t) (count - known)),
            LOG_TEXT("why", "the database does not know them (any more)"), LOG_TEXT("effect", "they are written down again"));
    monitor->chosen_from = 0; /* no version has this number: they are chosen and saved anew */
    return OK;
}

result step_hold_leases(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    int64_t fencings[MONITOR_LOGS_MAX] = {0};
    if (monitor->watches == NULL)
        return OK; /* nothing is read before it is known what to look for */
    TRY(stop_some(monitor));
    TRY(take_leases(monitor, fencings));
    TRY(notice_forgotten(monitor, fencings));
    size_t at = 0;
    for (size_t i = 0; i < monitor->log_count; i++) {
        struct monitor_log *entry = &monitor->logs[i];
        if (!entry->is_wanted)
            continue;
        int64_t fencing = fencings[at++];
        bool is_other = entry->follow != NULL && fencing != entry->fencing;
        if (is_other)
            stop_log(monitor, entry);
        entry->fencing = fencing;
        if (entry->follow == NULL && fencing != 0)
            TRY(start_log(monitor, entry));
    }
    return OK;
}
