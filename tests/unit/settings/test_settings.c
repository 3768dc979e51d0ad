#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "settings/fields.h"
#include "settings/file.h"
#include "settings/locate.h"
#include "settings/spelling.h"

static char folder[64];
static char path[128];

static int make_folder(void **state) {
    umask(022);
    (void) state;
    snprintf(folder, sizeof folder, "/tmp/pinwatch-settings-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/pinwatch.yaml", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void) state;
    unlink(path);
    return rmdir(folder);
}

static void write_text(const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

static struct settings *load(const char *text) {
    struct settings *settings = NULL;
    struct reason reason;
    write_text(text);
    result outcome = settings_load(path, &settings, &reason);
    if (outcome != OK)
        fail_msg("refused: %s", reason.text);
    return settings;
}

static void refuses(const char *text, const char *wanted_words) {
    struct settings *settings = (struct settings *) (uintptr_t) 1;
    struct reason reason = {""};
    write_text(text);
    result outcome = settings_load(path, &settings, &reason);
    assert_ptr_equal(outcome, &fault_settings_value);
    assert_ptr_equal(settings, (struct settings *) (uintptr_t) 1);
    assert_memory_equal(reason.text, path, strlen(path));
    assert_string_equal(reason.text + strlen(path), wanted_words);
}

static void an_empty_file_gives_every_default(void **state) {
    (void) state;
    struct settings *settings = load("# nothing\n");
    assert_string_equal(settings->database, "");
    assert_string_equal(settings->chrome_list_url, "https://www.gstatic.com/ct/log_list/v3/all_logs_list.json");
    assert_false(settings->follows_public_logs);
    assert_true(settings->has_drill);
    assert_int_equal(settings->readers, 0);
    assert_int_equal(settings->poll_seconds_static, 2);
    assert_string_equal(settings->log_level, "info");
    assert_int_equal(settings->logs_count, 0);
    assert_string_equal(settings_path(settings), path);
    settings_free(settings);
}

static void values_lists_and_derived_folders_are_read(void **state) {
    (void) state;
    struct settings *settings = load("state_folder: /srv/pw\nreaders: 3\nhas_drill: no\ncontact: ops@example.org\n"
                                     "follows_public_logs: true\nlogs:\n - url: https://ct.example/a\n   key: AAAA\n   mmd_seconds: 60\n"
                                     " - {url: \"http://b.example\", key: /k.pem, starts_at_zero: true}\n"
                                     "resolvers: [{address: \"::1\", port: 5353, is_validating: true}, {address: 127.0.0.1}]\n");
    assert_string_equal(settings->secrets_folder, "/srv/pw/secrets");
    assert_string_equal(settings->hooks_folder, "/srv/pw/hooks.d");
    assert_int_equal(settings->readers, 3);
    assert_false(settings->has_drill);
    assert_true(settings->follows_public_logs);
    assert_int_equal(settings->logs_count, 2);
    assert_string_equal(settings->logs[0].url, "https://ct.example/a");
    assert_int_equal(settings->logs[0].mmd_seconds, 60);
    assert_string_equal(settings->logs[1].key, "/k.pem");
    assert_true(settings->logs[1].starts_at_zero);
    assert_int_equal(settings->resolvers_count, 2);
    assert_int_equal(settings->resolvers[0].port, 5353);
    assert_true(settings->resolvers[0].is_validating);
    assert_int_equal(settings->resolvers[1].port, 53);
    settings_free(settings);
}

static void a_refusal_names_file_line_field_value_and_what_was_wanted(void **state) {
    (void) state;
    refuses("contact: a\n\nreaders: many\n", " line 3: readers: 'many' cannot be used, wanted a number from 0 to 64");
    refuses("readers: 65\n", " line 1: readers: '65' cannot be used, wanted a number from 0 to 64");
    refuses("readers: 12 h\n", " line 1: readers: '12 h' cannot be used, wanted a number from 0 to 64");
    refuses("readers:\n", " line 1: readers: '' cannot be used, wanted a number from 0 to 64");
    refuses("has_drill: flase\n", " line 1: has_drill: 'flase' cannot be used, wanted true or false");
    refuses("log_level: loud\n", " line 1: log_level: 'loud' cannot be used, wanted one of: error warning notice info debug");
    refuses("state_folder: here\n", " line 1: state_folder: 'here' cannot be used, wanted an absolute path");
    refuses("state_folder: \"\"\n", " line 1: state_folder: '' cannot be used, wanted an absolute path");
    refuses("apple_list_url: ftp://x/\n",
            " line 1: apple_list_url: 'ftp://x/' cannot be used, wanted an address with https:// or http://, or nothing");
    refuses("contact: \"a\\nb\"\n", " line 1: contact: 'a?b' cannot be used, wanted a text, or nothing");
    refuses("resolvers:\n  - address: 1.2.3.4\n  - address: dns.example\n",
            " line 3: resolvers[2].address: 'dns.example' cannot be used, wanted an IPv4 or IPv6 address");
    refuses("logs:\n  - description: x\n    url: https://a.example\n",
            " line 2: logs[1].key: '' cannot be used, wanted a text");
}

static void an_unknown_key_is_refused_with_its_line_and_the_nearest_word(void **state) {
    (void) state;
    refuses("contact: a\npoll_second_static: 3\n",
            " line 2: no setting is called 'poll_second_static'; did you mean 'poll_seconds_static'?");
    refuses("logs:\n  - url: https://a.example\n    kye: AAAA\n", " line 3: no setting is called 'kye'; did you mean 'key'?");
    refuses("zzzzzzzzzzzz: 1\n", " line 1: no setting is called 'zzzzzzzzzzzz', wanted one that docs/settings.md lists");
}

static void what_is_no_mapping_of_settings_is_refused_with_its_line(void **state) {
    (void) state;
    refuses("readers: 1\nreaders: 2\n", " line 2: Mapping field already seen: readers, wanted YAML settings");
    refuses("readers:\n  many: 2\n", " line 2: Expecting STRING, got event: MAPPING_START, wanted YAML settings");
    refuses("readers: 1\n---\nreaders: 2\n", ": Ignoring documents after first in stream, wanted YAML settings");
    refuses("- readers\n", ": Expecting MAPPING, got event: SEQUENCE_START, wanted YAML settings");
}

static void public_logs_need_a_contact_and_a_list_needs_its_signature(void **state) {
    (void) state;
    refuses("follows_public_logs: true\n", " line 1: contact: '' cannot be used, wanted an e-mail address or URL for log operators, "
                                           "because follows_public_logs is true");
    refuses("chrome_list_signature_url: \"\"\n",
            " line 1: chrome_list_signature_url: '' cannot be used, wanted an address, because chrome_list_url has one and its "
            "list must be signed");
}

static void a_file_that_others_can_write_is_refused(void **state) {
    (void) state;
    static const mode_t modes[] = {0664, 0646, 0666, 0620};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct settings *settings = NULL;
        struct reason reason;
        write_text("readers: 1\n");
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_ptr_equal(settings_load(path, &settings, &reason), &fault_settings_file);
        assert_non_null(strstr(reason.text, "lets others write it"));
        assert_null(settings);
    }
}

static void a_missing_file_a_folder_and_a_huge_file_are_refused(void **state) {
    (void) state;
    struct settings *settings = NULL;
    struct reason reason;
    unlink(path);
    assert_ptr_equal(settings_load(path, &settings, &reason), &fault_settings_file);
    assert_non_null(strstr(reason.text, "No such file"));
    assert_non_null(strstr(reason.text, "pinwatch init"));
    assert_ptr_equal(settings_load(folder, &settings, &reason), &fault_settings_file);
    assert_non_null(strstr(reason.text, "no regular file"));
    write_text("#");
    assert_int_equal(truncate(path, SETTINGS_FILE_MAX + 1), 0);
    assert_ptr_equal(settings_load(path, &settings, &reason), &fault_settings_file);
    assert_non_null(strstr(reason.text, "too large"));
}

static void the_sample_loads_and_gives_the_defaults(void **state) {
    (void) state;
    struct settings *settings = NULL;
    struct reason reason;
    unlink(path);
    assert_ptr_equal(settings_write_sample(path, "/srv/it's \"here\\", &reason), OK);
    assert_ptr_equal(settings_load(path, &settings, &reason), OK);
    assert_string_equal(settings->state_folder, "/srv/it's \"here\\");
    assert_int_equal(settings->slot_megabytes, 16);
    settings_free(settings);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_ptr_equal(settings_write_sample(path, "/srv", &reason), &fault_settings_file);
    assert_non_null(strstr(reason.text, "File exists"));
}

static void a_sample_with_a_bad_choice_is_not_left_behind(void **state) {
    (void) state;
    struct reason reason;
    const struct settings_choice choices[] = {{"state_folder", "/srv"}, {"follows_public_logs", "true"}};
    unlink(path);
    assert_ptr_equal(settings_write_new(path, choices, 2, &reason), &fault_settings_value);
    assert_int_not_equal(access(path, F_OK), 0);
    const struct settings_choice unknown = {"colour", "red"};
    assert_ptr_equal(settings_write_new(path, &unknown, 1, &reason), &fault_settings_value);
}

static void read_back(char *text, size_t size) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t count = fread(text, 1, size - 1, file);
    text[count] = '\0';
    fclose(file);
}

static void a_change_touches_its_own_line_alone(void **state) {
    (void) state;
    struct reason reason;
    bool is_changed = false;
    char text[500];
    const struct settings_choice choices[] = {{"contact", "ops@example.org"}, {"follows_public_logs", "true"}};
    write_text("# mine\ncontact: \"\"   # later\nreaders: 2");
    assert_ptr_equal(settings_change(path, choices, 2, &is_changed, &reason), OK);
    assert_true(is_changed);
    read_back(text, sizeof text);
    assert_string_equal(text, "# mine\ncontact: \"ops@example.org\"\nreaders: 2\nfollows_public_logs: true\n");
    assert_ptr_equal(settings_change(path, choices, 2, &is_changed, &reason), OK);
    assert_false(is_changed);
}

static void a_change_that_does_not_load_leaves_the_file_as_it_was(void **state) {
    (void) state;
    struct reason reason;
    bool is_changed = false;
    char text[500];
    const struct settings_choice choice = {"follows_public_logs", "true"};
    write_text("readers: 2\n");
    assert_ptr_equal(settings_change(path, &choice, 1, &is_changed, &reason), &fault_settings_value);
    read_back(text, sizeof text);
    assert_string_equal(text, "readers: 2\n");
}

static void every_standard_value_is_itself_valid(void **state) {
    (void) state;
    static const struct setting_table *const tables[] = {&settings_table, &settings_log_table, &settings_resolver_table};
    for (size_t t = 0; t < 3; t++)
        for (size_t i = 0; i < tables[t]->count; i++) {
            union {
                struct settings file;
                struct settings_log log;
                struct settings_resolver resolver;
            } scratch;
            struct reason wanted;
            const struct setting *setting = &tables[t]->settings[i];
            if (!setting->is_required && setting_store(setting, setting->standard, &scratch, &wanted) != OK)
                fail_msg("%s: '%s', wanted %s", setting->name, setting->standard, wanted.text);
        }
}

static void read_project_file(const char *name, char *text, size_t size) {
    char place[300];
    snprintf(place, sizeof place, "%s/../%s", TESTS_FOLDER, name);
    FILE *file = fopen(place, "r");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void the_reference_names_every_setting_with_what_is_wanted_and_its_default(void **state) {
    (void) state;
    static const struct setting_table *const tables[] = {&settings_table, &settings_log_table, &settings_resolver_table};
    static char text[60000];
    read_project_file("docs/settings.md", text, sizeof text);
    for (size_t t = 0; t < 3; t++)
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct setting *setting = &tables[t]->settings[i];
            struct reason wanted;
            char row[1200];
            setting_wanted(setting, &wanted);
            const char *quote = setting->standard[0] == '\0' ? "" : "`";
            const char *none = setting->is_required ? "required" : "nothing";
            snprintf(row, sizeof row, "| `%s` | %s | %s%s%s | ", setting->name, wanted.text, quote,
                     setting->standard[0] == '\0' ? none : setting->standard, quote);
            if (strstr(text, row) == NULL)
                fail_msg("docs/settings.md lacks: %s", row);
        }
}

static void the_shipped_sample_is_what_init_writes(void **state) {
    (void) state;
    static char shipped[60000], written[60000];
    struct reason reason;
    unlink(path);
    assert_ptr_equal(settings_write_sample(path, "/var/lib/pinwatch", &reason), OK);
    read_project_file("deploy/pinwatch.yaml", shipped, sizeof shipped);
    read_back(written, sizeof written);
    assert_string_equal(shipped, written);
}

static void the_nearest_word_is_found_only_when_near(void **state) {
    (void) state;
    static const char *const words[] = {"findings", "certs", "cert", "watch"};
    assert_string_equal(spelling_nearest("finding", words, 4, sizeof words[0]), "findings");
    assert_string_equal(spelling_nearest("wathc", words, 4, sizeof words[0]), "watch");
    assert_null(spelling_nearest("elephant", words, 4, sizeof words[0]));
    assert_null(spelling_nearest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", words, 4, sizeof words[0]));
}

static void a_file_is_found_by_environment_and_xdg(void **state) {
    (void) state;
    struct arena *arena = arena_new(100000);
    setenv("PINWATCH_CONFIG", "/nowhere/x.yaml", 1);
    assert_string_equal(settings_find_file(arena), "/nowhere/x.yaml");
    unsetenv("PINWATCH_CONFIG");
    setenv("XDG_STATE_HOME", "/x/state", 1);
    assert_string_equal(settings_standard_state_folder("/home/a/f.yaml", arena), "/x/state/pinwatch");
    assert_string_equal(settings_standard_state_folder("/etc/pinwatch/pinwatch.yaml", arena), "/var/lib/pinwatch");
    unsetenv("XDG_STATE_HOME");
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_every_default),
        cmocka_unit_test(values_lists_and_derived_folders_are_read),
        cmocka_unit_test(a_refusal_names_file_line_field_value_and_what_was_wanted),
        cmocka_unit_test(an_unknown_key_is_refused_with_its_line_and_the_nearest_word),
        cmocka_unit_test(what_is_no_mapping_of_settings_is_refused_with_its_line),
        cmocka_unit_test(public_logs_need_a_contact_and_a_list_needs_its_signature),
        cmocka_unit_test(a_file_that_others_can_write_is_refused),
        cmocka_unit_test(a_missing_file_a_folder_and_a_huge_file_are_refused),
        cmocka_unit_test(the_sample_loads_and_gives_the_defaults),
        cmocka_unit_test(a_sample_with_a_bad_choice_is_not_left_behind),
        cmocka_unit_test(a_change_touches_its_own_line_alone),
        cmocka_unit_test(a_change_that_does_not_load_leaves_the_file_as_it_was),
        cmocka_unit_test(every_standard_value_is_itself_valid),
        cmocka_unit_test(the_reference_names_every_setting_with_what_is_wanted_and_its_default),
        cmocka_unit_test(the_shipped_sample_is_what_init_writes),
        cmocka_unit_test(the_nearest_word_is_found_only_when_near),
        cmocka_unit_test(a_file_is_found_by_environment_and_xdg),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
