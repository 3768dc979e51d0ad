/* The YAML file of policies, watches and channels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "formats/data_file.h"
#include "formats/policy_rules.h"
#include "formats/yaml_tree.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct arena *arena;

static int set_up(void **state) {
    (void) state;
    arena = arena_new((size_t) 16 * 1024 * 1024);
    return arena == NULL;
}

static int tear_down(void **state) {
    (void) state;
    arena_free(arena);
    return 0;
}

static const char whole[] =
    "policies:\n"
    "  web:\n"
    "    expected_issuers:\n"
    "      caa_domains: [LetsEncrypt.org, pki.goog]\n"
    "      owners: [\"Let's Encrypt\"]\n"
    "      ca_keys: [sha256:" KEY "]\n"
    "    known_keys: [" KEY "]\n"
    "    key_types: [ec-p256]\n"
    "    max_lifetime_days: 100\n"
    "    reports_new: true\n"
    "    allows_wildcards: false\n"
    "  empty: {}\n"
    "watches:\n"
    "  - example.com\n"
    "  - watch: .example.org # and below\n"
    "    policy: web\n"
    "  - \"@example.com\"\n"
    "channels:\n"
    "  ops:\n"
    "    kind: webhook\n"
    "    configuration: {url: \"https://ops.example/hook\", nested: {b: 1, a: [true, null, \"1\"]}}\n"
    "    secret: ops-webhook\n"
    "    least_severity: warning\n"
    "  off:\n"
    "    kind: hook\n"
    "    enabled: false\n";

static void expect_whole(const struct data_file *file) {
    assert_int_equal(file->policy_count, 2);
    assert_string_equal(file->policies[0].name, "web");
    assert_string_equal(file->policies[0].rules,
                        "{\"expected_issuers\":{\"caa_domains\":[\"letsencrypt.org\",\"pki.goog\"],\"owners\":[\"Let's Encrypt\"],\"ca_keys\":[\"" KEY
                        "\"]},\"known_keys\":[\"" KEY "\"],\"key_types\":[\"ec-p256\"],\"max_lifetime_days\":100,\"reports_new\":true,"
                        "\"allows_wildcards\":false}");
    assert_string_equal(file->policies[1].rules, "{}");
    assert_int_equal(file->watch_count, 3);
    assert_string_equal(file->watches[0].text, "example.com");
    assert_string_equal(file->watches[0].policy, "");
    assert_string_equal(file->watches[1].text, ".example.org");
    assert_string_equal(file->watches[1].policy, "web");
    assert_string_equal(file->watches[2].text, "@example.com");
    assert_int_equal(file->channel_count, 2);
    assert_string_equal(file->channels[0].configuration, "{\"nested\":{\"a\":[true,null,\"1\"],\"b\":1},\"url\":\"https://ops.example/hook\"}");
    assert_string_equal(file->channels[0].secret_name, "ops-webhook");
    assert_string_equal(file->channels[0].least_severity, "warning");
    assert_true(file->channels[0].is_enabled);
    assert_string_equal(file->channels[1].kind, "hook");
    assert_string_equal(file->channels[1].least_severity, "notice");
    assert_false(file->channels[1].is_enabled);
}

static void a_file_with_everything_is_read(void **state) {
    (void) state;
    struct data_file file;
    struct reason reason = {""};
    assert_ptr_equal(data_file_read(span_of_text(whole), arena, &file, &reason), OK);
    expect_whole(&file);
    assert_int_equal(file.watches[0].line, 14);
}

static void what_is_written_reads_back_as_the_same(void **state) {
    (void) state;
    struct data_file file, again;
    struct reason reason = {""};
    struct buffer first = buffer_with_limit(100000), second = buffer_with_limit(100000);
    assert_ptr_equal(data_file_read(span_of_text(whole), arena, &file, &reason), OK);
    assert_ptr_equal(data_file_write(&file, &first), OK);
    result outcome = data_file_read(buffer_span(&first), arena, &again, &reason);
    assert_string_equal(reason.text, "");
    assert_ptr_equal(outcome, OK);
    expect_whole(&again);
    assert_ptr_equal(data_file_write(&again, &second), OK);
    assert_string_equal(buffer_text(&first), buffer_text(&second));
    buffer_done(&first);
    buffer_done(&second);
}

static const char with_pins[] =
    "pins:\n"
    "  - name: bank.xml\n"
    "    pin_sets:\n"
    "      - host: Bank.example\n"
    "        match: exact-and-below\n"
    "        rules: android\n"
    "        expires: 2027-01-31 local\n"
    "        pins:\n"
    "          - {pin: sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=, role: backup, comment: \"a\\tb: '#\\u2028\"}\n"
    "  - {name: \"app.apk/res/xml/pins für: 1.xml\", pin_sets: []}\n"
    "releases:\n"
    "  - {app: \"Bank: private\", platform: Android, version: \"4.2\", released_on: 2026-03-01, end_of_support: 2027-03-01, share: 12.5%, pins: [bank.xml, app.apk]}\n"
    "  - {app: Bank, platform: ios, version: \"1\", share: 0, pins: []}\n"
    "  - {app: Bank, platform: ios, version: \"2\", share: 1, pins: [\"true\"]}\n"
    "  - {app: Bank, platform: ios, version: \"3\", share: 0.00001, pins: []}\n";

static void expect_pins(const struct data_file *file) {
    assert_int_equal(file->pins_count, 2);
    assert_string_equal(file->pins[0].name, "bank.xml");
    assert_string_equal(file->pins[0].content,
                        "pin_sets:\n  - rules: android\n    host: \"bank.example\"\n    match: exact-and-below\n    expires: 2027-01-31 local\n    pins:\n"
                        "      - pin: sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n        role: backup\n        comment: \"a?b: '#???\"\n");
    assert_string_equal(file->pins[1].name, "app.apk/res/xml/pins für: 1.xml");
    assert_string_equal(file->pins[1].content, "pin_sets: []\n");
    assert_int_equal(file->release_count, 4);
    const struct release *release = &file->releases[0];
    assert_string_equal(release->app, "Bank: private");
    assert_string_equal(release->platform, "android");
    assert_true(release->has_released_on && release->released_on == 1772323200 && release->has_end_of_support && release->has_share && release->share == 0.125);
    assert_string_equal(release->pins[1], "app.apk");
    assert_null(release->pins[2]);
    assert_true(file->releases[1].has_share && file->releases[1].share == 0 && !file->releases[1].has_released_on && file->releases[1].pins[0] == NULL);
    assert_true(file->releases[2].share == 1 && file->releases[3].share == 0.00001);
    assert_string_equal(file->releases[2].pins[0], "true");
}

static void pins_and_releases_survive_the_way_out_and_in(void **state) {
    (void) state;
    struct data_file file, again;
    struct reason reason = {""};
    struct buffer first = buffer_with_limit(100000), second = buffer_with_limit(100000);
    result outcome = data_file_read(span_of_text(with_pins), arena, &file, &reason);
    assert_string_equal(reason.text, "");
    assert_ptr_equal(outcome, OK);
    expect_pins(&file);
    assert_int_equal(file.pins[0].line, 2);
    assert_ptr_equal(data_file_write(&file, &first), OK);
    outcome = data_file_read(buffer_span(&first), arena, &again, &reason);
    assert_string_equal(reason.text, "");
    assert_ptr_equal(outcome, OK);
    expect_pins(&again);
    assert_ptr_equal(data_file_write(&again, &second), OK);
    assert_string_equal(buffer_text(&first), buffer_text(&second));
    buffer_done(&first);
    buffer_done(&second);
}

static void texts_that_look_like_yaml_survive_the_way_out_and_in(void **state) {
    (void) state;
    struct data_channel channel = {.name = "true", .kind = "hook", .secret_name = "null", .least_severity = "info", .is_enabled = true,
                                   .configuration = "{\"a: b\":\"- x # y\",\"n\":\"12\",\"u\":\"b\\u00fccher \\\"q\\\" \\\\ \\n \\u2028\\u0085\\u007f\\ufeff\\ud83d\\ude00\",\"z\":\"~\"}"};
    struct data_watch watch = {.text = "*.example.com", .policy = ""};
    struct data_file file = {.channels = &channel, .channel_count = 1, .watches = &watch, .watch_count = 1}, again;
    struct reason reason = {""};
    struct buffer out = buffer_with_limit(100000), second = buffer_with_limit(100000);
    assert_ptr_equal(data_file_write(&file, &out), OK);
    result outcome = data_file_read(buffer_span(&out), arena, &again, &reason);
    assert_string_equal(reason.text, "");
    assert_ptr_equal(outcome, OK);
    assert_string_equal(again.channels[0].name, "true");
    assert_string_equal(again.channels[0].secret_name, "null");
    assert_string_equal(again.watches[0].text, "*.example.com");
    assert_ptr_equal(data_file_write(&again, &second), OK);
    assert_string_equal(buffer_text(&out), buffer_text(&second));
    buffer_done(&out);
    buffer_done(&second);
}

static void an_empty_file_wants_nothing(void **state) {
    (void) state;
    static const char *const texts[] = {"", "# nothing\n", "{}", "policies: {}\nwatches: []\nchannels:\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct data_file file;
        struct reason reason = {""};
        assert_ptr_equal(data_file_read(span_of_text(texts[i]), arena, &file, &reason), OK);
        assert_int_equal(file.policy_count + file.watch_count + file.channel_count, 0);
    }
}

static void every_refusal_names_line_column_and_what_was_wanted(void **state) {
    (void) state;
    static const struct {
        const char *yaml;
        const struct fault *fault;
        const char *reason;
    } cases[] = {
        {"watch: []\n", &fault_data_file, "line 1, column 8: unknown field \"watch\": wanted policies, watches, channels, pins or releases"},
        {"- a\n", &fault_data_file, "line 1, column 1: wanted the fields policies, watches, channels, pins and releases"},
        {"watches: example.com\n", &fault_data_file, "line 1, column 10: watches: wanted a list"},
        {"watches:\n  - {name: x}\n", &fault_data_file, "line 2, column 12: unknown field \"name\": wanted watch or policy"},
        {"watches:\n  - 12\n", &fault_data_file, "line 2, column 5: a watch: wanted a name such as .example.com, or fields watch and policy"},
        {"watches:\n  - watch: a.example\n    policy: web\n", &fault_data_file, "line 3, column 13: policy \"web\" is not among the policies of this file"},
        {"policies:\n  web:\n    expected: 1\n", &fault_policy,
         "line 3, column 15: expected: wanted one of expected_issuers, known_keys, key_types, max_lifetime_days, reports_new, allows_wildcards here"},
        {"policies:\n  web:\n    reports_new: yes\n", &fault_policy, "line 3, column 18: reports_new: wanted true or false"},
        {"policies:\n  web:\n    max_lifetime_days: 0\n", &fault_policy, "line 3, column 24: max_lifetime_days: wanted a number of days from 1 to 36500"},
        {"policies:\n  web:\n    expected_issuers: {}\n", &fault_policy,
         "line 3, column 23: expected_issuers: wanted at least one issuer (leave the field out to expect none)"},
        {"policies:\n  web:\n    expected_issuers:\n      caa_domains: [nodot]\n", &fault_policy,
         "line 4, column 21: caa_domains: wanted domains as CAA records name them, such as letsencrypt.org"},
        {"policies:\n  web:\n    known_keys: [abc]\n", &fault_policy,
         "line 3, column 18: known_keys: wanted the SHA-256 of a SubjectPublicKeyInfo as 64 hexadecimal digits (quote it when it has digits only)"},
        {"policies:\n  .x: {}\n", &fault_data_file,
         "line 2, column 7: a name must be 1 to 63 letters, digits, dots, underscores and hyphens, beginning with a letter or digit"},
        {"channels:\n  ops: {kind: pager}\n", &fault_data_file, "line 2, column 15: kind: wanted webhook, email or hook"},
        {"channels:\n  ops: {configuration: {}}\n", &fault_data_file, "line 2, column 8: kind: wanted a text of 1 to 20 bytes"},
        {"channels:\n  ops: {kind: hook, enabled: 1}\n", &fault_data_file, "line 2, column 30: enabled: wanted true or false"},
        {"pins: {}\n", &fault_data_file, "line 1: pins: wanted a list of at most 10000, each with name and pin_sets"},
        {"pins:\n  - a\n", &fault_data_file, "line 2: pins: wanted a name (quote numbers) and a list \"pin_sets\" (docs/pins.md)"},
        {"pins:\n  - {name: a, pin_sets: []}\n  - {name: a, pin_sets: []}\n", &fault_data_file, "line 3: pins \"a\" stand in line 2 already"},
        {"pins:\n  - {name: a;b, pin_sets: []}\n", &fault_data_file, "line 2: \"a;b\" cannot be the name of pins; wanted 1 to 255 bytes that can be shown, without \";\""},
        {"pins:\n  - name: a\n", &fault_data_file, "line 2: there is no list \"pin_sets\", wanted one (docs/pins.md)"},
        {"pins:\n  - {name: a, pin_sets: [], more: 1}\n", &fault_data_file, "line 2: unknown field \"more\", wanted \"pin_sets\" alone"},
        {"pins:\n  - name: a\n    pin_sets:\n      - {host: example.org}\n", &fault_data_file,
         "line 4: pins: there are neither pins nor \"pinned: false\"; an empty list of pins accepts nothing"},
        {"releases: {}\n", &fault_data_file, "line 1: releases: wanted a list"},
        {"releases:\n  - {app: a, platform: b, version: \"1\", pins: [], share: 2}\n", &fault_data_file,
         "line 2: share: \"2\" is no part of the app's users, wanted a number from 0 to 1, or a percentage such as 12.5%"},
        {"releases:\n  - {app: a, platform: b, version: \"1\", pins: []}\n  - {app: a, platform: b, version: \"1\", pins: []}\n", &fault_data_file,
         "line 3: release \"a b 1\" stands in line 2 already"},
        {"policies: {a: {}, a: {}}\n", &fault_yaml, "line 1, column 19: \"a\" stands here twice"},
        {"a: &x 1\n", &fault_yaml, "line 1, column 4: anchors and tags are not supported: write the value out"},
        {"a: *x\n", &fault_yaml, "line 1, column 4: aliases are not supported: write the value out"},
        {"<<: {a: 1}\n", &fault_yaml, "line 1, column 1: merge keys are not supported: write the fields out"},
        {"? [a]\n: 1\n", &fault_yaml, "line 1, column 3: a key must be a text"},
        {"a: 1\n---\nb: 1\n", &fault_yaml, "line 2, column 1: a second document begins here, one is wanted"},
        {"[[[[[[[[[[[[[[]]]]]]]]]]]]]]", &fault_yaml, "line 1, column 13: the file is nested too deeply"},
        {"a: \"x\\0y\"\n", &fault_yaml, "line 1, column 4: the text holds a NUL"},
        {"a: [1\n", &fault_yaml, "line 2, column 1: did not find expected ',' or ']'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct data_file file;
        struct reason reason = {""};
        result outcome = data_file_read(span_of_text(cases[i].yaml), arena, &file, &reason);
        assert_string_equal(reason.text, cases[i].reason);
        assert_ptr_equal(outcome, cases[i].fault);
    }
}

static void a_policy_survives_the_database(void **state) {
    (void) state;
    static const char json[] = "{\"allows_wildcards\": false, \"expected_issuers\": {\"owners\": [\"DigiCert\"]}}"; /* as jsonb prints it */
    struct policy_rules rules;
    struct reason reason = {""};
    struct buffer out = buffer_with_limit(1000);
    assert_ptr_equal(policy_rules_from_json(span_of_text(json), arena, &rules, &reason), OK);
    assert_int_equal(rules.owner_count, 1);
    assert_false(rules.allows_wildcards);
    assert_ptr_equal(policy_rules_to_json(&rules, &out), OK);
    assert_string_equal(buffer_text(&out), "{\"expected_issuers\":{\"owners\":[\"DigiCert\"]},\"allows_wildcards\":false}");
    buffer_done(&out);
}

static void without_memory_nothing_is_read(void **state) {
    (void) state;
    for (size_t limit = 64; limit < 4096; limit += 64) {
        struct arena *small = arena_new(limit);
        struct data_file file;
        struct reason reason = {""};
        assert_non_null(small);
        result outcome = data_file_read(span_of_text(whole), small, &file, &reason);
        assert_true(outcome == &fault_no_memory || outcome == &fault_limit_reached || outcome == OK);
        if (limit < 1024)
            assert_ptr_not_equal(outcome, OK);
        arena_free(small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_with_everything_is_read),
        cmocka_unit_test(what_is_written_reads_back_as_the_same),
        cmocka_unit_test(pins_and_releases_survive_the_way_out_and_in),
        cmocka_unit_test(texts_that_look_like_yaml_survive_the_way_out_and_in),
        cmocka_unit_test(an_empty_file_wants_nothing),
        cmocka_unit_test(every_refusal_names_line_column_and_what_was_wanted),
        cmocka_unit_test(a_policy_survives_the_database),
        cmocka_unit_test(without_memory_nothing_is_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
