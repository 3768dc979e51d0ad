#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/certificate_json.h"
#include "cli/database.h"
#include "cli/table.h"
#include "store/findings.h"

#define WAIT_PAUSE_MS 200

struct alerts_options {
    struct list_options list;
    const char *state, *channel;
    int64_t finding_id;
    unsigned timeout_s;
    bool wants_channel; /* as argument */
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct alerts_options *options = state->input;
    uint64_t seconds;
    if (list_option_take(key, value, state, &options->list))
        return 0;
    switch (key) {
    case 'S':
        if (strcmp(value, "queued") != 0 && strcmp(value, "delivered") != 0 && strcmp(value, "dead") != 0)
            argp_error(state, "--state: '%s' is none of queued, delivered, dead", value);
        options->state = value;
        return 0;
    case 'C':
        options->channel = value;
        return 0;
    case 'f':
        options->finding_id = id_of_argument(value, state);
        return 0;
    case 't':
        if (text_to_number(span_of_text(value), 86400, &seconds) != OK)
            argp_error(state, "--timeout: '%s' is no number of seconds from 0 to 86400", value);
        options->timeout_s = (unsigned) seconds;
        return 0;
    case ARGP_KEY_ARG:
        if (!options->wants_channel || options->channel[0] != '\0')
            argp_error(state, "'%s' is too many", value);
        options->channel = value;
        return 0;
    case ARGP_KEY_NO_ARGS:
        if (options->wants_channel)
            argp_error(state, "which channel? (`pinwatch export` shows them)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option list_options_taken[] = {
    LIST_OPTIONS,
    {"state", 'S', "STATE", 0, "queued, delivered or dead (any)", 0},
    {"channel", 'C', "NAME", 0, "Only through this channel", 0},
    {"finding", 'f', "ID", 0, "Only about this finding", 0},
    {0},
};
static const struct argp_option test_options_taken[] = {
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {"timeout", 't', "SECONDS", 0, "How long to wait for the delivery (30)", 0},
    {0},
};
static const struct argp list_parser = {
    .options = list_options_taken,
    .parser = take_option,
    .doc = "List alerts and what became of them on each channel, newest first.\v"
           "Exit codes: 0 listed; 69 the database cannot be reached; 78 settings are wrong.",
};
static const struct argp test_parser = {
    .options = test_options_taken,
    .parser = take_option,
    .args_doc = "CHANNEL",
    .doc = "Send a marked test alert through a channel, by the way that every alert takes, and wait until it was delivered.\v"
           "Exit codes: 0 delivered; 1 not delivered in time; 65 there is no such channel; 69 the database cannot be reached; 78 settings are wrong.",
};

static json_t *id_json(int64_t id) {
    return id == 0 ? json_null() : json_integer((json_int_t) id);
}

static json_t *row_json(const struct store_delivery_row *row) {
    return json_pack("{s:I, s:I, s:o, s:b, s:s, s:s, s:s, s:s, s:I, s:s, s:o, s:o, s:o, s:s}", "delivery_id", (json_int_t) row->delivery_id,
                     "alert_id", (json_int_t) row->alert_id, "finding_id", id_json(row->finding_id), "is_test", row->is_test, "rule",
                     row->rule, "severity", row->severity, "channel", row->channel, "state", row->state, "attempts",
                     (json_int_t) row->attempts, "idempotency_key", row->idempotency_key, "created_at", time_json_ms(row->created_ms),
                     "next_attempt_at", strcmp(row->state, "queued") == 0 ? time_json_ms(row->next_attempt_ms) : json_null(),
                     "delivered_at", row->delivered_ms == 0 ? json_null() : time_json_ms(row->delivered_ms), "last_error", row->last_error);
}

static const struct table_column columns[] = {
    {"Id", NULL, true, false, false},       {"Created", NULL, false, false, true}, {"Finding", NULL, true, false, false}, {"Rule", NULL, false, false, false},
    {"Channel", NULL, false, false, false}, {"State", NULL, false, false, false},   {"Tries", NULL, true, false, true},   {"Last error", NULL, false, true, false},
};

static void add_row(struct table *table, const struct store_delivery_row *row) {
    table_number(table, 0, row->delivery_id);
    table_time_ms(table, 1, row->created_ms);
    if (row->finding_id != 0)
        table_number(table, 2, row->finding_id);
    table_text(table, 3, row->is_test ? "(test)" : row->rule);
    table_text(table, 4, row->channel);
    table_text(table, 5, row->state);
    table_tone(table, 5, strcmp(row->state, "dead") == 0 ? TONE_BAD : strcmp(row->state, "delivered") == 0 ? TONE_GOOD : TONE_PLAIN);
    table_number(table, 6, row->attempts);
    if (row->last_error[0] != '\0')
        table_text(table, 7, row->last_error);
    table_end_row(table);
}

static int print_deliveries(const struct alerts_options *options, struct database *database) {
    CLEANUP(table_free_at) struct table *table = table_new(columns, sizeof columns / sizeof columns[0], false);
    struct store_delivery_filter filter = {.tenant_id = STORE_ALL_TENANTS, .state = options->state, .channel = options->channel,
                                           .finding_id = options->finding_id};
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (unsigned left = options->list.limit; left > 0; left -= filter.limit) {
        struct store_delivery_row *rows;
        size_t count;
        filter.limit = left < LIST_PAGE ? left : LIST_PAGE;
        result outcome = store_deliveries_list(database->store, &filter, database->arena, &rows, &count);
        if (outcome != OK)
            return database_failed(database, outcome);
        for (size_t i = 0; i < count; i++)
            if (!options->list.is_json)
                add_row(table, &rows[i]);
            else if (!print_json_line(row_json(&rows[i])))
                return EXIT_IO;
        if (count < filter.limit)
            break;
        filter.before_id = rows[count - 1].delivery_id;
    }
    return options->list.is_json ? EXIT_OK : table_print(table, "No alert was sent yet.");
}

/* Asks until the delivery is no longer queued or time is up; *ret_row is the last that was seen. */
static result wait_for(struct database *database, int64_t alert_id, unsigned timeout_s, struct store_delivery_row *ret_row) {
    const struct store_delivery_filter filter = {.tenant_id = STORE_ALL_TENANTS, .state = "", .channel = "", .alert_id = alert_id};
    const struct timespec pause = {.tv_nsec = WAIT_PAUSE_MS * 1000000L};
    int64_t deadline = clock_monotonic_ms() + (int64_t) timeout_s * 1000;
    for (;;) {
        struct store_delivery_row *rows;
        size_t count;
        TRY(store_deliveries_list(database->store, &filter, database->arena, &rows, &count));
        if (count == 0)
            return &fault_store_not_found;
        *ret_row = rows[0];
        if (strcmp(rows[0].state, "queued") != 0 || clock_monotonic_ms() >= deadline)
            return OK;
        (void) nanosleep(&pause, NULL);
    }
}

static int say_outcome(const struct alerts_options *options, const struct store_delivery_row *row) {
    bool is_delivered = strcmp(row->state, "delivered") == 0;
    if (options->list.is_json) {
        if (!print_json_line(row_json(row)))
            return EXIT_IO;
    } else if (is_delivered) {
        printf("Test alert %lld was delivered through %s.\n", (long long) row->alert_id, row->channel);
    } else {
        printf("Test alert %lld is %s after %u attempts. ", (long long) row->alert_id, row->state, row->attempts);
        print_harmless(span_of_text(row->last_error[0] != '\0' ? row->last_error : "No attempt has failed: does the service run?"));
        putchar('\n');
    }
    return is_delivered ? EXIT_OK : EXIT_FINDING;
}

static int send_test(const struct alerts_options *options, struct database *database) {
    const struct store_test_alert test = {.tenant_id = DEFAULT_TENANT, .channel = options->channel, .who = author_name(database->arena), .now_ms = clock_wall_ms()};
    struct store_delivery_row row;
    int64_t alert_id;
    if (test.who == NULL)
        return exit_with(&fault_no_memory, NULL);
    result outcome = store_alert_test(database->store, &test, &alert_id);
    if (outcome == OK)
        outcome = wait_for(database, alert_id, options->timeout_s, &row);
    return outcome == OK ? say_outcome(options, &row) : database_failed(database, outcome);
}

static int run_with(const struct argp *argp, int argc, char **argv, bool wants_channel,
                    int (*act)(const struct alerts_options *, struct database *)) {
    struct alerts_options options = {.list = {.limit = LIST_LIMIT_DEFAULT}, .state = "", .channel = "", .timeout_s = 30, .wants_channel = wants_channel};
    struct database database;
    if (command_parse(argp, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.list.config, &database);
    if (code != EXIT_OK)
        return code;
    code = act(&options, &database);
    database_done(&database);
    return code;
}

static int run_list(int argc, char **argv) {
    return run_with(&list_parser, argc, argv, false, print_deliveries);
}

static int run_test(int argc, char **argv) {
    return run_with(&test_parser, argc, argv, true, send_test);
}

static const struct command sub_commands[] = {
    {"list", "", "List alerts and their deliveries", run_list},
    {"test", "", "Send a test alert through a channel", run_test},
    {0},
};

int command_alerts(int argc, char **argv) {
    return command_run_sub(sub_commands, "Messages about findings, and what became of them.", argc, argv);
}
