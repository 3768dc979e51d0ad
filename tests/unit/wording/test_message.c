#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "wording/message.h"
#include "wording/sentence.h"

struct written {
    json_t *body;
    struct alert alert;
    struct message message;
};

static struct written write_alert(const char *rule, const char *body_text) {
    struct written written = {.body = json_loads(body_text, 0, NULL)};
    assert_non_null(written.body);
    written.alert = (struct alert){.tenant_id = 1, .alert_id = 5, .finding_id = 9, .rule = rule, .severity = "critical",
                                   .body = written.body, .pem = ""};
    assert_ptr_equal(message_write(&written.alert, &written.message), OK);
    return written;
}

static void written_done(struct written *written) {
    message_done(&written->message);
    json_decref(written->body);
}

static void has(const struct buffer *text, const char *part) {
    if (strstr(buffer_text(text), part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, buffer_text(text));
}

static void lacks(const struct buffer *text, const char *part) {
    if (strstr(buffer_text(text), part) != NULL)
        fail_msg("\"%s\" is in:\n%s", part, buffer_text(text));
}

static void an_unexpected_issuer_is_named_with_the_address_to_report_it_to(void **state) {
    (void) state;
    CLEANUP(written_done) struct written written = write_alert(
        "certificate.unexpected-issuer",
        "{\"issuer_owner\":\"Mallory CA\",\"matched_names\":[\"www.example.com\",\"b\",\"c\"],\"watches\":[\"example.com\"],"
        "\"ca_problem_report\":\"problems@mallory.example\",\"cert_sha256\":\"5f\",\"serial\":\"04a1\"}");
    assert_string_equal(buffer_text(&written.message.sentence),
                        "Mallory CA issued a certificate for www.example.com and 2 more names, and your policy for example.com "
                        "does not expect that issuer.");
    assert_string_equal(buffer_text(&written.message.subject), "[pinwatch critical] Unexpected issuer: www.example.com");
    has(&written.message.page.text, "problems@mallory.example");
    has(&written.message.page.html, "problems@mallory.example");
    has(&written.message.page.text, "rule certificate.unexpected-issuer, severity critical, alert 5, finding 9");
}

static void an_issuer_without_owner_is_quoted_as_a_claim(void **state) {
    (void) state;
    CLEANUP(written_done) struct written written =
        write_alert("certificate.unexpected-issuer", "{\"issuer\":\"CN=R3,O=Let's Encrypt\",\"issuer_owner\":null}");
    has(&written.message.sentence, "An issuer that calls itself “CN=R3,O=Let's Encrypt” issued a certificate for a name that you watch");
}

static void a_step_whose_fact_is_missing_is_left_out(void **state) {
    (void) state;
    CLEANUP(written_done) struct written written = write_alert("certificate.unexpected-issuer", "{}");
    lacks(&written.message.page.text, "serial number");
    has(&written.message.page.text, "  1. If it is yours");
}

static void every_rule_of_the_table_makes_a_whole_message_from_an_empty_body(void **state) {
    (void) state;
    for (const struct rule *rule = rule_table();; rule++) {
        CLEANUP(written_done) struct written written = write_alert(rule->name, "{}");
        assert_true(written.message.sentence.size > 10);
        lacks(&written.message.page.text, "{");
        lacks(&written.message.sentence, "{");
        assert_non_null(strstr("info notice warning critical", rule->severity));
        if (rule->name[0] == '\0')
            break;
    }
}

static void an_unknown_rule_is_sent_with_its_name_and_facts(void **state) {
    (void) state;
    CLEANUP(written_done) struct written written = write_alert("moon.phase", "{\"detail\":\"it is full\"}");
    has(&written.message.subject, "Finding moon.phase");
    has(&written.message.page.text, "it is full");
    has(&written.message.sentence, "moon.phase");
}

static void text_from_outside_steers_neither_html_nor_terminal_nor_subject(void **state) {
    (void) state;
    CLEANUP(written_done) struct written written = write_alert(
        "certificate.new", "{\"matched_names\":[\"a\\r\\nBcc: x\\u001b[2J<script>\"],\"subject\":\"<b a='\\\"'>&\\u202e\"}");
    lacks(&written.message.page.html, "<script>");
    lacks(&written.message.page.html, "<b a");
    has(&written.message.page.html, "&lt;b a=&#39;&quot;&#39;&gt;&amp;\\xe2\\x80\\xae");
    lacks(&written.message.page.text, "\x1b");
    lacks(&written.message.page.text, "\r");
    assert_null(strpbrk(buffer_text(&written.message.subject), "\r\n\x1b"));
}

static void a_certificate_against_caa_is_told_name_by_name_with_its_records(void **state) {
    (void) state;
    CLEANUP(written_done) struct written written = write_alert(
        "certificate.caa-inconsistent",
        "{\"issuer_owner\":\"Mallory CA\",\"matched_names\":[\"www.example.com\"],\"reasons\":[\"example.com: the records forbid this issuer\"],"
        "\"caa\":[{\"name\":\"www.example.com\",\"verdict\":\"inconsistent\",\"reason\":\"example.com: the records forbid this issuer\","
        "\"resolver\":\"192.0.2.1:53\",\"owner\":\"example.com\",\"window_begin\":\"2026-11-21T00:00:00Z\",\"window_end\":\"2026-11-21T09:05:00Z\","
        "\"now\":\"forbids\",\"records\":[\"0 issue \\\"ours.example\\\"\",\"0 iodef \\\"mailto:a@example.com\\\"\"],\"is_authenticated\":true},"
        "{\"name\":17,\"records\":\"none\"},\"nothing\"]}");
    has(&written.message.sentence, "Mallory CA issued a certificate for www.example.com although the CAA records in force did not permit it: example.com: the records forbid");
    has(&written.message.page.html, "www.example.com: inconsistent, example.com: the records forbid this issuer (issued in the window from 2026-11-21T00:00:00Z to");
    has(&written.message.page.html, "records of example.com told by 192.0.2.1:53: 0 issue &quot;ours.example&quot;, 0 iodef &quot;mailto:a@example.com&quot;, now: forbids");
}

static void a_pin_miss_names_the_releases_that_refuse_it(void **state) {
    (void) state;
    CLEANUP(written_done) struct written written = write_alert(
        "certificate.pin-miss",
        "{\"issuer_owner\":\"Some CA\",\"matched_names\":[\"api.example.com\"],\"reasons\":[\"no pin matches on any path\"],\"releases_count\":3,"
        "\"refused_by\":[\"Bank android 4.2 (12 % of its users): api.example.com\"],"
        "\"pins\":[{\"app\":\"Bank\",\"platform\":\"android\",\"version\":\"4.2\",\"name\":\"api.example.com\"},7]}");
    has(&written.message.sentence, "Some CA issued a certificate for api.example.com that would be refused by clients of Bank android 4.2 and 2 more releases: no pin matches");
    has(&written.message.page.html, "Bank android 4.2 (12 % of its users): api.example.com");
    CLEANUP(written_done) struct written empty = write_alert("certificate.pin-miss", "{\"pins\":[{\"app\":7}],\"releases_count\":\"x\"}");
    has(&empty.message.sentence, "that would be refused by clients of released apps: see the evidence");
    has(&empty.message.page.html, "If it is served to them, they do not connect.");
    has(&empty.message.page.html, "go back to a certificate with a pinned key: every user of these releases is locked out meanwhile.");
}

static void a_pin_miss_that_is_only_reported_locks_nobody_out(void **state) {
    (void) state;
    CLEANUP(written_done) struct written written = write_alert("certificate.pin-miss", "{\"is_enforced\":false}");
    has(&written.message.sentence, "that would be reported, not refused, by clients of released apps");
    has(&written.message.page.html, "If it is served to them, they connect all the same, and report it.");
    has(&written.message.page.html, "go back to a certificate with a pinned key.");
}

static void a_key_that_is_used_elsewhere_is_told_with_the_names_it_is_used_for(void **state) {
    (void) state;
    CLEANUP(written_done) struct written written = write_alert(
        "certificate.key-reused-elsewhere",
        "{\"issuer_owner\":\"Some CA\",\"matched_names\":[],\"names\":[{\"type\":\"dns\",\"value\":\"shop.example.net\",\"from\":\"san\"}],"
        "\"reasons\":[\"its key is pinned in app.apk, and it carries no name that you watch\"],\"watches\":[\"sha256:77\"]}");
    has(&written.message.sentence, "Some CA issued a certificate for shop.example.net, a name that you do not watch, with a key of yours: its key is pinned in app.apk");
}

static void fields_of_wrong_types_count_as_missing(void **state) {
    (void) state;
    CLEANUP(written_done) struct written written = write_alert(
        "certificate.new", "{\"matched_names\":7,\"names\":{\"a\":1},\"issuer\":[],\"logs\":[3,null,{}],\"expected\":\"x\","
                           "\"watches\":[[],{\"value\":5}],\"occurrences\":\"many\",\"eta_seconds\":\"soon\"}");
    has(&written.message.sentence, "An issuer that could not be determined issued a new certificate for a name that you watch");
}

static void the_largest_body_still_makes_a_message_with_cut_lists(void **state) {
    (void) state;
    json_t *names = json_array();
    char huge[20001];
    memset(huge, '"', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    for (int i = 0; i < 3000; i++)
        json_array_append_new(names, json_string(huge));
    json_t *body = json_pack("{s:O, s:O, s:O, s:s, s:s}", "names", names, "matched_names", names, "watches", names, "issuer", huge,
                             "subject", huge);
    struct alert alert = {.alert_id = 1, .rule = huge, .severity = huge, .body = body, .pem = ""};
    struct message message;
    assert_ptr_equal(message_write(&alert, &message), OK);
    assert_true(message.subject.size <= SUBJECT_SIZE_MAX);
    has(&message.page.text, " …");
    message_done(&message);
    json_decref(names);
    json_decref(body);
}

static void the_same_wraps_in_text_and_is_a_row_in_html(void **state) {
    (void) state;
    CLEANUP(page_done) struct page page = page_new();
    page_row(&page, "names", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccc");
    assert_string_equal(buffer_text(&page.text), "  names            aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \n"
                                                 "                   bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccc\n");
    assert_string_equal(buffer_text(&page.html), "<tr><th style=\"padding-right:1em\">names</th><td>"
                                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccc</td></tr>\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unexpected_issuer_is_named_with_the_address_to_report_it_to),
        cmocka_unit_test(an_issuer_without_owner_is_quoted_as_a_claim),
        cmocka_unit_test(a_step_whose_fact_is_missing_is_left_out),
        cmocka_unit_test(every_rule_of_the_table_makes_a_whole_message_from_an_empty_body),
        cmocka_unit_test(an_unknown_rule_is_sent_with_its_name_and_facts),
        cmocka_unit_test(text_from_outside_steers_neither_html_nor_terminal_nor_subject),
        cmocka_unit_test(a_certificate_against_caa_is_told_name_by_name_with_its_records),
        cmocka_unit_test(a_pin_miss_names_the_releases_that_refuse_it),
        cmocka_unit_test(a_pin_miss_that_is_only_reported_locks_nobody_out),
        cmocka_unit_test(a_key_that_is_used_elsewhere_is_told_with_the_names_it_is_used_for),
        cmocka_unit_test(fields_of_wrong_types_count_as_missing),
        cmocka_unit_test(the_largest_body_still_makes_a_message_with_cut_lists),
        cmocka_unit_test(the_same_wraps_in_text_and_is_a_row_in_html),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
