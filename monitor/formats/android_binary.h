/* What aapt makes of an app's XML and resources: compiled XML, and the table that says which file a resource is. Little endian chunks with their
 * size in front (frameworks/base, libs/androidfw/include/androidfw/ResourceTypes.h). */
#pragma once

#include "formats/xml_tree.h"

enum {
    ANDROID_PATHS_MAX = 16, /* configurations of one resource that we look at */
};

bool android_binary_is_xml(struct span bytes);
/* Compiled XML as the tree that its source would be. Values that are no text become what the source had: "true", "12", "@0x7f100000".
 * Error: `fault`, with what was wanted in `reason`; fault_no_memory. */
MUST_CHECK result android_binary_load(struct span bytes, result fault, struct arena *arena, struct xml_tree *ret_tree, struct reason *reason);

struct android_paths {
    const char *paths[ANDROID_PATHS_MAX];
    size_t count;
};

/* The paths that resources.arsc has for a resource, of every configuration (language, version, …), each once; the first is the default
 * configuration's when there is one. None: the table does not have it. */
MUST_CHECK result android_resource_paths(struct span table, uint32_t resource, result fault, struct arena *arena, struct android_paths *ret_paths,
                                         struct reason *reason);
