#include "formats/android_binary.h"

#include "formats/android_chunk.h"

enum { RESOURCE_MAP = 0x0180, START_ELEMENT = 0x0102, END_ELEMENT = 0x0103, TEXT = 0x0104, ATTRIBUTE_SIZE = 20, NODE_SIZE = 8 };

struct loading {
    struct xml_building building;
    struct android_pool pool;
    const char **texts; /* by number, those that were asked for */
    size_t text_size;   /* of those: many numbers may stand for one long string */
    struct span resources;
    result fault;
    struct reason *reason;
};

static result refuse(struct loading *loading, const char *sentence) {
    return reason_set(loading->reason, loading->fault, "compiled XML: %s", sentence);
}

/* The string, made once. */
static result make_text(struct loading *loading, uint32_t number) {
    const char *text;
    if (!android_pool_text(&loading->pool, number, loading->building.arena, &text))
        return &fault_no_memory;
    if (text == NULL)
        return refuse(loading, "a string of the pool does not fit into it");
    loading->text_size += strlen(text);
    if (loading->text_size > XML_TEXT_MAX)
        return refuse(loading, "its strings make more than 16 MB, wanted less");
    loading->texts[number] = text;
    return OK;
}

static result text_of(struct loading *loading, uint32_t number, const char **ret_text) {
    *ret_text = "";
    if (number == ANDROID_NO_STRING)
        return OK;
    if (number >= loading->pool.count)
        return refuse(loading, "a string is named that is not there, wanted a number below the count of the pool");
    if (loading->texts[number] == NULL)
        TRY(make_text(loading, number));
    *ret_text = loading->texts[number];
    return OK;
}

static result settle(struct loading *loading, result outcome) {
    return outcome == &fault_limit_reached && loading->building.complaint != NULL ? refuse(loading, loading->building.complaint) : outcome;
}

/* ---- attributes */

static uint32_t resource_of(const struct loading *loading, uint32_t name) {
    struct cursor cursor = cursor_of(loading->resources);
    uint32_t resource = 0;
    if (name < loading->resources.size / 4 && cursor_skip(&cursor, (size_t) name * 4))
        (void) cursor_little(&cursor, 4, &resource);
    return resource;
}

static result value_text(struct loading *loading, const struct android_value *value, uint32_t raw, const char **ret_text) {
    if (value->type == ANDROID_VALUE_STRING)
        return text_of(loading, value->data, ret_text);
    if (value->type == ANDROID_VALUE_BOOLEAN)
        *ret_text = value->data != 0 ? "true" : "false";
    else if (value->type >= ANDROID_VALUE_FIRST_INT && value->type <= ANDROID_VALUE_LAST_INT)
        *ret_text = arena_printf(loading->building.arena, "%u", value->data);
    else if (value->type == ANDROID_VALUE_REFERENCE || value->type == ANDROID_VALUE_DYNAMIC_REFERENCE)
        *ret_text = arena_printf(loading->building.arena, "@0x%08x", value->data);
    else
        return text_of(loading, raw, ret_text);
    return *ret_text == NULL ? &fault_no_memory : OK;
}

static result take_attribute(struct loading *loading, struct cursor *cursor, struct xml_attribute *ret_attribute) {
    uint32_t space, name, raw;
    struct android_value value;
    if (!cursor_little(cursor, 4, &space) || !cursor_little(cursor, 4, &name) || !cursor_little(cursor, 4, &raw) || !android_value_take(cursor, &value))
        return refuse(loading, "an attribute ends early");
    TRY(text_of(loading, space, &ret_attribute->space));
    TRY(text_of(loading, name, &ret_attribute->name));
    TRY(value_text(loading, &value, raw, &ret_attribute->value));
    ret_attribute->resource = resource_of(loading, name);
    ret_attribute->is_reference = value.type == ANDROID_VALUE_REFERENCE || value.type == ANDROID_VALUE_DYNAMIC_REFERENCE;
    ret_attribute->reference = value.data;
    return OK;
}

static result take_attributes(struct loading *loading, struct span body, uint32_t start, uint32_t size, uint32_t count) {
    struct xml_node *node = loading->building.current;
    if (count > XML_ATTRIBUTES_MAX)
        return refuse(loading, "an element has more than 256 attributes, wanted fewer");
    node->attributes = arena_take_array(loading->building.arena, count, sizeof *node->attributes);
    if (node->attributes == NULL)
        return &fault_no_memory;
    for (; node->attribute_count < count; node->attribute_count++) {
        struct cursor cursor = cursor_of(body);
        if (!cursor_skip(&cursor, start + (size_t) node->attribute_count * size))
            return refuse(loading, "an attribute stands outside of its element");
        TRY(take_attribute(loading, &cursor, &node->attributes[node->attribute_count]));
    }
    return OK;
}

/* ---- nodes */

static uint32_t line_of(const struct android_chunk *chunk) {
    struct cursor cursor = cursor_of(chunk->header);
    uint32_t line = 0;
    (void) (cursor_skip(&cursor, NODE_SIZE) && cursor_little(&cursor, 4, &line));
    return line;
}

static result start_element(struct loading *loading, const struct android_chunk *chunk) {
    struct cursor cursor = cursor_of(chunk->body);
    uint32_t space, name, start, size, count;
    const char *space_text, *name_text;
    if (!cursor_little(&cursor, 4, &space) || !cursor_little(&cursor, 4, &name) || !cursor_little(&cursor, 2, &start) ||
        !cursor_little(&cursor, 2, &size) || !cursor_little(&cursor, 2, &count))
        return refuse(loading, "an element ends early");
    TRY(text_of(loading, space, &space_text));
    TRY(text_of(loading, name, &name_text));
    TRY(settle(loading, xml_building_open(&loading->building, name_text, space_text, line_of(chunk))));
    return take_attributes(loading, chunk->body, start, size < ATTRIBUTE_SIZE ? ATTRIBUTE_SIZE : size, count);
}

static result add_text(struct loading *loading, const struct android_chunk *chunk) {
    struct cursor cursor = cursor_of(chunk->body);
    uint32_t number;
    const char *text;
    if (!cursor_little(&cursor, 4, &number))
        return refuse(loading, "a text ends early");
    TRY(text_of(loading, number, &text));
    return settle(loading, xml_building_text(&loading->building, span_of_text(text)));
}

static result take_pool(struct loading *loading, const struct android_chunk *chunk) {
    if (loading->texts != NULL)
        return OK; /* Android uses the first */
    if (!android_pool_of(chunk, &loading->pool))
        return refuse(loading, "its string pool is broken");
    loading->texts = arena_take_array(loading->building.arena, (size_t) loading->pool.count + 1, sizeof *loading->texts);
    return loading->texts == NULL ? &fault_no_memory : OK;
}

static result take_chunk(struct loading *loading, const struct android_chunk *chunk) {
    switch (chunk->type) {
    case ANDROID_STRING_POOL:
        return take_pool(loading, chunk);
    case RESOURCE_MAP:
        loading->resources = chunk->body;
        return OK;
    case START_ELEMENT:
        return start_element(loading, chunk);
    case END_ELEMENT:
        return settle(loading, xml_building_close(&loading->building));
    case TEXT:
        return add_text(loading, chunk);
    default: /* namespaces are named in full by those who use them */
        return OK;
    }
}

static result take_chunks(struct loading *loading, struct span body) {
    struct cursor cursor = cursor_of(body);
    struct android_chunk chunk;
    while (cursor.position < cursor.size) {
        if (!android_chunk_take(&cursor, &chunk))
            return refuse(loading, "a chunk does not fit into the file");
        TRY(take_chunk(loading, &chunk));
    }
    if (loading->building.tree.root == NULL || loading->building.depth > 0)
        return refuse(loading, "it has no root element, or not to its end");
    return OK;
}

bool android_binary_is_xml(struct span bytes) {
    struct cursor cursor = cursor_of(bytes);
    uint32_t type, header_size;
    return cursor_little(&cursor, 2, &type) && cursor_little(&cursor, 2, &header_size) && type == ANDROID_XML && header_size == 8;
}

result android_binary_load(struct span bytes, result fault, struct arena *arena, struct xml_tree *ret_tree, struct reason *reason) {
    struct loading loading = {.building.arena = arena, .fault = fault, .reason = reason};
    struct cursor cursor = cursor_of(bytes);
    struct android_chunk file;
    if (bytes.size > XML_SIZE_MAX)
        return refuse(&loading, "it is larger than 4 MB, wanted less");
    if (!android_chunk_take(&cursor, &file) || file.type != ANDROID_XML)
        return refuse(&loading, "the file ends early");
    result outcome = take_chunks(&loading, file.body);
    xml_building_done(&loading.building);
    TRY(outcome);
    *ret_tree = loading.building.tree;
    return OK;
}
