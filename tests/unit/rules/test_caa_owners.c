/* The tree of names that are polled: who is in it, who is asked next, whose names climb to whom, and what a change means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/memory.h"
#include "rules/caa_change.h"
#include "rules/caa_concern.h"

#define NOW INT64_C(1795262400000)

static struct caa_owners *owners;
static struct arena *arena;
static struct caa_set *none;

static int set_up(void **state) {
    (void) state;
    arena = arena_new((size_t) 16 * 1024 * 1024);
    if (arena == NULL || caa_owners_new(2, 42, &owners) != OK)
        return -1;
    none = caa_set_ref(owners->sets, span_of(NULL, 0));
    return 0;
}

static int tear_down(void **state) {
    (void) state;
    caa_owners_free(owners);
    arena_free(arena);
    return 0;
}

static struct caa_owner *add(const char *text) {
    struct dns_name name;
    struct caa_owner *owner;
    assert_true(caa_owner_name_of(text, &name));
    assert_ptr_equal(caa_owners_add(owners, &name, &owner), OK);
    for (struct caa_owner *at = owner; at != NULL; at = at->parent)
        at->is_new = false; /* as when it was loaded */
    return owner;
}

static struct caa_set *set_of(const char *record) {
    CLEANUP(buffer_done) struct buffer bytes = buffer_with_limit(4096);
    struct caa_record issue = {.tag = span_of_text("issue"), .value = span_of_text(record)};
    assert_ptr_equal(caa_set_encode(&issue, record[0] != '\0', &bytes), OK);
    return caa_set_ref(owners->sets, buffer_span(&bytes));
}

static void leave(void *context, struct caa_owner *owner) {
    unsigned *left = context;
    (*left)++;
    assert_non_null(owner->name);
}

static void what_has_no_caa_in_the_dns_is_no_owner(void **state) {
    (void) state;
    static const char *const refused[] = {"", ".", "10.0.0.1", "2001:db8::1", "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion", "a.?.example", "*",
                                          "a..b", "b\xc3\xbc.example.c\\om"};
    struct dns_name name;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (caa_owner_name_of(refused[i], &name))
            fail_msg("'%s' was taken", refused[i]);
    assert_true(caa_owner_name_of("*.Example.COM", &name));
    char text[DNS_NAME_TEXT_SIZE];
    dns_name_to_text(&name, text);
    assert_string_equal(text, "example.com");
    assert_false(caa_is_own_name(""));
    assert_false(caa_is_own_name("com"));
    assert_false(caa_is_own_name("co.uk"));
    assert_true(caa_is_own_name("example.co.uk"));
}

static void a_name_comes_with_its_ancestors_down_to_the_top_level_domain(void **state) {
    (void) state;
    struct caa_owner *www = add("www.example.com"), *mail = add("mail.example.com");
    assert_int_equal(owners->count, 4);
    assert_string_equal(www->parent->name, "example.com");
    assert_ptr_equal(www->parent, mail->parent);
    assert_string_equal(www->parent->parent->name, "com");
    assert_null(www->parent->parent->parent);
    assert_ptr_equal(add("*.example.com"), www->parent);
    size_t seen = 0;
    for (struct caa_owner *at = caa_owners_next(owners, NULL, NULL); at != NULL; at = caa_owners_next(owners, at, NULL))
        seen++;
    assert_int_equal(seen, 4);
}

static void thousands_are_found_again_and_go_when_nobody_wants_them(void **state) {
    (void) state;
    char text[64];
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "h%u.d%u.example", i, i % 50);
        struct caa_owner *owner = add(text);
        owner->named_until_ms = i % 2 == 0 ? NOW + 1 : NOW;
        assert_ptr_equal(caa_owners_schedule(owners, owner, i % 2, i * 7919 % 5000), OK);
        assert_ptr_equal(caa_owners_find(owners, text), owner);
    }
    assert_int_equal(owners->count, 5051);
    unsigned left = 0;
    caa_owners_find(owners, "h2.d2.example")->slots[1].track.failures = 1;
    caa_owners_find(owners, "h3.d3.example")->slots[1].track.failures = 1;
    caa_owners_sweep(owners, NOW, leave, &left);
    assert_int_equal(owners->failing[0], 0);
    assert_int_equal(owners->failing[1], 1); /* who leaves fails no more */
    assert_int_equal(left, 2525); /* the odd ones, with their domains */
    assert_int_equal(owners->count, 2526);
    assert_int_equal(owners->heaps[0].count, 2500);
    assert_int_equal(owners->heaps[1].count, 0);
    caa_owners_sweep(owners, NOW + 1, leave, &left);
    assert_int_equal(owners->failing[1], 0);
    assert_int_equal(owners->count, 0);
    assert_int_equal(owners->bytes, 0);
}

static void what_is_being_asked_stays(void **state) {
    (void) state;
    struct caa_owner *owner = add("a.example");
    unsigned left = 0;
    owner->slots[1].is_asked = true;
    caa_owners_sweep(owners, NOW, leave, &left);
    assert_int_equal(owners->count, 2);
    owner->slots[1].is_asked = false;
    caa_owners_sweep(owners, NOW, leave, &left);
    assert_int_equal(owners->count, 0);
}

static void who_is_due_first_is_asked_first(void **state) {
    (void) state;
    char text[32];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "n%u", i);
        assert_ptr_equal(caa_owners_schedule(owners, add(text), 0, (i * 7919 + 13) % 1009), OK);
    }
    struct caa_owner *hurried = caa_owners_find(owners, "n500");
    assert_ptr_equal(caa_owners_schedule(owners, hurried, 0, -1), OK);
    assert_ptr_equal(caa_owners_schedule(owners, hurried, 0, 4000), OK); /* not later */
    assert_null(caa_owners_take_due(owners, 0, -2));
    assert_ptr_equal(caa_owners_take_due(owners, 0, 2000), hurried);
    int64_t before_ms = -1, due_ms = 0;
    while (caa_owners_next_due_ms(owners, 0, &due_ms)) {
        assert_true(due_ms >= before_ms);
        before_ms = due_ms;
        assert_non_null(caa_owners_take_due(owners, 0, 2000));
    }
    assert_null(caa_owners_take_due(owners, 1, 2000));
}

/* ---- concern */

static struct caa_watch watches[] = {{1, true, "example.com"}, {2, false, "www.example.com"}, {3, true, ""}, {1, false, "other.example"}};

static struct caa_concerned *concern(struct caa_owner *owner, bool passes_unknown, size_t *ret_count) {
    struct caa_watches list = {watches, sizeof watches / sizeof watches[0]};
    struct caa_concerned *found = NULL;
    caa_watches_sort(watches, list.count);
    for (struct caa_owner *at = caa_owners_next(owners, NULL, NULL); at != NULL; at = caa_owners_next(owners, at, NULL))
        caa_watches_assign(&list, at);
    struct caa_question_of_concern question = {.owners = owners, .watches = &list, .owner = owner, .passes_unknown = passes_unknown, .now_ms = NOW};
    assert_ptr_equal(caa_concern_of(&question, arena, &found, ret_count), OK);
    return found;
}

static void names_that_climb_to_an_owner_are_concerned_and_those_with_a_set_of_their_own_are_not(void **state) {
    (void) state;
    size_t count;
    struct caa_owner *www = add("www.example.com"), *api = add("api.example.com"), *deep = add("a.b.example.com"), *domain = www->parent;
    struct caa_owner *below = add("x.www.example.com"); /* no watch of www alone is of it */
    api->named_until_ms = deep->named_until_ms = below->named_until_ms = NOW + 1;
    below->accepted = none;
    www->slots[0].track.good = none;
    api->slots[0].track.good = set_of("own.example");
    deep->accepted = deep->parent->accepted = none; /* not asked through this resolver yet */
    struct caa_concerned *list = concern(domain, false, &count);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        size_t wanted = list[i].tenant_id == 2 ? 1 : 4; /* example.com, www, x.www, a.b */
        assert_int_equal(list[i].name_count, wanted);
        assert_int_equal(list[i].watch_count, 1);
    }
    deep->parent->accepted = NULL; /* nothing is known of b.example.com */
    list = concern(domain, false, &count);
    assert_int_equal(list[0].tenant_id == 2 ? list[1].name_count : list[0].name_count, 3);
    list = concern(domain, true, &count);
    assert_int_equal(list[0].tenant_id == 2 ? list[1].name_count : list[0].name_count, 4);
    for (size_t r = 0; r < 2; r++)
        www->slots[r].track.good = api->slots[r].track.good = NULL;
    deep->accepted = below->accepted = NULL;
}

static void long_lists_are_cut_and_counted(void **state) {
    (void) state;
    size_t count;
    char text[64];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "h%u.example.com", i);
        struct caa_owner *owner = add(text);
        owner->named_until_ms = NOW + 1;
        owner->accepted = none;
        none->references++;
    }
    struct caa_concerned *list = concern(caa_owners_find(owners, "example.com"), false, &count);
    assert_true(count >= 1);
    assert_int_equal(list[0].name_count, 101);
    assert_non_null(list[0].names[CAA_NAMES_TOLD - 1]);
}

static void of_several_owners_each_tenant_hears_of_its_own(void **state) {
    (void) state;
    struct caa_owner *www = add("www.example.com"), *api = add("api.example.com"), *other = add("other.example");
    struct caa_watches list = {watches, sizeof watches / sizeof watches[0]};
    struct caa_question_of_concern questions[3];
    struct caa_concerned *found = NULL;
    size_t count;
    api->named_until_ms = NOW + 1;
    caa_watches_sort(watches, list.count);
    for (struct caa_owner *at = caa_owners_next(owners, NULL, NULL); at != NULL; at = caa_owners_next(owners, at, NULL))
        caa_watches_assign(&list, at);
    for (size_t i = 0; i < 3; i++)
        questions[i] = (struct caa_question_of_concern){.owners = owners, .watches = &list, .owner = i == 0 ? api : i == 1 ? www : other, .now_ms = NOW};
    assert_ptr_equal(caa_concern_of_all(questions, 3, arena, &found, &count), OK);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(found[i].owner_count, found[i].tenant_id == 2 ? 1 : 3);
        assert_ptr_equal(found[i].owners[0], found[i].tenant_id == 2 ? www : api);
    }
}

static void the_relevant_set_is_found_by_climbing(void **state) {
    (void) state;
    struct caa_owner *www = add("www.example.com"), *domain = www->parent, *top = domain->parent;
    const struct caa_owner *at;
    struct caa_set *one = set_of("one.example");
    domain->accepted = one;
    assert_ptr_equal(caa_relevant_from(www, none, 0, none, &at), one);
    assert_ptr_equal(at, domain);
    domain->accepted = none;
    assert_null(caa_relevant_from(www, none, 0, none, &at)); /* nothing is known of com */
    top->accepted = none;
    assert_ptr_equal(caa_relevant_from(www, none, 0, none, &at), none);
    assert_null(at);
    assert_ptr_equal(caa_relevant_from(www, one, 0, none, &at), one);
    assert_ptr_equal(at, www);
    domain->accepted = top->accepted = NULL;
}

/* ---- change */

static void who_gains_and_who_loses(void **state) {
    (void) state;
    struct caa_difference difference;
    struct caa_set *one = set_of("one.example"), *two = set_of("two.example"), *nobody = set_of(";");
    assert_ptr_equal(caa_difference_of(one, two, CAA_FOR_HOST, arena, &difference), OK);
    assert_int_equal(difference.gained.count, 1);
    assert_string_equal(difference.gained.domains[0], "two.example");
    assert_string_equal(difference.lost.domains[0], "one.example");
    assert_ptr_equal(caa_difference_of(one, none, CAA_FOR_WILDCARD, arena, &difference), OK);
    assert_true(difference.gained.is_any);
    assert_false(caa_gains(&difference.lost));
    assert_ptr_equal(caa_difference_of(none, nobody, CAA_FOR_HOST, arena, &difference), OK);
    assert_true(difference.lost.is_any);
    assert_false(caa_gains(&difference.gained));
    assert_ptr_equal(caa_difference_of(NULL, two, CAA_FOR_HOST, arena, &difference), OK);
    assert_false(caa_gains(&difference.gained));
}

static void what_is_news_and_what_is_not(void **state) {
    (void) state;
    struct caa_set *a = set_of("a.example"), *b = set_of("b.example"), *c = set_of("c.example");
    assert_false(caa_transition_is_news(NULL, a, NULL, false)); /* the first answer ever */
    assert_false(caa_transition_is_news(NULL, b, a, true));     /* a second resolver that differs: a disagreement */
    assert_true(caa_transition_is_news(NULL, b, a, false));     /* nobody says a any more */
    assert_true(caa_transition_is_news(a, b, a, true));
    assert_true(caa_transition_is_news(a, b, a, false));
    assert_false(caa_transition_is_news(a, b, b, true));        /* it follows */
    assert_true(caa_transition_is_news(a, c, b, true));
    assert_false(caa_transition_is_news(NULL, a, a, false));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_has_no_caa_in_the_dns_is_no_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_comes_with_its_ancestors_down_to_the_top_level_domain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(thousands_are_found_again_and_go_when_nobody_wants_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_being_asked_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_due_first_is_asked_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_that_climb_to_an_owner_are_concerned_and_those_with_a_set_of_their_own_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_lists_are_cut_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_several_owners_each_tenant_hears_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_relevant_set_is_found_by_climbing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_gains_and_who_loses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_news_and_what_is_not, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
