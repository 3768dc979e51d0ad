#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "settings/fields.h"
#include "settings/file.h"

static const struct setting *find_setting(const char *name) {
    for (size_t i = 0; i < settings_table.count; i++)
        if (strcmp(settings_table.settings[i].name, name) == 0)
            return &settings_table.settings[i];
    return NULL;
}

static result check_choice(const struct settings_choice *choice, struct reason *reason) {
    struct settings scratch;
    struct reason wanted;
    const struct setting *setting = find_setting(choice->name);
    if (setting == NULL)
        return reason_set(reason, &fault_settings_value, "no setting is called '%.64s', wanted one that docs/settings.md lists",
                          choice->name);
    if (setting_store(setting, choice->value, &scratch, &wanted) != OK)
        return reason_set(reason, &fault_settings_value, "%s: '%.100s' cannot be used, wanted %s", choice->name, choice->value,
                          wanted.text);
    return OK;
}

static const char *value_for(const struct setting *setting, const struct settings_choice *choices, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(choices[i].name, setting->name) == 0)
            return choices[i].value;
    return setting->standard;
}

/* Texts in double quotes, so that nothing in them can mean something to YAML. */
static void add_value(struct buffer *text, const struct setting *setting, const char *value) {
    if (setting->type == SETTING_NUMBER || setting->type == SETTING_SWITCH || setting->type == SETTING_WORD) {
        buffer_add_text(text, value);
        return;
    }
    buffer_add_text(text, "\"");
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            buffer_add_text(text, "\\");
        buffer_add(text, span_of(at, 1));
    }
    buffer_add_text(text, "\"");
}

static void add_comment(struct buffer *text, const char *indent, const char *comment) {
    for (const char *line = comment; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        buffer_printf(text, "# %s%.*s\n", indent, (int) size, line);
        line += size + (line[size] == '\n');
    }
}

static void add_setting(struct buffer *text, const struct setting *setting, const char *value) {
    struct reason wanted;
    if (setting->comment[0] != '\0')
        buffer_add_text(text, "\n");
    add_comment(text, "", setting->comment);
    setting_wanted(setting, &wanted);
    if (setting->type == SETTING_NUMBER || setting->type == SETTING_WORD)
        buffer_printf(text, "# (%s)\n", wanted.text);
    buffer_printf(text, "%s: ", setting->name);
    add_value(text, setting, value);
    buffer_add_text(text, "\n");
}

static void add_list(struct buffer *text, const struct setting_table *table) {
    buffer_add_text(text, "\n");
    add_comment(text, "", table->comment);
    buffer_printf(text, "#%s:\n", table->list);
    for (size_t i = 0; i < table->count; i++) {
        buffer_printf(text, "#  %c %s: ", i == 0 ? '-' : ' ', table->settings[i].name);
        add_value(text, &table->settings[i], table->settings[i].standard);
        buffer_printf(text, "  # %s\n", table->settings[i].comment);
    }
    buffer_printf(text, "%s: []\n", table->list);
}

static void add_sample(struct buffer *text, const struct settings_choice *choices, size_t count) {
    buffer_add_text(text, "# How this machine runs pinwatch. Every setting stands here with its default.\n"
                          "# What to watch and whom to tell is data: see `pinwatch apply --help`.\n"
                          "# `pinwatch doctor` checks this file; a running service reads it again on SIGHUP.\n");
    for (size_t i = 0; i < settings_table.count; i++)
        add_setting(text, &settings_table.settings[i], value_for(&settings_table.settings[i], choices, count));
    add_list(text, &settings_log_table);
    add_list(text, &settings_resolver_table);
}

static result write_all(const char *path, int file, struct span text, struct reason *reason) {
    while (text.size > 0) {
        ssize_t count = write(file, text.bytes, text.size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return reason_set(reason, &fault_settings_file, "%s: cannot be written: %s", path, strerror(errno));
        text = span_of(text.bytes + count, text.size - (size_t) count);
    }
    if (fsync(file) != 0)
        return reason_set(reason, &fault_settings_file, "%s: cannot be written: %s", path, strerror(errno));
    return OK;
}

static result write_file(const char *path, struct span text, mode_t mode, struct reason *reason) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0)
        return reason_set(reason, &fault_settings_file, "%s: cannot be created: %s", path, strerror(errno));
    result outcome = write_all(path, file, text, reason);
    if (close(file) != 0 && outcome == OK)
        outcome = reason_set(reason, &fault_settings_file, "%s: cannot be written: %s", path, strerror(errno));
    if (outcome != OK)
        (void) unlink(path);
    return outcome;
}

/* Loading is the check: what cannot be loaded is not left behind. */
static result write_checked(const char *path, struct span text, mode_t mode, struct reason *reason) {
    struct settings *settings = NULL;
    TRY(write_file(path, text, mode, reason));
    result outcome = settings_load(path, &settings, reason);
    settings_free(settings);
    if (outcome != OK)
        (void) unlink(path);
    return outcome;
}

result settings_write_new(const char *path, const struct settings_choice *choices, size_t count, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(SETTINGS_FILE_MAX);
    for (size_t i = 0; i < count; i++)
        TRY(check_choice(&choices[i], reason));
    add_sample(&text, choices, count);
    TRY(buffer_check(&text));
    return write_checked(path, buffer_span(&text), 0640, reason);
}

result settings_write_sample(const char *path, const char *state_folder, struct reason *reason) {
    const struct settings_choice choice = {"state_folder", state_folder};
    return settings_write_new(path, &choice, 1, reason);
}

static bool line_sets(struct span line, const char *name) {
    size_t size = strlen(name);
    return line.size > size && memcmp(line.bytes, name, size) == 0 && line.bytes[size] == ':';
}

/* Copies the text with the line of the choice replaced, or with a line more. */
static void replace_line(struct span text, const struct settings_choice *choice, struct buffer *ret_text) {
    bool is_replaced = false;
    while (text.size > 0) {
        const uint8_t *end = memchr(text.bytes, '\n', text.size);
        struct span line = span_of(text.bytes, end == NULL ? text.size : (size_t) (end - text.bytes) + 1);
        text = span_of(text.bytes + line.size, text.size - line.size);
        if (is_replaced || !line_sets(line, choice->name)) {
            buffer_add(ret_text, line);
            continue;
        }
        buffer_printf(ret_text, "%s: ", choice->name);
        add_value(ret_text, find_setting(choice->name), choice->value);
        buffer_add_text(ret_text, "\n");
        is_replaced = true;
    }
    if (is_replaced)
        return;
    bool needs_newline = ret_text->size > 0 && ret_text->bytes[ret_text->size - 1] != '\n';
    buffer_printf(ret_text, "%s%s: ", needs_newline ? "\n" : "", choice->name);
    add_value(ret_text, find_setting(choice->name), choice->value);
    buffer_add_text(ret_text, "\n");
}

static result change_text(struct buffer *text, const struct settings_choice *choices, size_t count, struct reason *reason) {
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buffer_done) struct buffer changed = buffer_with_limit(SETTINGS_FILE_MAX);
        TRY(check_choice(&choices[i], reason));
        replace_line(buffer_span(text), &choices[i], &changed);
        TRY(buffer_check(&changed));
        buffer_reset(text);
        buffer_add(text, buffer_span(&changed));
        TRY(buffer_check(text));
    }
    return OK;
}

static result swap_file(const char *path, struct span text, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer fresh = buffer_with_limit(4096);
    struct stat status;
    if (stat(path, &status) != 0 || !buffer_printf(&fresh, "%s.new", path))
        return reason_set(reason, &fault_settings_file, "%s: cannot be changed", path);
    (void) unlink(buffer_text(&fresh));
    TRY(write_checked(buffer_text(&fresh), text, status.st_mode & 07777, reason));
    bool keeps_owner = chown(buffer_text(&fresh), status.st_uid, status.st_gid) == 0 || status.st_uid == geteuid();
    if (keeps_owner && rename(buffer_text(&fresh), path) == 0)
        return OK;
    result outcome = reason_set(reason, &fault_settings_file, "%s: cannot be replaced: %s", path, strerror(errno));
    (void) unlink(buffer_text(&fresh));
    return outcome;
}

result settings_change(const char *path, const struct settings_choice *choices, size_t count, bool *ret_changed,
                       struct reason *reason) {
    CLEANUP(buffer_done) struct buffer before = buffer_with_limit(SETTINGS_FILE_MAX);
    CLEANUP(buffer_done) struct buffer after = buffer_with_limit(SETTINGS_FILE_MAX);
    TRY(settings_read_file(path, &before, reason));
    buffer_add(&after, buffer_span(&before));
    TRY(buffer_check(&after));
    TRY(change_text(&after, choices, count, reason));
    bool is_changed = !span_equal(buffer_span(&before), buffer_span(&after));
    if (is_changed)
        TRY(swap_file(path, buffer_span(&after), reason));
    *ret_changed = is_changed;
    return OK;
}
