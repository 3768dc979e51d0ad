#include "formats/xml_tree.h"

#include "base/memory.h"
#include "base/text.h"

bool xml_node_is(const struct xml_node *node, const char *name) {
    return strcmp(node->name, name) == 0;
}

const char *xml_attribute_value(const struct xml_node *node, const char *name) {
    for (size_t i = 0; i < node->attribute_count; i++)
        if (node->attributes[i].space[0] == '\0' && strcmp(node->attributes[i].name, name) == 0)
            return node->attributes[i].value;
    return NULL;
}

const struct xml_node *xml_node_after(const struct xml_node *top, const struct xml_node *node) {
    if (node->first != NULL)
        return node->first;
    while (node != top && node->next == NULL)
        node = node->parent;
    return node == top ? NULL : node->next;
}

/* ---- building */

static result limit(struct xml_building *building, const char *complaint) {
    building->complaint = complaint;
    return &fault_limit_reached;
}

result xml_building_open(struct xml_building *building, const char *name, const char *space, unsigned line) {
    if (building->depth == XML_DEPTH_MAX)
        return limit(building, "an element is nested more than 64 deep, wanted at most 64");
    if (building->node_count == XML_NODES_MAX)
        return limit(building, "there are more than 200000 elements, wanted fewer");
    if (building->current == NULL && building->tree.root != NULL)
        return limit(building, "there is a second root element");
    struct xml_node *node = arena_take(building->arena, sizeof *node);
    if (node == NULL)
        return &fault_no_memory;
    *node = (struct xml_node){.name = name, .space = space, .text = "", .comment = building->comment == NULL ? "" : building->comment,
                              .parent = building->current, .line = line};
    if (building->current == NULL)
        building->tree.root = node;
    else if (building->current->last == NULL)
        building->current->first = node;
    else
        building->current->last->next = node;
    if (building->current != NULL)
        building->current->last = node;
    building->current = node;
    building->comment = NULL;
    building->node_count++;
    building->texts[building->depth++] = buffer_with_limit(XML_TEXT_MAX);
    return OK;
}

result xml_building_text(struct xml_building *building, struct span text) {
    if (building->depth == 0)
        return OK;
    if (text.size > XML_TEXT_MAX - building->text_size)
        return limit(building, "there are more than 16 MB of text, wanted less");
    struct buffer *buffer = &building->texts[building->depth - 1];
    building->text_size += text.size;
    buffer_add(buffer, text);
    return buffer_check(buffer);
}

result xml_building_close(struct xml_building *building) {
    if (building->depth == 0)
        return limit(building, "an element ends that did not begin");
    struct buffer *buffer = &building->texts[building->depth - 1];
    if (buffer->size > 0) {
        building->current->text = arena_copy_span_as_text(building->arena, buffer_span(buffer));
        if (building->current->text == NULL)
            return &fault_no_memory;
    }
    buffer_done(buffer);
    building->depth--;
    building->current = building->current->parent;
    building->comment = NULL;
    return OK;
}

void xml_building_done(struct xml_building *building) {
    while (building->depth > 0)
        buffer_done(&building->texts[--building->depth]);
}

/* ---- writing */

static const char *escape_of(uint8_t byte) {
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return byte < ' ' && byte != '\n' && byte != '\t' ? "?" : NULL;
    }
}

bool xml_add_escaped(struct buffer *out, const char *text) {
    for (; *text != '\0'; text++) {
        const char *escape = escape_of((uint8_t) *text);
        if (escape != NULL)
            buffer_add_text(out, escape);
        else
            buffer_add(out, span_of(text, 1));
    }
    return !out->failed;
}

bool xml_add_comment_text(struct buffer *out, const char *text) {
    for (; *text != '\0'; text++) {
        uint8_t byte = (uint8_t) *text;
        buffer_add(out, byte < ' ' ? span_of_text(" ") : span_of(text, 1));
        if (byte == '-' && (text[1] == '-' || text[1] == '\0'))
            buffer_add_text(out, " ");
    }
    return !out->failed;
}
