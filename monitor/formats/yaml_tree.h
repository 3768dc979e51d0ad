/* YAML from a person as a JSON tree, with the place of every value, so that a refusal can name line and column.
 *
 * One document; no anchors, aliases, tags, merge keys or duplicate keys. Plain scalars are null, booleans (true, false), whole numbers or
 * texts; quoted ones are texts. */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

#define YAML_DEPTH_MAX 12
#define YAML_SIZE_MAX ((size_t) 64 * 1024 * 1024)

struct yaml_mark;

struct yaml_tree {
    json_t *root;             /* owned; NULL when the file holds nothing */
    struct yaml_mark **marks; /* table by address of the value, in the arena */
    size_t mark_rooms, mark_count;
    struct arena *arena;      /* borrowed */
};

extern const struct fault fault_yaml;

/* Error: fault_yaml, with line and column in `reason`. */
MUST_CHECK result yaml_tree_load(struct span text, struct arena *arena, struct yaml_tree *ret_tree, struct reason *reason);
void yaml_tree_done(struct yaml_tree *tree);
/* Where the value stands, from 1; 0 when it is not of this tree or shared (booleans and null have no place of their own). */
unsigned yaml_tree_line(const struct yaml_tree *tree, const json_t *value);
unsigned yaml_tree_column(const struct yaml_tree *tree, const json_t *value);
