#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>

#include "reports/rate.h"

static const uint8_t secret[16] = {7};

static struct rate *rate_of(unsigned per_minute, unsigned per_second, unsigned new_per_day) {
    struct rate *rate = NULL;
    assert_null(rate_new(&(struct rate_limits){per_minute, per_second, new_per_day}, secret, &rate));
    return rate;
}

static void a_source_may_send_so_many_at_once_and_then_as_they_come_back(void **state) {
    (void) state;
    struct rate *rate = rate_of(6, 1000, 1);
    for (int i = 0; i < 6; i++)
        assert_int_equal(rate_take(rate, "192.0.2.1", 1000), RATE_GO);
    assert_int_equal(rate_take(rate, "192.0.2.1", 1000), RATE_SOURCE_LIMIT);
    assert_int_equal(rate_take(rate, "192.0.2.2", 1000), RATE_GO);
    assert_int_equal(rate_take(rate, "192.0.2.1", 10999), RATE_SOURCE_LIMIT);
    assert_int_equal(rate_take(rate, "192.0.2.1", 11001), RATE_GO);
    assert_int_equal(rate_take(rate, "192.0.2.1", 11001), RATE_SOURCE_LIMIT);
    for (int i = 0; i < 6; i++)
        assert_int_equal(rate_take(rate, "192.0.2.1", 400000000), RATE_GO); /* never more than so many, however long it was silent */
    assert_int_equal(rate_take(rate, "192.0.2.1", 400000000), RATE_SOURCE_LIMIT);
    rate_free(rate);
}

static void all_sources_together_have_a_limit(void **state) {
    (void) state;
    char source[RATE_SOURCE_SIZE];
    struct rate *rate = rate_of(100, 10, 1);
    for (int i = 0; i < 10; i++) {
        snprintf(source, sizeof source, "192.0.2.%d", i);
        assert_int_equal(rate_take(rate, source, 1000), RATE_GO);
    }
    assert_int_equal(rate_take(rate, "198.51.100.1", 1000), RATE_LIMIT);
    assert_int_equal(rate_take(rate, "198.51.100.1", 1100), RATE_GO);
    rate_free(rate);
}

static void a_clock_that_stands_still_or_goes_back_gives_nothing(void **state) {
    (void) state;
    struct rate *rate = rate_of(1, 1000, 1);
    assert_int_equal(rate_take(rate, "a", 100000), RATE_GO);
    assert_int_equal(rate_take(rate, "a", 100000), RATE_SOURCE_LIMIT);
    assert_int_equal(rate_take(rate, "a", 0), RATE_SOURCE_LIMIT);
    rate_free(rate);
}

static void a_source_brings_so_many_new_reports_a_day(void **state) {
    (void) state;
    const int64_t day_ms = 24 * 3600 * 1000;
    struct rate *rate = rate_of(1, 1, 2);
    assert_true(rate_may_add(rate, "a", 0));
    rate_note_added(rate, "a", 0);
    assert_true(rate_may_add(rate, "a", 1));
    rate_note_added(rate, "a", 1);
    assert_false(rate_may_add(rate, "a", 2));
    assert_true(rate_may_add(rate, "b", 2));
    assert_true(rate_may_add(rate, "a", day_ms));
    rate_free(rate);
}

static void sources_without_end_take_no_more_memory_and_one_that_sends_is_not_forgotten(void **state) {
    (void) state;
    char source[RATE_SOURCE_SIZE];
    struct rate *rate = rate_of(1, 100000, 1);
    unsigned refused = 0;
    for (int i = 0; i < 100000; i++) {
        snprintf(source, sizeof source, "2001:db8:%x:%x::/64", i / 65536, i % 65536);
        assert_int_equal(rate_take(rate, source, 1000 + i), RATE_GO);
        refused += i % 1000 == 0 && i > 0 && rate_take(rate, "192.0.2.1", 1000 + i) == RATE_SOURCE_LIMIT;
    }
    assert_in_range(refused, 90, 99);
    rate_free(rate);
}

static void households_are_sources(void **state) {
    (void) state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {{"192.0.2.9", "192.0.2.9"},
                 {"::ffff:192.0.2.9", "192.0.2.9"},
                 {"2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002::/64"},
                 {"2001:db8:1:2::", "2001:0db8:0001:0002::/64"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char source[RATE_SOURCE_SIZE] = "";
        assert_true(rate_source_of_text(cases[i].text, source));
        assert_string_equal(source, cases[i].wanted);
    }
    char source[RATE_SOURCE_SIZE] = "kept";
    static const char *const bad[] = {"", "192.0.2", "unknown", "192.0.2.9:1234", "[::1]", "\"x\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(rate_source_of_text(bad[i], source));
    assert_string_equal(source, "kept");
}

static void an_address_of_a_connection_is_the_same_source_as_its_text(void **state) {
    (void) state;
    char source[RATE_SOURCE_SIZE];
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr other = {.sa_family = AF_UNIX};
    inet_pton(AF_INET, "192.0.2.9", &v4.sin_addr);
    rate_source_of((const struct sockaddr *) &v4, source);
    assert_string_equal(source, "192.0.2.9");
    inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr);
    rate_source_of((const struct sockaddr *) &v6, source);
    assert_string_equal(source, "2001:0db8:0000:0000::/64");
    rate_source_of(&other, source);
    assert_string_equal(source, "?");
}

static void a_proxy_is_one_address_and_not_its_neighbours(void **state) {
    (void) state;
    static const struct {
        const char *peer, *text;
        bool is_it;
    } cases[] = {{"192.0.2.9", "192.0.2.9", true},        {"192.0.2.8", "192.0.2.9", false},      {"::ffff:192.0.2.9", "192.0.2.9", true},
                 {"192.0.2.9", "::ffff:192.0.2.9", true}, {"2001:db8::7", "2001:DB8:0::7", true}, {"2001:db8::8", "2001:db8::7", false},
                 {"::1", "::1", true},                    {"::2", "::1", false},                  {"::1", "", false},
                 {"127.0.0.1", "::1", false},             {"0.0.0.0", "", false},                 {"::", "localhost", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = 7};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = 7};
        bool is_v4 = inet_pton(AF_INET, cases[i].peer, &v4.sin_addr) == 1;
        assert_true(is_v4 || inet_pton(AF_INET6, cases[i].peer, &v6.sin6_addr) == 1);
        assert_int_equal(rate_is_address(is_v4 ? (const struct sockaddr *) &v4 : (const struct sockaddr *) &v6, cases[i].text), cases[i].is_it);
    }
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_false(rate_is_address(&other, "::"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_may_send_so_many_at_once_and_then_as_they_come_back),
        cmocka_unit_test(all_sources_together_have_a_limit),
        cmocka_unit_test(a_clock_that_stands_still_or_goes_back_gives_nothing),
        cmocka_unit_test(a_source_brings_so_many_new_reports_a_day),
        cmocka_unit_test(sources_without_end_take_no_more_memory_and_one_that_sends_is_not_forgotten),
        cmocka_unit_test(households_are_sources),
        cmocka_unit_test(an_address_of_a_connection_is_the_same_source_as_its_text),
        cmocka_unit_test(a_proxy_is_one_address_and_not_its_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
