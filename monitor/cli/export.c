#include <stdio.h>

#include "base/memory.h"
#include "cli/database.h"
#include "cli/watch_text.h"
#include "formats/data_file.h"
#include "formats/policy_rules.h"
#include "store/pins.h"

struct export_options {
    const char *config;
    bool only_applied;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct export_options *options = state->input;
    switch (key) {
    case 'c':
        options->config = value;
        return 0;
    case 'a':
        options->only_applied = true;
        return 0;
    default:
        return command_no_argument(key, value, state);
    }
}

static const struct argp_option options_taken[] = {
    COMMAND_OPTION_CONFIG,
    {"only-applied", 'a', NULL, 0, "Only what `pinwatch apply` has set, not what was set by other commands", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .doc = "Print policies, watches, channels, pins and releases as the YAML file that `pinwatch apply` reads. Retired releases are not in it. Secrets are not in it, only their names.\v"
           "Exit codes: 0 printed; 69 the database cannot be reached; 78 settings are wrong.",
};

static result take_policies(const struct store_data *data, struct arena *arena, struct data_file *file) {
    file->policies = arena_take_array(arena, data->policy_count + 1, sizeof *file->policies);
    if (file->policies == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < data->policy_count; i++) {
        CLEANUP(buffer_done) struct buffer canonical = buffer_with_limit(POLICY_JSON_MAX);
        struct policy_rules rules;
        struct reason reason;
        TRY(policy_rules_from_json(span_of_text(data->policies[i].rules), arena, &rules, &reason));
        TRY(policy_rules_to_json(&rules, &canonical));
        file->policies[i] = (struct data_policy){.name = data->policies[i].name, .rules = arena_copy_text(arena, buffer_text(&canonical))};
        if (file->policies[i].rules == NULL)
            return &fault_no_memory;
    }
    file->policy_count = data->policy_count;
    return OK;
}

static result take_rest(const struct store_data *data, struct arena *arena, struct data_file *file) {
    file->watches = arena_take_array(arena, data->watch_count + 1, sizeof *file->watches);
    file->channels = arena_take_array(arena, data->channel_count + 1, sizeof *file->channels);
    if (file->watches == NULL || file->channels == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < data->watch_count; i++) {
        const struct store_watch *watch = &data->watches[i];
        file->watches[i] = (struct data_watch){.text = watch_text_of(watch->kind, watch->value, arena), .policy = watch->policy};
        if (file->watches[i].text == NULL)
            return &fault_no_memory;
    }
    for (size_t i = 0; i < data->channel_count; i++) {
        const struct store_channel *channel = &data->channels[i];
        file->channels[i] = (struct data_channel){.name = channel->name, .kind = channel->kind, .configuration = channel->configuration,
                                                  .secret_name = channel->secret_name, .least_severity = channel->least_severity,
                                                  .is_enabled = channel->is_enabled};
    }
    file->watch_count = data->watch_count;
    file->channel_count = data->channel_count;
    return OK;
}

static result take_pins(const struct store_data *data, struct arena *arena, struct data_file *file) {
    file->pins = arena_take_array(arena, data->document_count + 1, sizeof *file->pins);
    file->releases = arena_take_array(arena, data->release_count + 1, sizeof *file->releases);
    if (file->pins == NULL || file->releases == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < data->document_count; i++)
        file->pins[i] = (struct data_pins){.name = data->documents[i].name, .content = data->documents[i].content};
    for (size_t i = 0; i < data->release_count; i++)
        file->releases[i] = data->releases[i].facts;
    file->pins_count = data->document_count;
    file->release_count = data->release_count;
    return OK;
}

static int print_data(struct database *database, bool only_applied) {
    CLEANUP(buffer_done) struct buffer out = buffer_with_limit(DATA_FILE_SIZE_MAX);
    struct store_data data;
    struct data_file file = {0};
    result outcome = store_data_load(database->store, DEFAULT_TENANT, only_applied, database->arena, &data);
    if (outcome != OK)
        return database_failed(database, outcome);
    outcome = take_policies(&data, database->arena, &file);
    if (outcome == OK)
        outcome = take_rest(&data, database->arena, &file);
    if (outcome == OK)
        outcome = take_pins(&data, database->arena, &file);
    if (outcome == OK)
        outcome = data_file_write(&file, &out);
    if (outcome != OK)
        return exit_with(outcome, NULL);
    return fwrite(out.bytes, 1, out.size, stdout) == out.size ? EXIT_OK : EXIT_IO;
}

int command_export(int argc, char **argv) {
    struct export_options options = {0};
    struct database database;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.config, &database);
    if (code != EXIT_OK)
        return code;
    code = print_data(&database, options.only_applied);
    database_done(&database);
    return code;
}
