/* Signatures, mail headers, waiting times and configurations: the pure parts of the channels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "channels/backoff.h"
#include "channels/channel.h"
#include "channels/configuration.h"
#include "channels/hook_environment.h"
#include "channels/mime.h"
#include "channels/secret.h"
#include "channels/standard_webhooks.h"

static void a_webhook_is_signed_over_id_timestamp_and_body(void **state) {
    (void) state;
    char signature[WEBHOOK_SIGNATURE_SIZE];
    /* Computed with Python's hmac: key bytes 0 to 31, "msg_1.1700000000.{}". */
    assert_ptr_equal(webhook_sign("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "msg_1", 1700000000, span_of_text("{}"),
                                  signature), OK);
    assert_string_equal(signature, "v1,fhksJF5ElKjlPoT/jtefCO5XjQPvhf7Dhf/8R1ad9yU=");
    assert_ptr_equal(webhook_sign("0123456789abcdef", "msg_1", 1700000000, span_of_text("{}"), signature), OK);
    assert_string_equal(signature, "v1,3uojc/2kvL+KpJkw4ZNrA/5YjEs9cdfKdc3lXIvRjkk=");
}

static void a_weak_or_broken_webhook_secret_is_refused(void **state) {
    (void) state;
    static const char *const secrets[] = {"", "short", "whsec_", "whsec_AAAA", "whsec_not base64!", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"};
    char signature[WEBHOOK_SIGNATURE_SIZE];
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        assert_ptr_equal(webhook_sign(secrets[i], "a", 1, span_of_text("b"), signature), &fault_webhook_secret);
}

static void a_header_of_plain_ascii_stays_and_all_else_becomes_encoded_words(void **state) {
    (void) state;
    static const struct {
        const char *value, *wanted;
    } cases[] = {
        {"plain text", "S: plain text\r\n"},
        {"ü", "S: =?UTF-8?B?w7w=?=\r\n"},
        {"=?UTF-8?Q?a?=", "S: =?UTF-8?B?PT9VVEYtOD9RP2E/PQ==?=\r\n"},
        {"a\r\nBcc: x", "S: =?UTF-8?B?YQ0KQmNjOiB4?=\r\n"},
        /* 44 ASCII bytes and a character of two: it must not be torn */
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaü",
         "S: =?UTF-8?B?YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=?=\r\n =?UTF-8?B?w7w=?=\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP(buffer_done) struct buffer message = buffer_with_limit(10000);
        assert_true(mail_add_header(&message, "S", cases[i].value));
        assert_string_equal(buffer_text(&message), cases[i].wanted);
    }
}

static void only_plain_addresses_are_taken(void **state) {
    (void) state;
    static const char *const bad[] = {"", "a", "@b", "a@", "a b@c", "a@b@c", "a@b>", "a@b\r\nRCPT TO:<x>", "ü@b", "\"a\"@b", "a@b,c@d"};
    assert_true(mail_address_is_plain("alerts+ct@mail.example.org"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(mail_address_is_plain(bad[i]));
}

static void waiting_doubles_to_an_hour_and_obeys_retry_after(void **state) {
    (void) state;
    const struct backoff *backoff = &backoff_of_deliveries;
    assert_int_equal(backoff_delay_ms(backoff, 1, -1, 0), 2000);
    assert_int_equal(backoff_delay_ms(backoff, 2, -1, 0), 4000);
    assert_int_equal(backoff_delay_ms(backoff, 12, -1, 0), 3600 * 1000);
    assert_int_equal(backoff_delay_ms(backoff, 4000000000u, -1, 0), 3600 * 1000);
    assert_int_equal(backoff_delay_ms(backoff, 1, 60000, 0), 60000);
    for (uint32_t random = 1; random < 4000000000u; random += 99999989)
        assert_in_range(backoff_delay_ms(backoff, 3, -1, random), 8000, 9600);
}

static void a_delivery_is_given_up_after_a_day_but_not_before_a_dozen_attempts(void **state) {
    (void) state;
    const int64_t day_ms = 24 * 3600 * 1000;
    assert_false(backoff_is_exhausted(&backoff_of_deliveries, 1000, day_ms - 1));
    assert_false(backoff_is_exhausted(&backoff_of_deliveries, 29, 30 * day_ms));
    assert_true(backoff_is_exhausted(&backoff_of_deliveries, 30, day_ms));
    assert_false(backoff_is_exhausted(&backoff_of_deliveries, 29, -400 * day_ms)); /* the clock was set back */
    assert_true(backoff_is_exhausted(&backoff_of_deliveries, 30, -400 * day_ms));
}

struct configuration_case {
    const struct channel_kind *kind;
    const char *configuration, *secret, *wanted; /* part of the reason; NULL: accepted */
};

static void configurations_are_refused_with_field_and_what_was_wanted(void **state) {
    (void) state;
    static const struct configuration_case cases[] = {
        {&channel_webhook, "{\"url\":\"https://example.org/h\"}", "s", NULL},
        {&channel_webhook, "{\"url\":\"https://example.org/h\"}", "", "secret: missing"},
        {&channel_webhook, "{\"url\":\"https://example.org/h\",\"unsigned\":true}", "", NULL},
        {&channel_webhook, "{\"url\":\"http://example.org/h\"}", "s", "wanted https"},
        {&channel_webhook, "{\"url\":\"http://127.0.0.1.example.org/h\"}", "s", "wanted https"},
        {&channel_webhook, "{\"url\":\"http://[::1]:80/h\"}", "s", NULL},
        {&channel_webhook, "{\"url\":\"http://example.org/h\",\"allows_http\":true}", "s", NULL},
        {&channel_webhook, "{\"url\":\"file:///etc/passwd\"}", "s", "wanted https"},
        {&channel_webhook, "{\"url\":\"https://u:p@example.org/\"}", "s", "user name or password"},
        {&channel_webhook, "{\"url\":\"https://example.org/\\r\\nX: y\"}", "s", "field url: holds a control character"},
        {&channel_webhook, "{\"url\":7}", "s", "field url: wrong type, wanted a text"},
        {&channel_webhook, "{\"url\":\"https://a.example/\",\"color\":1}", "s", "field color: unknown"},
        {&channel_webhook, "{\"url\":\"https://a.example/\",\"timeout_seconds\":0}", "s", "value 0, wanted 1 to 120"},
        {&channel_webhook, "[]", "s", "no object"},
        {&channel_email, "{\"server\":\"m.example\",\"from\":\"a@b\",\"to\":[\"c@d\"]}", "", NULL},
        {&channel_email, "{\"server\":\"m.example\",\"from\":\"a@b\",\"to\":[]}", "", "field to: size 0"},
        {&channel_email, "{\"server\":\"m.example\",\"from\":\"a@b\\r\\nX: y\",\"to\":[\"c@d\"]}", "", "field from"},
        {&channel_email, "{\"server\":\"m.example/x\",\"from\":\"a@b\",\"to\":[\"c@d\"]}", "", "field server"},
        {&channel_email, "{\"server\":\"m.example\",\"security\":\"plain\",\"from\":\"a@b\",\"to\":[\"c@d\"]}", "", "field security: plain"},
        {&channel_email, "{\"server\":\"localhost\",\"security\":\"plain\",\"from\":\"a@b\",\"to\":[\"c@d\"]}", "", NULL},
        {&channel_email, "{\"server\":\"m\",\"security\":\"ssl\",\"from\":\"a@b\",\"to\":[\"c@d\"]}", "", "wanted starttls, tls or plain"},
        {&channel_email, "{\"server\":\"m\",\"user\":\"u\",\"from\":\"a@b\",\"to\":[\"c@d\"]}", "", "secret: missing"},
        {&channel_email, "{\"server\":\"m\",\"user\":\"u\",\"security\":\"plain\",\"allows_plain\":true,\"from\":\"a@b\",\"to\":[\"c@d\"]}",
         "s", "plain with a password"},
        {&channel_hook, "{}", "", NULL},
        {&channel_hook, "{\"path\":\"bin/x\"}", "", "field path: bin/x, wanted an absolute path"},
        {&channel_hook, "{\"path\":\"/x\",\"folder\":\"/y\"}", "", "field folder"},
        {&channel_hook, "{\"path\":\"/x\"}", "s", "secret: s, wanted none"},
        {&channel_hook, "{\"environment\":{\"LD_PRELOAD\":\"x\"}}", "", "field environment: LD_PRELOAD"},
        {&channel_hook, "{\"environment\":{\"EVENT\":\"x\"}}", "", "field environment: EVENT"},
        {&channel_hook, "{\"environment\":{\"A\":\"x\\ny\"}}", "", "field environment: holds a control character"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reason reason = {0};
        json_t *configuration = json_loads(cases[i].configuration, 0, NULL);
        assert_non_null(configuration);
        result outcome = cases[i].kind->check_configuration(configuration, cases[i].secret, &reason);
        json_decref(configuration);
        if ((outcome == OK) != (cases[i].wanted == NULL) || (cases[i].wanted != NULL && strstr(reason.text, cases[i].wanted) == NULL))
            fail_msg("%s: \"%s\"", cases[i].configuration, reason.text);
    }
}

static void a_secret_comes_from_the_environment_only_by_a_plain_name(void **state) {
    (void) state;
    struct settings settings = {.state_folder = "/nonexistent", .secrets_folder = ""};
    struct secret secret;
    struct reason reason;
    setenv("PINWATCH_SECRET_MY_HOOK_1", "value", 1);
    assert_ptr_equal(secret_read(&settings, "my-hook.1", &secret, &reason), OK);
    assert_string_equal(secret.text, "value");
    secret_wipe(&secret);
    assert_ptr_equal(secret_read(&settings, "../etc/passwd", &secret, &reason), &fault_secret);
    assert_ptr_equal(secret_read(&settings, ".hidden", &secret, &reason), &fault_secret);
    assert_ptr_equal(secret_read(&settings, "absent", &secret, &reason), &fault_secret);
    assert_non_null(strstr(reason.text, "PINWATCH_SECRET_ABSENT"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_webhook_is_signed_over_id_timestamp_and_body),
        cmocka_unit_test(a_weak_or_broken_webhook_secret_is_refused),
        cmocka_unit_test(a_header_of_plain_ascii_stays_and_all_else_becomes_encoded_words),
        cmocka_unit_test(only_plain_addresses_are_taken),
        cmocka_unit_test(waiting_doubles_to_an_hour_and_obeys_retry_after),
        cmocka_unit_test(a_delivery_is_given_up_after_a_day_but_not_before_a_dozen_attempts),
        cmocka_unit_test(configurations_are_refused_with_field_and_what_was_wanted),
        cmocka_unit_test(a_secret_comes_from_the_environment_only_by_a_plain_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
