#include "formats/pin_plist.h"

#include "formats/xml_tree.h"

result pin_plist_boolean(struct pin_builder *builder, const struct plist_node *node, bool otherwise, bool *ret_is_true) {
    *ret_is_true = otherwise;
    if (node == NULL)
        return OK;
    *ret_is_true = node->number != 0;
    if (node->type == PLIST_BOOLEAN || node->type == PLIST_INTEGER)
        return OK;
    if (node->type == PLIST_STRING)
        *ret_is_true = node->text[0] != '\0' && strchr("YyTt123456789", node->text[0]) != NULL;
    return pin_builder_remark(builder, PIN_REMARK_WARNING, node->line, "boolean-type", "%s is %s and counts as %s, wanted <true/> or <false/>", node->key,
                              plist_type_name(node->type), *ret_is_true ? "true" : "false");
}

result pin_plist_is_overwritten(struct pin_builder *builder, const struct plist_node *member, bool *ret_is_overwritten) {
    *ret_is_overwritten = plist_member(member->parent, member->key) != member;
    if (!*ret_is_overwritten)
        return OK;
    return pin_builder_remark(builder, PIN_REMARK_WARNING, member->line, "key-twice", "\"%s\" stands here twice, the last counts", member->key);
}

result pin_plist_pin(struct pin_builder *builder, const struct plist_node *node, const char *comment, struct pin_set *set, size_t group,
                     enum pin_position position) {
    struct span value;
    bool is_value;
    if (node->type != PLIST_STRING)
        return pin_builder_remark(builder, PIN_REMARK_ERROR, node->line, "pin-type", "a pin is %s, wanted a string", plist_type_name(node->type));
    TRY(pin_value_read(builder, span_of_text(node->text), PIN_BASE64(HASH_SIZE), node->line, &value, &is_value));
    if (!is_value)
        return OK;
    struct pin *pin = pin_builder_add_pin(builder, set, group);
    if (pin == NULL)
        return pin_builder_refusal(builder);
    *pin = (struct pin){.kind = PIN_SPKI, .algorithm = PIN_SHA256, .position = position, .value = value, .comment = comment, .line = node->line};
    return OK;
}

void pin_plist_drop_set(struct pin_builder *builder) {
    builder->document->set_count--;
}

bool pin_plist_mentions(struct span bytes, const char *name) {
    return plist_is_likely(bytes) && memmem(bytes.bytes, bytes.size, name, strlen(name)) != NULL;
}

/* ---- writing */

static void indent(struct buffer *out, unsigned depth) {
    for (unsigned i = 0; i < depth; i++)
        buffer_add_text(out, "\t");
}

void pin_plist_begin(struct buffer *out) {
    buffer_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                         "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                         "<plist version=\"1.0\">\n");
}

void pin_plist_end(struct buffer *out) {
    buffer_add_text(out, "</plist>\n");
}

static void write_element(struct buffer *out, unsigned depth, const char *name, const char *text) {
    indent(out, depth);
    buffer_printf(out, "<%s>", name);
    xml_add_escaped(out, text);
    buffer_printf(out, "</%s>\n", name);
}

void pin_plist_key(struct buffer *out, unsigned depth, const char *key) {
    write_element(out, depth, "key", key);
}

void pin_plist_string(struct buffer *out, unsigned depth, const char *text) {
    write_element(out, depth, "string", text);
}

void pin_plist_line(struct buffer *out, unsigned depth, const char *line) {
    indent(out, depth);
    buffer_add_text(out, line);
    buffer_add_text(out, "\n");
}

void pin_plist_comment(struct buffer *out, unsigned depth, const char *text) {
    if (text[0] == '\0')
        return;
    indent(out, depth);
    buffer_add_text(out, "<!-- ");
    xml_add_comment_text(out, text);
    buffer_add_text(out, " -->\n");
}
