#include "formats/pin_plist.h"

#include <stdlib.h>

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

struct member {
    const struct plist_node *node;
    size_t order;
};

static int compare_members(const void *a, const void *b) {
    const struct member *one = a, *other = b;
    int order = strcmp(one->node->key, other->node->key);
    return order != 0 ? order : (one->order > other->order) - (one->order < other->order);
}

/* Which members have a later one of the same name? NULL without memory. */
static bool *find_overwritten(struct arena *arena, const struct plist_node *dict, size_t count) {
    struct member *members = arena_take_array(arena, count + 1, sizeof *members);
    bool *is_overwritten = arena_take_array(arena, count + 1, sizeof *is_overwritten);
    size_t order = 0;
    if (members == NULL || is_overwritten == NULL)
        return NULL;
    for (const struct plist_node *member = dict->first; member != NULL; member = member->next, order++)
        members[order] = (struct member){.node = member, .order = order};
    qsort(members, count, sizeof *members, compare_members);
    for (size_t i = 1; i < count; i++)
        is_overwritten[members[i - 1].order] = strcmp(members[i - 1].node->key, members[i].node->key) == 0;
    return is_overwritten;
}

static result take_entry(struct pin_builder *builder, const struct plist_node *entry, pin_plist_take *take) {
    const struct pin_set *known;
    const char *host;
    bool is_host;
    if (entry->type != PLIST_DICT)
        return pin_builder_remark(builder, PIN_REMARK_ERROR, entry->line, "domain-type", "the value of \"%s\" is %s, wanted a dict", entry->key,
                                  plist_type_name(entry->type));
    TRY(pin_host_read(builder, span_of_text(entry->key), entry->line, &host, &is_host));
    if (!is_host)
        return OK;
    TRY(pin_builder_set_of(builder, host, &known));
    if (known != NULL)
        return pin_builder_remark(builder, PIN_REMARK_ERROR, entry->line, "domain-twice", "%s stands here twice in different letters; this entry is left out",
                                  host);
    return take(builder, entry, host);
}

result pin_plist_hosts(struct pin_builder *builder, const struct plist_node *domains, pin_plist_take *take) {
    size_t count = plist_count(domains), i = 0;
    if (count > PIN_SETS_MAX)
        return &fault_limit_reached;
    const bool *is_overwritten = find_overwritten(builder->arena, domains, count);
    if (is_overwritten == NULL)
        return &fault_no_memory;
    for (const struct plist_node *entry = domains->first; entry != NULL; entry = entry->next)
        TRY(is_overwritten[i++] ? pin_builder_remark(builder, PIN_REMARK_WARNING, entry->line, "key-twice", "\"%s\" stands here twice, the last counts", entry->key)
                                : take_entry(builder, entry, take));
    return OK;
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
