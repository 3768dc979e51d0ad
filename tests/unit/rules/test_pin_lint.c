#include "pin_lint_world.h"

/* ---- the table */

static void rules_have_names_that_differ_advice_and_fall_in_severity(void **state) {
    (void) state;
    size_t count = 0;
    for (const struct pin_lint_rule *rule; (rule = pin_lint_rule_at(count)) != NULL; count++) {
        assert_true(rule->name[0] != '\0' && rule->advice[0] != '\0' && rule->advice[strlen(rule->advice) - 1] == '.');
        if (count > 0)
            assert_true(rule->severity <= pin_lint_rule_at(count - 1)->severity);
        for (size_t i = 0; i < count; i++)
            assert_string_not_equal(rule->name, pin_lint_rule_at(i)->name);
    }
    assert_true(count > 30);
}

static void every_rule_stands_in_the_documentation_with_its_severity(void **state) {
    (void) state;
    CLEANUP(buffer_done) struct buffer page = buffer_with_limit(FILE_LIMIT);
    const struct pin_lint_rule *rule;
    assert_true(file_read(TESTS_FOLDER "/../docs/pins.md", &page));
    for (size_t i = 0; (rule = pin_lint_rule_at(i)) != NULL; i++) {
        char row[200];
        snprintf(row, sizeof row, "\n| `%s` | %s | ", rule->name, finding_severity_name(rule->severity));
        if (strstr(buffer_text(&page), row) == NULL)
            fail_msg("docs/pins.md has no row%s", row);
    }
}

static void readers_remarks_stand_among_the_others_by_line_and_an_error_is_a_warning(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "one");
    assert_ptr_equal(pin_builder_remark(&world->builders[0], PIN_REMARK_ERROR, 9, "of-the-reader", "left out"), OK);
    assert_ptr_equal(pin_builder_remark(&world->builders[0], PIN_REMARK_NOTE, 0, "a-note", "skipped"), OK);
    look(world);
    assert_string_equal(world->remarks[0].rule, "a-note");
    assert_int_equal(world->remarks[0].severity, SEVERITY_INFO);
    assert_int_equal(only(world, "of-the-reader")->severity, SEVERITY_WARNING);
    assert_int_equal(only(world, "of-the-reader")->line, 9);
    assert_int_equal(only(world, "pins-one")->line, 1);
    world_done(world);
}

static void a_file_without_pins_is_not_called_clean(void **state) {
    (void) state;
    expect(world_new(PIN_FORMAT_ANDROID, pin_format_count), "nothing-pinned", 1);
    expect_of_pins("one two", "nothing-pinned", 0);
}

/* ---- how many */

static void one_pin_is_too_few_and_the_same_pin_twice_is_one(void **state) {
    (void) state;
    expect_of_pins("one", "pins-one", 1);
    expect_of_pins("one one", "pins-one", 1);
    expect_of_pins("one one", "pin-repeated", 1);
    expect_of_pins("one two", "pins-one", 0);
    expect_of_pins("one two", "pin-repeated", 0);
    expect_of_pins("one " ALL_A, "pins-one", 1);
    expect_of_pins("one " OF_NOTHING, "pins-one", 1);
}

static void apples_two_lists_are_counted_each_by_itself(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_APPLE, pin_format_count);
    struct pin_set *set = set_of(world, 0, "example.com", PIN_HOST_EXACT);
    pin_in(world, 0, set, 0, "leaf")->position = PIN_LEAF;
    pin_in(world, 0, set, 1, "ca")->position = PIN_CA;
    expect(world, "pins-one", 2);
}

static void okhttp_lines_of_one_host_unite_and_are_counted_together(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_OKHTTP, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "one");
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "two");
    expect(world, "pins-one", 0);
    world = world_new(PIN_FORMAT_OKHTTP, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_ONE_LABEL_BELOW, "one");
    (void) pinned(world, 0, "www.example.com", PIN_HOST_EXACT, "two");
    expect(world, "pins-one", 1); /* www has both, the other names have one */
}

static void no_pin_that_counts_refuses_everything(void **state) {
    (void) state;
    expect_of_pins("", "pins-none", 1);
    expect_of_pins(ALL_A, "pins-none", 1);
    expect_of_pins("one", "pins-none", 0);
}

static void trustkit_for_ios_ends_an_app_that_enforces_one_pin(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_TRUSTKIT_IOS, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "one");
    expect(world, "app-refuses", 1);
    world = world_new(PIN_FORMAT_TRUSTKIT_IOS, pin_format_count);
    pinned(world, 0, "example.com", PIN_HOST_EXACT, "one")->is_enforced = false;
    expect(world, "app-refuses", 0);
    world = world_new(PIN_FORMAT_TRUSTKIT_IOS, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "one " ALL_A);
    expect(world, "app-refuses", 0); /* TrustKit counts digests, not keys */
}

static void digests_of_nothing_and_placeholders_are_told(void **state) {
    (void) state;
    expect_of_pins("one " OF_NOTHING, "pin-of-nothing", 1);
    expect_of_pins("one two", "pin-of-nothing", 0);
    expect_of_pins("one " ALL_A, "pin-placeholder", 1);
    expect_of_pins("one two", "pin-placeholder", 0);
}

/* ---- backups */

static void all_pins_in_the_served_chain_are_no_backup(void **state) {
    (void) state;
    static const char *const keys[] = {"leaf", "intermediate", ISRG_ROOT_X1};
    struct world *world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    serve(world, "example.com", keys, 3, 90);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "leaf intermediate");
    expect(world, "backup-missing", 1);
    world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    serve(world, "example.com", keys, 3, 90);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "leaf spare");
    expect(world, "backup-missing", 0);
    world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    serve(world, "other.example", keys, 3, 90); /* another host's chain says nothing */
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "leaf intermediate");
    expect(world, "backup-missing", 0);
}

static void a_chain_is_that_of_every_name_in_its_leaf(void **state) {
    (void) state;
    static const char *const keys[] = {"leaf", "root"};
    static const struct {
        const char *name, *host;
        enum pin_host_match match;
        size_t wanted;
    } cases[] = {
        {"*.example.com", "api.example.com", PIN_HOST_EXACT, 1},
        {"*.example.com", "example.com", PIN_HOST_EXACT, 0},
        {"*.example.com", "example.com", PIN_HOST_EXACT_AND_ONE_LABEL, 1},
        {"*.example.com", "a.b.example.com", PIN_HOST_EXACT, 0},
        {"a.b.example.com", "example.com", PIN_HOST_EXACT_AND_BELOW, 1},
        {"a.b.example.com", "example.com", PIN_HOST_EXACT_AND_ONE_LABEL, 0},
        {"a.example.com", "example.com", PIN_HOST_ONE_LABEL_BELOW, 1},
        {"example.com", "example.com", PIN_HOST_ONE_LABEL_BELOW, 0},
        {"notexample.com", "example.com", PIN_HOST_EXACT_AND_BELOW, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool is_apple = cases[i].match == PIN_HOST_EXACT_AND_ONE_LABEL, is_okhttp = cases[i].match == PIN_HOST_ONE_LABEL_BELOW;
        struct world *world = world_new(is_apple ? PIN_FORMAT_APPLE : is_okhttp ? PIN_FORMAT_OKHTTP : PIN_FORMAT_ANDROID, pin_format_count);
        serve(world, cases[i].name, keys, 2, 90);
        (void) pinned(world, 0, cases[i].host, cases[i].match, "x y");
        expect(world, "chain-refused", cases[i].wanted);
    }
}

static void a_chain_without_a_pinned_key_is_refused_now(void **state) {
    (void) state;
    static const char *const keys[] = {"leaf", "root"};
    struct world *world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    serve(world, "example.com", keys, 2, 90);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "x y");
    look(world);
    assert_int_equal(only(world, "chain-refused")->severity, SEVERITY_CRITICAL);
    world_done(world);
    world = world_new(PIN_FORMAT_TRUSTKIT_IOS, pin_format_count);
    serve(world, "example.com", keys, 2, 90);
    pinned(world, 0, "example.com", PIN_HOST_EXACT, "x y")->is_enforced = false;
    look(world);
    assert_int_equal(only(world, "chain-refused")->severity, SEVERITY_WARNING);
    world_done(world);
    world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    serve(world, "example.com", keys, 2, 90);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "x root");
    expect(world, "chain-refused", 0);
    world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    serve(world, "example.com", keys, 2, 90);
    world->chain.paths[TRUST_ANDROID].is_whole = false; /* another path may satisfy the pins */
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "x y");
    expect(world, "chain-refused", 0);
}

static void a_backup_that_is_current_or_served_is_none(void **state) {
    (void) state;
    static const char *const keys[] = {"leaf", "root"};
    struct world *world = world_new(PIN_FORMAT_YAML, pin_format_count);
    struct pin_set *set = set_of(world, 0, "example.com", PIN_HOST_EXACT);
    pin_in(world, 0, set, 0, "leaf")->role = PIN_CURRENT;
    pin_in(world, 0, set, 0, "leaf")->role = PIN_BACKUP;
    expect(world, "backup-is-current", 1);
    world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    serve(world, "example.com", keys, 2, 90);
    set = set_of(world, 0, "example.com", PIN_HOST_EXACT);
    (void) pin_in(world, 0, set, 0, "other");
    pin_in(world, 0, set, 0, "leaf")->comment = "Backup key";
    expect(world, "backup-is-current", 1);
    world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    serve(world, "example.com", keys, 2, 90);
    set = set_of(world, 0, "example.com", PIN_HOST_EXACT);
    (void) pin_in(world, 0, set, 0, "leaf");
    pin_in(world, 0, set, 0, "other")->comment = "backup key";
    expect(world, "backup-is-current", 0);
}

static void roles_without_a_backup_among_them_are_told(void **state) {
    (void) state;
    for (unsigned with_backup = 0; with_backup < 2; with_backup++) {
        struct world *world = world_new(PIN_FORMAT_YAML, pin_format_count);
        struct pin_set *set = set_of(world, 0, "example.com", PIN_HOST_EXACT);
        pin_in(world, 0, set, 0, "one")->role = PIN_CURRENT;
        pin_in(world, 0, set, 0, "two")->role = with_backup ? PIN_BACKUP : PIN_CURRENT;
        expect(world, "backup-missing", with_backup ? 0 : 1);
    }
}

/* ---- dates */

static void expect_of_date(int64_t expires, bool is_local, const char *rule, size_t count) {
    struct world *world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    struct pin_set *set = pinned(world, 0, "example.com", PIN_HOST_EXACT, "one two");
    set->has_expiry = true;
    set->is_expiry_local = is_local;
    set->expires = expires;
    expect(world, rule, count);
}

static void pinning_that_stopped_or_stops_within_thirty_days_is_told(void **state) {
    (void) state;
    expect_of_date(NOW - 1, false, "expired", 1);
    expect_of_date(NOW, false, "expired", 1);
    expect_of_date(NOW + 1, false, "expired", 0);
    expect_of_date(NOW + 13 * 3600, true, "expired", 1); /* east of here it has begun */
    expect_of_date(NOW + 15 * 3600, true, "expired", 0);
    expect_of_date(NOW - 11 * 3600, true, "expired", 1);
    expect_of_date(NOW + 29 * DAY, false, "expires-soon", 1);
    expect_of_date(NOW + 30 * DAY, false, "expires-soon", 0);
    expect_of_date(NOW - 1, false, "expires-soon", 0);
}

static void expect_of_support(int64_t expires, int64_t end, const char *rule, size_t count) {
    struct world *world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    struct pin_lint_release release = {.name = "Bank 4.2", .has_end_of_support = true, .end_of_support = end};
    struct pin_set *set = pinned(world, 0, "example.com", PIN_HOST_EXACT, "one two");
    set->has_expiry = true;
    set->expires = expires;
    world->facts.releases = &release;
    world->facts.release_count = 1;
    expect(world, rule, count);
}

static void pins_should_hold_as_long_as_the_release_is_supported_and_not_much_longer(void **state) {
    (void) state;
    expect_of_support(NOW + 100 * DAY, NOW + 200 * DAY, "expires-before-support-ends", 1);
    expect_of_support(NOW + 200 * DAY, NOW + 200 * DAY, "expires-before-support-ends", 0);
    expect_of_support(NOW + 100 * DAY, NOW - DAY, "expires-before-support-ends", 0); /* nobody is promised anything any more */
    expect_of_support(NOW + 300 * DAY, NOW + 200 * DAY, "expires-after-support-ends", 1);
    expect_of_support(NOW + 200 * DAY, NOW + 200 * DAY, "expires-after-support-ends", 0);
}

/* ---- certificates, dead pins, CAs */

static struct world *with_certificate_pin(int64_t days) {
    static const char *const keys[] = {"leaf", "root"};
    struct world *world = world_new(PIN_FORMAT_YAML, pin_format_count);
    struct pin_set *set = set_of(world, 0, "example.com", PIN_HOST_EXACT);
    pin_in(world, 0, set, 0, "certificate of leaf")->kind = PIN_CERTIFICATE;
    (void) pin_in(world, 0, set, 0, "spare");
    if (days > 0)
        serve(world, "example.com", keys, 2, days);
    return world;
}

static void a_whole_certificate_that_a_machine_renews_is_critical(void **state) {
    (void) state;
    expect(with_certificate_pin(0), "certificate-pin", 1);
    expect(with_certificate_pin(0), "certificate-pin-renewed", 0);
    expect(with_certificate_pin(90), "certificate-pin-renewed", 1);
    expect(with_certificate_pin(90), "certificate-pin", 0);
    expect(with_certificate_pin(365), "certificate-pin-renewed", 0);
    struct world *world = with_certificate_pin(365);
    world->facts.is_renewed_automatically = true;
    expect(world, "certificate-pin-renewed", 1);
    expect_of_pins("one two", "certificate-pin", 0);
}

static void pins_that_must_be_in_use_and_are_nobodys_are_dead(void **state) {
    (void) state;
    static const char *const keys[] = {"leaf", "ca"};
    for (unsigned is_served = 0; is_served < 2; is_served++) {
        struct world *world = world_new(PIN_FORMAT_APPLE, pin_format_count);
        struct pin_set *set = set_of(world, 0, "example.com", PIN_HOST_EXACT);
        serve(world, "example.com", keys, 2, 90);
        pin_in(world, 0, set, 0, is_served ? "ca" : "nobody")->position = PIN_CA;
        expect(world, "pin-dead", is_served ? 0 : 1);
    }
    expect_of_pins("one " LE_AUTHORITY_X3, "pin-dead", 1);
    expect_of_pins("one " ISRG_ROOT_X1, "pin-dead", 0);
}

static void what_nobody_knows_is_only_information(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "one two " ISRG_ROOT_X1);
    look(world);
    assert_int_equal(only(world, "pin-not-recognised")->severity, SEVERITY_INFO);
    assert_non_null(strstr(only(world, "pin-not-recognised")->message, "2 of 3 pins"));
    world_done(world);
    expect_of_pins(ISRG_ROOT_X1 " " LE_ROOT_YE, "pin-not-recognised", 0);
}

static void an_intermediate_of_an_owner_with_several_may_be_changed(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, LE_R10);
    look(world);
    assert_int_equal(only(world, "intermediate-rotates")->severity, SEVERITY_WARNING);
    assert_non_null(strstr(only(world, "intermediate-rotates")->message, "Let's Encrypt"));
    world_done(world);
    world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, LE_R10 " mine");
    look(world);
    assert_int_equal(only(world, "intermediate-rotates")->severity, SEVERITY_NOTICE);
    world_done(world);
    expect_of_pins(LE_R10 " " ISRG_ROOT_X1, "intermediate-rotates", 0);
}

static void a_root_outside_the_platforms_store_is_named_with_the_stores_date(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, LE_ROOT_YE);
    look(world);
    assert_int_equal(only(world, "ca-not-in-store")->severity, SEVERITY_WARNING);
    assert_non_null(strstr(only(world, "ca-not-in-store")->message, trust_store_date(TRUST_ANDROID)));
    assert_non_null(strstr(only(world, "ca-not-in-store")->message, "android"));
    world_done(world);
    world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, LE_ROOT_YE " " ISRG_ROOT_X1);
    look(world);
    assert_int_equal(only(world, "ca-not-in-store")->severity, SEVERITY_NOTICE);
    world_done(world);
    expect_of_pins(ISRG_ROOT_X1, "ca-not-in-store", 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_have_names_that_differ_advice_and_fall_in_severity),
        cmocka_unit_test(every_rule_stands_in_the_documentation_with_its_severity),
        cmocka_unit_test(readers_remarks_stand_among_the_others_by_line_and_an_error_is_a_warning),
        cmocka_unit_test(a_file_without_pins_is_not_called_clean),
        cmocka_unit_test(one_pin_is_too_few_and_the_same_pin_twice_is_one),
        cmocka_unit_test(apples_two_lists_are_counted_each_by_itself),
        cmocka_unit_test(okhttp_lines_of_one_host_unite_and_are_counted_together),
        cmocka_unit_test(no_pin_that_counts_refuses_everything),
        cmocka_unit_test(trustkit_for_ios_ends_an_app_that_enforces_one_pin),
        cmocka_unit_test(digests_of_nothing_and_placeholders_are_told),
        cmocka_unit_test(all_pins_in_the_served_chain_are_no_backup),
        cmocka_unit_test(a_chain_is_that_of_every_name_in_its_leaf),
        cmocka_unit_test(a_chain_without_a_pinned_key_is_refused_now),
        cmocka_unit_test(a_backup_that_is_current_or_served_is_none),
        cmocka_unit_test(roles_without_a_backup_among_them_are_told),
        cmocka_unit_test(pinning_that_stopped_or_stops_within_thirty_days_is_told),
        cmocka_unit_test(pins_should_hold_as_long_as_the_release_is_supported_and_not_much_longer),
        cmocka_unit_test(a_whole_certificate_that_a_machine_renews_is_critical),
        cmocka_unit_test(pins_that_must_be_in_use_and_are_nobodys_are_dead),
        cmocka_unit_test(what_nobody_knows_is_only_information),
        cmocka_unit_test(an_intermediate_of_an_owner_with_several_may_be_changed),
        cmocka_unit_test(a_root_outside_the_platforms_store_is_named_with_the_stores_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
