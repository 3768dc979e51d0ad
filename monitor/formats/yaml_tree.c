#include "formats/yaml_tree.h"

#include <yaml.h>

#include "base/memory.h"
#include "base/text.h"

FAULT(fault_yaml, FAULT_SETTINGS, "yaml.form", "YAML file", "", "it breaks a rule", "one document of mappings, lists and scalars");

struct yaml_mark {
    const json_t *value;
    unsigned line, column;
};

/* A container under way; `key` is the mapping key that waits for its value. */
struct level {
    json_t *container; /* borrowed from the root */
    char *key;         /* owned, NULL while a key is wanted */
};

struct loading {
    struct yaml_tree *tree;
    struct level levels[YAML_DEPTH_MAX];
    size_t depth;
    size_t documents;
    struct reason *reason;
};

/* ---- marks: an open-addressed table of pointers, grown by doubling */

static size_t room_of(const json_t *value, size_t rooms) {
    return (size_t) (((uint64_t) (uintptr_t) value * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (rooms - 1);
}

static void mark_put(struct yaml_mark **rooms, size_t count, struct yaml_mark *mark) {
    size_t at = room_of(mark->value, count);
    while (rooms[at] != NULL)
        at = (at + 1) & (count - 1);
    rooms[at] = mark;
}

static result marks_grow(struct yaml_tree *tree) {
    if (2 * (tree->mark_count + 1) <= tree->mark_rooms)
        return OK;
    size_t rooms = tree->mark_rooms == 0 ? 256 : 2 * tree->mark_rooms;
    struct yaml_mark **grown = arena_take_array(tree->arena, rooms, sizeof *grown);
    if (grown == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < tree->mark_rooms; i++)
        if (tree->marks[i] != NULL)
            mark_put(grown, rooms, tree->marks[i]);
    tree->marks = grown;
    tree->mark_rooms = rooms;
    return OK;
}

static const struct yaml_mark *mark_find(const struct yaml_tree *tree, const json_t *value) {
    if (tree->mark_rooms == 0 || value == NULL)
        return NULL;
    for (size_t at = room_of(value, tree->mark_rooms); tree->marks[at] != NULL; at = (at + 1) & (tree->mark_rooms - 1))
        if (tree->marks[at]->value == value)
            return tree->marks[at];
    return NULL;
}

static result mark_add(struct yaml_tree *tree, const json_t *value, const yaml_mark_t *place) {
    if (json_is_boolean(value) || json_is_null(value))
        return OK;
    TRY(marks_grow(tree));
    struct yaml_mark *mark = arena_take(tree->arena, sizeof *mark);
    if (mark == NULL)
        return &fault_no_memory;
    *mark = (struct yaml_mark){.value = value, .line = (unsigned) place->line + 1, .column = (unsigned) place->column + 1};
    mark_put(tree->marks, tree->mark_rooms, mark);
    tree->mark_count++;
    return OK;
}

unsigned yaml_tree_line(const struct yaml_tree *tree, const json_t *value) {
    const struct yaml_mark *mark = mark_find(tree, value);
    return mark == NULL ? 0 : mark->line;
}

unsigned yaml_tree_column(const struct yaml_tree *tree, const json_t *value) {
    const struct yaml_mark *mark = mark_find(tree, value);
    return mark == NULL ? 0 : mark->column;
}

/* ---- the tree */

static result refuse(struct loading *loading, const yaml_mark_t *place, const char *sentence) {
    return reason_set(loading->reason, &fault_yaml, "line %zu, column %zu: %s", place->line + 1, place->column + 1, sentence);
}

/* Takes the reference over, also on failure. */
static result place_value(struct loading *loading, const yaml_mark_t *place, json_t *value) {
    if (value == NULL)
        return &fault_no_memory;
    struct level *level = loading->depth == 0 ? NULL : &loading->levels[loading->depth - 1];
    int failed = 0;
    if (level == NULL)
        loading->tree->root = value;
    else if (json_is_array(level->container))
        failed = json_array_append_new(level->container, value);
    else
        failed = json_object_set_new(level->container, level->key, value);
    if (failed != 0)
        return refuse(loading, place, "the text is not valid UTF-8");
    if (level != NULL) {
        memory_free(level->key);
        level->key = NULL;
    }
    return mark_add(loading->tree, value, place);
}

static bool wants_key(const struct loading *loading) {
    if (loading->depth == 0)
        return false;
    const struct level *level = &loading->levels[loading->depth - 1];
    return json_is_object(level->container) && level->key == NULL;
}

static result take_key(struct loading *loading, const yaml_event_t *event) {
    struct level *level = &loading->levels[loading->depth - 1];
    struct span key = span_of(event->data.scalar.value, event->data.scalar.length);
    if (key.size == 0 || key.size > 255 || !text_is_printable(key))
        return refuse(loading, &event->start_mark, "a key must be printable ASCII of 1 to 255 characters");
    if (key.size == 2 && memcmp(key.bytes, "<<", 2) == 0)
        return refuse(loading, &event->start_mark, "merge keys are not supported: write the fields out");
    struct buffer copy = buffer_with_limit(256);
    buffer_add(&copy, key);
    level->key = buffer_take_text(&copy);
    if (level->key == NULL)
        return &fault_no_memory;
    if (json_object_get(level->container, level->key) != NULL)
        return reason_set(loading->reason, &fault_yaml, "line %zu, column %zu: \"%s\" stands here twice", event->start_mark.line + 1,
                          event->start_mark.column + 1, level->key);
    return OK;
}

static json_t *value_of_scalar(const yaml_event_t *event) {
    struct span text = span_of(event->data.scalar.value, event->data.scalar.length);
    uint64_t number;
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        if (text.size == 0 || span_equal(text, span_of_text("null")) || span_equal(text, span_of_text("~")))
            return json_null();
        if (span_equal(text, span_of_text("true")))
            return json_true();
        if (span_equal(text, span_of_text("false")))
            return json_false();
        if (text_to_number(text, INT64_MAX, &number) == OK)
            return json_integer((json_int_t) number);
    }
    return json_stringn((const char *) text.bytes, text.size);
}

static result take_scalar(struct loading *loading, const yaml_event_t *event) {
    if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
        return refuse(loading, &event->start_mark, "anchors and tags are not supported: write the value out");
    if (wants_key(loading))
        return take_key(loading, event);
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length) != NULL)
        return refuse(loading, &event->start_mark, "the text holds a NUL");
    return place_value(loading, &event->start_mark, value_of_scalar(event));
}

static result open_container(struct loading *loading, const yaml_event_t *event, bool is_decorated, json_t *container) {
    result outcome = OK;
    if (is_decorated)
        outcome = refuse(loading, &event->start_mark, "anchors and tags are not supported: write the value out");
    else if (wants_key(loading))
        outcome = refuse(loading, &event->start_mark, "a key must be a text");
    else if (loading->depth == YAML_DEPTH_MAX)
        outcome = refuse(loading, &event->start_mark, "the file is nested too deeply");
    if (outcome != OK) {
        json_decref(container);
        return outcome;
    }
    TRY(place_value(loading, &event->start_mark, container));
    loading->levels[loading->depth++] = (struct level){.container = container};
    return OK;
}

static result take_event(struct loading *loading, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++loading->documents > 1 ? refuse(loading, &event->start_mark, "a second document begins here, one is wanted") : OK;
    case YAML_ALIAS_EVENT:
        return refuse(loading, &event->start_mark, "aliases are not supported: write the value out");
    case YAML_SCALAR_EVENT:
        return take_scalar(loading, event);
    case YAML_MAPPING_START_EVENT:
        return open_container(loading, event, event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL,
                              json_object());
    case YAML_SEQUENCE_START_EVENT:
        return open_container(loading, event, event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL,
                              json_array());
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        loading->depth--;
        return OK;
    default:
        return OK;
    }
}

static result next_event(struct loading *loading, yaml_parser_t *parser, bool *ret_is_end) {
    yaml_event_t event;
    if (!yaml_parser_parse(parser, &event)) {
        if (parser->error == YAML_MEMORY_ERROR)
            return &fault_no_memory;
        const yaml_mark_t *place = parser->error == YAML_READER_ERROR ? &parser->mark : &parser->problem_mark;
        return reason_set(loading->reason, &fault_yaml, "line %zu, column %zu: %s", place->line + 1, place->column + 1,
                          parser->problem == NULL ? "not YAML" : parser->problem);
    }
    result outcome = take_event(loading, &event);
    *ret_is_end = event.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
    return outcome;
}

void yaml_tree_done(struct yaml_tree *tree) {
    json_decref(tree->root);
    tree->root = NULL;
}

result yaml_tree_load(struct span text, struct arena *arena, struct yaml_tree *ret_tree, struct reason *reason) {
    struct yaml_tree tree = {.arena = arena};
    struct loading loading = {.tree = &tree, .reason = reason};
    yaml_parser_t parser;
    if (text.size > YAML_SIZE_MAX)
        return reason_set(reason, &fault_yaml, "the file has %zu bytes, at most %zu are read", text.size, YAML_SIZE_MAX);
    uint64_t mark = memory_mark();
    if (!yaml_parser_initialize(&parser))
        return &fault_no_memory;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.size == 0 ? (const unsigned char *) "" : text.bytes, text.size);
    result outcome = OK;
    for (bool is_end = false; !is_end && outcome == OK;)
        outcome = next_event(&loading, &parser, &is_end);
    yaml_parser_delete(&parser);
    for (size_t i = 0; i < YAML_DEPTH_MAX; i++)
        memory_free(loading.levels[i].key);
    if (outcome == OK && memory_mark() != mark)
        outcome = &fault_no_memory;
    if (outcome != OK) {
        yaml_tree_done(&tree);
        return memory_mark() != mark ? &fault_no_memory : outcome;
    }
    *ret_tree = tree;
    return OK;
}
