/* The guard before Jansson: what it lets through is as shallow and as small as it says, and is what Jansson alone would give;
 * what it refuses, Jansson refuses too or it is too deep or too large.
 *
 * parser: formats/json_document.c
 * seeds: json sth policy proof-entry */
#include "formats/json_document.h"
#include "fuzz/harness.h"

static const struct fault fault_here = {.name = "here", .object = "document", .clause = "", .wrong = "wrong", .wanted = "right"};

/* Depth of a tree that is known not to be deep. */
static size_t depth_of(const json_t *value, size_t limit) {
    size_t deepest = 0, index;
    const char *name;
    json_t *element;
    if (!json_is_object(value) && !json_is_array(value))
        return 0;
    require(limit > 0);
    json_array_foreach((json_t *) (uintptr_t) value, index, element) {
        size_t depth = depth_of(element, limit - 1);
        deepest = depth > deepest ? depth : deepest;
    }
    json_object_foreach((json_t *) (uintptr_t) value, name, element) {
        size_t depth = depth_of(element, limit - 1);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

static void read_members(const json_t *document) {
    static const char *const names[] = {"tree_size", "timestamp", "sha256_root_hash", "tree_head_signature", "a", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct span text;
        uint64_t number;
        struct hash hash;
        bool is_text = json_member_text(document, names[i], &text);
        bool is_number = json_member_number(document, names[i], 1000, &number);
        require(!is_number || number <= 1000);
        require(!json_member_hash(document, names[i], &hash) || is_text);
        require(!json_member_is_absent(document, names[i]) || (!is_text && !is_number));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    json_t *ours = NULL, *theirs;
    struct reason reason = {""};
    json_error_t error;
    result outcome = json_document_load(span_of(bytes, size), 65536, &fault_here, &reason, &ours);
    theirs = json_loadb((const char *) bytes, size, JSON_REJECT_DUPLICATES, &error);
    if (outcome == OK) {
        require(theirs != NULL && json_equal(ours, theirs) && size <= 65536);
        require(depth_of(ours, JSON_DEPTH_MAX) <= JSON_DEPTH_MAX);
        read_members(ours);
    } else {
        require(outcome == &fault_here && reason.text[0] != '\0');
        require(theirs == NULL || size > 65536 || strstr(reason.text, "nested") != NULL);
    }
    json_document_free(&ours);
    json_decref(theirs);
    return 0;
}
