/* The store against a real PostgreSQL: PINWATCH_TEST_DATABASE is the connection string of a superuser (tests/sql/store sets it). */
#include "store_database.h"

#include "base/digest.h"
#include "store/certificates.h"
#include "store/data.h"
#include "store/findings.h"
#include "store/logs.h"
#include "store/outbox.h"

#define NOW 1795262400000
#define SECOND 1000
#define DAY ((int64_t) 86400 * SECOND)

static struct world {
    struct store *owner, *monitor, *alerts, *cli, *report;
    struct arena *arena;
    bool is_ready;
} w;

static struct hash hash_of(const char *text) {
    struct hash hash;
    digest_of(span_of_text(text), &hash);
    return hash;
}

static struct known_hash known(const char *text) {
    return (struct known_hash){.is_known = true, .hash = hash_of(text)};
}

#define assert_fault(expression, fault) assert_ptr_equal((expression), &(fault))

static int64_t number(const char *sql) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    assert_ok(w.owner, store_ask(w.owner, sql, NULL, "i", ROWS_ONE, &rows));
    return rows_int8(&rows, 0, 0);
}

static int set_up(void **state) {
    (void) state;
    w.owner = make_database("pinwatch_test", NOW);
    if (w.owner == NULL)
        return 0;
    w.monitor = open_as("pinwatch_test", "pinwatch_monitor");
    w.alerts = open_as("pinwatch_test", "pinwatch_alerts");
    w.cli = open_as("pinwatch_test", "pinwatch_cli");
    w.report = open_as("pinwatch_test", "pinwatch_report");
    w.arena = arena_new(64 << 20);
    w.is_ready = true;
    return 0;
}

static int tear_down(void **state) {
    (void) state;
    store_free(w.owner);
    store_free(w.monitor);
    store_free(w.alerts);
    store_free(w.cli);
    store_free(w.report);
    arena_free(w.arena);
    return 0;
}

static void save_log(const char *name) {
    static uint8_t key[] = "not really a key";
    static struct chosen_log logs[16];
    static size_t count;
    logs[count++] = (struct chosen_log){
        .log = {.log_id = hash_of(name), .protocol = LOG_STATIC_CT, .description = name, .operator_name = "Example",
                .url = "https://log.example/", .monitoring_url = "https://mon.example/", .key = span_of(key, sizeof(key)),
                .mmd_seconds = 60, .state = LOG_USABLE, .has_interval = true, .interval_begin = 1780000000,
                .interval_end = 1800000000},
        .sources = SOURCE_CHROME | SOURCE_APPLE, .is_followed = true, .origin = "log.example", .reason = "usable in both lists"};
    assert_ok(w.monitor, store_logs_save(w.monitor, logs, count, NOW));
}

static struct store_lease take_lease(const char *log, const char *holder) {
    struct hash id = hash_of(log);
    int64_t fencing = 0;
    assert_ok(w.monitor, store_leases_take(w.monitor, &id, 1, &(struct store_lease_wish){.holder = holder, .ttl_seconds = 60}, &fencing));
    return (struct store_lease){.holder = holder, .fencing = fencing};
}

/* A frontier of the right shape for `size`; its hashes are `salt`'s. */
static struct compact_range frontier_of(uint64_t size, const char *salt) {
    struct compact_range range = {.end = size, .count = (uint32_t) __builtin_popcountll(size)};
    for (uint32_t i = 0; i < range.count; i++)
        range.hashes[i] = hash_of(salt);
    return range;
}

static result record(const char *log, const struct store_lease *lease, uint64_t begin, uint64_t end,
                     const struct store_judgement *judgements, size_t count) {
    struct compact_range frontier = frontier_of(end, "a");
    struct store_head head = {.size = end + 10, .timestamp_ms = NOW, .root = hash_of("root"), .signature = span_of("sig", 3),
                              .raw = span_of("raw", 3), .state = STORE_HEAD_VERIFIED, .received_ms = NOW};
    struct store_range range = {.log_id = hash_of(log), .lease = *lease, .begin = begin, .end = end, .frontier = &frontier,
                                .heads = &head, .head_count = 1, .against = &head, .judgements = judgements,
                                .judgement_count = count, .now_ms = NOW};
    return store_record_range(w.monitor, &range);
}

static struct report_name a_name = {.type = NAME_DNS, .origin = NAME_FROM_SAN, .value = "www.example.com"};
static const char *const an_oddity = "SAN holds a NUL";

static struct entry_report report_of(uint64_t index, const char *tbs, const char *issuer, enum entry_kind kind) {
    struct entry_report report = {
        .index = index, .timestamp_ms = NOW - 60 * SECOND, .kind = kind, .leaf_hash = hash_of("leaf"),
        .certificate = span_of_text(tbs), .tbs_sha256 = known(tbs), .spki_sha256 = known("spki"), .has_validity = true,
        .not_before = NOW / 1000, .not_after = NOW / 1000 + 90 * 86400, .serial = "04a1", .issuer = "CN=\xff broken UTF-8",
        .subject = "CN=www.example.com", .key_type = "ec-p256", .names = &a_name, .name_count = 1, .oddities = &an_oddity,
        .oddity_count = 1};
    digest_of(report.certificate, &report.cert_sha256.hash);
    report.cert_sha256.is_known = true;
    if (issuer != NULL)
        report.issuer_spki_sha256 = known(issuer);
    return report;
}

static const struct store_match a_match = {.tenant_id = 1, .watch_id = 1};
static const struct store_finding a_finding = {.tenant_id = 1, .rule = "certificate.unexpected-issuer", .severity = "critical",
                                               .body = "{\"watches\":[\"example.com\"]}"};

static struct store_judgement judged(const struct entry_report *report) {
    return (struct store_judgement){.report = report, .matches = &a_match, .match_count = 1, .findings = &a_finding,
                                    .finding_count = 1};
}

static const struct store_author author = {.tenant_id = 1, .who = "ann", .is_apply = true, .now_ms = NOW};

static void apply_channels(void) {
    struct store_channel channels[] = {
        {.name = "hook", .kind = "hook", .configuration = "{\"program\":\"/bin/true\"}", .least_severity = "notice", .is_enabled = true},
        {.name = "pager", .kind = "webhook", .configuration = "{\"url\":\"https://p.example/\"}", .secret_name = "pager",
         .least_severity = "critical", .is_enabled = true},
        {.name = "off", .kind = "hook", .configuration = "{}", .least_severity = "info", .is_enabled = false}};
    struct store_policy policy = {.name = "web", .rules = "{\"expected_issuers\":{\"caa_domains\":[\"letsencrypt.org\"]}}"};
    struct store_watch watch = {.kind = WATCH_SUBTREE, .value = "example.com", .policy = "web"};
    struct store_data wanted = {.watches = &watch, .watch_count = 1, .policies = &policy, .policy_count = 1,
                                .channels = channels, .channel_count = 3};
    struct store_change *changes;
    size_t count;
    struct store_apply apply = {.author = &author, .wanted = &wanted, .is_dry_run = true};
    assert_ok(w.cli, store_data_apply(w.cli, &apply, w.arena, &changes, &count));
    apply.is_dry_run = false;
    assert_ok(w.cli, store_data_apply(w.cli, &apply, w.arena, &changes, &count));
}

static void a_dry_run_changes_nothing_and_apply_removes_only_its_own(void **state) {
    NEEDS_DATABASE();
    struct store_generation before, after;
    struct store_change *changes;
    struct store_data data, nothing = {0};
    size_t count, added;
    struct store_watch mine = {.kind = WATCH_NAME, .value = "cli.example", .policy = ""};
    assert_ok(w.cli, store_watches_add(w.cli, &(struct store_author){.tenant_id = 1, .who = "bob", .now_ms = NOW}, &mine, 1, &added));
    assert_int_equal(added, 1);
    assert_ok(w.monitor, store_generation_load(w.monitor, &before));
    struct store_policy policy = {.name = "web", .rules = "{}"};
    struct store_watch watch = {.kind = WATCH_SUBTREE, .value = "apply.example", .policy = "web"};
    struct store_data wanted = {.watches = &watch, .watch_count = 1, .policies = &policy, .policy_count = 1};
    struct store_apply apply = {.author = &author, .wanted = &wanted, .is_dry_run = true};
    assert_ok(w.cli, store_data_apply(w.cli, &apply, w.arena, &changes, &count));
    assert_int_equal(count, 2);
    assert_string_equal(changes[0].what, "policy");
    assert_string_equal(changes[1].name, "subtree apply.example");
    assert_string_equal(changes[1].change, "add");
    assert_ok(w.monitor, store_generation_load(w.monitor, &after));
    assert_int_equal(before.watches, after.watches);
    apply.is_dry_run = false;
    assert_ok(w.cli, store_data_apply(w.cli, &apply, w.arena, &changes, &count));
    assert_ok(w.monitor, store_generation_load(w.monitor, &after));
    assert_int_equal(before.watches + 1, after.watches);
    assert_ok(w.cli, store_data_apply(w.cli, &apply, w.arena, &changes, &count));
    assert_int_equal(count, 0);
    apply.wanted = &nothing;
    assert_ok(w.cli, store_data_apply(w.cli, &apply, w.arena, &changes, &count));
    assert_int_equal(count, 2);
    assert_string_equal(changes[0].change, "remove");
    assert_ok(w.cli, store_data_load(w.cli, 1, false, w.arena, &data));
    assert_int_equal(data.watch_count, 1);
    assert_string_equal(data.watches[0].value, "cli.example");
    watch.policy = "nowhere";
    apply.wanted = &wanted;
    assert_fault(store_data_apply(w.cli, &apply, w.arena, &changes, &count), fault_store_not_found);
    struct store_watch unknown = {.kind = WATCH_NAME, .value = "x.example", .policy = "nowhere"};
    assert_fault(store_watches_add(w.cli, &author, &unknown, 1, &added), fault_store_not_found);
    assert_fault(store_watch_remove(w.cli, &author, WATCH_NAME, "absent.example"), fault_store_not_found);
    assert_ok(w.cli, store_watch_remove(w.cli, &author, WATCH_NAME, "cli.example"));
}

static void precertificate_and_certificate_in_two_logs_are_one_finding_and_one_alert(void **state) {
    NEEDS_DATABASE();
    apply_channels();
    save_log("one");
    save_log("two");
    struct store_lease one = take_lease("one", "m:1"), two = take_lease("two", "m:1");
    struct entry_report precertificate = report_of(3, "T1", "ca", ENTRY_PRECERTIFICATE);
    struct entry_report certificate = report_of(4, "T1", "ca", ENTRY_CERTIFICATE);
    struct store_judgement first = judged(&precertificate), second = judged(&certificate);
    assert_ok(w.monitor, record("one", &one, 0, 10, &first, 1));
    assert_ok(w.monitor, record("two", &two, 0, 10, &second, 1));
    assert_int_equal(number("SELECT count(*) FROM certificate"), 1);
    assert_int_equal(number("SELECT count(*) FROM observation"), 2);
    assert_int_equal(number("SELECT count(*) FROM match"), 1);
    assert_int_equal(number("SELECT count(*) FROM finding"), 1);
    assert_int_equal(number("SELECT occurrences FROM finding"), 2);
    assert_int_equal(number("SELECT count(*) FROM alert"), 1);
    assert_int_equal(number("SELECT count(*) FROM delivery"), 2); /* hook and pager; "off" is disabled */
    assert_int_equal(number("SELECT count(*) FROM certificate WHERE precertificate IS NOT NULL AND certificate IS NOT NULL"), 1);
}

static void a_commit_repeated_after_a_lost_answer_doubles_nothing(void **state) {
    NEEDS_DATABASE();
    save_log("replay");
    struct store_lease lease = take_lease("replay", "m:1");
    struct entry_report report = report_of(3, "T2", "ca", ENTRY_CERTIFICATE);
    struct store_judgement judgement = judged(&report);
    assert_ok(w.monitor, record("replay", &lease, 0, 8, &judgement, 1));
    assert_ok(w.monitor, record("replay", &lease, 0, 8, &judgement, 1));
    assert_int_equal(number("SELECT occurrences FROM finding ORDER BY finding_id DESC LIMIT 1"), 1);
    assert_fault(record("replay", &lease, 4, 12, NULL, 0), fault_store_position);
    assert_fault(record("replay", &lease, 0, 9, NULL, 0), fault_store_position);
    assert_ok(w.monitor, record("replay", &lease, 8, 8, NULL, 0)); /* heads alone */
    struct store_saved_position position;
    struct hash id = hash_of("replay");
    assert_ok(w.monitor, store_position_load(w.monitor, &id, w.arena, &position));
    assert_true(position.exists);
    assert_int_equal(position.frontier.end, 8);
    assert_int_equal(position.head.size, 18);
    assert_int_equal(position.head.timestamp_ms, NOW);
    assert_int_equal(position.head.signature_size, 3);
    assert_int_equal(position.head_count, 1);
}

static void a_lost_or_expired_lease_stops_the_commit(void **state) {
    NEEDS_DATABASE();
    save_log("leased");
    struct hash id = hash_of("leased");
    struct store_lease old = take_lease("leased", "m:1:old");
    assert_int_equal(old.fencing, 1);
    assert_int_equal(take_lease("leased", "m:2:other").fencing, 0);
    int64_t fencing;
    assert_ok(w.monitor, store_leases_take(w.monitor, &id, 1,
              &(struct store_lease_wish){.holder = "m:1:new", .predecessor = "m:1:", .ttl_seconds = 60}, &fencing));
    assert_int_equal(fencing, 2);
    assert_fault(record("leased", &old, 0, 5, NULL, 0), fault_store_lease_lost);
    struct store_lease new = {.holder = "m:1:new", .fencing = fencing};
    assert_ok(w.monitor, record("leased", &new, 0, 5, NULL, 0));
    assert_ok(w.monitor, store_lease_release(w.monitor, &id, &new));
    assert_fault(record("leased", &new, 5, 6, NULL, 0), fault_store_lease_expired);
    assert_int_equal(take_lease("leased", "m:2:other").fencing, 3);
    assert_int_equal(number("SELECT size FROM position WHERE log_id = sha256('leased')"), 5);
}

static void a_pending_certificate_joins_the_one_that_is_already_known(void **state) {
    NEEDS_DATABASE();
    save_log("static");
    struct store_lease lease = take_lease("static", "m:1");
    struct entry_report pending = report_of(0, "T3", NULL, ENTRY_CERTIFICATE), verified = report_of(1, "T3", "ca", ENTRY_PRECERTIFICATE);
    struct hash chain = hash_of("issuer der");
    pending.is_issuer_pending = true;
    pending.chain_fingerprints = &chain;
    pending.chain_count = 1;
    struct store_judgement first = judged(&pending), second = judged(&verified);
    first.finding_count = 0;
    assert_ok(w.monitor, record("static", &lease, 0, 1, &first, 1));
    assert_ok(w.monitor, record("static", &lease, 1, 2, &second, 1));
    assert_int_equal(number("SELECT count(*) FROM certificate WHERE tbs_sha256 = sha256('T3')"), 2);
    assert_ok(w.monitor, store_issuer_save(w.monitor, span_of_text("issuer der"), NOW));
    struct store_pending_issuer *rows;
    size_t count;
    assert_ok(w.monitor, store_pending_issuers(w.monitor, 0, 10, w.arena, &rows, &count));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].chain_count, 1);
    assert_int_equal(rows[0].match_count, 1);
    assert_int_equal(rows[0].matches[0].watch_id, 1);
    assert_true(span_equal(rows[0].known_issuer, span_of_text("issuer der")));
    assert_int_equal(rows[0].timestamp_ms, NOW - 60 * SECOND);
    int64_t kept = 0;
    struct store_resolution resolution = {.certificate_id = rows[0].certificate_id, .issuer_spki_sha256 = known("ca"),
                                          .findings = &a_finding, .finding_count = 1, .now_ms = NOW};
    assert_ok(w.monitor, store_resolve_issuer(w.monitor, &resolution, &kept));
    assert_true(kept != rows[0].certificate_id);
    assert_int_equal(number("SELECT count(*) FROM certificate WHERE tbs_sha256 = sha256('T3')"), 1);
    assert_int_equal(number("SELECT count(DISTINCT certificate_id) FROM observation WHERE log_id = sha256('static')"), 1);
    assert_int_equal(number("SELECT count(*) FROM finding f JOIN certificate c USING (certificate_id) WHERE tbs_sha256 = sha256('T3')"), 1);
    assert_ok(w.monitor, store_resolve_issuer(w.monitor, &resolution, &kept)); /* gone: nothing to do */
}

static void unreadable_entries_of_one_reason_are_one_finding_with_a_count(void **state) {
    NEEDS_DATABASE();
    save_log("broken");
    struct store_lease lease = take_lease("broken", "m:1");
    struct entry_report reports[2] = {{.index = 5}, {.index = 7}};
    struct store_judgement judgements[2];
    for (size_t i = 0; i < 2; i++) {
        reports[i].is_unreadable = true;
        reports[i].reason = "der.length";
        reports[i].reason_text = "a length that does not fit";
        reports[i].raw = span_of("\0\1\2", 3);
        judgements[i] = (struct store_judgement){.report = &reports[i]};
    }
    assert_ok(w.monitor, record("broken", &lease, 0, 8, judgements, 2));
    assert_int_equal(number("SELECT count(*) FROM finding WHERE rule = 'entry.unreadable'"), 1);
    assert_int_equal(number("SELECT (evidence->>'count')::bigint FROM finding WHERE rule = 'entry.unreadable'"), 2);
    assert_int_equal(number("SELECT (evidence->'indexes'->>1)::bigint FROM finding WHERE rule = 'entry.unreadable'"), 7);
    assert_int_equal(number("SELECT count(*) FROM delivery JOIN alert USING (tenant_id, alert_id) WHERE rule = 'entry.unreadable'"), 1);
}

static void an_event_is_one_finding_until_it_is_over(void **state) {
    NEEDS_DATABASE();
    struct hash id = hash_of("one");
    struct store_event event = {.log_id = &id, .rule = "log.stale", .severity = "warning", .detail = "", .body = "{\"lag_seconds\":9}",
                                .now_ms = NOW};
    struct store_event over = event;
    over.is_over = true;
    assert_ok(w.monitor, store_tell(w.monitor, &over));
    assert_int_equal(number("SELECT count(*) FROM finding WHERE rule = 'log.stale'"), 0);
    assert_ok(w.monitor, store_tell(w.monitor, &event));
    assert_ok(w.monitor, store_tell(w.monitor, &event));
    assert_int_equal(number("SELECT count(*) FROM finding WHERE rule = 'log.stale' AND occurrences = 2 AND state = 'open'"), 1);
    assert_ok(w.monitor, store_tell(w.monitor, &over));
    assert_ok(w.monitor, store_tell(w.monitor, &event));
    assert_int_equal(number("SELECT count(*) FROM finding WHERE rule = 'log.stale'"), 2);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE rule = 'log.stale'"), 2);
}

static void deliveries_are_claimed_once_tried_again_and_end(void **state) {
    NEEDS_DATABASE();
    struct store_delivery *due, *none;
    size_t count, nothing;
    struct store_claim claim = {.now_ms = NOW + SECOND, .claim_ms = 60 * SECOND, .per_channel_max = 1, .limit = 10};
    assert_ok(w.alerts, store_outbox_claim(w.alerts, &claim, w.arena, &due, &count));
    assert_int_equal(count, 2); /* one of each channel */
    assert_int_equal(due[0].attempts, 1);
    assert_int_equal(strlen(due[0].idempotency_key), 36);
    assert_true(due[0].finding_id > 0);
    assert_true(strstr(due[0].pem, "-----BEGIN CERTIFICATE-----\nVDE=\n-----END CERTIFICATE-----\n") == due[0].pem);
    assert_true(strstr(due[0].body, "\"opened_at\": \"2026-11-21T12:00:00Z\"") != NULL);
    claim.per_channel_max = 100;
    claim.limit = 100;
    assert_ok(w.alerts, store_outbox_claim(w.alerts, &claim, w.arena, &none, &nothing));
    assert_ok(w.alerts, store_outbox_claim(w.alerts, &claim, w.arena, &none, &nothing));
    assert_int_equal(nothing, 0);
    assert_ok(w.alerts, store_outbox_delivered(w.alerts, &due[0], NOW + 2 * SECOND));
    assert_ok(w.alerts, store_outbox_retry(w.alerts, &due[1], NOW + 10 * SECOND, "503"));
    claim.now_ms = NOW + 10 * SECOND;
    char full[100];
    snprintf(full, sizeof full, "[\"1/nobody\",\"1/%s\"]", due[1].channel);
    claim.full_channels = full; /* its lane at the sender has no room */
    assert_ok(w.alerts, store_outbox_claim(w.alerts, &claim, w.arena, &none, &nothing));
    assert_int_equal(nothing, 0);
    claim.full_channels = NULL;
    assert_ok(w.alerts, store_outbox_claim(w.alerts, &claim, w.arena, &none, &nothing));
    assert_int_equal(nothing, 1);
    assert_int_equal(none[0].attempts, 2);
    assert_string_equal(none[0].idempotency_key, due[1].idempotency_key);
    assert_ok(w.alerts, store_outbox_dead(w.alerts, &none[0], "gone \xff"));
    assert_ok(w.cli, store_delivery_requeue(w.cli, none[0].delivery_id, NOW));
    assert_fault(store_delivery_requeue(w.cli, due[0].delivery_id, NOW), fault_store_not_found);
    int64_t alert_id;
    struct store_test_alert test = {.tenant_id = 1, .channel = "off", .who = "ann", .now_ms = NOW};
    assert_ok(w.cli, store_alert_test(w.cli, &test, &alert_id));
    test.channel = "nowhere";
    assert_fault(store_alert_test(w.cli, &test, &alert_id), fault_store_not_found);
    assert_ok(w.alerts, store_tell_channel(w.alerts, &due[0], false, "{\"attempts\":5}", NOW));
    assert_ok(w.alerts, store_tell_channel(w.alerts, &due[0], false, "{\"attempts\":6}", NOW));
    assert_int_equal(number("SELECT count(*) FROM delivery JOIN alert USING (tenant_id, alert_id) WHERE rule = 'channel.failing'"), 0);
    assert_ok(w.alerts, store_tell_channel(w.alerts, &due[0], true, "{}", NOW));
    struct store_delivery_row *rows;
    assert_ok(w.cli, store_deliveries_list(w.cli, &(struct store_delivery_filter){.tenant_id = 1, .state = "delivered"}, w.arena,
                                           &rows, &count));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].delivered_ms, NOW + 2 * SECOND);
}

static void people_see_certificates_and_decide_about_findings(void **state) {
    NEEDS_DATABASE();
    struct store_certificate_row *rows;
    struct store_certificate_detail shown;
    struct store_finding_row *findings;
    struct store_finding_detail detail;
    struct store_log_row *logs;
    size_t count;
    bool was_changed;
    struct store_certificate_filter filter = {.tenant_id = 1, .name = ".example.com", .sha256 = known("T1")};
    assert_ok(w.report, store_certificates_list(w.report, &filter, w.arena, &rows, &count));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].observation_count, 2);
    assert_int_equal(rows[0].first_seen_ms, NOW);
    assert_ok(w.cli, store_certificate_show(w.cli, rows[0].certificate_id, w.arena, &shown));
    assert_int_equal(shown.observation_count, 2);
    assert_int_equal(shown.watch_count, 1);
    assert_int_equal(shown.finding_count, 1);
    assert_true(span_equal(shown.precertificate, span_of_text("T1")));
    assert_fault(store_certificate_show(w.cli, 999999, w.arena, &shown), fault_store_not_found);
    assert_ok(w.cli, store_findings_list(w.cli, &(struct store_finding_filter){.tenant_id = 1, .rule = "certificate.",
              .least_severity = "warning", .certificate_id = rows[0].certificate_id}, w.arena, &findings, &count));
    assert_int_equal(count, 1);
    struct store_decision decision = {.finding_id = findings[0].finding_id, .state = "resolved", .who = "ann", .note = "ours",
                                      .now_ms = NOW};
    assert_ok(w.cli, store_finding_decide(w.cli, &decision, &was_changed));
    assert_true(was_changed);
    assert_ok(w.cli, store_finding_decide(w.cli, &decision, &was_changed));
    assert_false(was_changed);
    assert_ok(w.cli, store_finding_show(w.cli, decision.finding_id, w.arena, &detail));
    assert_int_equal(detail.event_count, 2);
    assert_string_equal(detail.events[1].note, "ours");
    /* Seen in yet another log after that: nobody is told again. */
    int64_t alerts = number("SELECT count(*) FROM alert");
    struct store_lease lease = take_lease("two", "m:1");
    struct entry_report again = report_of(12, "T1", "ca", ENTRY_CERTIFICATE);
    struct store_judgement judgement = judged(&again);
    assert_ok(w.monitor, record("two", &lease, 10, 13, &judgement, 1));
    assert_int_equal(number("SELECT count(*) FROM alert"), alerts);
    struct store_log_status status = {.log_id = hash_of("two"), .state = "following", .head_size = 23, .eta_seconds = -1,
                                      .last_error = "", .last_success_ms = NOW};
    assert_ok(w.monitor, store_status_save(w.monitor, &status, 1, NOW));
    assert_ok(w.cli, store_logs_list(w.cli, true, w.arena, &logs, &count));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(logs[i].description, "two") != 0)
            continue;
        assert_int_equal(logs[i].position, 13);
        assert_string_equal(logs[i].status.state, "following");
        assert_string_equal(logs[i].holder, "m:1");
    }
    struct chosen_log *chosen;
    assert_ok(w.monitor, store_logs_load(w.monitor, w.arena, &chosen, &count));
    assert_int_equal(chosen[0].log.interval_end, 1800000000);
    assert_int_equal(chosen[0].sources, SOURCE_CHROME | SOURCE_APPLE);
    struct store_watch_set set;
    assert_ok(w.monitor, store_watch_set_load(w.monitor, w.arena, &set));
    assert_int_equal(set.watch_count, 1);
    assert_int_equal(set.policy_count, 1);
}

static void partitions_take_rows_over_and_retention_drops_them(void **state) {
    NEEDS_DATABASE();
    int64_t before = number("SELECT count(*) FROM observation");
    assert_true(number("SELECT count(*) FROM observation_default") > 0);
    assert_ok(w.monitor, store_keep_house(w.monitor, 0, NOW));
    assert_ok(w.monitor, store_keep_house(w.monitor, 0, NOW));
    assert_int_equal(number("SELECT count(*) FROM observation_default"), 0);
    assert_int_equal(number("SELECT count(*) FROM observation"), before);
    assert_int_equal(number("SELECT count(*) FROM observation_2026_11"), before);
    int64_t findings = number("SELECT count(*) FROM finding WHERE state <> 'resolved'");
    assert_ok(w.monitor, store_keep_house(w.monitor, 30, NOW + 200 * DAY)); /* a clock that runs ahead of the heads drops nothing */
    assert_int_equal(number("SELECT count(*) FROM observation"), before);
    assert_true(number("WITH m AS (UPDATE position SET head_time = head_time + interval '200 days' RETURNING 1) SELECT count(*) FROM m") > 0);
    assert_ok(w.monitor, store_keep_house(w.monitor, 30, NOW + 200 * DAY));
    assert_int_equal(number("SELECT count(*) FROM observation"), 0);
    assert_int_equal(number("SELECT count(*) FROM finding WHERE state <> 'resolved'"), findings);
    assert_int_equal(number("SELECT count(*) FROM finding WHERE state = 'resolved'"), 0);
    assert_int_equal(number("SELECT count(*) FROM certificate WHERE tbs_sha256 = sha256('T1')"), 0); /* expired and resolved */
    assert_int_equal(number("SELECT count(*) FROM certificate WHERE tbs_sha256 = sha256('T2')"), 1); /* a finding is open */
}

static void a_role_may_do_its_own_work_and_nothing_else(void **state) {
    NEEDS_DATABASE();
    static const struct {
        struct store **store;
        const char *sql;
    } refused[] = {
        {&w.monitor, "UPDATE position SET size = 0"},         {&w.monitor, "DELETE FROM finding"},
        {&w.monitor, "SELECT * FROM channel"},                {&w.monitor, "SELECT * FROM alert"},
        {&w.monitor, "SELECT finding_decide(1, 'resolved', 'x', '', '2026-01-01')"},
        {&w.monitor, "INSERT INTO certificate (tbs_sha256) VALUES ('')"},
        {&w.monitor, "CREATE TABLE pinwatch.mine ()"},        {&w.monitor, "SELECT certificate_merge(1, 2)"},
        {&w.alerts, "SELECT * FROM certificate"},             {&w.alerts, "UPDATE delivery SET state = 'dead'"},
        {&w.alerts, "SELECT watch_remove(1, 'name', 'x')"},   {&w.cli, "UPDATE finding SET state = 'resolved'"},
        {&w.cli, "SELECT drop_older('2030-01-01')"},          {&w.cli, "DELETE FROM watch"},
        {&w.report, "SELECT configuration FROM channel"},     {&w.report, "SELECT secret_name FROM channel"},
        {&w.report, "SELECT alert_test(1, 'hook', 'x', '2026-01-01')"}, {&w.report, "INSERT INTO tenant VALUES (9, 'x')"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (store_do(*refused[i].store, refused[i].sql, NULL) != &fault_store_rights)
            fail_msg("not refused: %s", refused[i].sql);
    assert_ok(w.report, store_do(w.report, "SELECT name, least_severity FROM channel", NULL));
    assert_ok(w.report, schema_check(w.report));
    assert_ok(w.alerts, schema_check(w.alerts));
}

static void a_lost_connection_is_retried_and_opened_again(void **state) {
    NEEDS_DATABASE();
    assert_ok(w.monitor, schema_check(w.monitor));
    assert_ok(w.owner, store_do(w.owner, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                                         " AND datname = current_database()", NULL));
    assert_fault(schema_check(w.monitor), fault_store_unreachable);
    assert_string_not_equal(store_why(w.monitor)->text, "");
    assert_ok(w.monitor, schema_check(w.monitor));
    unsigned count = 0;
    assert_fault(schema_check(w.alerts), fault_store_unreachable);
    assert_fault(schema_check(w.cli), fault_store_unreachable);
    assert_ok(w.alerts, store_listen(w.alerts, "pinwatch_outbox"));
    apply_channels();
    struct hash id = hash_of("two");
    struct store_event event = {.log_id = &id, .rule = "log.fork", .severity = "critical", .detail = "", .body = "{}", .now_ms = NOW};
    assert_ok(w.monitor, store_tell(w.monitor, &event));
    assert_ok(w.alerts, schema_check(w.alerts));
    assert_ok(w.alerts, store_take_notifications(w.alerts, &count));
    assert_int_equal(count, 1);
}

static void a_schema_that_is_newer_or_changed_is_refused(void **state) {
    NEEDS_DATABASE();
    struct schema_outcome outcome;
    assert_ok(w.owner, schema_apply(w.owner, TESTS_FOLDER "/../sql", NOW, &outcome));
    assert_int_equal(outcome.version_before, outcome.version_after);
    assert_ok(w.owner, store_do(w.owner, "UPDATE schema_step SET sha256 = sha256('x') WHERE number = 2", NULL));
    assert_fault(schema_apply(w.owner, TESTS_FOLDER "/../sql", NOW, &outcome), fault_schema_changed);
    assert_ok(w.owner, store_do(w.owner, "INSERT INTO schema_step VALUES (99, 'x', sha256('x'), '2026-01-01')", NULL));
    assert_fault(schema_check(w.monitor), fault_schema_newer);
    assert_ok(w.owner, store_do(w.owner, "DELETE FROM schema_step WHERE number >= 3", NULL));
    assert_fault(schema_check(w.monitor), fault_schema_older);
    assert_fault(schema_apply(w.owner, "/nonexistent", NOW, &outcome), fault_schema_files);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dry_run_changes_nothing_and_apply_removes_only_its_own),
        cmocka_unit_test(precertificate_and_certificate_in_two_logs_are_one_finding_and_one_alert),
        cmocka_unit_test(a_commit_repeated_after_a_lost_answer_doubles_nothing),
        cmocka_unit_test(a_lost_or_expired_lease_stops_the_commit),
        cmocka_unit_test(a_pending_certificate_joins_the_one_that_is_already_known),
        cmocka_unit_test(unreadable_entries_of_one_reason_are_one_finding_with_a_count),
        cmocka_unit_test(an_event_is_one_finding_until_it_is_over),
        cmocka_unit_test(deliveries_are_claimed_once_tried_again_and_end),
        cmocka_unit_test(people_see_certificates_and_decide_about_findings),
        cmocka_unit_test(partitions_take_rows_over_and_retention_drops_them),
        cmocka_unit_test(a_role_may_do_its_own_work_and_nothing_else),
        cmocka_unit_test(a_lost_connection_is_retried_and_opened_again),
        cmocka_unit_test(a_schema_that_is_newer_or_changed_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
