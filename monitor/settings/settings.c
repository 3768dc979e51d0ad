#include "settings/settings.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "settings/fields.h"
#include "settings/file.h"
#include "settings/locate.h"
#include "settings/spelling.h"

#define TEXT_MAX 8192      /* of one value; a key in base64 has below 1000 characters */
#define LIST_ITEMS_MAX 1000
#define ARENA_LIMIT (8u << 20)
#define NESTING_MAX 64u /* real files need three */

FAULT(fault_settings_value, FAULT_SETTINGS, "settings.value", "settings file", "docs/settings.md",
      "a field that cannot be used", "what docs/settings.md says");

/* What settings_load hands out: the public part comes first. */
struct loaded {
    struct settings settings;
    struct arena *arena; /* owns all texts and lists */
    const char *path;
    struct span text;
};

/* The file as libcyaml reads it: one text per setting of a table, NULL where it is not given. */
struct raw_item {
    char *texts[SETTINGS_PER_TABLE_MAX];
};
struct raw_file {
    struct raw_item item;
    struct raw_item *logs;
    struct raw_item *resolvers;
    unsigned logs_count, resolvers_count;
};

/* Built from the tables of fields.c for one load, because libcyaml keeps pointers into it. */
struct schema {
    cyaml_schema_field_t log_fields[SETTINGS_PER_TABLE_MAX + 1];
    cyaml_schema_field_t resolver_fields[SETTINGS_PER_TABLE_MAX + 1];
    cyaml_schema_field_t file_fields[SETTINGS_PER_TABLE_MAX + 3];
    cyaml_schema_value_t log, resolver, file;
};

struct load {
    const char *path;
    struct span text;
    struct reason first_complaint; /* libcyaml's */
    unsigned complaint_line;       /* 0: not known yet */
    struct arena *arena;
    struct reason *reason;
};

static size_t fill_fields(const struct setting_table *table, cyaml_schema_field_t *ret_fields) {
    for (size_t i = 0; i < table->count; i++)
        ret_fields[i] = (cyaml_schema_field_t){
            .key = table->settings[i].name,
            .data_offset = (uint32_t) (i * sizeof(char *)),
            .value = {.type = CYAML_STRING,
                      .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                      .data_size = sizeof(char),
                      .string = {.min = 0, .max = TEXT_MAX}},
        };
    return table->count;
}

static cyaml_schema_field_t list_field(const char *name, size_t offset, size_t count_offset, const cyaml_schema_value_t *entry) {
    return (cyaml_schema_field_t){
        .key = name,
        .data_offset = (uint32_t) offset,
        .count_offset = (uint32_t) count_offset,
        .count_size = sizeof(unsigned),
        .value = {.type = CYAML_SEQUENCE,
                  .flags = CYAML_FLAG_POINTER_NULL_STR | CYAML_FLAG_OPTIONAL,
                  .data_size = sizeof(struct raw_item),
                  .sequence = {.entry = entry, .min = 0, .max = LIST_ITEMS_MAX}},
    };
}

static void build_schema(struct schema *ret_schema) {
    *ret_schema = (struct schema){0};
    fill_fields(&settings_log_table, ret_schema->log_fields);
    fill_fields(&settings_resolver_table, ret_schema->resolver_fields);
    size_t used = fill_fields(&settings_table, ret_schema->file_fields);
    ret_schema->log = (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_item, ret_schema->log_fields)};
    ret_schema->resolver =
        (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_item, ret_schema->resolver_fields)};
    ret_schema->file_fields[used] = list_field(settings_log_table.list, offsetof(struct raw_file, logs),
                                               offsetof(struct raw_file, logs_count), &ret_schema->log);
    ret_schema->file_fields[used + 1] = list_field(settings_resolver_table.list, offsetof(struct raw_file, resolvers),
                                                   offsetof(struct raw_file, resolvers_count), &ret_schema->resolver);
    ret_schema->file = (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_file, ret_schema->file_fields)};
}

static void *cyaml_memory(void *context, void *block, size_t size) {
    (void) context;
    if (size > 0)
        return memory_resize(block, size);
    memory_free(block);
    return NULL;
}

/* The first complaint says what, the backtrace after it where, innermost first. */
static void __attribute__((format(printf, 3, 0))) hear_complaint(cyaml_log_t level, void *context, const char *format,
                                                                 va_list arguments) {
    struct load *load = context;
    struct reason line;
    if (level < CYAML_LOG_WARNING)
        return;
    vsnprintf(line.text, sizeof line.text, format, arguments);
    line.text[strcspn(line.text, "\n")] = '\0';
    const char *words = strncmp(line.text, "Load: ", 6) == 0 ? line.text + 6 : line.text;
    if (load->first_complaint.text[0] == '\0')
        (void) reason_set(&load->first_complaint, OK, "%s", words);
    const char *place = strstr(words, "line: ");
    uint64_t number;
    if (load->complaint_line != 0 || place == NULL)
        return;
    place += strlen("line: ");
    if (text_to_number(span_of(place, strspn(place, "0123456789")), UINT32_MAX, &number) == OK)
        load->complaint_line = (unsigned) number;
}

static result refuse_unknown_key(struct load *load, const char *key) {
    static const struct setting_table *const tables[] = {&settings_table, &settings_log_table, &settings_resolver_table};
    const char *nearest = NULL;
    for (size_t i = 0; i < 3 && nearest == NULL; i++)
        nearest = spelling_nearest(key, tables[i]->settings, tables[i]->count, sizeof(struct setting));
    return reason_set(load->reason, &fault_settings_value, "%s line %u: no setting is called '%.64s'%s%s%s", load->path,
                      yaml_line_of_key(load->text, key, 1), key, nearest == NULL ? ", wanted one that docs/settings.md lists" : "; did you mean '",
                      nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

static result refuse_complaint(struct load *load, cyaml_err_t error) {
    static const char unknown[] = "Unexpected key: ", repeated[] = "Mapping field already seen: ";
    const char *words = load->first_complaint.text;
    /* libyaml names a problem, except when it has no memory. */
    if (error == CYAML_ERR_OOM || error == CYAML_ERR_LIBYAML_PARSER_INIT || strcmp(words, "libyaml: (null)") == 0)
        return &fault_no_memory;
    if (error == CYAML_ERR_INVALID_KEY && strncmp(words, unknown, sizeof unknown - 1) == 0)
        return refuse_unknown_key(load, words + sizeof unknown - 1);
    if (strncmp(words, repeated, sizeof repeated - 1) == 0) /* libcyaml names the line before */
        load->complaint_line = yaml_line_of_key(load->text, words + sizeof repeated - 1, 2);
    if (load->complaint_line == 0)
        return reason_set(load->reason, &fault_settings_value, "%s: %s, wanted YAML settings", load->path,
                          words[0] == '\0' ? cyaml_strerror(error) : words);
    return reason_set(load->reason, &fault_settings_value, "%s line %u: %s, wanted YAML settings", load->path,
                      load->complaint_line, words[0] == '\0' ? cyaml_strerror(error) : words);
}

static result refuse_value(const struct load *load, const struct setting_table *table, unsigned item, const char *name,
                           const char *value, const char *wanted) {
    unsigned line = yaml_line_of(load->text, table->list, item, name);
    if (table->list[0] == '\0')
        return reason_set(load->reason, &fault_settings_value, "%s line %u: %s: '%.100s' cannot be used, wanted %s", load->path,
                          line, name, value, wanted);
    return reason_set(load->reason, &fault_settings_value, "%s line %u: %s[%u].%s: '%.100s' cannot be used, wanted %s",
                      load->path, line, table->list, item + 1, name, value, wanted);
}

static result store_item(const struct load *load, const struct setting_table *table, unsigned item, const struct raw_item *raw,
                         void *target) {
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *setting = &table->settings[i];
        const char *given = raw == NULL ? NULL : raw->texts[i];
        const char *value = arena_copy_text(load->arena, given == NULL ? setting->standard : given);
        if (value == NULL)
            return &fault_no_memory;
        struct reason wanted;
        bool may_be_missing = given == NULL && strcmp(setting->name, "state_folder") == 0; /* filled in later */
        if (may_be_missing)
            memcpy((char *) target + setting->offset, &value, sizeof value);
        else if (setting_store(setting, value, target, &wanted) != OK)
            return refuse_value(load, table, item, setting->name, value, wanted.text);
    }
    return OK;
}

static result store_list(const struct load *load, const struct setting_table *table, const struct raw_item *raw, unsigned count,
                         void **ret_list) {
    char *list = arena_take_array(load->arena, count, table->struct_size);
    if (list == NULL)
        return &fault_no_memory;
    for (unsigned i = 0; i < count; i++)
        TRY(store_item(load, table, i, &raw[i], list + i * table->struct_size));
    *ret_list = list;
    return OK;
}

static result fill_folders(const struct load *load, struct settings *settings) {
    if (settings->state_folder[0] == '\0')
        settings->state_folder = settings_standard_state_folder(load->path, load->arena);
    if (settings->state_folder == NULL)
        return &fault_no_memory;
    if (settings->secrets_folder[0] == '\0')
        settings->secrets_folder = arena_printf(load->arena, "%s/secrets", settings->state_folder);
    if (settings->hooks_folder[0] == '\0')
        settings->hooks_folder = arena_printf(load->arena, "%s/hooks.d", settings->state_folder);
    return settings->secrets_folder == NULL || settings->hooks_folder == NULL ? &fault_no_memory : OK;
}

static result check_whole(const struct load *load, const struct settings *settings) {
    if (settings->follows_public_logs && settings->contact[0] == '\0')
        return refuse_value(load, &settings_table, 0, "contact", "",
                            "an e-mail address or URL for log operators, because follows_public_logs is true");
    bool lacks_signature = settings->chrome_list_url[0] != '\0' && settings->chrome_list_signature_url[0] == '\0';
    if (lacks_signature)
        return refuse_value(load, &settings_table, 0, "chrome_list_signature_url", "",
                            "an address, because chrome_list_url has one and its list must be signed");
    return OK;
}

static result store_file(const struct load *load, const struct raw_file *raw, struct settings *settings) {
    void *logs = NULL, *resolvers = NULL;
    TRY(store_item(load, &settings_table, 0, raw == NULL ? NULL : &raw->item, settings));
    if (raw != NULL) {
        TRY(store_list(load, &settings_log_table, raw->logs, raw->logs_count, &logs));
        TRY(store_list(load, &settings_resolver_table, raw->resolvers, raw->resolvers_count, &resolvers));
        settings->logs = logs;
        settings->logs_count = raw->logs_count;
        settings->resolvers = resolvers;
        settings->resolvers_count = raw->resolvers_count;
    }
    TRY(fill_folders(load, settings));
    return check_whole(load, settings);
}

/* libyaml's time grows with the square of the brackets that are open. Those in comments and texts count too: they close again. */
static bool is_nested_deeply(struct span text) {
    size_t depth = 0;
    for (size_t i = 0; i < text.size && depth <= NESTING_MAX; i++) {
        uint8_t byte = text.bytes[i];
        depth += byte == '[' || byte == '{';
        depth -= (byte == ']' || byte == '}') && depth > 0;
    }
    return depth > NESTING_MAX;
}

static result parse(struct load *load, struct settings *settings) {
    struct schema schema;
    if (is_nested_deeply(load->text))
        return reason_set(load->reason, &fault_settings_value, "%s: more than %u brackets are open, wanted YAML settings", load->path,
                          NESTING_MAX);
    build_schema(&schema);
    cyaml_config_t config = {.log_fn = hear_complaint, .log_ctx = load, .mem_fn = cyaml_memory,
                             .log_level = CYAML_LOG_WARNING, .flags = CYAML_CFG_NO_ALIAS};
    cyaml_data_t *raw = NULL;
    cyaml_err_t error = cyaml_load_data(load->text.bytes, load->text.size, &config, &schema.file, &raw, NULL);
    if (error != CYAML_OK)
        return refuse_complaint(load, error);
    result outcome = load->first_complaint.text[0] != '\0' ? refuse_complaint(load, error) : store_file(load, raw, settings);
    (void) cyaml_free(&config, &schema.file, raw, 0);
    return outcome;
}

/* `copy`: what is read instead of the file, or NULL. */
static result load_from(const char *path, const char *copy, struct settings **ret_settings, struct reason *reason) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(SETTINGS_FILE_MAX);
    if (arena == NULL)
        return &fault_no_memory;
    reason->text[0] = '\0';
    uint64_t mark = memory_mark();
    const char *chosen = path == NULL ? settings_find_file(arena) : arena_copy_text(arena, path);
    if (chosen == NULL && memory_mark() != mark)
        return &fault_no_memory;
    if (chosen == NULL)
        return reason_set(reason, &fault_settings_file, "no settings file was found, wanted one at %s; `pinwatch init` writes it",
                          settings_standard_path(arena));
    TRY(settings_read_file(copy != NULL ? copy : chosen, &text, reason));
    struct loaded *loaded = arena_take(arena, sizeof *loaded);
    if (loaded == NULL)
        return &fault_no_memory;
    struct load load = {.path = chosen, .text = buffer_span(&text), .arena = arena, .reason = reason};
    TRY(parse(&load, &loaded->settings));
    TRY(settings_check_readers(copy != NULL ? copy : chosen, loaded->settings.database, reason));
    loaded->path = chosen;
    const char *kept = arena_copy_span_as_text(arena, load.text);
    if (kept == NULL)
        return &fault_no_memory;
    loaded->text = span_of(kept, load.text.size);
    loaded->arena = TAKE(arena);
    *ret_settings = &loaded->settings;
    return OK;
}

result settings_load(const char *path, struct settings **ret_settings, struct reason *reason) {
    return load_from(path, NULL, ret_settings, reason);
}

result settings_load_in_force(const char *path, struct settings **ret_settings, struct reason *reason) {
    const char *copy = getenv(SETTINGS_IN_FORCE);
    return load_from(path, copy != NULL && copy[0] == '/' ? copy : NULL, ret_settings, reason);
}

result settings_keep(const struct settings *settings, const char *copy_path, struct reason *reason) {
    return settings_write_file(copy_path, ((const struct loaded *) (const void *) settings)->text, reason);
}

bool settings_are_kept(const struct settings *settings, const char *copy_path) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(SETTINGS_FILE_MAX);
    struct reason unused;
    return settings_read_file(copy_path, &text, &unused) != OK ||
           span_equal(buffer_span(&text), ((const struct loaded *) (const void *) settings)->text);
}

void settings_free(struct settings *settings) {
    if (settings != NULL)
        arena_free(((struct loaded *) (void *) settings)->arena);
}

const char *settings_path(const struct settings *settings) {
    return ((const struct loaded *) (const void *) settings)->path;
}
