/* JSON is YAML: scalars and lists are written as JSON, so that quoting is right by construction. */
#include "base/memory.h"
#include "formats/data_file.h"
#include "formats/json_document.h"

static void add_json(struct buffer *out, json_t *value) {
    char *dumped = json_dumps(value, JSON_ENCODE_ANY);
    if (dumped == NULL)
        out->failed = true;
    else
        buffer_add_text(out, dumped);
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
        buffer_add_text(out, "    secret_name: ");
        add_quoted(out, channel->secret_name);
        buffer_add_text(out, "\n");
    }
    buffer_printf(out, "    least_severity: %s\n    enabled: %s\n", channel->least_severity, channel->is_enabled ? "true" : "false");
}

result data_file_write(const struct data_file *file, struct buffer *out) {
    buffer_add_text(out, file->policy_count > 0 ? "policies:\n" : "policies: {}\n");
    for (size_t i = 0; i < file->policy_count; i++)
        add_policy(out, &file->policies[i]);
    buffer_add_text(out, file->watch_count > 0 ? "watches:\n" : "watches: []\n");
    for (size_t i = 0; i < file->watch_count; i++)
        add_watch(out, &file->watches[i]);
    buffer_add_text(out, file->channel_count > 0 ? "channels:\n" : "channels: {}\n");
    for (size_t i = 0; i < file->channel_count; i++)
        add_channel(out, &file->channels[i]);
    return buffer_check(out);
}
