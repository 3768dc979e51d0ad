/* Why a client's pins were not satisfied: each condition for itself. */
#include "rules/report_cause.h"
#include "vector_files.h"

#define FIRST_OF_MAY_2018 1525132800

static struct client_report enforced(void) {
    return (struct client_report){.format = CLIENT_REPORT_TRUSTKIT, .platform = "ios", .has_enforcement = true, .is_enforced = true, .has_result = true, .result = 1};
}

static struct report_facts proven(void) {
    return (struct report_facts){.has_leaf = true, .has_issuer = true, .has_tbs = true, .has_validity = true, .not_before = FIRST_OF_MAY_2018,
                                 .not_after = FIRST_OF_MAY_2018 + 90 * 86400, .is_for_host = REPORT_YES, .is_valid_then = REPORT_YES, .is_public = REPORT_YES,
                                 .is_refused_by_pins = REPORT_YES, .scts = 2};
}

static const char *cause_of(struct client_report report, struct report_facts facts, struct report_seen seen) {
    struct report_cause_found found;
    report_cause_find(&report, &facts, &seen, &found);
    assert_true(found.why != NULL && found.why[0] != '\0' && found.why[strlen(found.why) - 1] != '.');
    return report_cause_name(found.cause);
}

static const struct report_seen unlogged = {.is_life_covered = true}, logged = {.is_logged = true};

static void an_attack_takes_every_one_of_its_conditions(void **state) {
    (void) state;
    struct client_report report = enforced();
    assert_string_equal(cause_of(report, proven(), unlogged), "attack");
    for (unsigned i = 0; i < 2; i++) {
        static const enum report_known not_yes[] = {REPORT_NO, REPORT_UNKNOWN};
        struct report_facts facts = proven();
        facts.is_for_host = not_yes[i];
        assert_string_equal(cause_of(report, facts, unlogged), "cannot-tell");
        facts = proven();
        facts.is_valid_then = not_yes[i];
        assert_string_equal(cause_of(report, facts, unlogged), "cannot-tell");
        facts = proven();
        facts.is_public = not_yes[i];
        assert_string_equal(cause_of(report, facts, unlogged), i == 0 ? "private-root" : "cannot-tell");
        facts = proven();
        facts.is_refused_by_pins = not_yes[i];
        assert_string_equal(cause_of(report, facts, unlogged), i == 0 ? "cannot-tell" : "attack"); /* pins are no condition, but may contradict */
    }
    struct report_facts facts = proven();
    facts.not_before--;
    assert_string_equal(cause_of(report, facts, unlogged), "cannot-tell");
    facts = proven();
    facts.has_validity = false;
    assert_string_equal(cause_of(report, facts, unlogged), "cannot-tell");
    facts = proven();
    facts.has_leaf = false;
    assert_string_equal(cause_of(report, facts, unlogged), "cannot-tell");
    facts = proven();
    facts.scts_verified = 1;
    assert_string_equal(cause_of(report, facts, unlogged), "stale-pin");
    assert_string_equal(cause_of(report, proven(), logged), "stale-pin");
    assert_string_equal(cause_of(report, proven(), (struct report_seen){.is_logged = true, .is_life_covered = true}), "stale-pin");
    assert_string_equal(cause_of(report, proven(), (struct report_seen){.is_life_covered = false}), "cannot-tell");
}

static void what_the_client_says_of_itself_never_makes_an_attack_nor_hides_one(void **state) {
    (void) state;
    struct client_report report = enforced();
    struct report_facts facts = proven();
    report.is_enforced = false;
    report.result = 2;
    assert_string_equal(cause_of(report, facts, unlogged), "attack");
    facts.is_refused_by_pins = REPORT_NO; /* one's own key, that the client refused for other reasons */
    assert_string_equal(cause_of(report, facts, unlogged), "cannot-tell");
}

static void a_chain_that_the_client_did_not_trust_is_no_stale_pin(void **state) {
    (void) state;
    struct client_report report = enforced();
    struct report_facts facts = proven();
    report.result = 2;
    assert_string_equal(cause_of(report, facts, logged), "cannot-tell");
    report.format = CLIENT_REPORT_HPKP; /* whose reports have no such member */
    assert_string_equal(cause_of(report, facts, logged), "stale-pin");
    facts.is_public = REPORT_NO;
    assert_string_equal(cause_of(report, facts, logged), "private-root");
    facts.is_public = REPORT_UNKNOWN;
    assert_string_equal(cause_of(report, facts, logged), "cannot-tell");
}

static void a_stale_pin_takes_a_valid_certificate_of_the_host_that_the_pins_do_not_know(void **state) {
    (void) state;
    struct client_report report = enforced();
    struct report_facts facts = proven();
    facts.is_valid_then = REPORT_UNKNOWN;
    assert_string_equal(cause_of(report, facts, logged), "stale-pin");
    facts.is_valid_then = REPORT_NO;
    assert_string_equal(cause_of(report, facts, logged), "cannot-tell");
    struct report_seen over = {.is_logged = true, .is_over = true, .is_pinned_by_live = true, .is_refused_by_live = true};
    facts.is_valid_then = REPORT_UNKNOWN; /* an old certificate of the host's, and an old date beside it */
    assert_string_equal(cause_of(report, facts, over), "cannot-tell");
    facts = proven();
    assert_string_equal(cause_of(report, facts, over), "cannot-tell");
    facts.is_for_host = REPORT_NO;
    assert_string_equal(cause_of(report, facts, logged), "cannot-tell");
    facts = proven();
    facts.is_refused_by_pins = REPORT_NO;
    assert_string_equal(cause_of(report, facts, logged), "cannot-tell");
    facts.is_refused_by_pins = REPORT_UNKNOWN;
    assert_string_equal(cause_of(report, facts, logged), "stale-pin");
}

static bool says(const struct client_report *report, struct report_seen seen, const char *words) {
    struct report_facts facts = proven();
    struct report_cause_found found;
    seen.is_logged = true;
    report_cause_find(report, &facts, &seen, &found);
    assert_int_equal(found.cause, REPORT_STALE_PIN);
    return strstr(found.why, words) != NULL;
}

static void who_only_reports_is_not_locked_out(void **state) {
    (void) state;
    struct client_report report = enforced();
    struct report_seen nothing = {.is_logged = true};
    assert_int_equal(report_locked_out(&report), REPORT_YES);
    assert_true(says(&report, nothing, "whoever uses this release is locked out"));
    assert_true(says(&report, (struct report_seen){.is_pinned_by_live = true}, "the releases in use accept it"));
    assert_true(says(&report, (struct report_seen){.is_pinned_by_live = true, .is_refused_by_live = true}, "releases in use refuse it"));
    report.has_enforcement = false;
    assert_int_equal(report_locked_out(&report), REPORT_UNKNOWN);
    report.has_enforcement = true;
    report.is_enforced = false;
    assert_int_equal(report_locked_out(&report), REPORT_NO);
    assert_true(says(&report, (struct report_seen){.is_refused_by_live = true}, "nobody was locked out"));
    report.format = CLIENT_REPORT_HPKP;
    report.is_enforced = true;
    assert_int_equal(report_locked_out(&report), REPORT_NO);
    assert_true(says(&report, nothing, "HPKP"));
}

static void each_client_is_judged_by_the_roots_of_its_platform(void **state) {
    (void) state;
    struct client_report report = enforced();
    assert_int_equal(report_store_of(&report), TRUST_APPLE);
    report.platform = "android";
    assert_int_equal(report_store_of(&report), TRUST_ANDROID);
    report.platform = "";
    assert_int_equal(report_store_of(&report), TRUST_APPLE);
    report.format = CLIENT_REPORT_HPKP;
    assert_int_equal(report_store_of(&report), TRUST_MOZILLA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attack_takes_every_one_of_its_conditions),
        cmocka_unit_test(what_the_client_says_of_itself_never_makes_an_attack_nor_hides_one),
        cmocka_unit_test(a_chain_that_the_client_did_not_trust_is_no_stale_pin),
        cmocka_unit_test(a_stale_pin_takes_a_valid_certificate_of_the_host_that_the_pins_do_not_know),
        cmocka_unit_test(who_only_reports_is_not_locked_out),
        cmocka_unit_test(each_client_is_judged_by_the_roots_of_its_platform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
