/* Records that do not come to rest: what is told each, what together; and resolvers that disagree, by zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/memory.h"
#include "rules/caa_split.h"
#include "rules/caa_unrest.h"

#define NOW INT64_C(1795262400000)
#define HOUR ((int64_t) 3600000)

static struct caa_owners *owners;
static struct caa_unrest *unrest;

static int set_up(void **state) {
    (void) state;
    unrest = caa_unrest_new();
    return unrest == NULL || caa_owners_new(2, 42, &owners) != OK ? -1 : 0;
}

static int tear_down(void **state) {
    (void) state;
    caa_unrest_free(unrest, owners->sets);
    caa_owners_free(owners);
    return 0;
}

static struct caa_set *set_of(const char *issuer) {
    CLEANUP(buffer_done) struct buffer bytes = buffer_with_limit(4096);
    struct caa_record issue = {.tag = span_of_text("issue"), .value = span_of_text(issuer)};
    assert_ptr_equal(caa_set_encode(&issue, issuer[0] != '\0', &bytes), OK);
    struct caa_set *set = caa_set_ref(owners->sets, buffer_span(&bytes));
    assert_non_null(set);
    return set;
}

static void change(int64_t at_ms) {
    caa_unrest_take(unrest, owners->sets, at_ms);
}

static void changes(unsigned count, int64_t first_ms, int64_t every_ms) {
    for (unsigned i = 0; i < count; i++)
        change(first_ms + i * every_ms);
}

/* How a tenant is told who gains `domain` ("": any CA) by the change that was taken last. */
static enum caa_telling told(int32_t tenant_id, const char *domain, const char *wildcard) {
    struct caa_issuers plain = {.domains = &domain, .count = domain != NULL && domain[0] != '\0', .is_any = domain != NULL && domain[0] == '\0'};
    struct caa_issuers wild = {.domains = &wildcard, .count = wildcard != NULL && wildcard[0] != '\0', .is_any = wildcard != NULL && wildcard[0] == '\0'};
    struct caa_gain gain = {.tenant_id = tenant_id, .plain = &plain, .wildcard = &wild};
    enum caa_telling telling;
    assert_ptr_equal(caa_unrest_tell(unrest, &gain, &telling), OK);
    return telling;
}

static void the_sixth_change_within_a_day_makes_it_restless(void **state) {
    (void) state;
    changes(5, NOW, HOUR);
    assert_false(unrest->is_restless);
    assert_int_equal(told(1, NULL, NULL), CAA_TOLD_ALONE);
    change(NOW + 23 * HOUR);
    assert_true(unrest->is_restless);
    assert_int_equal(unrest->changes, 6);
    assert_int_equal(unrest->since_ms, NOW);
}

static void six_that_take_longer_than_a_day_do_not(void **state) {
    (void) state;
    changes(5, NOW, HOUR);
    change(NOW + 24 * HOUR);
    assert_false(unrest->is_restless);
    changes(20, NOW + 30 * HOUR, 6 * HOUR); /* four a day, for days */
    assert_false(unrest->is_restless);
}

static void it_stays_restless_until_a_calm_day(void **state) {
    (void) state;
    changes(6, NOW, 60000);
    int64_t last_ms = NOW + 5 * 60000;
    assert_true(caa_unrest_holds(unrest, last_ms + CAA_CALM_MS - 1));
    assert_false(caa_unrest_holds(unrest, last_ms + CAA_CALM_MS));
    change(last_ms += 23 * HOUR);
    change(last_ms += 23 * HOUR);
    assert_true(caa_unrest_holds(unrest, last_ms));
    assert_int_equal(unrest->changes, 8);
    change(last_ms + CAA_CALM_MS);
    assert_false(unrest->is_restless);
    assert_int_equal(unrest->changes, 1);
    assert_false(caa_unrest_holds(NULL, NOW));
}

static void a_clock_that_goes_back_neither_forgets_nor_calms(void **state) {
    (void) state;
    changes(5, NOW, 60000);
    change(NOW - 48 * HOUR);
    assert_true(unrest->is_restless);
    assert_int_equal(unrest->last_ms, NOW + 4 * 60000);
}

static void to_and_fro_is_told_together_once_each_right_was_told(void **state) {
    (void) state;
    static const char *const gained[] = {"letsencrypt.org", "digicert.com"};
    for (unsigned i = 0; i < 20; i++) {
        change(NOW + i * 300000);
        enum caa_telling wanted = i < CAA_RESTLESS_FROM - 1 ? CAA_TOLD_ALONE : CAA_TOLD_TOGETHER;
        assert_int_equal(told(1, gained[i % 2], NULL), wanted);
    }
    assert_int_equal(unrest->right_count, 2);
}

static void a_right_that_was_not_told_is_never_hidden(void **state) {
    (void) state;
    changes(100, NOW, 60000);
    assert_int_equal(told(1, "letsencrypt.org", NULL), CAA_TOLD_ALONE);
    assert_int_equal(told(1, "letsencrypt.org", NULL), CAA_TOLD_TOGETHER);
    assert_int_equal(told(1, "letsencrypt.org", "letsencrypt.org"), CAA_TOLD_ALONE); /* for wildcards, too */
    assert_int_equal(told(1, "", NULL), CAA_TOLD_ALONE);                             /* any CA */
    assert_int_equal(told(1, "digicert.com", NULL), CAA_TOLD_ALONE);                 /* "any" has named nobody */
    assert_int_equal(told(1, NULL, ""), CAA_TOLD_ALONE);
    assert_int_equal(told(2, "letsencrypt.org", NULL), CAA_TOLD_ALONE);              /* another tenant was told nothing */
    assert_int_equal(told(1, NULL, NULL), CAA_TOLD_TOGETHER);
}

static void a_calm_day_forgets_what_was_told(void **state) {
    (void) state;
    changes(6, NOW, 60000);
    assert_int_equal(told(1, "letsencrypt.org", NULL), CAA_TOLD_ALONE);
    changes(6, NOW + 48 * HOUR, 60000);
    assert_int_equal(told(1, "letsencrypt.org", NULL), CAA_TOLD_ALONE);
}

static void names_of_nobody_are_told_up_to_a_limit_and_then_count_as_unheard(void **state) {
    (void) state;
    char domain[64];
    changes(6, NOW, 60000);
    for (unsigned i = 0; i < 50; i++) {
        snprintf(domain, sizeof domain, "nobody-%u.example", i);
        assert_int_equal(told(1, domain, NULL), i < CAA_STRANGERS_TOLD ? CAA_TOLD_ALONE : CAA_TOLD_UNHEARD);
    }
    assert_int_equal(told(1, "nobody-49.example", NULL), CAA_TOLD_UNHEARD); /* it never was told */
    assert_int_equal(told(1, "nobody-0.example", NULL), CAA_TOLD_TOGETHER);
    assert_int_equal(told(1, "digicert.com", NULL), CAA_TOLD_ALONE); /* a CA does not hide behind them */
    assert_int_equal(told(2, "nobody-49.example", NULL), CAA_TOLD_ALONE);
}

static void the_sets_seen_last_are_remembered(void **state) {
    (void) state;
    char domain[64];
    for (unsigned i = 0; i < 30; i++) {
        snprintf(domain, sizeof domain, "ca-%u.example", i < 20 ? i : 19);
        caa_unrest_see(unrest, owners->sets, (struct caa_seen){.set = set_of(domain), .times = 1, .last_ms = NOW + i});
    }
    assert_int_equal(unrest->seen_count, CAA_SEEN_MAX);
    assert_int_equal(caa_sets_count(owners->sets), CAA_SEEN_MAX);
    int64_t times = 0;
    for (size_t i = 0; i < CAA_SEEN_MAX; i++)
        times = unrest->seen[i].times > times ? unrest->seen[i].times : times;
    assert_int_equal(times, 11);
}

/* ---- splits */

static struct caa_owner *split_owner(const char *text, const char *first, const char *second) {
    struct dns_name name;
    struct caa_owner *owner;
    assert_true(caa_owner_name_of(text, &name));
    assert_ptr_equal(caa_owners_add(owners, &name, &owner), OK);
    for (struct caa_owner *at = owner; at != NULL; at = at->parent)
        at->is_new = false;
    caa_set_replace(owners->sets, &owner->slots[0].track.good, set_of(first));
    caa_set_replace(owners->sets, &owner->slots[1].track.good, set_of(second));
    return owner;
}

static const char *const resolvers[] = {"192.0.2.1:53", "192.0.2.2:53"};

static void join(struct caa_owner *owner) {
    char id[CAA_SPLIT_ID_SIZE];
    caa_split_id(owner, resolvers, 2, id);
    assert_ptr_equal(caa_split_join(owners, owner, id), OK);
}

static void zones_are_registered_domains(void **state) {
    (void) state;
    assert_string_equal(caa_zone_of(split_owner("a.b.example.co.uk", "a", "b"))->name, "example.co.uk");
    assert_string_equal(caa_zone_of(caa_owners_find(owners, "co.uk"))->name, "co.uk");
}

static void thousands_of_names_with_one_disagreement_are_one_split(void **state) {
    (void) state;
    char text[64];
    struct caa_owner *owner = NULL;
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "h%u.example.com", i);
        owner = split_owner(text, "inside.example", "outside.example");
        assert_true(caa_owner_is_split(owner, 2));
        join(owner);
    }
    struct caa_owner *zone = caa_owners_find(owners, "example.com");
    assert_ptr_equal(zone->splits, owner->split);
    assert_null(zone->splits->next);
    assert_int_equal(zone->splits->count, 10000);
    join(split_owner("other.example.com", "inside.example", "evil.example"));
    assert_int_equal(zone->splits->count, 1); /* another way to disagree stands for itself */
    assert_int_equal(zone->splits->next->count, 10000);
    join(split_owner("h1.example.net", "inside.example", "outside.example"));
    assert_int_equal(zone->splits->next->count, 10000);
}

static void who_says_something_else_moves_and_who_agrees_leaves(void **state) {
    (void) state;
    struct caa_owner *a = split_owner("a.example.com", "x", "y"), *b = split_owner("b.example.com", "x", "y");
    join(a);
    join(b);
    assert_true(caa_split_fits(a, 2));
    caa_set_replace(owners->sets, &a->slots[1].track.good, set_of("z"));
    assert_false(caa_split_fits(a, 2));
    join(a);
    assert_ptr_not_equal(a->split, b->split);
    struct caa_split *left = b->split;
    caa_split_leave(b);
    assert_null(b->split);
    assert_true(left->is_dirty);
    assert_int_equal(left->count, 0);
    caa_split_remove(owners, left);
    assert_ptr_equal(caa_owners_find(owners, "example.com")->splits, a->split);
    caa_set_replace(owners->sets, &b->slots[1].track.good, set_of("x"));
    assert_false(caa_owner_is_split(b, 2));
}

static void a_zone_that_disagrees_in_each_name_otherwise_is_bounded(void **state) {
    (void) state;
    char text[64], issuer[64];
    for (unsigned i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "h%u.example.com", i);
        snprintf(issuer, sizeof issuer, "ca%u.example", i);
        join(split_owner(text, "inside.example", issuer));
    }
    size_t count = 0, rest = 0;
    for (struct caa_split *at = caa_owners_find(owners, "example.com")->splits; at != NULL; at = at->next, count++)
        rest += at->is_rest ? at->count : 0;
    assert_int_equal(count, CAA_SPLITS_MAX + 1);
    assert_int_equal(rest, 500 - CAA_SPLITS_MAX);
    struct caa_owner *last = caa_owners_find(owners, "h499.example.com");
    assert_string_equal(last->split->id, CAA_SPLIT_REST_ID);
    caa_set_replace(owners->sets, &last->slots[1].track.good, set_of("new.example"));
    assert_true(caa_split_fits(last, 2)); /* nothing to move for */
}

static void the_id_of_a_split_is_the_same_after_a_restart(void **state) {
    (void) state;
    char first[CAA_SPLIT_ID_SIZE], second[CAA_SPLIT_ID_SIZE];
    caa_split_id(split_owner("a.example.com", "x", ""), resolvers, 2, first);
    caa_split_id(split_owner("b.example.com", "x", ""), resolvers, 2, second);
    assert_string_equal(first, second);
    caa_split_id(split_owner("c.example.com", "", "x"), resolvers, 2, second);
    assert_string_not_equal(first, second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_sixth_change_within_a_day_makes_it_restless, set_up, tear_down),
        cmocka_unit_test_setup_teardown(six_that_take_longer_than_a_day_do_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_stays_restless_until_a_calm_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_goes_back_neither_forgets_nor_calms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(to_and_fro_is_told_together_once_each_right_was_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_right_that_was_not_told_is_never_hidden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_calm_day_forgets_what_was_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_of_nobody_are_told_up_to_a_limit_and_then_count_as_unheard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_sets_seen_last_are_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(zones_are_registered_domains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(thousands_of_names_with_one_disagreement_are_one_split, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_says_something_else_moves_and_who_agrees_leaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_zone_that_disagrees_in_each_name_otherwise_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_id_of_a_split_is_the_same_after_a_restart, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
