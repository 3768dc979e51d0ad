/* Property lists, XML and binary, and JSON of the same shape, as one small tree. XML comes through xml_tree.h with its refusals; the binary form is
 * read by a loop of our own: libplist 2.2 calls itself for every level (200,000 levels overflow its stack, also through references that
 * go round) and does not tell a refused allocation from a broken file. */
#pragma once

#include "base/arena.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

enum { PLIST_DEPTH_MAX = 64, PLIST_NODES_MAX = 200000 };

enum plist_type { PLIST_DICT, PLIST_ARRAY, PLIST_STRING, PLIST_INTEGER, PLIST_BOOLEAN, PLIST_OTHER /* date, data, real, null, UID */ };

struct plist_node {
    enum plist_type type;
    const char *key;     /* in a dict; else "" */
    const char *text;    /* string; "" of others */
    int64_t number;      /* integer, boolean */
    const char *comment; /* XML: the comment before it; "" */
    struct plist_node *parent, *first, *last, *next;
    unsigned line;       /* 0: the form has none */
};

struct plist {
    struct plist_node *root;
    bool has_leading_space; /* see xml_tree.h */
};

/* Which of the forms it is stands at the beginning: "bplist0", "<", "{". Error: `fault`, with what was wanted in `reason`; fault_no_memory. */
MUST_CHECK result plist_load(struct span bytes, result fault, struct arena *arena, struct plist *ret_plist, struct reason *reason);
bool plist_is_likely(struct span bytes);

/* The last of the members of that name, which is the one that CoreFoundation keeps; NULL when absent or `node` is no dict (or NULL). */
const struct plist_node *plist_member(const struct plist_node *node, const char *key);
/* The same where it must be a dict; NULL when it is none. */
const struct plist_node *plist_dict(const struct plist_node *node, const char *key);
size_t plist_count(const struct plist_node *node); /* its members or elements */
const char *plist_type_name(enum plist_type type);

/* For the readers of each form. */
struct plist_building {
    struct arena *arena;
    struct plist_node *root, *current;
    size_t depth, node_count;
    const char *complaint; /* why fault_limit_reached came back */
};

/* A node at the end of the current container, which it becomes when it is one; the texts are borrowed. */
MUST_CHECK result plist_building_add(struct plist_building *building, enum plist_type type, const char *key, struct plist_node **ret_node);
void plist_building_close(struct plist_building *building);

MUST_CHECK result plist_load_binary(struct span bytes, result fault, struct arena *arena, struct plist *ret_plist, struct reason *reason);
MUST_CHECK result plist_load_json(struct span bytes, result fault, struct arena *arena, struct plist *ret_plist, struct reason *reason);
