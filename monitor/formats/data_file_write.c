/* JSON is YAML: scalars and lists are written as JSON, so that quoting is right by construction. */
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "formats/data_file.h"
#include "formats/json_document.h"

/* Characters that JSON takes as they are, and YAML refuses or folds (YAML 1.1 5.1, 5.4): written as \u. */
static size_t odd_character(const uint8_t *at, uint32_t *ret_point) {
    if (at[0] == 0x7f) {
        *ret_point = 0x7f;
        return 1;
    }
    if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) {
        *ret_point = at[1];
        return 2;
    }
    if (at[0] < 0xe0 || at[0] > 0xef || at[1] == 0 || at[2] == 0)
        return 0;
    *ret_point = (uint32_t) (at[0] & 0x0f) << 12 | (uint32_t) (at[1] & 0x3f) << 6 | (at[2] & 0x3f);
    bool is_odd = *ret_point == 0x2028 || *ret_point == 0x2029 || *ret_point == 0xfeff || *ret_point >= 0xfffe;
    return is_odd ? 3 : 0;
}

static void add_json(struct buffer *out, json_t *value) {
    char *dumped = json_dumps(value, JSON_ENCODE_ANY);
    if (dumped == NULL)
        out->failed = true;
    for (const uint8_t *at = (const uint8_t *) dumped; at != NULL && *at != '\0';) {
        uint32_t point = 0;
        size_t size = odd_character(at, &point);
        if (size > 0)
            buffer_printf(out, "\\u%04x", point);
        else
            buffer_add(out, span_of(at, 1));
        at += size > 0 ? size : 1;
    }
    memory_free_foreign(dumped);
    json_decref(value);
}

static void add_quoted(struct buffer *out, const char *text) {
    add_json(out, json_string(text));
}

/* The members of a JSON object as lines at this indent, one member each. */
static void add_members(struct buffer *out, const char *json, const char *indent) {
    CLEANUP(json_document_free) json_t *tree = json_loads(json, 0, NULL);
    const char *name;
    json_t *value;
    if (tree == NULL)
        out->failed = true;
    json_object_foreach(tree, name, value) {
        buffer_printf(out, "%s", indent);
        add_quoted(out, name);
        buffer_add_text(out, ": ");
        add_json(out, json_incref(value));
        buffer_add_text(out, "\n");
    }
}

static void add_policy(struct buffer *out, const struct data_policy *policy) {
    bool says_nothing = strcmp(policy->rules, "{}") == 0;
    buffer_add_text(out, "  ");
    add_quoted(out, policy->name);
    buffer_add_text(out, says_nothing ? ": {}\n" : ":\n");
    add_members(out, policy->rules, "    ");
}

static void add_watch(struct buffer *out, const struct data_watch *watch) {
    buffer_add_text(out, watch->policy[0] == '\0' ? "  - " : "  - watch: ");
    add_quoted(out, watch->text);
    if (watch->policy[0] != '\0') {
        buffer_add_text(out, "\n    policy: ");
        add_quoted(out, watch->policy);
    }
    buffer_add_text(out, "\n");
}

static void add_channel(struct buffer *out, const struct data_channel *channel) {
    bool is_bare = strcmp(channel->configuration, "{}") == 0;
    buffer_add_text(out, "  ");
    add_quoted(out, channel->name);
    buffer_printf(out, ":\n    kind: %s\n    configuration:%s\n", channel->kind, is_bare ? " {}" : "");
    add_members(out, channel->configuration, "      ");
    if (channel->secret_name[0] != '\0') {
        buffer_add_text(out, "    secret: ");
        add_quoted(out, channel->secret_name);
        buffer_add_text(out, "\n");
    }
    buffer_printf(out, "    least_severity: %s\n    enabled: %s\n", channel->least_severity, channel->is_enabled ? "true" : "false");
}

/* Their YAML has no text of several lines: every line may be indented. */
static void add_pins(struct buffer *out, const struct data_pins *pins) {
    buffer_add_text(out, "  - name: ");
    add_quoted(out, pins->name);
    buffer_add_text(out, "\n");
    for (const char *line = pins->content; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        buffer_add_text(out, "    ");
        buffer_add(out, span_of((const uint8_t *) line, size));
        buffer_add_text(out, "\n");
        line += size + (line[size] == '\n');
    }
}

static void add_day(struct buffer *out, const char *name, bool has_day, int64_t unix_seconds) {
    char text[RFC3339_SIZE];
    text_of_time(unix_seconds, text);
    if (has_day)
        buffer_printf(out, "    %s: %.10s\n", name, text);
}

/* All digits that the reader takes, and no exponent. */
static void add_share(struct buffer *out, double share) {
    char text[32];
    int size = snprintf(text, sizeof text, "%.14f", share);
    while (size > 0 && text[size - 1] == '0')
        size--;
    size -= size > 0 && text[size - 1] == '.';
    buffer_printf(out, "    share: %.*s\n", size, text);
}

static void add_release(struct buffer *out, const struct release *release) {
    const char *const texts[][2] = {{"  - app: ", release->app}, {"    platform: ", release->platform}, {"    version: ", release->version}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buffer_add_text(out, texts[i][0]);
        add_quoted(out, texts[i][1]);
        buffer_add_text(out, "\n");
    }
    add_day(out, "released_on", release->has_released_on, release->released_on);
    add_day(out, "end_of_support", release->has_end_of_support, release->end_of_support);
    if (release->has_share)
        add_share(out, release->share);
    buffer_add_text(out, release->pins[0] == NULL ? "    pins: []\n" : "    pins:\n");
    for (size_t i = 0; release->pins[i] != NULL; i++) {
        buffer_add_text(out, "      - ");
        add_quoted(out, release->pins[i]);
        buffer_add_text(out, "\n");
    }
}

/* Left out where there are none, so that earlier versions read the file. */
static void add_pins_and_releases(const struct data_file *file, struct buffer *out) {
    buffer_add_text(out, file->pins_count > 0 ? "pins:\n" : "");
    for (size_t i = 0; i < file->pins_count; i++)
        add_pins(out, &file->pins[i]);
    buffer_add_text(out, file->release_count > 0 ? "releases:\n" : "");
    for (size_t i = 0; i < file->release_count; i++)
        add_release(out, &file->releases[i]);
}

result data_file_write(const struct data_file *file, struct buffer *out) {
    uint64_t mark = memory_mark();
    buffer_add_text(out, file->policy_count > 0 ? "policies:\n" : "policies: {}\n");
    for (size_t i = 0; i < file->policy_count; i++)
        add_policy(out, &file->policies[i]);
    buffer_add_text(out, file->watch_count > 0 ? "watches:\n" : "watches: []\n");
    for (size_t i = 0; i < file->watch_count; i++)
        add_watch(out, &file->watches[i]);
    buffer_add_text(out, file->channel_count > 0 ? "channels:\n" : "channels: {}\n");
    for (size_t i = 0; i < file->channel_count; i++)
        add_channel(out, &file->channels[i]);
    add_pins_and_releases(file, out);
    return memory_mark() != mark ? &fault_no_memory : buffer_check(out);
}
