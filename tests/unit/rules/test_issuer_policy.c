/* Every line of the table of outcomes in docs/findings.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rules/issuer_policy.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1795262400)

static struct arena *arena;

static int set_up(void **state) {
    (void) state;
    arena = arena_new((size_t) 1024 * 1024);
    return arena == NULL;
}

static int tear_down(void **state) {
    (void) state;
    arena_free(arena);
    return 0;
}

/* Two owners that the test maps: "Good CA" recognises good.example, "Other CA" recognises other.example. */
static const struct hash good_key = {{1}}, other_key = {{2}}, unmapped_key = {{3}}, own_key = {{9}};
static const char *const good_domains[] = {"good.example", NULL}, *const other_domains[] = {"other.example", NULL};
static const struct ca_owner good = {"Good CA", good_domains, ""}, other = {"Other CA", other_domains, ""};
static const struct ca_row rows[] = {{.spki_sha256 = {{1}}, .owner = &good, .kind = CA_INTERMEDIATE}, {.spki_sha256 = {{2}}, .owner = &other, .kind = CA_ROOT}};
static const struct ca_extra_rows extra = {.rows = rows, .count = 2};

static const char *const domain_list[] = {"good.example"}, *const strange_list[] = {"good.example", "new-domain.example"},
                  *const owner_list[] = {"good ca"}, *const strange_owners[] = {"Nobody Knows CA"}, *const key_types[] = {"ec-p256"};

static struct policy_rules by_domain(void) {
    struct policy_rules rules = policy_rules_default();
    rules.caa_domains = domain_list;
    rules.caa_domain_count = 1;
    return rules;
}

static struct policy_rules by_key(void) {
    struct policy_rules rules = policy_rules_default();
    rules.ca_keys = &good_key;
    rules.ca_key_count = 1;
    return rules;
}

static const struct report_name plain_name = {NAME_DNS, NAME_FROM_SAN, "www.example.com"};

static struct issuer_facts facts_by(const struct hash *issuer) {
    return (struct issuer_facts){.issuer_state = ISSUER_VERIFIED, .issuer_spki_sha256 = *issuer, .unverifiable_reason = "",
                                 .spki_sha256 = {true, own_key}, .key_type = "ec-p256", .has_validity = true, .not_before = NOW - DAY,
                                 .not_after = NOW + 89 * DAY - 1, .names = &plain_name, .name_count = 1, .now_ms = NOW * 1000};
}

static struct judgement judge(const struct policy_rules *rules, const struct issuer_facts *facts) {
    static const struct watch_item watch = {WATCH_SUBTREE, "example.com"};
    struct judgement judgement;
    assert_ptr_equal(issuer_judge(rules, &watch, facts, &extra, arena, &judgement), OK);
    return judgement;
}

static void expect(struct judgement judgement, enum issuer_verdict verdict, const char *rule, enum finding_severity severity) {
    assert_string_equal(issuer_verdict_name(judgement.verdict), issuer_verdict_name(verdict));
    assert_int_equal(judgement.finding_count, rule == NULL ? 0 : 1);
    if (rule == NULL)
        return;
    assert_string_equal(judgement.findings[0].rule, rule);
    assert_string_equal(finding_severity_name(judgement.findings[0].severity), finding_severity_name(severity));
    assert_true(judgement.findings[0].reason_count > 0);
}

static void without_a_policy_nothing_is_judged_or_reported(void **state) {
    (void) state;
    struct issuer_facts facts = facts_by(&unmapped_key);
    expect(judge(NULL, &facts), ISSUER_NOT_JUDGED, NULL, SEVERITY_INFO);
    facts.issuer_state = ISSUER_UNVERIFIABLE;
    expect(judge(NULL, &facts), ISSUER_NOT_JUDGED, NULL, SEVERITY_INFO);
}

static void a_policy_without_issuers_judges_none(void **state) {
    (void) state;
    struct policy_rules rules = policy_rules_default();
    struct issuer_facts facts = facts_by(&other_key);
    expect(judge(&rules, &facts), ISSUER_NOT_JUDGED, NULL, SEVERITY_INFO);
    rules.reports_new = true;
    expect(judge(&rules, &facts), ISSUER_NOT_JUDGED, RULE_NEW, SEVERITY_INFO);
}

static void an_issuer_expected_by_domain_owner_or_key_is_fine(void **state) {
    (void) state;
    struct policy_rules rules = by_domain(), owners = policy_rules_default(), keys = by_key();
    struct issuer_facts facts = facts_by(&good_key);
    owners.owners = owner_list;
    owners.owner_count = 1;
    expect(judge(&rules, &facts), ISSUER_EXPECTED, NULL, SEVERITY_INFO);
    expect(judge(&owners, &facts), ISSUER_EXPECTED, NULL, SEVERITY_INFO);
    expect(judge(&keys, &facts), ISSUER_EXPECTED, NULL, SEVERITY_INFO);
}

static void a_key_of_another_owner_is_unexpected(void **state) {
    (void) state;
    struct policy_rules rules = by_domain(), keys = by_key();
    struct issuer_facts facts = facts_by(&other_key);
    expect(judge(&rules, &facts), ISSUER_UNEXPECTED, RULE_UNEXPECTED_ISSUER, SEVERITY_CRITICAL);
    expect(judge(&keys, &facts), ISSUER_UNEXPECTED, RULE_UNEXPECTED_ISSUER, SEVERITY_CRITICAL);
    struct judgement judgement = judge(&rules, &facts);
    assert_string_equal(judgement.findings[0].reasons[0], "issued by a key of Other CA, which the policy does not expect");
}

static void an_unmapped_key_is_unknown_where_names_are_expected_and_unexpected_where_keys_alone_are(void **state) {
    (void) state;
    struct policy_rules rules = by_domain(), keys = by_key(), both = by_domain();
    struct issuer_facts facts = facts_by(&unmapped_key);
    both.ca_keys = &good_key;
    both.ca_key_count = 1;
    expect(judge(&rules, &facts), ISSUER_UNKNOWN, RULE_UNKNOWN_ISSUER, SEVERITY_WARNING);
    expect(judge(&keys, &facts), ISSUER_UNEXPECTED, RULE_UNEXPECTED_ISSUER, SEVERITY_CRITICAL);
    expect(judge(&both, &facts), ISSUER_UNKNOWN, RULE_UNKNOWN_ISSUER, SEVERITY_WARNING);
}

static void a_policy_that_names_somebody_the_table_does_not_know_accuses_nobody(void **state) {
    (void) state;
    struct policy_rules rules = by_domain(), owners = policy_rules_default();
    struct issuer_facts facts = facts_by(&other_key);
    rules.caa_domains = strange_list;
    rules.caa_domain_count = 2;
    owners.owners = strange_owners;
    owners.owner_count = 1;
    expect(judge(&rules, &facts), ISSUER_UNKNOWN, RULE_UNKNOWN_ISSUER, SEVERITY_WARNING);
    expect(judge(&owners, &facts), ISSUER_UNKNOWN, RULE_UNKNOWN_ISSUER, SEVERITY_WARNING);
    facts = facts_by(&good_key);
    expect(judge(&rules, &facts), ISSUER_EXPECTED, NULL, SEVERITY_INFO);
}

static void a_pending_issuer_waits_and_an_unverifiable_one_is_unknown(void **state) {
    (void) state;
    struct policy_rules rules = by_domain(), keys = by_key();
    struct issuer_facts facts = facts_by(&other_key);
    facts.issuer_state = ISSUER_PENDING;
    expect(judge(&rules, &facts), ISSUER_AWAITED, NULL, SEVERITY_INFO);
    expect(judge(&keys, &facts), ISSUER_AWAITED, NULL, SEVERITY_INFO);
    facts.issuer_state = ISSUER_UNVERIFIABLE;
    facts.unverifiable_reason = "its chain is empty";
    expect(judge(&rules, &facts), ISSUER_UNKNOWN, RULE_UNKNOWN_ISSUER, SEVERITY_WARNING);
    expect(judge(&keys, &facts), ISSUER_UNKNOWN, RULE_UNKNOWN_ISSUER, SEVERITY_WARNING);
    assert_string_equal(judge(&keys, &facts).findings[0].reasons[0], "who signed it cannot be proven: its chain is empty");
}

static void nothing_is_told_of_a_pending_certificate_that_would_be_told_again(void **state) {
    (void) state;
    static const char *const types[] = {"rsa-2048"};
    struct policy_rules rules = policy_rules_default();
    struct issuer_facts facts = facts_by(&good_key);
    rules.reports_new = true;
    rules.key_types = types;
    rules.key_type_count = 1;
    facts.issuer_state = ISSUER_PENDING;
    expect(judge(&rules, &facts), ISSUER_NOT_JUDGED, NULL, SEVERITY_INFO);
    facts.issuer_state = ISSUER_UNVERIFIABLE;
    assert_int_equal(judge(&rules, &facts).finding_count, 2);
    facts.issuer_state = ISSUER_VERIFIED;
    assert_int_equal(judge(&rules, &facts).finding_count, 2);
}

static void a_known_key_quietens_renewals_by_expected_issuers_alone(void **state) {
    (void) state;
    struct policy_rules rules = by_domain();
    struct issuer_facts facts = facts_by(&good_key);
    rules.reports_new = true;
    expect(judge(&rules, &facts), ISSUER_EXPECTED, RULE_NEW, SEVERITY_INFO);
    rules.known_keys = &own_key;
    rules.known_key_count = 1;
    expect(judge(&rules, &facts), ISSUER_EXPECTED, NULL, SEVERITY_INFO);
    facts = facts_by(&other_key);
    expect(judge(&rules, &facts), ISSUER_UNEXPECTED, RULE_UNEXPECTED_ISSUER, SEVERITY_WARNING);
    facts.spki_sha256.is_known = false;
    expect(judge(&rules, &facts), ISSUER_UNEXPECTED, RULE_UNEXPECTED_ISSUER, SEVERITY_CRITICAL);
}

static void an_expired_certificate_wakes_nobody(void **state) {
    (void) state;
    struct policy_rules rules = by_domain();
    struct issuer_facts facts = facts_by(&other_key);
    facts.not_before = NOW - 100 * DAY;
    facts.not_after = NOW - 2 * DAY;
    expect(judge(&rules, &facts), ISSUER_UNEXPECTED, RULE_UNEXPECTED_ISSUER, SEVERITY_NOTICE);
    facts.not_after = NOW - DAY; /* a clock may be wrong by a day */
    expect(judge(&rules, &facts), ISSUER_UNEXPECTED, RULE_UNEXPECTED_ISSUER, SEVERITY_CRITICAL);
}

static void keys_lifetimes_and_wildcards_against_the_policy_make_one_finding(void **state) {
    (void) state;
    static const struct report_name names[] = {{NAME_DNS, NAME_FROM_SAN, "*.example.com"}};
    struct policy_rules rules = policy_rules_default();
    struct issuer_facts facts = facts_by(&good_key);
    rules.key_types = key_types;
    rules.key_type_count = 1;
    rules.max_lifetime_days = 90;
    rules.allows_wildcards = false;
    expect(judge(&rules, &facts), ISSUER_NOT_JUDGED, NULL, SEVERITY_INFO);
    facts.not_after++; /* one second over 90 days */
    facts.key_type = "rsa-2048";
    facts.names = names;
    expect(judge(&rules, &facts), ISSUER_NOT_JUDGED, RULE_AGAINST_POLICY, SEVERITY_WARNING);
    assert_int_equal(judge(&rules, &facts).findings[0].reason_count, 3);
    facts.key_type = "";
    assert_string_equal(judge(&rules, &facts).findings[0].reasons[0], "its key cannot be read, and the policy names the key types that it allows");
}

static void wildcards_of_others_in_a_shared_certificate_are_their_own_affair(void **state) {
    (void) state;
    static const struct {
        struct watch_item watch;
        const char *wildcard;
        bool is_reported;
    } cases[] = {
        {{WATCH_SUBTREE, "example.com"}, "*.other.example", false},  {{WATCH_SUBTREE, "example.com"}, "*.example.com", true},
        {{WATCH_SUBTREE, "example.com"}, "*.a.example.com", true},   {{WATCH_SUBTREE, "www.example.com"}, "*.example.com", true},
        {{WATCH_NAME, "www.example.com"}, "*.example.com", true},    {{WATCH_NAME, "www.example.com"}, "*.www.example.com", false},
        {{WATCH_SUBTREE, "example.com"}, "*.notexample.com", false}, {{WATCH_SUBTREE, ""}, "*.other.example", true},
        {{WATCH_KEY, "00"}, "*.other.example", true},
    };
    struct policy_rules rules = policy_rules_default();
    rules.allows_wildcards = false;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct report_name name = {NAME_DNS, NAME_FROM_SAN, cases[i].wildcard};
        struct issuer_facts facts = facts_by(&good_key);
        struct judgement judgement;
        facts.names = &name;
        assert_ptr_equal(issuer_judge(&rules, &cases[i].watch, &facts, &extra, arena, &judgement), OK);
        assert_int_equal(judgement.finding_count, cases[i].is_reported);
    }
}

/* The CAA records of a.example.com allow Good CA, of b.example.com by news alone, of c.example.com nobody; nothing else is recorded. */
static enum caa_allowance say_caa(void *context, const char *name, const char *const *issuer_domains) {
    assert_ptr_equal(context, &extra);
    if (strcmp(issuer_domains[0], "good.example") != 0)
        return CAA_NOT_ALLOWED;
    return strcmp(name, "a.example.com") == 0     ? CAA_ALLOWED
           : strcmp(name, "*.b.example.com") == 0 ? CAA_ALLOWED_BY_NEWS
           : strcmp(name, "c.example.com") == 0   ? CAA_NOT_ALLOWED
                                                  : CAA_NOT_RECORDED;
}

static struct judgement judge_by_caa(const struct hash *issuer, const struct report_name *names, size_t count) {
    struct policy_rules rules = policy_rules_default();
    struct issuer_facts facts = facts_by(issuer);
    rules.expects_caa_records = true;
    facts.names = names;
    facts.name_count = count;
    facts.ask_caa = say_caa;
    facts.caa_context = (void *) (uintptr_t) &extra;
    return judge(&rules, &facts);
}

static void a_policy_by_caa_expects_whom_the_records_of_every_own_name_allow(void **state) {
    (void) state;
    const struct report_name names[] = {{NAME_DNS, NAME_FROM_SAN, "a.example.com"}, {NAME_DNS, NAME_FROM_SAN, "c.example.org"}, {NAME_IP, NAME_FROM_SAN, "192.0.2.1"}};
    expect(judge_by_caa(&good_key, names, 3), ISSUER_EXPECTED, NULL, SEVERITY_INFO);
    struct judgement judgement = judge_by_caa(&other_key, names, 3);
    expect(judgement, ISSUER_UNEXPECTED, RULE_UNEXPECTED_ISSUER, SEVERITY_CRITICAL);
    assert_string_equal(judgement.findings[0].reasons[1], "the CAA records of a.example.com do not allow Other CA");
}

static void a_policy_by_caa_does_not_trust_a_change_that_nobody_heard_of(void **state) {
    (void) state;
    const struct report_name names[] = {{NAME_DNS, NAME_FROM_SAN, "*.b.example.com"}, {NAME_DNS, NAME_FROM_SAN, "a.example.com"}};
    struct judgement judgement = judge_by_caa(&good_key, names, 2);
    expect(judgement, ISSUER_UNEXPECTED, RULE_UNEXPECTED_ISSUER, SEVERITY_CRITICAL);
    assert_string_equal(judgement.findings[0].reasons[1], "only a change of the CAA records of *.b.example.com that nobody was told of yet allows Good CA");
}

static void a_policy_by_caa_neither_accuses_nor_absolves_where_nothing_is_recorded(void **state) {
    (void) state;
    const struct report_name names[] = {{NAME_DNS, NAME_FROM_SAN, "a.example.com"}, {NAME_DNS, NAME_FROM_SAN, "new.example.com"}};
    struct judgement judgement = judge_by_caa(&good_key, names, 2);
    expect(judgement, ISSUER_UNKNOWN, RULE_UNKNOWN_ISSUER, SEVERITY_WARNING);
    assert_string_equal(judgement.findings[0].reasons[0], "issued by a key of Good CA, and no CAA answer about new.example.com is recorded yet");
    expect(judge_by_caa(&unmapped_key, names, 1), ISSUER_UNKNOWN, RULE_UNKNOWN_ISSUER, SEVERITY_WARNING);
}

static void without_memory_the_judgement_fails_and_says_so(void **state) {
    (void) state;
    static const struct watch_item watch = {WATCH_SUBTREE, "example.com"};
    struct policy_rules rules = by_domain();
    struct issuer_facts facts = facts_by(&other_key);
    struct judgement judgement = {.finding_count = 77};
    struct arena *none = arena_new(1);
    assert_non_null(none);
    assert_ptr_equal(issuer_judge(&rules, &watch, &facts, &extra, none, &judgement), &fault_no_memory);
    assert_int_equal(judgement.finding_count, 77);
    arena_free(none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_policy_nothing_is_judged_or_reported),
        cmocka_unit_test(a_policy_without_issuers_judges_none),
        cmocka_unit_test(an_issuer_expected_by_domain_owner_or_key_is_fine),
        cmocka_unit_test(a_key_of_another_owner_is_unexpected),
        cmocka_unit_test(an_unmapped_key_is_unknown_where_names_are_expected_and_unexpected_where_keys_alone_are),
        cmocka_unit_test(a_policy_that_names_somebody_the_table_does_not_know_accuses_nobody),
        cmocka_unit_test(nothing_is_told_of_a_pending_certificate_that_would_be_told_again),
        cmocka_unit_test(a_pending_issuer_waits_and_an_unverifiable_one_is_unknown),
        cmocka_unit_test(a_known_key_quietens_renewals_by_expected_issuers_alone),
        cmocka_unit_test(an_expired_certificate_wakes_nobody),
        cmocka_unit_test(keys_lifetimes_and_wildcards_against_the_policy_make_one_finding),
        cmocka_unit_test(wildcards_of_others_in_a_shared_certificate_are_their_own_affair),
        cmocka_unit_test(a_policy_by_caa_expects_whom_the_records_of_every_own_name_allow),
        cmocka_unit_test(a_policy_by_caa_does_not_trust_a_change_that_nobody_heard_of),
        cmocka_unit_test(a_policy_by_caa_neither_accuses_nor_absolves_where_nothing_is_recorded),
        cmocka_unit_test(without_memory_the_judgement_fails_and_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
