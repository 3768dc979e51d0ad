#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "cli/certificate_json.h"
#include "cli/database.h"
#include "cli/table.h"
#include "drill/drill_client.h"
#include "store/certificates.h"
#include "store/findings.h"
#include "store/logs.h"

#define POLL_MS 100
#define CALM_MS 3000 /* after a legitimate certificate was recorded, so long no alert may come */

struct drill_options {
    const char *config, *name;
    unsigned timeout_s;
    bool is_json, is_expected;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct drill_options *options = state->input;
    uint64_t seconds;
    switch (key) {
    case 'c':
        options->config = value;
        return 0;
    case 'j':
        options->is_json = true;
        return 0;
    case 'e':
        options->is_expected = true;
        return 0;
    case 't':
        if (text_to_number(span_of_text(value), 86400, &seconds) != OK || seconds == 0)
            argp_error(state, "--timeout: '%s' is no number of seconds from 1 to 86400", value);
        options->timeout_s = (unsigned) seconds;
        return 0;
    default:
        return command_one_argument(key, value, state, "name", NULL, &options->name);
    }
}

static const struct argp_option options_taken[] = {
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {"expected", 'e', NULL, 0, "Issue a legitimate certificate, and show that no alert comes of it", 0},
    {"timeout", 't', "SECONDS", 0, "How long to wait (30)", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "[NAME]",
    .doc = "Fire drill: issues a mis-issued certificate for NAME (example.com) into the local drill log, waits until its alert was delivered, "
           "and prints when each stage was reached.\v"
           "Exit codes: 0 alert delivered (with --expected: recorded, and no alert); 1 not in time, or a false alarm; 65 the name is wrong; "
           "69 the database or the drill cannot be reached; 78 no drill runs, or settings are wrong.",
};

enum stage { ISSUED, IN_HEAD, SEEN, RECORDED, QUEUED, DELIVERED, stage_count };
static const char *const stage_fields[stage_count] = {"issued_at", "in_head_at", "seen_at", "recorded_at", "queued_at", "delivered_at"};
static const char *const stage_words[stage_count] = {
    "certificate ordered from the drill's CA", "covered by a signed head of the log", "seen by the monitor", "recorded and verified",
    "alert queued", "alert delivered",
};

struct progress {
    struct drill_issued issued;
    bool is_expected;
    int64_t at_ms[stage_count]; /* 0: not reached */
    int64_t certificate_id, finding_id;
    const char *rule, *channel, *delivery_state, *last_error;
};

static void set_earliest(int64_t *at_ms, int64_t ms) {
    if (*at_ms == 0 || ms < *at_ms)
        *at_ms = ms;
}

/* The drill logs precertificate and certificate, each into two logs: what counts is where the monitor came first. */
static void look_at_place(const struct store_log_row *row, const struct drill_place *place, struct progress *progress) {
    if (!hash_equal(&row->log_id, &place->log_id) || !row->has_position || row->position <= place->index)
        return;
    set_earliest(&progress->at_ms[IN_HEAD], row->proven_by_ms);
    set_earliest(&progress->at_ms[RECORDED], row->verified_ms);
}

static result look_at_log(struct database *database, struct progress *progress) {
    struct store_log_row *rows;
    size_t count;
    if (progress->at_ms[RECORDED] != 0)
        return OK;
    TRY(store_logs_list(database->store, true, database->arena, &rows, &count));
    for (size_t i = 0; i < count; i++)
        for (size_t place = 0; place < progress->issued.place_count; place++)
            look_at_place(&rows[i], &progress->issued.places[place], progress);
    return OK;
}

/* Of a legitimate certificate `certificate.new` is no false alarm. */
static result look_at_finding(struct database *database, int64_t certificate_id, struct progress *progress) {
    struct store_finding_filter filter = {.tenant_id = STORE_ALL_TENANTS, .state = "", .rule = "certificate.", .least_severity = progress->is_expected ? "notice" : "info",
                                          .certificate_id = certificate_id, .limit = 1};
    struct store_finding_row *rows;
    size_t count;
    if (progress->finding_id != 0)
        return OK;
    TRY(store_findings_list(database->store, &filter, database->arena, &rows, &count));
    if (count > 0) {
        progress->finding_id = rows[0].finding_id;
        progress->certificate_id = certificate_id;
        progress->rule = rows[0].rule;
    }
    return OK;
}

/* Asked again until a finding is there: until the issuer of the final certificate is proven, the issuance may have two rows, of
 * which one goes. */
static result look_at_certificate(struct database *database, struct progress *progress) {
    struct store_certificate_filter filter = {.tenant_id = -1, .name = "", .sha256 = {true, progress->issued.tbs_sha256}, .issuer_state = "",
                                              .with_drills = true, .limit = 2};
    struct store_certificate_row *rows;
    size_t count;
    if (progress->finding_id != 0)
        return OK;
    TRY(store_certificates_list(database->store, &filter, database->arena, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        progress->certificate_id = rows[i].certificate_id;
        set_earliest(&progress->at_ms[SEEN], rows[i].first_seen_ms);
    }
    for (size_t i = 0; i < count; i++)
        TRY(look_at_finding(database, rows[i].certificate_id, progress));
    return OK;
}

/* The first delivery that succeeded, else the newest. */
static result look_at_delivery(struct database *database, struct progress *progress) {
    struct store_delivery_filter filter = {.tenant_id = STORE_ALL_TENANTS, .state = "", .channel = "", .finding_id = progress->finding_id};
    struct store_delivery_row *rows;
    size_t count;
    if (progress->finding_id == 0 || progress->at_ms[DELIVERED] != 0)
        return OK;
    TRY(store_deliveries_list(database->store, &filter, database->arena, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        bool is_first = progress->at_ms[DELIVERED] == 0 || (rows[i].delivered_ms != 0 && rows[i].delivered_ms < progress->at_ms[DELIVERED]);
        if (!is_first)
            continue;
        progress->at_ms[QUEUED] = rows[i].created_ms;
        progress->at_ms[DELIVERED] = rows[i].delivered_ms;
        progress->channel = rows[i].channel;
        progress->delivery_state = rows[i].state;
        progress->last_error = rows[i].last_error;
    }
    return OK;
}

static result look(struct database *database, struct progress *progress) {
    TRY(look_at_log(database, progress));
    TRY(look_at_certificate(database, progress));
    return look_at_delivery(database, progress);
}

/* Mis-issued: until delivered. Legitimate: until nothing has come of it for a while, or something has. */
static result wait_for_end(const struct drill_options *options, struct database *database, struct progress *progress) {
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    int64_t deadline = clock_monotonic_ms() + (int64_t) options->timeout_s * 1000, calm_from = 0;
    while (clock_monotonic_ms() < deadline) {
        TRY(look(database, progress));
        if (options->is_expected ? progress->finding_id != 0 : progress->at_ms[DELIVERED] != 0)
            return OK;
        if (calm_from == 0 && progress->certificate_id != 0 && progress->at_ms[RECORDED] != 0)
            calm_from = clock_monotonic_ms();
        if (options->is_expected && calm_from != 0 && clock_monotonic_ms() - calm_from >= CALM_MS)
            return OK;
        (void) nanosleep(&pause, NULL);
    }
    return OK;
}

static bool is_success(const struct drill_options *options, const struct progress *progress) {
    if (options->is_expected)
        return progress->certificate_id != 0 && progress->at_ms[RECORDED] != 0 && progress->finding_id == 0;
    return progress->at_ms[DELIVERED] != 0;
}

static int print_json(const struct drill_options *options, const struct progress *progress) {
    char log_id[HASH_BASE64_SIZE];
    uint64_t mark = memory_mark();
    hash_to_base64(&progress->issued.places[0].log_id, log_id);
    json_t *line = json_pack("{s:s, s:s, s:b, s:b, s:s, s:I, s:o}", "type", "drill", "name", options->name, "expected", options->is_expected,
                             "success", is_success(options, progress), "log_id", log_id, "index", (json_int_t) progress->issued.places[0].index,
                             "tbs_sha256", known_hash_json(&(struct known_hash){true, progress->issued.tbs_sha256}));
    json_object_set_new(line, "certificate_id", progress->certificate_id == 0 ? json_null() : json_integer(progress->certificate_id));
    json_object_set_new(line, "finding_id", progress->finding_id == 0 ? json_null() : json_integer(progress->finding_id));
    json_object_set_new(line, "rule", progress->rule == NULL ? json_null() : json_string(progress->rule));
    json_object_set_new(line, "channel", progress->channel == NULL ? json_null() : json_string(progress->channel));
    for (size_t i = 0; i < stage_count; i++)
        json_object_set_new(line, stage_fields[i], progress->at_ms[i] == 0 ? json_null() : time_json_ms(progress->at_ms[i]));
    json_object_set_new(line, "latency_ms", progress->at_ms[DELIVERED] == 0 ? json_null()
                                                                            : json_integer(progress->at_ms[DELIVERED] - progress->at_ms[ISSUED]));
    return print_json_line(json_if_whole(line, mark)) ? EXIT_OK : EXIT_IO;
}

static void print_hint(const struct progress *progress) {
    if (progress->certificate_id == 0)
        puts("The monitor has not recorded it: is the name watched (`pinwatch watch list`), and does the service run (`pinwatch doctor`)?");
    else if (progress->finding_id == 0)
        puts("It was recorded and raised nothing: does the watch have a policy that names the issuers you expect (`pinwatch export`)?");
    else if (progress->delivery_state == NULL)
        puts("It raised a finding, but no channel takes it: look at `pinwatch export` for enabled channels and their least severity.");
    else {
        printf("The alert is %s on %s. ", progress->delivery_state, progress->channel);
        print_harmless(span_of_text(progress->last_error));
        putchar('\n');
    }
}

static void print_for_people(const struct drill_options *options, const struct progress *progress) {
    int64_t last_ms = progress->at_ms[ISSUED];
    printf("Fire drill: a %s certificate for ", options->is_expected ? "legitimate" : "mis-issued");
    print_harmless(span_of_text(options->name));
    putchar('\n');
    for (size_t i = 0; i < stage_count; i++) {
        char when[RFC3339_SIZE];
        text_of_time_ms(progress->at_ms[i], when);
        if (progress->at_ms[i] == 0) {
            if (!options->is_expected || i < QUEUED)
                printf("  %-42s -\n", stage_words[i]);
            continue;
        }
        printf("  %-42s %s  %+.3f s\n", stage_words[i], when, (double) (progress->at_ms[i] - last_ms) / 1000);
        last_ms = progress->at_ms[i];
    }
    if (options->is_expected && is_success(options, progress))
        puts("No alarm came of it, as it should be.");
    else if (options->is_expected && progress->finding_id != 0)
        printf("FALSE ALARM: finding %lld (%s).\n", (long long) progress->finding_id, progress->rule);
    else if (is_success(options, progress))
        printf("Delivered through %s %.3f s after it was ordered (finding %lld, %s).\n", progress->channel,
               (double) (progress->at_ms[DELIVERED] - progress->at_ms[ISSUED]) / 1000, (long long) progress->finding_id, progress->rule);
    else {
        printf("Not within %u s. ", options->timeout_s);
        print_hint(progress);
    }
}

static int run_drill(const struct drill_options *options, struct database *database) {
    const struct drill_order order = {.name = options->name, .is_mis_issued = !options->is_expected, .into = "both"};
    CLEANUP(buffer_done) struct buffer folder = buffer_with_limit(4096);
    struct progress progress = {.is_expected = options->is_expected, .at_ms = {[ISSUED] = clock_wall_ms()}};
    struct reason reason = {""};
    buffer_printf(&folder, "%s/drill", database->settings->state_folder);
    result outcome = buffer_check(&folder);
    if (outcome == OK)
        outcome = drill_issue(buffer_text(&folder), &order, (int64_t) options->timeout_s * 1000, &progress.issued, &reason);
    if (outcome != OK)
        return exit_with(outcome, &reason);
    outcome = wait_for_end(options, database, &progress);
    if (outcome != OK)
        return database_failed(database, outcome);
    if (options->is_json && print_json(options, &progress) != EXIT_OK)
        return EXIT_IO;
    if (!options->is_json)
        print_for_people(options, &progress);
    return is_success(options, &progress) ? EXIT_OK : EXIT_FINDING;
}

int command_drill(int argc, char **argv) {
    struct drill_options options = {.timeout_s = 30};
    struct database database;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    if (options.name == NULL)
        options.name = "example.com";
    int code = database_open(options.config, &database);
    if (code != EXIT_OK)
        return code;
    code = run_drill(&options, &database);
    database_done(&database);
    return code;
}
