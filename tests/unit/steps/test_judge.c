/* From a report to matches and findings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/issuer_policy.h"
#include "steps/judge.h"
#include "unit/steps/watch_rows.h"

#define NOW INT64_C(1795262400)
#define DAY INT64_C(86400)
#define BY_DOMAIN "{\"expected_issuers\":{\"caa_domains\":[\"good.example\"]}}"

static const char *const good_domains[] = {"good.example", NULL}, *const other_domains[] = {"other.example", NULL},
                  *const drill_domains[] = {"drill.example", NULL};
static const struct ca_owner good = {"Good CA", good_domains, ""}, other = {"Other CA", other_domains, "problems@other.example"},
                             drill = {CA_OWNER_DRILL, drill_domains, ""};
static const struct ca_row ca_rows[] = {
    {.spki_sha256 = {{1}}, .owner = &good, .kind = CA_INTERMEDIATE}, {.spki_sha256 = {{2}}, .owner = &other, .kind = CA_ROOT},
    {.spki_sha256 = {{3}}, .owner = &drill, .kind = CA_ROOT}, {.spki_sha256 = {{5}}, .owner = &drill, .kind = CA_ROOT, .source = CA_FROM_IMPORT}};
static const struct ca_extra_rows extra = {.rows = ca_rows, .count = 4};
static const struct hash good_key = {{1}}, other_key = {{2}}, drill_key = {{3}}, unmapped_key = {{4}}, pretending_key = {{5}};

static struct watch_rows rows;
static struct watch_set *set;
static struct arena *arena;
static struct report_name names[10];
static uint32_t terminals[REPORT_TERMINALS_MAX];
static const char *const oddities[] = {"SAN holds a NUL"};
static struct entry_report report;
static struct chosen_log seen_in;
static struct store_judgement judgement;
static json_t *body;

static int set_up(void **state) {
    (void) state;
    rows = (struct watch_rows){0};
    set = NULL;
    body = NULL;
    arena = arena_new((size_t) 16 * 1024 * 1024);
    names[0] = (struct report_name){NAME_DNS, NAME_FROM_SAN, "example.com"};
    names[1] = (struct report_name){NAME_DNS, NAME_FROM_CN, "www.example.com"};
    names[2] = (struct report_name){NAME_DNS, NAME_FROM_SAN, "www.example.net"};
    terminals[0] = 0;
    report = (struct entry_report){
        .index = 12345, .timestamp_ms = 1795262400123u, .kind = ENTRY_PRECERTIFICATE, .reason = "", .reason_text = "",
        .terminals = terminals, .terminal_count = 1, .terminal_total = 1, .broad_suffix = "",
        .cert_sha256 = {true, {{0x5f}}}, .tbs_sha256 = {true, {{0xa0}}}, .spki_sha256 = {true, {{0x77}}},
        .issuer_spki_sha256 = {true, other_key}, .has_validity = true, .not_before = NOW, .not_after = NOW + 90 * DAY - 1,
        .serial = "04a1", .issuer = "CN=R1,O=Mallory CA,C=ZZ", .subject = "CN=www.example.com", .key_type = "ec-p256",
        .names = names, .name_count = 3, .oddities = oddities, .oddity_count = 1};
    seen_in = (struct chosen_log){.log = {.log_id = {{9}}, .description = "Example log 2026", .url = "https://log.example/2026/"},
                                  .sources = SOURCE_CHROME};
    return arena == NULL;
}

static int tear_down(void **state) {
    (void) state;
    json_decref(body);
    watch_set_free(set);
    arena_free(arena);
    return 0;
}

static struct judge_input input(void) {
    struct reason reason = {{0}};
    if (set == NULL)
        assert_null(rows_load(&rows, &set, &reason));
    return (struct judge_input){.watches = set, .extra = &extra, .log = &seen_in, .report = &report, .now_ms = NOW * 1000};
}

static void judge(void) {
    struct judge_input given = input();
    assert_null(judge_report(&given, arena, &judgement));
}

static json_t *body_of_finding(size_t at) {
    json_error_t error;
    json_decref(body);
    body = json_loads(judgement.findings[at].body, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(body);
    return body;
}

static void assert_texts(const char *field, const char *wanted) {
    char text[2000] = "";
    size_t at;
    json_t *item;
    json_t *list = json_object_get(body, field);
    assert_true(json_is_array(list));
    json_array_foreach(list, at, item)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", at > 0 ? " " : "", json_string_value(item));
    assert_string_equal(text, wanted);
}

static void one_rule_and_tenant_is_one_finding_with_all_its_watches(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_policy(&rows, 2, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_NAME, "www.example.com", "web");
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "web");
    row_add(&rows, 2, WATCH_SUBTREE, "example.com", "web");
    terminals[1] = 1;
    report.terminal_count = 2;
    judge();
    assert_int_equal(judgement.match_count, 3);
    assert_int_equal(judgement.matches[2].tenant_id, 2);
    assert_int_equal(judgement.matches[2].watch_id, 102);
    assert_int_equal(judgement.finding_count, 2);
    assert_string_equal(judgement.findings[0].rule, RULE_UNEXPECTED_ISSUER);
    assert_string_equal(judgement.findings[0].severity, "critical");
    assert_int_equal(judgement.findings[0].tenant_id, 1);
    body_of_finding(0);
    assert_texts("watches", "www.example.com .example.com");
    assert_texts("matched_names", "example.com www.example.com");
    assert_int_equal(judgement.findings[1].tenant_id, 2);
    body_of_finding(1);
    assert_texts("watches", ".example.com");
}

static void the_same_terminal_twice_is_one_match(void **state) {
    (void) state;
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "");
    terminals[0] = terminals[1] = 0;
    terminals[2] = 99; /* the image does not have it */
    report.terminal_count = 3;
    judge();
    assert_int_equal(judgement.match_count, 1);
}

static void a_watch_without_policy_is_recorded_and_raises_nothing(void **state) {
    (void) state;
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "");
    judge();
    assert_int_equal(judgement.match_count, 1);
    assert_int_equal(judgement.finding_count, 0);
    assert_false(judgement.is_drill);
}

static void an_expected_issuer_raises_nothing(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "web");
    report.issuer_spki_sha256.hash = good_key;
    judge();
    assert_int_equal(judgement.finding_count, 0);
}

static void the_body_has_the_fields_and_types_of_the_page_about_alerts(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "web");
    judge();
    static const char wanted[] =
        "{\"watches\":[\".example.com\"],\"reasons\":[\"issued by a key of Other CA, which the policy does not expect\"],"
        "\"policy\":\"web\",\"verdict\":\"unexpected\",\"issuer_owner\":\"Other CA\","
        "\"ca_problem_report\":\"problems@other.example\",\"issuer_caa_domains\":[\"other.example\"],"
        "\"expected\":{\"caa_domains\":[\"good.example\"],\"owners\":[],\"ca_keys\":[],\"caa_records\":false},"
        "\"names\":[{\"type\":\"dns\",\"value\":\"example.com\",\"from\":\"san\"},"
        "{\"type\":\"dns\",\"value\":\"www.example.com\",\"from\":\"cn\"},{\"type\":\"dns\",\"value\":\"www.example.net\",\"from\":\"san\"}],"
        "\"matched_names\":[\"example.com\",\"www.example.com\"],\"subject\":\"CN=www.example.com\","
        "\"issuer\":\"CN=R1,O=Mallory CA,C=ZZ\",\"serial\":\"04a1\",\"key_type\":\"ec-p256\","
        "\"not_before\":\"2026-11-21T12:00:00Z\",\"not_after\":\"2027-02-19T11:59:59Z\",\"entry\":\"precertificate\","
        "\"cert_sha256\":\"5f00000000000000000000000000000000000000000000000000000000000000\","
        "\"tbs_sha256\":\"a000000000000000000000000000000000000000000000000000000000000000\","
        "\"spki_sha256\":\"7700000000000000000000000000000000000000000000000000000000000000\","
        "\"issuer_spki_sha256\":\"0200000000000000000000000000000000000000000000000000000000000000\","
        "\"oddities\":[\"SAN holds a NUL\"],\"is_drill\":false,"
        "\"logs\":[{\"log_id\":\"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"description\":\"Example log 2026\","
        "\"url\":\"https://log.example/2026/\",\"index\":12345,\"timestamp\":1795262400123,\"kind\":\"precertificate\"}]}";
    json_t *expected = json_loads(wanted, 0, NULL);
    assert_non_null(expected);
    if (!json_equal(body_of_finding(0), expected))
        assert_string_equal(judgement.findings[0].body, wanted);
    json_decref(expected);
}

static char *file_text(const char *path) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 100000);
    assert_true(fread(text, 1, 99999, file) > 0);
    fclose(file);
    return text;
}

static void every_field_of_the_body_stands_on_the_page_about_alerts(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "web");
    judge();
    char *page = file_text(TESTS_FOLDER "/../docs/alerts.md"), quoted[100];
    const char *field;
    json_t *value;
    body_of_finding(0);
    json_object_foreach(body, field, value) {
        snprintf(quoted, sizeof quoted, "`%s`", field);
        if (strstr(page, quoted) == NULL)
            fail_msg("the body has the field %s, of which docs/alerts.md says nothing", field);
    }
    free(page);
}

/* Alerts are tested with a body of their own; were it richer than what is written, those tests would show too much. */
static void the_body_that_alerts_are_tested_with_has_no_other_fields(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "web");
    judge();
    char *script = file_text(TESTS_FOLDER "/interop/alerts_service.py");
    char *begin = strstr(script, "BODY = {\n");
    assert_non_null(begin);
    begin += strlen("BODY = ");
    char *end = strstr(begin, "\n}\n");
    assert_non_null(end);
    end[2] = '\0'; /* a dictionary of Python that is JSON but for the hashes */
    for (char *at = begin; (at = strstr(at, " * 32")) != NULL;)
        memcpy(at, "     ", 5);
    char *comma = strrchr(begin, ',');
    assert_non_null(comma);
    *comma = ' ';
    json_error_t error = {0};
    json_t *tested = json_loads(begin, 0, &error);
    if (tested == NULL)
        fail_msg("BODY cannot be read as JSON: %s in line %d", error.text, error.line);
    const char *field;
    json_t *value;
    body_of_finding(0);
    json_object_foreach(tested, field, value) {
        const json_t *written = json_object_get(body, field);
        if (written == NULL || json_typeof(written) != json_typeof(value))
            fail_msg("BODY has the field %s, which is never written so", field);
    }
    json_decref(tested);
    free(script);
}

static void what_is_not_known_is_null_or_empty(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "web");
    report.cert_sha256.is_known = report.issuer_spki_sha256.is_known = report.has_validity = false;
    judge();
    assert_int_equal(judgement.finding_count, 1);
    assert_string_equal(judgement.findings[0].rule, RULE_UNKNOWN_ISSUER);
    body_of_finding(0);
    assert_true(json_is_null(json_object_get(body, "cert_sha256")));
    assert_true(json_is_null(json_object_get(body, "issuer_spki_sha256")));
    assert_true(json_is_null(json_object_get(body, "not_before")));
    assert_true(json_is_null(json_object_get(body, "not_after")));
    assert_string_equal(json_string_value(json_object_get(body, "issuer_owner")), "");
    assert_string_equal(json_string_value(json_object_get(body, "verdict")), "unknown");
    assert_texts("issuer_caa_domains", "");
}

static void addresses_mail_domains_and_hosts_of_uris_are_matched_names_too(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "web");
    row_add(&rows, 1, WATCH_ADDRESS, "192.0.2.0/24", "web");
    row_add(&rows, 1, WATCH_ADDRESS, "2001:db8::1/128", "web");
    row_add(&rows, 1, WATCH_EMAIL, "example.net", "web");
    for (uint32_t i = 0; i < 4; i++)
        terminals[i] = i;
    report.terminal_count = 4;
    names[0] = (struct report_name){NAME_IP, NAME_FROM_SAN, "192.0.2.77"};
    names[1] = (struct report_name){NAME_IP, NAME_FROM_SAN, "192.0.3.77"};
    names[2] = (struct report_name){NAME_IP, NAME_FROM_SAN, "2001:db8::1"};
    names[3] = (struct report_name){NAME_EMAIL, NAME_FROM_SAN, "somebody@Example.NET"};
    names[4] = (struct report_name){NAME_EMAIL, NAME_FROM_SAN, "somebody@example.org"};
    names[5] = (struct report_name){NAME_URI, NAME_FROM_SAN, "https://user@a.EXAMPLE.com:443/path@b"};
    names[6] = (struct report_name){NAME_URI, NAME_FROM_SAN, "https://[2001:db8::1]:443/"};
    names[7] = (struct report_name){NAME_URI, NAME_FROM_SAN, "https://example.org/example.com"};
    report.name_count = 8;
    judge();
    body_of_finding(0);
    assert_texts("watches", ".example.com 192.0.2.0/24 2001:db8::1/128 @example.net");
    assert_texts("matched_names",
                 "192.0.2.77 2001:db8::1 somebody@Example.NET https://user@a.EXAMPLE.com:443/path@b https://[2001:db8::1]:443/");
}

static void names_match_as_the_readers_match_them(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_NAME, "www.example.com", "web");
    names[0] = (struct report_name){NAME_DNS, NAME_FROM_SAN, "*.example.com"};
    names[1] = (struct report_name){NAME_DNS, NAME_FROM_SAN, "?.example.com"};
    names[2] = (struct report_name){NAME_DNS, NAME_FROM_SAN, "w*.example.com"};
    names[3] = (struct report_name){NAME_DNS, NAME_FROM_SAN, "x*.example.com"};
    names[4] = (struct report_name){NAME_DNS, NAME_FROM_SAN, "*.*.com"};
    names[5] = (struct report_name){NAME_DNS, NAME_FROM_SAN, "example.com"};
    report.name_count = 6;
    judge();
    body_of_finding(0);
    assert_texts("matched_names", "*.example.com ?.example.com w*.example.com *.*.com");
}

static void of_many_names_and_watches_some_are_told(void **state) {
    (void) state;
    static struct report_name many[100];
    static char values[ROWS_MAX][40];
    row_policy(&rows, 1, "web", BY_DOMAIN);
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(values[i], sizeof values[i], "n%03u.example.com", i);
        many[i] = (struct report_name){NAME_DNS, NAME_FROM_SAN, values[i]};
        row_add(&rows, 1, WATCH_NAME, values[i], "web");
        terminals[i] = i;
    }
    report.names = many;
    report.name_count = report.terminal_count = 100;
    judge();
    assert_int_equal(judgement.match_count, 100);
    assert_int_equal(judgement.finding_count, 1);
    body_of_finding(0);
    assert_int_equal(json_array_size(json_object_get(body, "watches")), 20);
    assert_int_equal(json_array_size(json_object_get(body, "matched_names")), 20);
    assert_int_equal(json_array_size(json_object_get(body, "names")), 100);
}

static void a_broad_name_is_one_finding_for_each_tenant_below_it_under_a_cap(void **state) {
    (void) state;
    static char values[ROWS_MAX][40];
    row_add(&rows, 1, WATCH_NAME, "a.example.com", "");
    row_add(&rows, 2, WATCH_NAME, "b.example.com", "");
    for (unsigned i = 0; i < 150; i++) {
        snprintf(values[i], sizeof values[i], "n%03u.example.com", i);
        row_add(&rows, 2, WATCH_NAME, values[i], "");
    }
    row_add(&rows, 3, WATCH_NAME, "example.net", "");
    names[0] = (struct report_name){NAME_DNS, NAME_FROM_SAN, "*.com"};
    report.name_count = 1;
    report.terminal_count = 0;
    report.matches_nearly_all = true;
    report.broad_suffix = "com";
    judge();
    assert_int_equal(judgement.finding_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(judgement.findings[i].tenant_id, i + 1);
        assert_string_equal(judgement.findings[i].rule, "certificate.broad-name");
        assert_string_equal(judgement.findings[i].severity, "warning");
    }
    body_of_finding(0);
    assert_texts("watches", "a.example.com");
    assert_texts("matched_names", "*.com");
    assert_int_equal(judgement.match_count, 100);
    body_of_finding(1);
    assert_int_equal(json_array_size(json_object_get(body, "watches")), 20);
}

static void drill_certificates_are_marked_by_their_log_or_by_their_ca(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "web");
    seen_in.sources = SOURCE_DRILL;
    judge();
    assert_true(judgement.is_drill);
    assert_true(json_is_true(json_object_get(body_of_finding(0), "is_drill")));
    seen_in.sources = SOURCE_APPLE;
    report.issuer_spki_sha256.hash = drill_key;
    judge();
    assert_true(judgement.is_drill);
    assert_true(json_is_true(json_object_get(body_of_finding(0), "is_drill")));
    report.issuer_spki_sha256.hash = unmapped_key;
    judge();
    assert_false(judgement.is_drill);
    report.issuer_spki_sha256.hash = pretending_key; /* an imported owner of the drill's name */
    judge();
    assert_false(judgement.is_drill);
}

static void a_pending_issuer_raises_nothing_until_it_is_known(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "web");
    report.kind = ENTRY_CERTIFICATE;
    report.is_issuer_pending = true;
    report.issuer_spki_sha256.is_known = false;
    judge();
    assert_int_equal(judgement.match_count, 1);
    assert_int_equal(judgement.finding_count, 0);

    struct store_match matches[] = {judgement.matches[0], {1, 999}, {2, judgement.matches[0].watch_id}}; /* the last two are gone */
    report.is_issuer_pending = false;
    report.issuer_spki_sha256 = (struct known_hash){true, other_key};
    report.terminal_count = 0; /* what was matched is recorded; the image may have changed since */
    struct judge_input known = input();
    assert_null(judge_known(&known, matches, 3, arena, &judgement));
    assert_int_equal(judgement.match_count, 1);
    assert_int_equal(judgement.finding_count, 1);
    assert_string_equal(judgement.findings[0].rule, RULE_UNEXPECTED_ISSUER);
    assert_string_equal(json_string_value(json_object_get(body_of_finding(0), "entry")), "certificate");

    report.issuer_spki_sha256.is_known = false;
    assert_null(judge_known(&known, matches, 1, arena, &judgement));
    assert_int_equal(judgement.finding_count, 1);
    assert_string_equal(judgement.findings[0].rule, RULE_UNKNOWN_ISSUER);
}

static void an_unreadable_entry_is_left_to_the_store(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", BY_DOMAIN);
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "web");
    report.is_unreadable = true;
    seen_in.sources = SOURCE_DRILL;
    judge();
    assert_int_equal(judgement.match_count, 0);
    assert_int_equal(judgement.finding_count, 0);
    assert_true(judgement.is_drill);
    assert_ptr_equal(judgement.report, &report);
}

#define OWN_KEY "{\"known_keys\":[\"7700000000000000000000000000000000000000000000000000000000000000\"]}"

static void an_own_key_without_a_watched_name_is_told_to_those_who_do_not_watch_one(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", OWN_KEY);
    row_policy(&rows, 2, "web", OWN_KEY);
    row_policy(&rows, 3, "web", "{\"known_keys\":[\"0077000000000000000000000000000000000000000000000000000000000000\"]}");
    row_add(&rows, 2, WATCH_KEY, "7700000000000000000000000000000000000000000000000000000000000000", "");
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "");
    names[0].value = names[1].value = "example.org";
    terminals[0] = 0;
    report.terminal_count = 1;
    judge(); /* tenant 2 watches the key itself, and tenant 1 nothing that is in it */
    assert_int_equal(judgement.match_count, 1);
    assert_int_equal(judgement.finding_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(judgement.findings[i].rule, "certificate.key-reused-elsewhere");
        assert_string_equal(judgement.findings[i].severity, "warning");
        assert_int_equal(judgement.findings[i].tenant_id, 1 + i);
        body_of_finding(i);
        assert_texts("reasons", "its key is a known key of policy web, and it carries no name that you watch");
        assert_texts("watches", "sha256:7700000000000000000000000000000000000000000000000000000000000000");
        assert_string_equal(json_string_value(json_object_get(body, "issuer_owner")), "Other CA");
    }
    terminals[0] = 1;
    judge(); /* tenant 1 watches a name of it */
    assert_int_equal(judgement.finding_count, 1);
    assert_int_equal(judgement.findings[0].tenant_id, 2);
}

static void a_watched_name_that_a_reader_had_no_room_for_counts_all_the_same(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", OWN_KEY);
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "");
    row_add(&rows, 2, WATCH_SUBTREE, "example.net", "");
    terminals[0] = 1;
    judge();
    assert_int_equal(judgement.finding_count, 0);
    names[0].value = names[1].value = "example.org";
    judge(); /* that another tenant watches one does not count */
    assert_int_equal(judgement.finding_count, 1);
}

static void the_key_of_a_ca_is_nobodys_own(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", "{\"known_keys\":[\"7700000000000000000000000000000000000000000000000000000000000000\",\"0200000000000000000000000000000000000000000000000000000000000000\"]}");
    report.terminal_count = 0;
    report.is_ca = true;
    judge(); /* a CA's certificate */
    assert_int_equal(judgement.finding_count, 0);
    report.is_ca = false;
    judge();
    assert_int_equal(judgement.finding_count, 1);
    report.spki_sha256.hash = other_key; /* of a CA that was imported */
    judge();
    assert_int_equal(judgement.finding_count, 0);
}

static void an_own_key_in_an_expired_certificate_is_a_notice_and_in_a_pending_one_told_later(void **state) {
    (void) state;
    row_policy(&rows, 1, "web", OWN_KEY);
    report.terminal_count = 0;
    report.is_issuer_pending = true;
    report.issuer_spki_sha256.is_known = false;
    judge();
    assert_int_equal(judgement.finding_count, 0);
    report.is_issuer_pending = false;
    report.not_after = NOW - 2 * DAY;
    struct judge_input given = input();
    assert_null(judge_known(&given, NULL, 0, arena, &judgement));
    assert_int_equal(judgement.finding_count, 1);
    assert_string_equal(judgement.findings[0].severity, "notice");
    report.spki_sha256.is_known = false;
    judge();
    assert_int_equal(judgement.finding_count, 0);
}

#define A(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        A(one_rule_and_tenant_is_one_finding_with_all_its_watches),
        A(the_same_terminal_twice_is_one_match),
        A(a_watch_without_policy_is_recorded_and_raises_nothing),
        A(an_expected_issuer_raises_nothing),
        A(the_body_has_the_fields_and_types_of_the_page_about_alerts),
        A(every_field_of_the_body_stands_on_the_page_about_alerts),
        A(the_body_that_alerts_are_tested_with_has_no_other_fields),
        A(what_is_not_known_is_null_or_empty),
        A(addresses_mail_domains_and_hosts_of_uris_are_matched_names_too),
        A(names_match_as_the_readers_match_them),
        A(of_many_names_and_watches_some_are_told),
        A(a_broad_name_is_one_finding_for_each_tenant_below_it_under_a_cap),
        A(drill_certificates_are_marked_by_their_log_or_by_their_ca),
        A(a_pending_issuer_raises_nothing_until_it_is_known),
        A(an_unreadable_entry_is_left_to_the_store),
        A(an_own_key_without_a_watched_name_is_told_to_those_who_do_not_watch_one),
        A(a_watched_name_that_a_reader_had_no_room_for_counts_all_the_same),
        A(the_key_of_a_ca_is_nobodys_own),
        A(an_own_key_in_an_expired_certificate_is_a_notice_and_in_a_pending_one_told_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
