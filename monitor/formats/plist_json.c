/* JSON of the shape of a plist: TrustKit's wrappers for other languages keep its settings so. */
#include "base/memory.h"
#include "formats/json_document.h"
#include "formats/plist.h"
#include "formats/xml_tree.h"

struct level {
    json_t *container;
    void *iterator; /* of an object */
    size_t next;    /* of an array */
};

struct loading {
    struct plist_building building;
    struct level levels[JSON_DEPTH_MAX + 1];
    size_t depth;
};

static enum plist_type type_of(const json_t *value) {
    if (json_is_object(value))
        return PLIST_DICT;
    if (json_is_array(value))
        return PLIST_ARRAY;
    if (json_is_string(value))
        return PLIST_STRING;
    return json_is_integer(value) ? PLIST_INTEGER : json_is_boolean(value) ? PLIST_BOOLEAN : PLIST_OTHER;
}

static result add_value(struct loading *loading, json_t *value, const char *key) {
    struct plist_node *node;
    const char *kept = arena_copy_text(loading->building.arena, key);
    if (kept == NULL)
        return &fault_no_memory;
    TRY(plist_building_add(&loading->building, type_of(value), kept, &node));
    if (node->type == PLIST_STRING && (node->text = arena_copy_text(loading->building.arena, json_string_value(value))) == NULL)
        return &fault_no_memory;
    node->number = node->type == PLIST_INTEGER ? (int64_t) json_integer_value(value) : json_is_true(value);
    if (node->type == PLIST_DICT || node->type == PLIST_ARRAY)
        loading->levels[loading->depth++] = (struct level){.container = value, .iterator = json_object_iter(value)};
    return OK;
}

static result add_next(struct loading *loading) {
    struct level *level = &loading->levels[loading->depth - 1];
    if (json_is_array(level->container) && level->next < json_array_size(level->container))
        return add_value(loading, json_array_get(level->container, level->next++), "");
    if (level->iterator == NULL) {
        loading->depth--;
        plist_building_close(&loading->building);
        return OK;
    }
    void *iterator = level->iterator;
    level->iterator = json_object_iter_next(level->container, iterator);
    return add_value(loading, json_object_iter_value(iterator), json_object_iter_key(iterator));
}

result plist_load_json(struct span bytes, result fault, struct arena *arena, struct plist *ret_plist, struct reason *reason) {
    CLEANUP(json_document_free) json_t *document = NULL;
    struct loading loading = {.building.arena = arena};
    TRY(json_document_load(bytes, XML_SIZE_MAX, fault, reason, &document));
    TRY(add_value(&loading, document, ""));
    while (loading.depth > 0)
        TRY(add_next(&loading));
    *ret_plist = (struct plist){.root = loading.building.root};
    return OK;
}
