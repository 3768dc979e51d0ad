#include "formats/data_file.h"

#include "base/memory.h"
#include "formats/json_document.h"
#include "formats/policy_decode.h"
#include "formats/yaml_tree.h"

FAULT(fault_data_file, FAULT_SETTINGS, "data-file.value", "file of watches, policies and channels", "docs/watches.md",
      "a field is not as it should be", "policies, watches and channels");

struct reading {
    struct yaml_tree *tree;
    struct arena *arena;
    struct data_file file;
    struct reason *reason;
};

bool data_name_is_valid(const char *name) {
    static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strspn(name, all);
    return size > 0 && size <= DATA_NAME_MAX && name[size] == '\0' && strchr("._-", name[0]) == NULL;
}

/* Line and column of the value, or of what holds it where the value has no place of its own. */
static result refuse(const struct reading *reading, result fault, struct decode_culprit culprit, const char *sentence) {
    const json_t *known = yaml_tree_line(reading->tree, culprit.value) > 0 ? culprit.value : culprit.holder;
    char copy[REASON_SIZE]; /* `sentence` may stand in the reason itself */
    size_t size = strnlen(sentence, sizeof copy - 1);
    memcpy(copy, sentence, size);
    copy[size] = '\0';
    if (yaml_tree_line(reading->tree, known) == 0)
        return reason_set(reading->reason, fault, "%s", copy);
    return reason_set(reading->reason, fault, "line %u, column %u: %s", yaml_tree_line(reading->tree, known),
                      yaml_tree_column(reading->tree, known), copy);
}

static struct decode_culprit at(const json_t *value, const json_t *holder) {
    return (struct decode_culprit){.value = value, .holder = holder};
}

static result check_name(const struct reading *reading, const char *name, struct decode_culprit where) {
    if (data_name_is_valid(name))
        return OK;
    return refuse(reading, &fault_data_file, where, "a name must be 1 to 63 letters, digits, dots, underscores and hyphens, beginning with a letter or digit");
}

/* Every field must be one of the NULL-terminated names. */
static result check_fields(const struct reading *reading, const json_t *object, const char *const *names, const char *wanted) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *) object, name, value) {
        size_t i = 0;
        while (names[i] != NULL && strcmp(names[i], name) != 0)
            i++;
        if (names[i] == NULL) {
            struct reason sentence;
            (void) reason_set(&sentence, OK, "unknown field \"%s\": wanted %s", name, wanted);
            return refuse(reading, &fault_data_file, at(value, object), sentence.text);
        }
    }
    return OK;
}

/* An optional text of 1 to `limit` bytes; `absent` when it is not there. */
struct wanted_text {
    const char *name, *absent;
    size_t limit;
};

static result take_text(const struct reading *reading, const json_t *object, struct wanted_text wanted, const char **ret_text) {
    const json_t *value = json_object_get(object, wanted.name);
    struct reason sentence;
    if (value == NULL && wanted.absent != NULL) {
        *ret_text = wanted.absent;
        return OK;
    }
    if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) > wanted.limit) {
        (void) reason_set(&sentence, OK, "%s: wanted a text of 1 to %zu bytes%s", wanted.name, wanted.limit,
                          json_is_integer(value) ? " (quote it)" : "");
        return refuse(reading, &fault_data_file, at(value, object), sentence.text);
    }
    *ret_text = arena_copy_text(reading->arena, json_string_value(value));
    return *ret_text == NULL ? &fault_no_memory : OK;
}

/* ---- policies */

static result take_policy(struct reading *reading, const char *name, const json_t *value, const json_t *holder) {
    CLEANUP(buffer_done) struct buffer rules = buffer_with_limit(POLICY_JSON_MAX);
    struct policy_rules decoded;
    struct decode_culprit culprit = at(value, holder);
    TRY(check_name(reading, name, culprit));
    result outcome = policy_decode(value, reading->arena, &decoded, &culprit, reading->reason);
    if (outcome == &fault_policy)
        return refuse(reading, outcome, culprit.holder == NULL ? at(value, holder) : culprit, reading->reason->text);
    TRY(outcome);
    TRY(policy_rules_to_json(&decoded, &rules));
    struct data_policy *policy = &reading->file.policies[reading->file.policy_count++];
    *policy = (struct data_policy){.name = arena_copy_text(reading->arena, name),
                                   .rules = arena_copy_text(reading->arena, buffer_text(&rules)),
                                   .line = yaml_tree_line(reading->tree, value)};
    return policy->name == NULL || policy->rules == NULL ? &fault_no_memory : OK;
}

static result take_policies(struct reading *reading, const json_t *value, const json_t *holder) {
    const char *name;
    json_t *item;
    if (value == NULL || json_is_null(value))
        return OK;
    if (!json_is_object(value) || json_object_size(value) > DATA_POLICIES_MAX)
        return refuse(reading, &fault_data_file, at(value, holder), "policies: wanted a mapping from names to policies, at most 10000");
    reading->file.policies = arena_take_array(reading->arena, json_object_size(value) + 1, sizeof *reading->file.policies);
    if (reading->file.policies == NULL)
        return &fault_no_memory;
    json_object_foreach((json_t *) value, name, item)
        TRY(take_policy(reading, name, item, value));
    return OK;
}

/* ---- watches */

static result take_watch(struct reading *reading, const json_t *item, const json_t *holder, const json_t *policies) {
    static const char *const fields[] = {"watch", "policy", NULL};
    struct data_watch *watch = &reading->file.watches[reading->file.watch_count++];
    *watch = (struct data_watch){.policy = "", .line = yaml_tree_line(reading->tree, item)};
    if (json_is_string(item) && json_string_length(item) > 0) {
        watch->text = arena_copy_text(reading->arena, json_string_value(item));
        return watch->text == NULL ? &fault_no_memory : OK;
    }
    if (!json_is_object(item))
        return refuse(reading, &fault_data_file, at(item, holder), "a watch: wanted a name such as .example.com, or fields watch and policy");
    TRY(check_fields(reading, item, fields, "watch or policy"));
    TRY(take_text(reading, item, (struct wanted_text){"watch", NULL, 1024}, &watch->text));
    TRY(take_text(reading, item, (struct wanted_text){"policy", "", DATA_NAME_MAX}, &watch->policy));
    if (watch->policy[0] == '\0' || json_object_get(policies, watch->policy) != NULL)
        return OK;
    struct reason sentence;
    (void) reason_set(&sentence, OK, "policy \"%s\" is not among the policies of this file", watch->policy);
    return refuse(reading, &fault_data_file, at(json_object_get(item, "policy"), item), sentence.text);
}

static result take_watches(struct reading *reading, const json_t *value, const json_t *holder) {
    size_t number;
    json_t *item;
    if (value == NULL || json_is_null(value))
        return OK;
    if (!json_is_array(value))
        return refuse(reading, &fault_data_file, at(value, holder), "watches: wanted a list");
    reading->file.watches = arena_take_array(reading->arena, json_array_size(value) + 1, sizeof *reading->file.watches);
    if (reading->file.watches == NULL)
        return &fault_no_memory;
    json_array_foreach(value, number, item)
        TRY(take_watch(reading, item, value, json_object_get(holder, "policies")));
    return OK;
}

/* ---- channels */

static bool is_one_of(const char *text, const char *const *names) {
    for (; *names != NULL; names++)
        if (strcmp(*names, text) == 0)
            return true;
    return false;
}

static result take_configuration(struct reading *reading, const json_t *object, struct data_channel *channel) {
    const json_t *value = json_object_get(object, "configuration");
    channel->configuration = "{}";
    if (value == NULL || json_is_null(value))
        return OK;
    if (!json_is_object(value))
        return refuse(reading, &fault_data_file, at(value, object), "configuration: wanted a mapping of the fields of docs/channels.md");
    char *dumped = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
    channel->configuration = dumped == NULL ? NULL : arena_copy_text(reading->arena, dumped);
    memory_free_foreign(dumped);
    return channel->configuration == NULL ? &fault_no_memory : OK;
}

static result take_channel(struct reading *reading, const char *name, const json_t *value, const json_t *holder) {
    static const char *const fields[] = {"kind", "configuration", "secret", "least_severity", "enabled", NULL};
    static const char *const kinds[] = {"webhook", "email", "hook", NULL};
    static const char *const severities[] = {"info", "notice", "warning", "critical", NULL};
    struct data_channel *channel = &reading->file.channels[reading->file.channel_count++];
    *channel = (struct data_channel){.is_enabled = true, .line = yaml_tree_line(reading->tree, value)};
    TRY(check_name(reading, name, at(value, holder)));
    if (!json_is_object(value))
        return refuse(reading, &fault_data_file, at(value, holder), "a channel: wanted kind and configuration");
    TRY(check_fields(reading, value, fields, "kind, configuration, secret, least_severity or enabled"));
    TRY(take_text(reading, value, (struct wanted_text){"kind", NULL, 20}, &channel->kind));
    TRY(take_text(reading, value, (struct wanted_text){"secret", "", DATA_NAME_MAX}, &channel->secret_name));
    TRY(take_text(reading, value, (struct wanted_text){"least_severity", "notice", 20}, &channel->least_severity));
    TRY(take_configuration(reading, value, channel));
    if (!is_one_of(channel->kind, kinds))
        return refuse(reading, &fault_data_file, at(json_object_get(value, "kind"), value), "kind: wanted webhook, email or hook");
    if (!is_one_of(channel->least_severity, severities))
        return refuse(reading, &fault_data_file, at(json_object_get(value, "least_severity"), value), "least_severity: wanted info, notice, warning or critical");
    const json_t *enabled = json_object_get(value, "enabled");
    if (enabled != NULL && !json_is_boolean(enabled))
        return refuse(reading, &fault_data_file, at(enabled, value), "enabled: wanted true or false");
    channel->is_enabled = enabled == NULL || json_is_true(enabled);
    channel->name = arena_copy_text(reading->arena, name);
    return channel->name == NULL ? &fault_no_memory : OK;
}

static result take_channels(struct reading *reading, const json_t *value, const json_t *holder) {
    const char *name;
    json_t *item;
    if (value == NULL || json_is_null(value))
        return OK;
    if (!json_is_object(value) || json_object_size(value) > DATA_CHANNELS_MAX)
        return refuse(reading, &fault_data_file, at(value, holder), "channels: wanted a mapping from names to channels, at most 1000");
    reading->file.channels = arena_take_array(reading->arena, json_object_size(value) + 1, sizeof *reading->file.channels);
    if (reading->file.channels == NULL)
        return &fault_no_memory;
    json_object_foreach((json_t *) value, name, item)
        TRY(take_channel(reading, name, item, value));
    return OK;
}

static result take_all(struct reading *reading) {
    static const char *const fields[] = {"policies", "watches", "channels", "pins", "releases", NULL};
    const json_t *root = reading->tree->root;
    if (root == NULL || json_is_null(root))
        return OK;
    if (!json_is_object(root))
        return refuse(reading, &fault_data_file, at(root, NULL), "wanted the fields policies, watches, channels, pins and releases");
    TRY(check_fields(reading, root, fields, "policies, watches, channels, pins or releases"));
    TRY(take_policies(reading, json_object_get(root, "policies"), root));
    TRY(take_watches(reading, json_object_get(root, "watches"), root));
    TRY(take_channels(reading, json_object_get(root, "channels"), root));
    return data_pins_take(reading->tree, reading->arena, &reading->file, reading->reason);
}

result data_file_read(struct span yaml, struct arena *arena, struct data_file *ret_file, struct reason *reason) {
    CLEANUP(yaml_tree_done) struct yaml_tree tree = {0};
    uint64_t mark = memory_mark();
    TRY(yaml_tree_load(yaml, arena, &tree, reason));
    struct reading reading = {.tree = &tree, .arena = arena, .reason = reason};
    result outcome = take_all(&reading);
    TRY(memory_mark() != mark ? &fault_no_memory : outcome);
    *ret_file = reading.file;
    return OK;
}
