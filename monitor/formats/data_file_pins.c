/* The sections `pins` and `releases` of the file of `apply`. */
#include "base/memory.h"
#include "base/text.h"
#include "formats/data_file.h"
#include "formats/pin_file.h"
#include "formats/yaml_parts.h"

#define CONTENT_MAX ((size_t) 32 * 1024 * 1024)

struct reading {
    const struct yaml_tree *tree;
    struct arena *arena;
    struct data_file *file;
    struct reason *reason;
};

static unsigned line_of(const struct reading *reading, const json_t *value, const json_t *holder) {
    unsigned line = yaml_tree_line(reading->tree, value);
    return line != 0 ? line : yaml_tree_line(reading->tree, holder);
}

static result take_name(const struct reading *reading, const char *name, unsigned line, const char **ret_name) {
    size_t size = strlen(name);
    char *copy = arena_copy_text(reading->arena, name);
    if (copy == NULL)
        return &fault_no_memory;
    text_make_harmless(copy);
    if (size == 0 || size > DATA_PIN_NAME_MAX || strcmp(copy, name) != 0 || strchr(name, ';') != NULL || name[0] == ' ' || name[size - 1] == ' ')
        return reason_set(reading->reason, &fault_data_file, "line %u: \"%.60s\" cannot be the name of pins; wanted 1 to %d bytes that can be shown, without \";\"",
                          line, copy, DATA_PIN_NAME_MAX);
    *ret_name = copy;
    return OK;
}

/* As it will be stored: part of what a person wrote would pin other keys or hosts, so any error refuses all. */
static result take_content(const struct reading *reading, const struct pin_document *document, const char **ret_content) {
    struct pin_document lost = {.source = "", .format = PIN_FORMAT_YAML};
    struct pin_builder builder = pin_builder_of(reading->arena, &lost);
    CLEANUP(buffer_done) struct buffer content = buffer_with_limit(CONTENT_MAX);
    for (size_t i = 0; i < document->remark_count; i++)
        if (document->remarks[i].kind == PIN_REMARK_ERROR)
            return reason_set(reading->reason, &fault_data_file, "line %u: pins: %s", document->remarks[i].line, document->remarks[i].text);
    TRY(pin_yaml_write(document, &builder, &content));
    *ret_content = arena_copy_text(reading->arena, buffer_text(&content));
    return *ret_content == NULL ? &fault_no_memory : OK;
}

static result check_repeated(const struct reading *reading, const struct data_pins *pins) {
    for (const struct data_pins *before = reading->file->pins; before < pins; before++)
        if (strcmp(before->name, pins->name) == 0)
            return reason_set(reading->reason, &fault_data_file, "line %u: pins \"%s\" stand in line %u already", pins->line, pins->name, before->line);
    return OK;
}

static result take_document(const struct reading *reading, const json_t *value, const json_t *holder) {
    const json_t *name = json_object_get(value, "name");
    struct data_pins *pins = &reading->file->pins[reading->file->pins_count++];
    *pins = (struct data_pins){.line = line_of(reading, value, holder)};
    if (!json_is_string(name))
        return reason_set(reading->reason, &fault_data_file, "line %u: pins: wanted a name (quote numbers) and a list \"pin_sets\" (docs/pins.md)", pins->line);
    TRY(take_name(reading, json_string_value(name), pins->line, &pins->name));
    TRY(check_repeated(reading, pins));
    struct pin_document document = {.source = pins->name, .format = PIN_FORMAT_YAML};
    result outcome = pin_yaml_take(reading->tree, value, reading->arena, &document, reading->reason);
    if (outcome == &fault_limit_reached)
        return reason_set(reading->reason, &fault_data_file, "line %u: pins \"%s\": more than %d hosts, or more than %d pins for one", pins->line, pins->name, PIN_SETS_MAX,
                          PINS_OF_SET_MAX);
    if (outcome == &fault_pin_file)
        return &fault_data_file; /* with the reason that it gave */
    TRY(outcome);
    return take_content(reading, &document, &pins->content);
}

static result take_documents(const struct reading *reading, const json_t *value) {
    size_t number;
    json_t *item;
    if (value == NULL || json_is_null(value))
        return OK;
    if (!json_is_array(value) || json_array_size(value) > DATA_PINS_MAX)
        return reason_set(reading->reason, &fault_data_file, "line %u: pins: wanted a list of at most %d, each with name and pin_sets",
                          line_of(reading, value, reading->tree->root), DATA_PINS_MAX);
    reading->file->pins = arena_take_array(reading->arena, json_array_size(value) + 1, sizeof *reading->file->pins);
    if (reading->file->pins == NULL)
        return &fault_no_memory;
    json_array_foreach(value, number, item)
        TRY(take_document(reading, item, value));
    return OK;
}

static result take_releases(const struct reading *reading, const json_t *value) {
    struct release_list_place place = {.tree = reading->tree, .list = value, .line = line_of(reading, value, reading->tree->root)};
    if (value == NULL || json_is_null(value))
        return OK;
    result outcome = release_yaml_take(&place, reading->arena, &reading->file->releases, &reading->file->release_count, reading->reason);
    return outcome == &fault_release_file ? &fault_data_file : outcome;
}

result data_pins_take(const struct yaml_tree *tree, struct arena *arena, struct data_file *file, struct reason *reason) {
    struct reading reading = {.tree = tree, .arena = arena, .file = file, .reason = reason};
    TRY(take_documents(&reading, json_object_get(tree->root, "pins")));
    return take_releases(&reading, json_object_get(tree->root, "releases"));
}
