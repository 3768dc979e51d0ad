#include "formats/get_entries.h"

#include <jansson.h>

#include "base/memory.h"

FAULT(fault_get_entries_json, FAULT_INPUT, "get-entries.json", "get-entries answer", "RFC 8259", "not JSON",
      "one JSON object");
FAULT(fault_get_entries_shape, FAULT_INPUT, "get-entries.shape", "get-entries answer", "RFC 6962 4.6",
      "not an object with an array \"entries\" of objects with texts", "leaf_input and extra_data in base64");

void get_entries_done(struct get_entries *list) {
    json_decref(list->tree);
    memory_free(list->items);
    *list = (struct get_entries){0};
}

static void forget(struct get_entries *list) {
    json_decref(list->tree);
    list->tree = NULL;
    list->count = 0;
}

static result add_item(struct get_entries *list, struct get_entries_item item) {
    if (list->count == GET_ENTRIES_MAX)
        return &fault_limit_reached;
    struct get_entries_item *items = memory_grow(list->items, list->count, &list->capacity, sizeof *items);
    if (items == NULL)
        return &fault_no_memory;
    list->items = items;
    list->items[list->count++] = item;
    return OK;
}

/* ------------------------------------------------------------------ the scanner: false means "let Jansson look" */

struct scan {
    const uint8_t *at;
    const uint8_t *end;
};

static void skip_space(struct scan *scan) {
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

static bool scan_symbol(struct scan *scan, uint8_t symbol) {
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != symbol)
        return false;
    scan->at++;
    return true;
}

/* A text up to its quote; one that seems escaped is refused. Escapes further inside do not move the end. */
static bool scan_text(struct scan *scan, struct span *ret_text) {
    if (!scan_symbol(scan, '"'))
        return false;
    const uint8_t *quote = memchr(scan->at, '"', (size_t) (scan->end - scan->at));
    if (quote == NULL || (quote > scan->at && quote[-1] == '\\'))
        return false;
    *ret_text = span_of(scan->at, (size_t) (quote - scan->at));
    scan->at = quote + 1;
    return true;
}

static bool is_text(struct span text, const char *wanted) {
    return span_equal(text, span_of_text(wanted));
}

/* Exactly the two members, in either order. */
static bool scan_item(struct scan *scan, struct get_entries_item *ret_item) {
    struct get_entries_item item = {0};
    if (!scan_symbol(scan, '{'))
        return false;
    for (int member = 0; member < 2; member++) {
        struct span name, value;
        if (member > 0 && !scan_symbol(scan, ','))
            return false;
        if (!scan_text(scan, &name) || !scan_symbol(scan, ':') || !scan_text(scan, &value))
            return false;
        struct span *place = is_text(name, "leaf_input")   ? &item.leaf_input
                             : is_text(name, "extra_data") ? &item.extra_data
                                                           : NULL;
        if (place == NULL || place->bytes != NULL)
            return false;
        *place = value;
    }
    if (!scan_symbol(scan, '}'))
        return false;
    *ret_item = item;
    return true;
}

static result scan_items(struct get_entries *list, struct scan *scan, bool *ret_is_known) {
    *ret_is_known = false;
    if (scan_symbol(scan, ']')) {
        *ret_is_known = true;
        return OK;
    }
    do {
        struct get_entries_item item;
        if (!scan_item(scan, &item))
            return OK;
        TRY(add_item(list, item));
    } while (scan_symbol(scan, ','));
    *ret_is_known = scan_symbol(scan, ']');
    return OK;
}

static result scan_body(struct get_entries *list, struct span body, bool *ret_is_known) {
    struct scan scan = {.at = body.bytes, .end = body.bytes + body.size};
    struct span name;
    *ret_is_known = false;
    if (!scan_symbol(&scan, '{') || !scan_text(&scan, &name) || !is_text(name, "entries") ||
        !scan_symbol(&scan, ':') || !scan_symbol(&scan, '['))
        return OK;
    bool is_known;
    TRY(scan_items(list, &scan, &is_known));
    is_known = is_known && scan_symbol(&scan, '}');
    skip_space(&scan);
    *ret_is_known = is_known && scan.at == scan.end;
    return OK;
}

/* ------------------------------------------------------------------ Jansson */

static struct span text_of_member(const json_t *object, const char *name) {
    const json_t *member = json_object_get(object, name);
    return json_is_string(member) ? span_of(json_string_value(member), json_string_length(member)) : span_of(NULL, 0);
}

/* extra_data is outside the Merkle tree: an entry without it still counts. */
static result items_of_tree(struct get_entries *list, const json_t *tree) {
    const json_t *entries = json_object_get(tree, "entries");
    if (!json_is_array(entries))
        return &fault_get_entries_shape;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        struct get_entries_item item = {.leaf_input = text_of_member(entry, "leaf_input"),
                                        .extra_data = text_of_member(entry, "extra_data")};
        if (item.leaf_input.bytes == NULL)
            return &fault_get_entries_shape;
        TRY(add_item(list, item));
    }
    return OK;
}

result get_entries_read_slowly(struct get_entries *list, struct span body) {
    forget(list);
    json_error_t error;
    uint64_t mark = memory_mark();
    json_t *tree = body.size == 0 ? NULL : json_loadb((const char *) body.bytes, body.size, JSON_REJECT_DUPLICATES, &error);
    if (memory_mark() != mark) {
        json_decref(tree);
        return &fault_no_memory;
    }
    if (tree == NULL)
        return &fault_get_entries_json;
    list->tree = tree;
    result outcome = items_of_tree(list, tree);
    if (outcome != OK)
        forget(list);
    return outcome;
}

result get_entries_read(struct get_entries *list, struct span body) {
    forget(list);
    bool is_known;
    result outcome = body.size == 0 ? &fault_get_entries_json : scan_body(list, body, &is_known);
    if (outcome != OK) {
        forget(list);
        return outcome;
    }
    return is_known ? OK : get_entries_read_slowly(list, body);
}

bool get_entries_is_escaped(struct span text) {
    return text.size > 0 && memchr(text.bytes, '\\', text.size) != NULL;
}
