/* XML from outside as a small tree with line numbers: what readers of Android's and Apple's files walk, and what the compiled XML of an
 * APK is turned into (android_binary.h).
 *
 * Nothing is fetched and nothing is expanded: an external DOCTYPE is passed over, an internal subset and every entity but the five of XML 1.0
 * 4.6 are refused. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

#define XML_SIZE_MAX ((size_t) 4 * 1024 * 1024)
#define XML_TEXT_MAX (4 * XML_SIZE_MAX) /* once each string stands where it is used */
enum { XML_DEPTH_MAX = 64, XML_NODES_MAX = 200000, XML_ATTRIBUTES_MAX = 256 };

struct xml_attribute {
    const char *name;
    const char *space; /* namespace name; "" without */
    const char *value;
    uint32_t resource; /* compiled XML: the resource id of the name (0: none) */
    bool is_reference; /* compiled XML: the value is "@0x…", a resource id in `reference` */
    uint32_t reference;
};

struct xml_node {
    const char *name;
    const char *space;   /* namespace name; "" without */
    const char *text;    /* what stands directly in it, put together; "" when nothing */
    const char *comment; /* the last comment before it with nothing but white space between, on one line, harmless; "" when none */
    struct xml_attribute *attributes;
    size_t attribute_count;
    struct xml_node *parent, *first, *last, *next; /* elements */
    unsigned line;       /* where its start tag ends, from 1; compiled: where it stood in the source, 0 when that is not known */
};

struct xml_tree {
    struct xml_node *root;
    bool has_leading_space; /* white space stood before the XML declaration, which XML 1.0 2.8 does not allow */
};

/* UTF-8 (ASCII and Latin-1 where declared) of at most XML_SIZE_MAX bytes. Everything is taken from the arena. Error: `fault`, with line and what
 * was wanted in `reason`; fault_no_memory. */
MUST_CHECK result xml_tree_load(struct span text, result fault, struct arena *arena, struct xml_tree *ret_tree, struct reason *reason);

/* The attribute without a namespace; NULL when absent. */
const char *xml_attribute_value(const struct xml_node *node, const char *name);
bool xml_node_is(const struct xml_node *node, const char *name); /* of any namespace */
/* The next element inside `top`, or `top`, in the order of the file; NULL at the end. */
const struct xml_node *xml_node_after(const struct xml_node *top, const struct xml_node *node);

/* Text for an element or attribute value: & < > " and control characters escaped. False when `out` failed. */
bool xml_add_escaped(struct buffer *out, const char *text);
/* Text for a comment: "--" and a hyphen at the end are pulled apart (XML 1.0 2.5). */
bool xml_add_comment_text(struct buffer *out, const char *text);

/* For whoever makes a tree of another source. Zero it but for the arena; release with xml_building_done. */
struct xml_building {
    struct arena *arena;
    struct xml_tree tree;
    struct xml_node *current; /* NULL outside of the root */
    size_t depth, node_count;
    size_t text_size;         /* of all elements: compiled XML may name one string again and again */
    struct buffer texts[XML_DEPTH_MAX];
    const char *comment;      /* that waits for its element; NULL */
    const char *complaint;    /* why fault_limit_reached came back, a constant sentence */
};

/* fault_no_memory, or fault_limit_reached and `complaint`. The strings are borrowed: they lie in the arena, or are constants. */
MUST_CHECK result xml_building_open(struct xml_building *building, const char *name, const char *space, unsigned line);
MUST_CHECK result xml_building_text(struct xml_building *building, struct span text);
MUST_CHECK result xml_building_close(struct xml_building *building);
void xml_building_done(struct xml_building *building);
