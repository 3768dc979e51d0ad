/* `pinwatch pins reports`: what clients have reported, and what it comes to. */
#include "base/memory.h"
#include "base/text.h"
#include "cli/database.h"
#include "cli/pins.h"
#include "cli/table.h"
#include "store/client_reports.h"

#define DAYS_SHOWN 14

struct reports_options {
    struct list_options list;
    const char *host, *cause;
    bool is_received;
};

static const char *cause_of_argument(const char *text, struct argp_state *state) {
    for (unsigned i = 0; i <= REPORT_CANNOT_TELL; i++)
        if (strcmp(report_cause_name((enum report_cause) i), text) == 0)
            return text;
    argp_error(state, "'%s' is no cause; wanted stale-pin, private-root, attack or cannot-tell", text);
    return "";
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct reports_options *options = state->input;
    switch (key) {
    case 'C':
        options->cause = cause_of_argument(value, state);
        return 0;
    case 'r':
        options->is_received = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->host != NULL)
            argp_error(state, "one host is enough");
        options->host = pins_host_of_argument(value, state);
        return 0;
    default:
        return list_option_take(key, value, state, &options->list) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option taken[] = {
    LIST_OPTIONS,
    {"cause", 'C', "CAUSE", 0, "Only those of this cause: stale-pin, private-root, attack, cannot-tell", 0},
    {"received", 'r', NULL, 0, "How many came in the last days instead, and what became of them", 0},
    {0},
};
static const struct argp parser = {
    .options = taken, .parser = take_option, .args_doc = "[HOST]",
    .doc = "List what clients have reported whose pins were not satisfied, each kind once, with its count and what it comes to; of a host, and of what is below it. "
           "Where it is received: reports_address in the settings.\v"
           "Examples:\n"
           "  pinwatch pins reports api.example.com\n"
           "  pinwatch pins reports --cause attack --json\n"
           "  pinwatch pins reports --received\n\n"
           "Exit codes: 0 listed; 69 the database cannot be reached; 78 settings are wrong."};

static const struct table_column columns[] = {
    {"Last", "last_at", false, false, false},   {"Reports", "reports", true, false, false}, {"Host", "host", false, false, false},       {"App", "app", false, false, false},
    {"Version", "version", false, false, false}, {"Platform", "platform", false, false, true}, {"Cause", "cause", false, false, false},  {"Why", "why", false, true, false},
    {NULL, "severity", false, false, false},    {NULL, "verdict", false, false, false},     {NULL, "enforced", false, false, false},     {NULL, "first_at", false, false, false},
    {NULL, "claimed_at", false, false, false},  {NULL, "sources", true, false, false},      {NULL, "certificate_sha256", false, false, false},
    {NULL, "issuer_spki_sha256", false, false, false}, {NULL, "pins", false, false, false}, {NULL, "format", false, false, false},       {NULL, "library", false, false, false},
    {NULL, "drill", false, false, false},       {NULL, "report_id", true, false, false},
};

static void put_text(struct table *table, size_t column, const char *text) {
    if (text[0] != '\0')
        table_text(table, column, text);
}

static void put_hash(struct table *table, size_t column, const struct known_hash *hash) {
    char hex[HASH_HEX_SIZE];
    hash_to_hex(&hash->hash, hex);
    if (hash->is_known)
        table_text(table, column, hex);
}

static void put_pins(struct table *table, size_t column, const char *pins) {
    json_t *list = json_array();
    while (*pins != '\0') {
        size_t size = strcspn(pins, " ");
        json_array_append_new(list, json_stringn(pins, size));
        pins += size + (pins[size] == ' ');
    }
    table_json(table, column, list, NULL);
}

static void add_row(struct table *table, const struct store_client_report_row *row) {
    table_time_ms(table, 0, row->last_ms);
    table_number(table, 1, row->reports);
    table_text(table, 2, row->host);
    put_text(table, 3, row->app);
    put_text(table, 4, row->version);
    put_text(table, 5, row->platform);
    put_text(table, 6, row->cause);
    table_tone(table, 6, strcmp(row->severity, "critical") == 0 ? TONE_BAD : strcmp(row->severity, "warning") == 0 ? TONE_WARNING : TONE_PLAIN);
    put_text(table, 7, row->why);
    put_text(table, 8, row->severity);
    put_text(table, 9, row->verdict);
    if (row->has_enforcement)
        table_boolean(table, 10, row->is_enforced);
    table_time_ms(table, 11, row->first_ms);
    if (row->has_claimed)
        table_time_ms(table, 12, row->claimed_ms);
    table_number(table, 13, row->sources);
    put_hash(table, 14, &row->certificate_sha256);
    put_hash(table, 15, &row->issuer_spki_sha256);
    put_pins(table, 16, row->pins);
    table_text(table, 17, row->format);
    put_text(table, 18, row->library);
    table_boolean(table, 19, row->is_drill);
    table_number(table, 20, row->report_id);
    table_end_row(table);
}

static int list(const struct reports_options *options, struct database *database) {
    const struct store_client_report_query query = {.tenant_id = DEFAULT_TENANT, .host = options->host == NULL ? "" : options->host,
                                                    .cause = options->cause == NULL ? "" : options->cause, .limit = options->list.limit};
    struct store_client_report_row *rows;
    size_t count;
    result outcome = store_client_reports_list(database->store, &query, database->arena, &rows, &count);
    if (outcome != OK)
        return database_failed(database, outcome);
    CLEANUP(table_free_at) struct table *table = table_new(columns, sizeof columns / sizeof columns[0], options->list.is_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < count; i++)
        add_row(table, &rows[i]);
    return table_print(table, database->settings->reports_address[0] == '\0' ? "No reports, and none are received: reports_address in the settings is where they would be."
                                                                              : "No reports.");
}

static const struct table_column count_columns[] = {
    {"Day", "day", false, false, false}, {"Outcome", "outcome", false, false, false}, {"Reports", "reports", true, false, false}, {"Meaning", NULL, false, true, false}};

static const char *meaning_of(const char *outcome) {
    static const struct {
        enum client_report_outcome outcome;
        const char *meaning;
    } table[] = {{CLIENT_REPORT_KEPT, "of a kind that had not come before"},
                 {CLIENT_REPORT_REPEATED, "of a kind that is there already: counted"},
                 {CLIENT_REPORT_FOREIGN, "about a host that nobody watches or pins here: only counted here"},
                 {CLIENT_REPORT_NO_ROOM, "refused: the day's room for new kinds was used up"},
                 {CLIENT_REPORT_UNREADABLE, "refused: no report that can be read"},
                 {CLIENT_REPORT_TOO_LARGE, "refused: too large"},
                 {CLIENT_REPORT_SOURCE_LIMIT, "refused: one source sent too many"},
                 {CLIENT_REPORT_LIMIT, "refused: more came than are taken in a second, or at once"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(client_report_outcome_name(table[i].outcome), outcome) == 0)
            return table[i].meaning;
    return "";
}

static int list_received(const struct reports_options *options, struct database *database) {
    struct store_client_report_count *counts;
    size_t count;
    result outcome = store_client_report_counts(database->store, DEFAULT_TENANT, DAYS_SHOWN, database->arena, &counts, &count);
    if (outcome != OK)
        return database_failed(database, outcome);
    CLEANUP(table_free_at) struct table *table = table_new(count_columns, sizeof count_columns / sizeof count_columns[0], options->list.is_json);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < count; i++) {
        table_text(table, 0, counts[i].day);
        table_text(table, 1, counts[i].outcome);
        table_number(table, 2, counts[i].reports);
        table_text(table, 3, meaning_of(counts[i].outcome));
        table_end_row(table);
    }
    return table_print(table, "Nothing was received.");
}

int pins_run_reports(int argc, char **argv) {
    struct reports_options options = {.list = {.limit = LIST_LIMIT_DEFAULT}};
    struct database database;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.list.config, &database);
    if (code != EXIT_OK)
        return code;
    code = options.is_received ? list_received(&options, &database) : list(&options, &database);
    database_done(&database);
    return code;
}
