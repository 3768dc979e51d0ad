#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rules/caa_usage.h"

static struct arena *arena;

static int set_up(void **state) {
    (void) state;
    arena = arena_new(1 << 20);
    return arena == NULL;
}

static int tear_down(void **state) {
    (void) state;
    arena_free(arena);
    return 0;
}

static const char *const ours[] = {"ours.example", "cross.example", NULL};
static const char *const theirs[] = {"theirs.example", NULL};
static const struct caa_seen_issuer us = {.name = "Ours", .domains = ours}, them = {.name = "Theirs", .domains = theirs}, somebody = {.name = "CN=?"};

struct set {
    struct caa_record records[4];
    size_t count;
    struct caa_issuers host, wildcard;
};

static void add(struct set *set, const char *tag, const char *value) {
    set->records[set->count++] = (struct caa_record){.tag = span_of_text(tag), .value = span_of_text(value)};
    assert_ptr_equal(caa_issuers_of(set->records, set->count, CAA_FOR_HOST, arena, &set->host), OK);
    assert_ptr_equal(caa_issuers_of(set->records, set->count, CAA_FOR_WILDCARD, arena, &set->wildcard), OK);
}

static enum caa_renewal renewal(const struct set *set, const struct caa_seen_issuer *issuer, const char *first, const char *second) {
    const char *const names[] = {first, second};
    const struct caa_seen_certificate certificate = {.issuer = issuer, .names = names, .name_count = second == NULL ? 1 : 2};
    return caa_renewal_of(&certificate, &set->host, &set->wildcard);
}

static void any_domain_of_the_issuer_s_path_renews(void **state) {
    (void) state;
    struct set set = {.count = 0};
    add(&set, "issue", "cross.example");
    assert_int_equal(renewal(&set, &us, "a.example", NULL), CAA_RENEWAL_PERMITTED);
    assert_int_equal(renewal(&set, &them, "a.example", NULL), CAA_RENEWAL_REFUSED);
}

static void one_name_that_is_refused_refuses_the_certificate(void **state) {
    (void) state;
    struct set set = {.count = 0};
    add(&set, "issue", "ours.example");
    add(&set, "issuewild", "theirs.example");
    assert_int_equal(renewal(&set, &us, "a.example", "*.a.example"), CAA_RENEWAL_REFUSED);
    assert_int_equal(renewal(&set, &us, "a.example", NULL), CAA_RENEWAL_PERMITTED);
    assert_int_equal(renewal(&set, &them, "*.a.example", NULL), CAA_RENEWAL_PERMITTED);
}

static void an_issuer_that_is_not_mapped_is_unknown_unless_everybody_or_nobody_may(void **state) {
    (void) state;
    struct set named = {.count = 0}, anybody = {.count = 0}, nobody = {.count = 0};
    add(&named, "issue", "ours.example");
    add(&anybody, "iodef", "mailto:a@b.example");
    add(&nobody, "issue", ";");
    assert_int_equal(renewal(&named, &somebody, "a.example", NULL), CAA_RENEWAL_UNKNOWN);
    assert_int_equal(renewal(&anybody, &somebody, "a.example", NULL), CAA_RENEWAL_PERMITTED);
    assert_int_equal(renewal(&nobody, &somebody, "a.example", NULL), CAA_RENEWAL_REFUSED);
    add(&named, "issuewild", ";");
    assert_int_equal(renewal(&named, &somebody, "a.example", "*.a.example"), CAA_RENEWAL_REFUSED);
}

/* What caa_lint is told. */
static struct caa_lint_facts facts_of(const struct caa_usage *seen, const struct set *set) {
    struct caa_lint_facts facts = {0};
    assert_ptr_equal(caa_usage_facts(seen, set->records, set->count, arena, &facts), OK);
    return facts;
}

static void without_a_certificate_nothing_is_said_of_use(void **state) {
    (void) state;
    struct set set = {.count = 0};
    const struct caa_usage seen = {.count = 0};
    add(&set, "issue", "ours.example");
    assert_null(facts_of(&seen, &set).seen_domains);
}

static void an_issuer_stands_for_the_domain_that_the_set_names_for_what_it_issued(void **state) {
    (void) state;
    struct set set = {.count = 0};
    struct caa_seen_issuer issuers[] = {us, them, somebody, us};
    struct caa_seen_certificate certificate = {.issuer = issuers};
    const struct caa_usage seen = {.issuers = issuers, .issuer_count = 4, .certificates = &certificate, .count = 1};
    issuers[0].plain_count = issuers[1].plain_count = issuers[2].plain_count = issuers[3].wildcard_count = 1;
    add(&set, "issue", "ours.example");
    add(&set, "issuewild", "cross.example");
    struct caa_lint_facts facts = facts_of(&seen, &set);
    assert_string_equal(facts.seen_domains[0], "cross.example");
    assert_int_equal(facts.seen_uses[0], CAA_SEEN_WILDCARD);
    assert_string_equal(facts.seen_domains[1], "ours.example");
    assert_string_equal(facts.seen_owners[1], "Ours");
    assert_int_equal(facts.seen_uses[1], CAA_SEEN_PLAIN);
    assert_string_equal(facts.seen_domains[2], "theirs.example");
    assert_null(facts.seen_domains[3]);
    assert_true(caa_usage_has_unmapped(&seen));
    set.count = 1; /* `issue` alone: the same for both */
    facts = facts_of(&seen, &set);
    assert_int_equal(facts.seen_uses[0], CAA_SEEN_PLAIN | CAA_SEEN_WILDCARD);
    assert_null(facts.seen_domains[2]);
}

static void who_was_seen_first_changes_nothing(void **state) {
    (void) state;
    struct set set = {.count = 0};
    struct caa_seen_issuer issuers[] = {them, us};
    struct caa_seen_certificate certificate = {.issuer = issuers};
    const struct caa_usage seen = {.issuers = issuers, .issuer_count = 2, .certificates = &certificate, .count = 1};
    issuers[0].plain_count = issuers[1].plain_count = 1;
    add(&set, "issue", "ours.example");
    struct caa_lint_facts facts = facts_of(&seen, &set);
    assert_string_equal(facts.seen_owners[0], "Ours");
    assert_string_equal(facts.seen_domains[1], "theirs.example");
    assert_null(facts.seen_domains[2]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_domain_of_the_issuer_s_path_renews, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_name_that_is_refused_refuses_the_certificate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_issuer_that_is_not_mapped_is_unknown_unless_everybody_or_nobody_may, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_certificate_nothing_is_said_of_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_issuer_stands_for_the_domain_that_the_set_names_for_what_it_issued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_was_seen_first_changes_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
