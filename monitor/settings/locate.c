#include "settings/locate.h"

#include <yaml.h>

#include "base/memory.h"

static bool open_document(struct span text, yaml_document_t *ret_document) {
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0)
        return false;
    yaml_parser_set_input_string(&parser, text.bytes, text.size);
    bool is_read = yaml_parser_load(&parser, ret_document) == 1;
    yaml_parser_delete(&parser);
    return is_read;
}

static bool is_scalar(const yaml_node_t *node, const char *text) {
    return node != NULL && node->type == YAML_SCALAR_NODE &&
           span_equal(span_of(node->data.scalar.value, node->data.scalar.length), span_of_text(text));
}

static yaml_node_t *value_of(yaml_document_t *document, const yaml_node_t *mapping, const char *key) {
    if (mapping == NULL || mapping->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++)
        if (is_scalar(yaml_document_get_node(document, pair->key), key))
            return yaml_document_get_node(document, pair->value);
    return NULL;
}

static yaml_node_t *item_of(yaml_document_t *document, const yaml_node_t *sequence, unsigned item) {
    if (sequence == NULL || sequence->type != YAML_SEQUENCE_NODE)
        return NULL;
    const yaml_node_item_t *first = sequence->data.sequence.items.start;
    if (item >= (size_t) (sequence->data.sequence.items.top - first))
        return NULL;
    return yaml_document_get_node(document, first[item]);
}

static unsigned line_of(const yaml_node_t *node) {
    return node == NULL ? 0 : (unsigned) node->start_mark.line + 1;
}

unsigned yaml_line_of(struct span text, const char *list, unsigned item, const char *field) {
    yaml_document_t document;
    if (!open_document(text, &document))
        return 0;
    const yaml_node_t *holder = yaml_document_get_root_node(&document);
    if (list[0] != '\0')
        holder = item_of(&document, value_of(&document, holder, list), item);
    const yaml_node_t *value = value_of(&document, holder, field);
    unsigned line = line_of(value != NULL ? value : holder);
    yaml_document_delete(&document);
    return line;
}

static unsigned line_of_key_in(yaml_document_t *document, const yaml_node_t *mapping, const char *key, unsigned nth) {
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *node = yaml_document_get_node(document, pair->key);
        if (is_scalar(node, key) && --nth == 0)
            return line_of(node);
    }
    return 0;
}

unsigned yaml_line_of_key(struct span text, const char *key, unsigned nth) {
    yaml_document_t document;
    if (!open_document(text, &document))
        return 0;
    unsigned line = 0;
    for (const yaml_node_t *node = document.nodes.start; node < document.nodes.top && line == 0; node++)
        if (node->type == YAML_MAPPING_NODE)
            line = line_of_key_in(&document, node, key, nth);
    yaml_document_delete(&document);
    return line;
}
