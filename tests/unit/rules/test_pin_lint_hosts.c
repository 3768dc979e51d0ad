#include "pin_lint_world.h"

/* ---- hosts */

static void expect_of_hosts(enum pin_format format, const char *host, enum pin_host_match match, const char *other, const char *rule, size_t count) {
    struct world *world = world_new(format, pin_format_count);
    (void) pinned(world, 0, host, match, "one two");
    if (other != NULL)
        (void) pinned(world, 0, other, PIN_HOST_EXACT, "one two");
    expect(world, rule, count);
}

static void entries_that_leave_names_out_are_told(void **state) {
    (void) state;
    expect_of_hosts(PIN_FORMAT_ANDROID, "example.com", PIN_HOST_EXACT, "api.example.com", "subdomains-missing", 1);
    expect_of_hosts(PIN_FORMAT_ANDROID, "example.com", PIN_HOST_EXACT_AND_BELOW, "api.example.com", "subdomains-missing", 0);
    expect_of_hosts(PIN_FORMAT_ANDROID, "example.com", PIN_HOST_EXACT, "api.example.org", "subdomains-missing", 0);
    expect_of_hosts(PIN_FORMAT_APPLE, "example.com", PIN_HOST_EXACT_AND_ONE_LABEL, NULL, "subdomains-one-label", 1);
    expect_of_hosts(PIN_FORMAT_APPLE, "example.com", PIN_HOST_EXACT, NULL, "subdomains-one-label", 0);
    expect_of_hosts(PIN_FORMAT_OKHTTP, "example.com", PIN_HOST_ONE_LABEL_BELOW, NULL, "apex-missing", 1);
    expect_of_hosts(PIN_FORMAT_OKHTTP, "example.com", PIN_HOST_ONE_LABEL_BELOW, "example.com", "apex-missing", 0);
    expect_of_hosts(PIN_FORMAT_OKHTTP, "example.com", PIN_HOST_EXACT_AND_BELOW, NULL, "apex-missing", 0);
    expect_of_hosts(PIN_FORMAT_ANDROID, "www.example.com", PIN_HOST_EXACT, NULL, "www-only", 1);
    expect_of_hosts(PIN_FORMAT_ANDROID, "www.example.com", PIN_HOST_EXACT, "example.com", "www-only", 0);
    expect_of_hosts(PIN_FORMAT_ANDROID, "api.example.com", PIN_HOST_EXACT, NULL, "www-only", 0);
}

static void pins_below_a_public_suffix_are_pins_of_strangers(void **state) {
    (void) state;
    expect_of_hosts(PIN_FORMAT_ANDROID, "co.uk", PIN_HOST_EXACT_AND_BELOW, NULL, "public-suffix", 1);
    expect_of_hosts(PIN_FORMAT_ANDROID, "example.co.uk", PIN_HOST_EXACT_AND_BELOW, NULL, "public-suffix", 0);
    expect_of_hosts(PIN_FORMAT_ANDROID, "localhost", PIN_HOST_EXACT_AND_BELOW, NULL, "public-suffix", 0);
    expect_of_hosts(PIN_FORMAT_TRUSTKIT_IOS, "co.uk", PIN_HOST_EXACT_AND_BELOW, NULL, "app-refuses", 1);
}

static void expect_of_two(enum pin_format format, const char *longer, size_t count) {
    struct world *world = world_new(format, pin_format_count);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT_AND_BELOW, "one two");
    (void) pinned(world, 0, "api.example.com", PIN_HOST_EXACT, longer);
    expect(world, "entry-shadowed", count);
}

static void a_longer_entry_stands_alone_unless_the_platform_unites(void **state) {
    (void) state;
    expect_of_two(PIN_FORMAT_ANDROID, "one three", 1);
    expect_of_two(PIN_FORMAT_ANDROID, "two one three", 0);
    expect_of_two(PIN_FORMAT_OKHTTP, "one three", 0);
}

/* ---- modes */

static void pins_that_refuse_nothing_are_told(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_YAML, pin_format_count);
    struct pin_set *set = pinned(world, 0, "example.com", PIN_HOST_EXACT, "one two");
    set->is_enforced = false;
    set->is_report_only = true;
    expect(world, "report-only", 1);
    expect_of_pins("one two", "report-only", 0);
    world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    set_of(world, 0, "example.com", PIN_HOST_EXACT)->is_pinned = false;
    expect(world, "unpinned", 1);
    expect_of_pins("one two", "unpinned", 0);
    world = world_new(PIN_FORMAT_HPKP, pin_format_count);
    (void) pinned(world, 0, NULL, PIN_HOST_EXACT, "one two");
    expect(world, "nobody-enforces", 1);
}

static void tlsa_records_that_no_client_uses_are_told(void **state) {
    (void) state;
    for (unsigned usage = 0; usage < 4; usage++) {
        struct world *world = world_new(PIN_FORMAT_TLSA, pin_format_count);
        struct pin_set *set = set_of(world, 0, "mail.example.com", PIN_HOST_EXACT);
        set->port = 25;
        set->protocol = "tcp";
        pin_in(world, 0, set, 0, "one")->tlsa_usage = (uint8_t) usage;
        expect(world, "tlsa-smtp-usage", usage < 2 ? 1 : 0);
    }
    for (unsigned is_secure = 0; is_secure < 2; is_secure++) {
        struct world *world = world_new(PIN_FORMAT_TLSA, pin_format_count);
        struct pin_set *set = pinned(world, 0, "example.com", PIN_HOST_EXACT, "one");
        set->port = 443;
        set->protocol = "tcp";
        set->is_secure = is_secure == 1;
        expect(world, "tlsa-not-secure", 1 - is_secure);
    }
}

static void sha1_is_told_once_for_each_set(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_OKHTTP, pin_format_count);
    struct pin_set *set = pinned(world, 0, "example.com", PIN_HOST_EXACT, "one two");
    for (size_t i = 0; i < 2; i++) {
        set->groups[0].pins[i].algorithm = PIN_SHA1;
        set->groups[0].pins[i].value.size = 20;
    }
    expect(world, "sha1-pin", 1);
    expect_of_pins("one two", "sha1-pin", 0);
}

/* ---- platforms */

static struct world *two_platforms(const char *android, const char *ios, const char *ios_host) {
    struct world *world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_APPLE);
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, android);
    struct pin_set *set = pinned(world, 1, "example.com", PIN_HOST_EXACT, ios);
    for (size_t i = 0; i < set->groups[0].count; i++)
        set->groups[0].pins[i].position = PIN_LEAF;
    if (ios_host != NULL)
        (void) pinned(world, 1, ios_host, PIN_HOST_EXACT, "one two");
    return world;
}

static void android_and_ios_of_one_app_should_accept_the_same_keys(void **state) {
    (void) state;
    expect(two_platforms("one two", "two one", NULL), "platforms-differ", 0);
    expect(two_platforms("one two", "one three", NULL), "platforms-differ", 1);
    expect(two_platforms("one two", "one two", NULL), "platform-missing", 0);
    expect(two_platforms("one two", "one two", "api.example.com"), "platform-missing", 1);
    struct world *world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_APPLE); /* two apps that share no host are not compared */
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "one two");
    (void) pinned(world, 1, "example.org", PIN_HOST_EXACT, "three four");
    expect(world, "platform-missing", 0);
    world = world_new(PIN_FORMAT_ANDROID, PIN_FORMAT_OKHTTP); /* both are Android's */
    (void) pinned(world, 0, "example.com", PIN_HOST_EXACT, "one two");
    (void) pinned(world, 1, "example.com", PIN_HOST_EXACT, "three four");
    expect(world, "platforms-differ", 0);
}

static void many_remarks_of_one_rule_are_counted_instead_of_told(void **state) {
    (void) state;
    struct world *world = world_new(PIN_FORMAT_ANDROID, pin_format_count);
    for (size_t i = 0; i < 1000; i++)
        (void) pinned(world, 0, arena_printf(world->arena, "h%zu.example.com", i), PIN_HOST_EXACT, "one");
    look(world);
    assert_int_equal(count_of(world, "pins-one"), 101);
    assert_string_equal(world->remarks[world->remark_count - 1].message, "900 more like the 100 remarks by this rule");
    world_done(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_that_leave_names_out_are_told),
        cmocka_unit_test(pins_below_a_public_suffix_are_pins_of_strangers),
        cmocka_unit_test(a_longer_entry_stands_alone_unless_the_platform_unites),
        cmocka_unit_test(pins_that_refuse_nothing_are_told),
        cmocka_unit_test(tlsa_records_that_no_client_uses_are_told),
        cmocka_unit_test(sha1_is_told_once_for_each_set),
        cmocka_unit_test(android_and_ios_of_one_app_should_accept_the_same_keys),
        cmocka_unit_test(many_remarks_of_one_rule_are_counted_instead_of_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
