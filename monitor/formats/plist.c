#include "formats/plist.h"

#include "base/text.h"
#include "formats/xml_tree.h"

const char *plist_type_name(enum plist_type type) {
    static const char *const names[] = {[PLIST_DICT] = "a dict", [PLIST_ARRAY] = "an array", [PLIST_STRING] = "a string",
                                        [PLIST_INTEGER] = "an integer", [PLIST_BOOLEAN] = "a boolean", [PLIST_OTHER] = "no text"};
    return names[type];
}

const struct plist_node *plist_member(const struct plist_node *node, const char *key) {
    const struct plist_node *found = NULL;
    if (node == NULL || node->type != PLIST_DICT)
        return NULL;
    for (const struct plist_node *member = node->first; member != NULL; member = member->next)
        if (strcmp(member->key, key) == 0)
            found = member;
    return found;
}

const struct plist_node *plist_dict(const struct plist_node *node, const char *key) {
    const struct plist_node *member = plist_member(node, key);
    return member != NULL && member->type == PLIST_DICT ? member : NULL;
}

size_t plist_count(const struct plist_node *node) {
    size_t count = 0;
    for (const struct plist_node *member = node->first; member != NULL; member = member->next)
        count++;
    return count;
}

/* ---- building */

static result limit(struct plist_building *building, const char *complaint) {
    building->complaint = complaint;
    return &fault_limit_reached;
}

result plist_building_add(struct plist_building *building, enum plist_type type, const char *key, struct plist_node **ret_node) {
    bool is_container = type == PLIST_DICT || type == PLIST_ARRAY;
    if (building->node_count++ == PLIST_NODES_MAX)
        return limit(building, "it has more than 200000 values, wanted fewer");
    if (is_container && building->depth == PLIST_DEPTH_MAX)
        return limit(building, "a value is nested more than 64 deep, wanted at most 64");
    struct plist_node *node = arena_take(building->arena, sizeof *node), *parent = building->current;
    if (node == NULL)
        return &fault_no_memory;
    *node = (struct plist_node){.type = type, .key = key, .text = "", .comment = "", .parent = parent};
    if (parent == NULL)
        building->root = node;
    else if (parent->last == NULL)
        parent->first = parent->last = node;
    else
        parent->last = parent->last->next = node;
    if (is_container) {
        building->current = node;
        building->depth++;
    }
    *ret_node = node;
    return OK;
}

void plist_building_close(struct plist_building *building) {
    building->current = building->current->parent;
    building->depth--;
}

/* ---- XML */

struct converting {
    struct plist_building building;
    const struct xml_node *elements[PLIST_DEPTH_MAX + 1]; /* of the containers under way, and <plist> */
    const char *keys[PLIST_DEPTH_MAX + 1];                /* that wait for a value; NULL */
    size_t depth;
    result fault;
    struct reason *reason;
};

static result refuse(struct converting *converting, const struct xml_node *node, const char *sentence) {
    return reason_set(converting->reason, converting->fault, "line %u: <%s> %s", node->line, node->name, sentence);
}

static bool type_of(const char *name, enum plist_type *ret_type) {
    static const struct {
        const char *name;
        enum plist_type type;
    } types[] = {{"dict", PLIST_DICT}, {"array", PLIST_ARRAY}, {"string", PLIST_STRING}, {"integer", PLIST_INTEGER}, {"true", PLIST_BOOLEAN},
                 {"false", PLIST_BOOLEAN}, {"real", PLIST_OTHER}, {"date", PLIST_OTHER}, {"data", PLIST_OTHER}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, name) == 0) {
            *ret_type = types[i].type;
            return true;
        }
    }
    return false;
}

/* What does not fit becomes 1: only whether it is zero is of interest here. */
static int64_t number_of(const char *text) {
    uint64_t number;
    while (*text == ' ' || *text == '\n' || *text == '\t' || *text == '\r')
        text++;
    return text_to_number(span_of_text(text), INT64_MAX, &number) == OK ? (int64_t) number : 1;
}

static result take_key(struct converting *converting, const struct xml_node *node) {
    const char **key = &converting->keys[converting->depth - 1];
    if (*key != NULL)
        return refuse(converting, node, "follows a key, wanted its value");
    *key = node->text;
    return OK;
}

static result take_value(struct converting *converting, const struct xml_node *node, enum plist_type type) {
    const char **key = &converting->keys[converting->depth - 1];
    const struct plist_node *container = converting->building.current;
    struct plist_node *value;
    if (container != NULL && container->type == PLIST_DICT && *key == NULL)
        return refuse(converting, node, "stands in a dict without a key before it");
    if (container == NULL && converting->building.root != NULL)
        return refuse(converting, node, "is a second value of the plist, wanted one");
    result outcome = plist_building_add(&converting->building, type, *key == NULL ? "" : *key, &value);
    if (outcome == &fault_limit_reached)
        return refuse(converting, node, converting->building.complaint);
    TRY(outcome);
    *key = NULL;
    value->line = node->line;
    value->comment = node->comment;
    value->text = type == PLIST_STRING ? node->text : "";
    value->number = type == PLIST_INTEGER ? number_of(node->text) : strcmp(node->name, "true") == 0;
    return OK;
}

/* Back to the container that the element stands in. */
static result leave(struct converting *converting, const struct xml_node *node) {
    while (converting->elements[converting->depth - 1] != (node == NULL ? NULL : node->parent)) {
        if (converting->keys[converting->depth - 1] != NULL)
            return refuse(converting, converting->elements[converting->depth - 1], "ends with a key, wanted its value");
        if (--converting->depth == 0)
            return OK;
        plist_building_close(&converting->building);
    }
    return OK;
}

static result take_element(struct converting *converting, const struct xml_node *node) {
    const struct plist_node *container = converting->building.current;
    enum plist_type type;
    if (xml_node_is(node, "key") && container != NULL && container->type == PLIST_DICT && node->first == NULL)
        return take_key(converting, node);
    if (!type_of(node->name, &type))
        return refuse(converting, node, "is no element of a plist here");
    TRY(take_value(converting, node, type));
    if (type != PLIST_DICT && type != PLIST_ARRAY)
        return node->first == NULL ? OK : refuse(converting, node, "holds an element, wanted text");
    converting->elements[converting->depth] = node;
    converting->keys[converting->depth++] = NULL;
    return OK;
}

static result convert(struct converting *converting, const struct xml_node *root) {
    if (!xml_node_is(root, "plist"))
        return refuse(converting, root, "is the root element, wanted <plist>");
    converting->elements[converting->depth++] = root;
    for (const struct xml_node *node = root->first; node != NULL; node = xml_node_after(root, node)) {
        TRY(leave(converting, node));
        TRY(take_element(converting, node));
    }
    TRY(leave(converting, NULL));
    return converting->building.root != NULL ? OK : refuse(converting, root, "is empty, wanted a dict");
}

static result load_xml(struct span text, result fault, struct arena *arena, struct plist *ret_plist, struct reason *reason) {
    struct converting converting = {.building.arena = arena, .fault = fault, .reason = reason};
    struct xml_tree tree;
    TRY(xml_tree_load(text, fault, arena, &tree, reason));
    TRY(convert(&converting, tree.root));
    *ret_plist = (struct plist){.root = converting.building.root, .has_leading_space = tree.has_leading_space};
    return OK;
}

/* ---- which form */

static bool begins(struct span bytes, const char *start) {
    size_t size = strlen(start);
    return bytes.size >= size && memcmp(bytes.bytes, start, size) == 0;
}

static uint8_t first_byte(struct span text) {
    struct span rest = begins(text, "\xef\xbb\xbf") ? span_of(text.bytes + 3, text.size - 3) : text;
    for (size_t i = 0; i < rest.size; i++)
        if (rest.bytes[i] != ' ' && rest.bytes[i] != '\t' && rest.bytes[i] != '\r' && rest.bytes[i] != '\n')
            return rest.bytes[i];
    return 0;
}

bool plist_is_likely(struct span bytes) {
    uint8_t first = first_byte(bytes);
    return begins(bytes, "bplist0") || first == '<' || first == '{';
}

result plist_load(struct span bytes, result fault, struct arena *arena, struct plist *ret_plist, struct reason *reason) {
    if (bytes.size > XML_SIZE_MAX)
        return reason_set(reason, fault, "the plist has %zu bytes, wanted at most %zu", bytes.size, XML_SIZE_MAX);
    if (begins(bytes, "bplist0"))
        return plist_load_binary(bytes, fault, arena, ret_plist, reason);
    if (first_byte(bytes) == '{')
        return plist_load_json(bytes, fault, arena, ret_plist, reason);
    return load_xml(bytes, fault, arena, ret_plist, reason);
}
