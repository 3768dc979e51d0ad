/* Parts of YAML that stand in files of their own and in the file of `apply`. */
#pragma once

#include "formats/pin_set.h"
#include "formats/release_file.h"
#include "formats/yaml_tree.h"

/* The sets of `object`, a mapping with `pin_sets` alone (and a `name` that is the caller's, where it is not the whole file), into the document, as pin_yaml_read does. */
MUST_CHECK result pin_yaml_take(const struct yaml_tree *tree, const json_t *object, struct arena *arena, struct pin_document *document, struct reason *reason);
/* The releases of a list, as release_file_read does. `line`: where the list is known to begin. */
struct release_list_place {
    const struct yaml_tree *tree;
    const json_t *list;
    unsigned line;
};
MUST_CHECK result release_yaml_take(const struct release_list_place *place, struct arena *arena, struct release **ret_releases, size_t *ret_count,
                                    struct reason *reason);
