#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/database.h"
#include "cli/table.h"
#include "store/logs.h"

#define SILENT_MS 60000 /* a monitor writes every second */

struct logs_options {
    struct list_options list;
    bool shows_all;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct logs_options *options = state->input;
    if (list_option_take(key, value, state, &options->list))
        return 0;
    switch (key) {
    case 'a':
        options->shows_all = true;
        return 0;
    default:
        return command_no_argument(key, value, state);
    }
}

static const struct argp_option options_taken[] = {
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {"all", 'a', NULL, 0, "Also logs that are not followed, with the reason", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .doc = "Show for each log how far it is read and verified, how far that is behind, and what went wrong last.\v"
           "Exit codes: 0 shown; 69 the database cannot be reached; 78 settings are wrong.",
};

enum column {
    LOG_ID, DESCRIPTION, OPERATOR, PROTOCOL, STATE, LIST_STATE, SOURCE, FOLLOWED, REASON, URL, MONITORING_URL, DRILL, FIRST_INDEX, POSITION, VERIFIED_SIZE,
    VERIFIED_AT, HEAD_SIZE, HEAD_TIME, LAG_ENTRIES, LAG_SECONDS, RATE, ETA, BATCH, PARALLEL, STALE_VIEWS, LAST_ERROR, LAST_ERROR_AT,
    LAST_SUCCESS_AT, HOLDER, column_count
};

static const struct table_column columns[column_count] = {
    [LOG_ID] = {NULL, "log_id", false, false, false},
    [DESCRIPTION] = {"Log", "description", false, true, false},
    [OPERATOR] = {NULL, "operator", false, false, false},
    [PROTOCOL] = {"Protocol", "protocol", false, false, true},
    [STATE] = {"State", "state", false, false, false},
    [LIST_STATE] = {"Listed", "list_state", false, false, true},
    [SOURCE] = {NULL, "source", false, false, false},
    [FOLLOWED] = {NULL, "followed", false, false, false},
    [REASON] = {NULL, "reason", false, false, false},
    [URL] = {NULL, "url", false, false, false},
    [MONITORING_URL] = {NULL, "monitoring_url", false, false, false},
    [DRILL] = {NULL, "is_drill", false, false, false},
    [FIRST_INDEX] = {NULL, "first_index", true, false, false},
    [POSITION] = {"Position", "position", true, false, false},
    [VERIFIED_SIZE] = {NULL, "verified_size", true, false, false},
    [VERIFIED_AT] = {NULL, "verified_at", false, false, false},
    [HEAD_SIZE] = {"Head", "head_size", true, false, true},
    [HEAD_TIME] = {NULL, "head_time", false, false, false},
    [LAG_ENTRIES] = {"Behind", "lag_entries", true, false, false},
    [LAG_SECONDS] = {"Head age s", "lag_seconds", true, false, true},
    [RATE] = {"Entries/s", "entries_per_second", true, false, true},
    [ETA] = {"ETA s", "eta_seconds", true, false, true},
    [BATCH] = {NULL, "batch_size", true, false, false},
    [PARALLEL] = {NULL, "parallel", true, false, false},
    [STALE_VIEWS] = {NULL, "stale_views", true, false, false},
    [LAST_ERROR] = {"Last error", "last_error", false, false, false},
    [LAST_ERROR_AT] = {NULL, "last_error_at", false, false, false},
    [LAST_SUCCESS_AT] = {NULL, "last_success_at", false, false, false},
    [HOLDER] = {NULL, "holder", false, false, false},
};

static void set_text(struct table *table, enum column column, const char *text) {
    if (text[0] != '\0')
        table_text(table, column, text);
}

static void set_time(struct table *table, enum column column, int64_t unix_ms) {
    if (unix_ms != 0)
        table_time_ms(table, column, unix_ms);
}

static void set_identity(struct table *table, const struct store_log_row *row) {
    char log_id[HASH_BASE64_SIZE];
    hash_to_base64(&row->log_id, log_id);
    table_text(table, LOG_ID, log_id);
    table_text(table, DESCRIPTION, row->description);
    table_text(table, OPERATOR, row->operator_name);
    table_text(table, PROTOCOL, row->protocol);
    set_text(table, LIST_STATE, row->list_state);
    table_text(table, SOURCE, row->source);
    table_boolean(table, FOLLOWED, row->is_followed);
    table_text(table, REASON, row->reason);
    table_text(table, URL, row->url);
    set_text(table, MONITORING_URL, row->monitoring_url);
    table_boolean(table, DRILL, row->is_drill);
    set_text(table, HOLDER, row->holder);
}

static void set_position(struct table *table, const struct store_log_row *row) {
    if (!row->has_position)
        return;
    table_number(table, FIRST_INDEX, (int64_t) row->first_index);
    table_number(table, POSITION, (int64_t) row->position);
    table_number(table, VERIFIED_SIZE, (int64_t) row->position);
    set_time(table, VERIFIED_AT, row->verified_ms);
}

static void set_lag(struct table *table, const struct store_log_row *row, int64_t now_ms) {
    const struct store_log_status *status = &row->status;
    if (status->head_time_ms == 0)
        return;
    table_number(table, HEAD_SIZE, (int64_t) status->head_size);
    table_time_ms(table, HEAD_TIME, status->head_time_ms);
    table_number(table, LAG_SECONDS, now_ms > status->head_time_ms ? (now_ms - status->head_time_ms) / 1000 : 0);
    if (row->has_position)
        table_number(table, LAG_ENTRIES, status->head_size > row->position ? (int64_t) (status->head_size - row->position) : 0);
}

/* What was last written down may be long past: the monitor has ended, or cannot write. */
static void set_silent(struct table *table, const struct store_log_row *row, int64_t now_ms) {
    char words[160];
    table_text(table, STATE, "silent");
    table_tone(table, STATE, TONE_BAD);
    snprintf(words, sizeof words, "the monitor wrote nothing for %lld s: `pinwatch doctor`, and the service's messages, say why",
             (long long) (now_ms - row->reported_ms) / 1000);
    table_text(table, LAST_ERROR, words);
    set_lag(table, row, now_ms);
    set_time(table, LAST_SUCCESS_AT, row->status.last_success_ms);
}

static void set_status(struct table *table, const struct store_log_row *row, int64_t now_ms) {
    const struct store_log_status *status = &row->status;
    if (!row->has_status) {
        table_text(table, STATE, row->is_followed ? "waiting" : "not-followed");
        return;
    }
    if (row->is_followed && now_ms - row->reported_ms > SILENT_MS) {
        set_silent(table, row, now_ms);
        return;
    }
    bool is_bad = strcmp(status->state, "forked") == 0 || strcmp(status->state, "failing") == 0 || strcmp(status->state, "stale") == 0;
    table_text(table, STATE, row->is_followed ? status->state : "not-followed");
    table_tone(table, STATE, is_bad ? TONE_BAD : strcmp(status->state, "following") == 0 ? TONE_GOOD : TONE_PLAIN);
    set_lag(table, row, now_ms);
    table_real(table, RATE, status->entries_per_second, 1);
    if (status->eta_seconds >= 0)
        table_real(table, ETA, status->eta_seconds, 0);
    table_number(table, BATCH, status->batch_size);
    table_number(table, PARALLEL, status->parallel);
    table_number(table, STALE_VIEWS, (int64_t) status->stale_views);
    set_text(table, LAST_ERROR, status->last_error);
    set_time(table, LAST_ERROR_AT, status->last_error_ms);
    set_time(table, LAST_SUCCESS_AT, status->last_success_ms);
}

static bool has_public_log(const struct store_log_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].source, "drill") != 0 && strcmp(rows[i].source, "settings") != 0)
            return true;
    return false;
}

static int print_logs(const struct logs_options *options, struct database *database) {
    struct store_log_row *rows;
    size_t count;
    result outcome = store_logs_list(database->store, !options->shows_all, database->arena, &rows, &count);
    if (outcome != OK)
        return database_failed(database, outcome);
    CLEANUP(table_free_at) struct table *table = table_new(columns, column_count, options->list.is_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < count; i++) {
        set_identity(table, &rows[i]);
        set_position(table, &rows[i]);
        set_status(table, &rows[i], now_ms);
        table_end_row(table);
    }
    if (!options->list.is_json && database->settings->follows_public_logs && !has_public_log(rows, count))
        puts("NO PUBLIC LOG is followed yet: their lists have not been fetched. The service keeps trying; `pinwatch doctor` says what is in the way.");
    return table_print(table, "No log is followed yet: the service reads the log lists when it starts (`pinwatch doctor` says more).");
}

int command_logs(int argc, char **argv) {
    struct logs_options options = {0};
    struct database database;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.list.config, &database);
    if (code != EXIT_OK)
        return code;
    code = print_logs(&options, &database);
    database_done(&database);
    return code;
}
