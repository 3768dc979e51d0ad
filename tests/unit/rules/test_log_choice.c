#include "vector_files.h"

#include "base/text.h"
#include "rules/log_choice.h"

#define NOW_MS ((int64_t) 1795262400000) /* 2026-11-21 */
#define DAY ((int64_t) 86400)

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

static struct listed_log log_in_state(uint8_t id, enum log_state state) {
    struct listed_log log = {.description = "Log", .operator_name = "Operator", .url = "https://ct.example/1/",
                             .monitoring_url = "", .mmd_seconds = 86400, .state = state, .log_type = "prod"};
    memset(log.log_id.bytes, id, HASH_SIZE);
    return log;
}

static struct log_list list_of(struct listed_log *log) {
    return (struct log_list){.version = "1.1", .logs = log, .count = log == NULL ? 0 : 1};
}

/* Chooses from at most one log per source; NULL for not listed. */
static struct chosen_log choose(struct listed_log *chrome, struct listed_log *apple, struct chosen_log *configured) {
    struct log_list chrome_list = list_of(chrome), apple_list = list_of(apple);
    struct log_choice_input input = {.chrome = &chrome_list, .apple = &apple_list, .configured = configured,
                                     .configured_count = configured == NULL ? 0 : 1, .now_ms = NOW_MS};
    struct chosen_log *logs;
    size_t count;
    assert_ptr_equal(log_choose(&input, arena, &logs, &count), OK);
    assert_int_equal(count, 1);
    return logs[0];
}

static void the_states_of_the_two_lists_decide_as_the_table_says(void **state) {
    (void) state;
    static const struct {
        enum log_state chrome, apple;
        bool is_followed, is_note, is_stale_checked;
        enum log_state merged;
        const char *reason;
    } rows[] = {
        {LOG_USABLE, LOG_USABLE, true, false, true, LOG_USABLE, "followed: Chrome says usable, Apple says usable"},
        {LOG_QUALIFIED, LOG_PENDING, true, false, true, LOG_QUALIFIED, "followed: Chrome says qualified, Apple says pending"},
        {LOG_PENDING, LOG_PENDING, true, false, false, LOG_PENDING, "followed: Chrome says pending, Apple says pending"},
        {LOG_REJECTED, LOG_USABLE, true, true, true, LOG_USABLE,
         "followed: Chrome says rejected, Apple says usable; because of \"rejected\" it may be switched off"},
        {LOG_RETIRED, LOG_READONLY, true, true, false, LOG_READONLY,
         "followed: Chrome says retired, Apple says readonly; because of \"retired\" it may be switched off"},
        {LOG_USABLE, LOG_RETIRED, true, true, true, LOG_USABLE,
         "followed: Chrome says usable, Apple says retired; because of \"retired\" it may be switched off"},
        {LOG_USABLE, LOG_READONLY, true, false, false, LOG_USABLE, "followed: Chrome says usable, Apple says readonly"},
        {LOG_PENDING, LOG_READONLY, true, false, false, LOG_READONLY, "followed: Chrome says pending, Apple says readonly"},
        {LOG_REJECTED, LOG_RETIRED, false, false, false, LOG_RETIRED, "not followed: Chrome says rejected, Apple says retired"},
        {LOG_STATE_NONE, LOG_REJECTED, false, false, false, LOG_REJECTED,
         "not followed: Chrome says no state, Apple says rejected"},
        {LOG_STATE_NONE, LOG_STATE_NONE, false, false, false, LOG_STATE_NONE,
         "not followed: Chrome says no state, Apple says no state"},
        {LOG_STATE_NONE, LOG_USABLE, true, false, true, LOG_USABLE, "followed: Chrome says no state, Apple says usable"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listed_log chrome = log_in_state(1, rows[i].chrome), apple = log_in_state(1, rows[i].apple);
        struct chosen_log chosen = choose(&chrome, &apple, NULL);
        assert_string_equal(chosen.reason, rows[i].reason);
        assert_int_equal(chosen.is_followed, rows[i].is_followed);
        assert_int_equal(chosen.is_unreachable_a_note, rows[i].is_note);
        assert_int_equal(chosen.is_stale_checked, rows[i].is_stale_checked);
        assert_int_equal(chosen.log.state, rows[i].merged);
        assert_int_equal(chosen.chrome_state, rows[i].chrome);
        assert_int_equal(chosen.apple_state, rows[i].apple);
        assert_int_equal(chosen.sources, SOURCE_CHROME | SOURCE_APPLE);
    }
}

static void a_log_that_only_one_list_names_is_followed_by_that_list(void **state) {
    (void) state;
    struct listed_log log = log_in_state(1, LOG_USABLE);
    assert_string_equal(choose(NULL, &log, NULL).reason, "followed: Apple says usable");
    assert_string_equal(choose(&log, NULL, NULL).reason, "followed: Chrome says usable");
}

static void a_test_log_without_state_is_not_followed_and_the_sentence_names_its_type(void **state) {
    (void) state;
    struct listed_log log = log_in_state(1, LOG_STATE_NONE);
    log.log_type = "monitoring_only";
    struct chosen_log chosen = choose(&log, NULL, NULL);
    assert_false(chosen.is_followed);
    assert_string_equal(chosen.reason, "not followed: Chrome says no state (log type monitoring_only)");
}

static void a_readonly_log_is_followed_to_the_larger_of_its_final_heads(void **state) {
    (void) state;
    struct listed_log chrome = log_in_state(1, LOG_READONLY), apple = log_in_state(1, LOG_READONLY);
    chrome.has_final_head = apple.has_final_head = true;
    chrome.final_size = 100;
    apple.final_size = 120;
    struct chosen_log chosen = choose(&chrome, &apple, NULL);
    assert_int_equal(chosen.log.final_size, 120);
    assert_string_equal(chosen.reason,
                        "followed to its final tree head of 120 entries: Chrome says readonly, Apple says readonly");
}

static void the_smallest_named_mmd_counts_and_zero_is_not_named(void **state) {
    (void) state;
    struct listed_log chrome = log_in_state(1, LOG_USABLE), apple = log_in_state(1, LOG_USABLE);
    chrome.mmd_seconds = 0;
    apple.mmd_seconds = 60;
    assert_int_equal(choose(&chrome, &apple, NULL).log.mmd_seconds, 60);
    chrome.mmd_seconds = 50;
    assert_int_equal(choose(&chrome, &apple, NULL).log.mmd_seconds, 50);
    chrome.mmd_seconds = apple.mmd_seconds = 0;
    assert_false(choose(&chrome, &apple, NULL).is_stale_checked);
}

static void a_log_whose_interval_has_ended_may_be_as_old_as_it_likes(void **state) {
    (void) state;
    struct listed_log chrome = log_in_state(1, LOG_USABLE), apple = log_in_state(1, LOG_USABLE);
    chrome.has_interval = apple.has_interval = true;
    chrome.interval_begin = apple.interval_begin = NOW_MS / 1000 - 90 * DAY;
    chrome.interval_end = apple.interval_end = NOW_MS / 1000;
    assert_false(choose(&chrome, &apple, NULL).is_stale_checked);
    assert_true(choose(&chrome, &apple, NULL).is_followed);
    apple.interval_end = NOW_MS / 1000 + 1;
    struct chosen_log chosen = choose(&chrome, &apple, NULL);
    assert_true(chosen.is_stale_checked);
    assert_int_equal(chosen.log.interval_end, apple.interval_end);
}

static void chromes_names_and_addresses_come_before_apples(void **state) {
    (void) state;
    struct listed_log chrome = log_in_state(1, LOG_USABLE), apple = log_in_state(1, LOG_USABLE);
    apple.operator_name = "Other";
    apple.url = "https://other.example/";
    struct chosen_log chosen = choose(&chrome, &apple, NULL);
    assert_string_equal(chosen.log.operator_name, "Operator");
    assert_string_equal(chosen.log.url, "https://ct.example/1/");
}

static void a_configured_log_is_followed_whatever_the_lists_say(void **state) {
    (void) state;
    struct listed_log listed = log_in_state(1, LOG_REJECTED);
    struct chosen_log configured = {.log = log_in_state(1, LOG_STATE_NONE), .sources = SOURCE_SETTINGS, .origin = ""};
    configured.log.url = "https://mine.example/";
    configured.log.mmd_seconds = 0;
    struct chosen_log chosen = choose(&listed, NULL, &configured);
    assert_true(chosen.is_followed);
    assert_false(chosen.is_unreachable_a_note);
    assert_string_equal(chosen.log.url, "https://mine.example/");
    assert_int_equal(chosen.sources, SOURCE_SETTINGS | SOURCE_CHROME);
    assert_string_equal(chosen.reason, "followed: the settings name it; Chrome says rejected");
    assert_false(choose(NULL, NULL, &configured).is_stale_checked);
    configured.log.mmd_seconds = 60;
    assert_true(choose(NULL, NULL, &configured).is_stale_checked);
    configured.sources = SOURCE_DRILL;
    assert_string_equal(choose(NULL, NULL, &configured).reason, "followed: the drill's own log");
}

static void a_configured_log_may_leave_every_text_out(void **state) {
    (void) state;
    struct chosen_log configured = {.sources = SOURCE_SETTINGS};
    struct chosen_log chosen = choose(NULL, NULL, &configured);
    assert_string_equal(chosen.log.description, "");
    assert_string_equal(chosen.log.log_type, "prod");
}

static void the_origin_of_a_static_log_is_its_submission_prefix_unless_configured(void **state) {
    (void) state;
    struct listed_log log = log_in_state(1, LOG_USABLE);
    assert_string_equal(choose(&log, NULL, NULL).origin, "");
    log.protocol = LOG_STATIC_CT;
    log.url = "https://sub.example/2026h2/";
    assert_string_equal(choose(&log, NULL, NULL).origin, "sub.example/2026h2");
    struct chosen_log configured = {.log = log, .sources = SOURCE_SETTINGS, .origin = "own name"};
    assert_string_equal(choose(NULL, NULL, &configured).origin, "own name");
    assert_string_equal(log_default_origin(arena, "http://a/"), "a");
    assert_string_equal(log_default_origin(arena, "a/b"), "a/b");
}

static void placeholders_under_example_com_are_not_followed_even_if_usable(void **state) {
    (void) state;
    struct listed_log log = log_in_state(1, LOG_USABLE);
    static const char *const urls[] = {"https://ct.example.com/bogus/", "https://EXAMPLE.com/", "http://ct.example.com:80/x/"};
    for (size_t i = 0; i < 3; i++) {
        log.url = urls[i];
        struct chosen_log chosen = choose(&log, NULL, NULL);
        assert_false(chosen.is_followed);
        assert_string_equal(chosen.reason, "not followed: a placeholder under example.com, never a log");
    }
    log.url = "https://ct.notexample.com/";
    assert_true(choose(&log, NULL, NULL).is_followed);
    log.url = "https://ct.example.company/";
    assert_true(choose(&log, NULL, NULL).is_followed);
}

static struct log_list read_list(const char *name) {
    struct buffer file = corpus_read(name);
    struct log_list list;
    struct reason reason;
    assert_ptr_equal(log_list_parse(buffer_span(&file), arena, &list, &reason), OK);
    buffer_done(&file);
    return list;
}

static void mimic_logs_are_excluded_by_their_id_even_when_configured(void **state) {
    (void) state;
    struct log_list mimics = read_list("a-ct/log-lists/mimics/log_mimics_list.json");
    assert_int_equal(mimics.count, 2);
    for (size_t i = 0; i < 2; i++) {
        struct chosen_log configured = {.log = mimics.logs[i], .sources = SOURCE_SETTINGS};
        configured.log.url = "https://elsewhere.example/";
        struct chosen_log chosen = choose(&mimics.logs[i], NULL, &configured);
        assert_false(chosen.is_followed);
        assert_false(chosen.is_stale_checked);
        assert_string_equal(chosen.reason,
                            "not followed: a mimic log whose private key is public, so its signatures prove nothing");
    }
}

static void the_real_lists_together_name_the_logs_that_are_followed(void **state) {
    (void) state;
    struct log_list chrome = read_list("a-ct/log-lists/chrome/all_logs_list.json");
    struct log_list apple = read_list("a-ct/log-lists/apple/current_log_list.json");
    struct log_choice_input input = {.chrome = &chrome, .apple = &apple, .now_ms = NOW_MS};
    struct chosen_log *logs;
    size_t count, followed = 0, approved = 0, notes = 0;
    assert_ptr_equal(log_choose(&input, arena, &logs, &count), OK);
    for (size_t i = 0; i < count; i++) {
        bool is_approved = false;
        for (enum log_state s = LOG_QUALIFIED; s <= LOG_READONLY; s++)
            is_approved |= logs[i].chrome_state == s || logs[i].apple_state == s;
        approved += is_approved;
        followed += logs[i].is_followed;
        notes += logs[i].is_unreachable_a_note;
        assert_true(logs[i].is_followed || !is_approved);
        assert_true(logs[i].reason[0] != '\0');
        if (i > 0)
            assert_true(strcmp(logs[i - 1].log.operator_name, logs[i].log.operator_name) <= 0);
        if (strstr(logs[i].log.description, "Raio") != NULL && logs[i].apple_state == LOG_USABLE)
            assert_true(logs[i].is_followed);
    }
    assert_int_equal(approved, 64);
    assert_int_equal(followed, 80);
    assert_int_equal(notes, 15);
}

static void a_list_may_not_go_back_in_time_or_version_nor_lose_logs(void **state) {
    (void) state;
    static const struct {
        struct log_list older, newer;
        bool is_allowed;
    } rows[] = {
        {{.version = "1.1", .has_timestamp = true, .timestamp_ms = 5000},
         {.version = "1.1", .has_timestamp = true, .timestamp_ms = 5000}, true},
        {{.version = "1.1", .has_timestamp = true, .timestamp_ms = 5000},
         {.version = "1.2", .has_timestamp = true, .timestamp_ms = 4999}, false},
        {{.version = "1.1", .has_timestamp = true, .timestamp_ms = 5000}, {.version = "1.2"}, false},
        {{.version = "89.9"}, {.version = "89.10"}, true},
        {{.version = "89.10"}, {.version = "89.9"}, false},
        {{.version = "90.0"}, {.version = "89.99"}, false},
        {{.version = "511"}, {.version = "512"}, true},
        {{.version = "511"}, {.version = "99"}, false},
        {{.version = ""}, {.version = "1"}, true},
        {{.version = "1", .is_all_logs = true}, {.version = "2"}, false},
        {{.version = "1"}, {.version = "2", .is_all_logs = true}, true},
        {{.version = "1", .count = 100}, {.version = "2", .count = 50}, true},
        {{.version = "1", .count = 100}, {.version = "2", .count = 49}, false},
        {{.version = "1", .count = 1}, {.version = "2", .count = 0}, true}, /* refused for itself */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reason reason;
        result outcome = log_list_may_replace(&rows[i].older, &rows[i].newer, &reason);
        assert_ptr_equal(outcome, rows[i].is_allowed ? OK : &fault_log_list_older);
        assert_int_equal(reason.text[0] == '\0', rows[i].is_allowed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_states_of_the_two_lists_decide_as_the_table_says),
        cmocka_unit_test(a_log_that_only_one_list_names_is_followed_by_that_list),
        cmocka_unit_test(a_test_log_without_state_is_not_followed_and_the_sentence_names_its_type),
        cmocka_unit_test(a_readonly_log_is_followed_to_the_larger_of_its_final_heads),
        cmocka_unit_test(the_smallest_named_mmd_counts_and_zero_is_not_named),
        cmocka_unit_test(a_log_whose_interval_has_ended_may_be_as_old_as_it_likes),
        cmocka_unit_test(chromes_names_and_addresses_come_before_apples),
        cmocka_unit_test(a_configured_log_is_followed_whatever_the_lists_say),
        cmocka_unit_test(a_configured_log_may_leave_every_text_out),
        cmocka_unit_test(the_origin_of_a_static_log_is_its_submission_prefix_unless_configured),
        cmocka_unit_test(placeholders_under_example_com_are_not_followed_even_if_usable),
        cmocka_unit_test(mimic_logs_are_excluded_by_their_id_even_when_configured),
        cmocka_unit_test(the_real_lists_together_name_the_logs_that_are_followed),
        cmocka_unit_test(a_list_may_not_go_back_in_time_or_version_nor_lose_logs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
