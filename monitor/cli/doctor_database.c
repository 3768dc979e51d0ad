#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/doctor.h"
#include "store/data.h"
#include "store/findings.h"
#include "store/logs.h"
#include "store/schema.h"
#include "supervisor/private_postgres.h"

#define TENANT 1 /* the default one */
#define ANSWER_OLD_MS 900000
#define SILENT_MS 60000   /* a monitor writes every second */
#define OVERDUE_MS 180000 /* longer than any attempt may take */

static const struct store_retry once = {.attempts = 1};

static result open_store(struct doctor *doctor, struct reason *ret_reason) {
    CLEANUP(buffer_done) struct buffer conninfo = buffer_with_limit(8192);
    const struct store_options options = {.application_name = "pinwatch-doctor", .retry = &once, .statement_timeout_ms = 5000, .lock_timeout_ms = 2000};
    CLEANUP(store_free_at) struct store *store = NULL;
    TRY(database_conninfo(doctor->settings, DATABASE_CLI, &conninfo, ret_reason));
    TRY(store_new(buffer_text(&conninfo), &options, &store));
    result outcome = store_connect(store);
    if (outcome == OK)
        outcome = schema_check(store);
    if (outcome != OK)
        *ret_reason = *store_why(store);
    if (outcome == OK)
        doctor->store = TAKE(store);
    return outcome;
}

static void look_at_database(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct reason why = {""};
    result outcome = open_store(doctor, &why);
    if (outcome == OK) {
        check_set(ret_outcome, CHECK_OK, "reached as pinwatch_cli; schema step %u", schema_version_known());
        return;
    }
    if (why.text[0] == '\0')
        reason_of_fault(outcome, &why);
    check_set(ret_outcome, CHECK_FAILED, "%s", why.text);
    if (outcome == &fault_schema_newer)
        check_advise(ret_outcome, "install the pinwatch that made it, or a later one");
    else if (outcome == &fault_store_busy || outcome == &fault_store_full || outcome == &fault_store_read_only)
        check_advise(ret_outcome, "mend the database; the service goes on by itself");
    else if (doctor->service_pid == 0 && private_postgres_is_wanted(doctor->settings))
        check_advise(ret_outcome, "the private database runs with the service: `pinwatch run --detach`");
    else
        check_advise(ret_outcome, "look at service.log in the state folder; `pinwatch init` prepares roles and schema");
}

static bool store_failed(struct doctor *doctor, result outcome, struct check_outcome *ret_outcome) {
    if (outcome == OK)
        return false;
    check_set(ret_outcome, CHECK_FAILED, "cannot be read: %s", store_why(doctor->store)->text);
    check_advise(ret_outcome, "`pinwatch init` prepares roles and schema");
    return true;
}

struct log_count {
    unsigned followed, local, read, unread, troubled; /* local: of the drill and the settings */
    const char *troubled_name, *troubled_error;
    int64_t reported_ms; /* the newest word of a monitor */
};

static void count_log(const struct store_log_row *row, struct log_count *count) {
    count->followed++;
    count->reported_ms = row->reported_ms > count->reported_ms ? row->reported_ms : count->reported_ms;
    count->local += strcmp(row->source, "drill") == 0 || strcmp(row->source, "settings") == 0;
    if (row->has_status && row->status.last_success_ms > clock_wall_ms() - ANSWER_OLD_MS)
        count->read++;
    else
        count->unread++;
    bool is_troubled = row->has_status && (strcmp(row->status.state, "failing") == 0 || strcmp(row->status.state, "stale") == 0 ||
                                           strcmp(row->status.state, "forked") == 0);
    if (!is_troubled)
        return;
    count->troubled++;
    count->troubled_name = row->description;
    count->troubled_error = row->status.last_error;
}

static bool is_monitor_silent(const struct doctor *doctor, const struct log_count *logs, struct check_outcome *ret_outcome) {
    int64_t silent_ms = clock_wall_ms() - logs->reported_ms;
    if (doctor->service_pid == 0 || logs->reported_ms == 0 || silent_ms <= SILENT_MS)
        return false;
    check_set(ret_outcome, CHECK_FAILED, "the service runs, but its monitor has written nothing for %lld s", (long long) silent_ms / 1000);
    check_advise(ret_outcome, "the service's messages say why; often the database refuses it: rights, locks, read-only, disk");
    return true;
}

static void look_at_logs(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct store_log_row *rows = NULL;
    size_t count = 0;
    struct log_count logs = {0};
    if (store_failed(doctor, store_logs_list(doctor->store, true, doctor->arena, &rows, &count), ret_outcome))
        return;
    for (size_t i = 0; i < count; i++)
        count_log(&rows[i], &logs);
    if (logs.followed == 0) {
        check_set(ret_outcome, CHECK_WARNING, "no log is followed yet");
        check_advise(ret_outcome, "start the service; set follows_public_logs and contact");
        return;
    }
    if (doctor->settings->follows_public_logs && logs.local == logs.followed) {
        check_set(ret_outcome, CHECK_FAILED, "NO PUBLIC LOG is followed yet: their lists have not been fetched");
        check_advise(ret_outcome, "the service keeps trying; the checks of resolvers and way out say what is in the way");
        return;
    }
    if (is_monitor_silent(doctor, &logs, ret_outcome))
        return;
    if (logs.troubled == 0 && logs.unread == 0) {
        check_set(ret_outcome, CHECK_OK, "%u logs are followed and answered within 15 minutes", logs.followed);
        return;
    }
    check_set(ret_outcome, logs.read == 0 ? CHECK_FAILED : CHECK_WARNING, "%u of %u logs have not answered for 15 minutes, %u are in trouble%s%.80s%s%.150s",
              logs.unread, logs.followed, logs.troubled, logs.troubled > 0 ? ": " : "", logs.troubled > 0 ? logs.troubled_name : "",
              logs.troubled > 0 ? ": " : "", logs.troubled > 0 ? logs.troubled_error : "");
    check_advise(ret_outcome, "`pinwatch logs` shows each; check the way out (proxy, firewall) when all fail");
}

static void look_at_watches(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct store_watch_set set;
    if (store_failed(doctor, store_watches_list(doctor->store, TENANT, NULL, 1, doctor->arena, &set), ret_outcome))
        return;
    if (set.watch_count > 0) {
        check_set(ret_outcome, CHECK_OK, "something is watched; the first by name: %.200s", set.watches[0].value);
        return;
    }
    check_set(ret_outcome, CHECK_WARNING, "nothing is watched");
    check_advise(ret_outcome, "`pinwatch watch add .example.com`");
}

static void look_at_channels(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct store_data data;
    size_t enabled = 0;
    if (store_failed(doctor, store_data_load(doctor->store, TENANT, false, doctor->arena, &data), ret_outcome))
        return;
    for (size_t i = 0; i < data.channel_count; i++)
        enabled += data.channels[i].is_enabled;
    if (enabled > 0) {
        check_set(ret_outcome, CHECK_OK, "%zu of %zu channels are enabled", enabled, data.channel_count);
        return;
    }
    check_set(ret_outcome, CHECK_FAILED, "no channel is enabled: findings are recorded, and nobody is told");
    check_advise(ret_outcome, "name one in the file for `pinwatch apply`, then `pinwatch alerts test`");
}

/* Alerts that are due and not even tried: who sends them does not run, or the database refuses him. */
static bool are_overdue(struct doctor *doctor, const struct store_delivery_row *rows, size_t count, struct check_outcome *ret_outcome) {
    int64_t now_ms = clock_wall_ms();
    unsigned overdue = 0;
    for (size_t i = 0; i < count; i++)
        overdue += rows[i].next_attempt_ms != 0 && rows[i].next_attempt_ms < now_ms - OVERDUE_MS;
    if (overdue == 0)
        return false;
    check_set(ret_outcome, CHECK_FAILED, "%u of the newest %zu alerts that wait have been due for three minutes, and are not sent", overdue, count);
    check_advise(ret_outcome, doctor->service_pid > 0 ? "the messages of pinwatch-alerts say why (the database refuses it?), or their channel is disabled"
                                                      : "start the service: `pinwatch run --detach`");
    return true;
}

static void look_at_deliveries(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct store_delivery_filter filter = {.tenant_id = STORE_ALL_TENANTS, .state = "dead", .channel = "", .limit = 1};
    struct store_delivery_row *rows = NULL;
    size_t count = 0;
    if (store_failed(doctor, store_deliveries_list(doctor->store, &filter, doctor->arena, &rows, &count), ret_outcome))
        return;
    if (count > 0) {
        check_set(ret_outcome, CHECK_FAILED, "alerts were given up, the last to channel %.64s: %.200s", rows[0].channel, rows[0].last_error);
        check_advise(ret_outcome, "`pinwatch alerts list` shows them; correct the channel, then `pinwatch alerts test`");
        return;
    }
    filter.state = "queued";
    filter.limit = 100;
    if (store_failed(doctor, store_deliveries_list(doctor->store, &filter, doctor->arena, &rows, &count), ret_outcome) ||
        are_overdue(doctor, rows, count, ret_outcome))
        return;
    filter.limit = 1;
    filter.state = "delivered";
    if (store_failed(doctor, store_deliveries_list(doctor->store, &filter, doctor->arena, &rows, &count), ret_outcome))
        return;
    if (count > 0) {
        check_set(ret_outcome, CHECK_OK, "the last alert went out through channel %.64s", rows[0].channel);
        return;
    }
    check_set(ret_outcome, CHECK_WARNING, "no alert was ever delivered");
    check_advise(ret_outcome, "`pinwatch drill` shows whether one reaches you");
}

const struct check doctor_database_checks[] = {
    {"database", false, look_at_database}, {"logs", true, look_at_logs},           {"watches", true, look_at_watches},
    {"channels", true, look_at_channels},  {"deliveries", true, look_at_deliveries}, {NULL, false, NULL},
};
