/* What changes for clients, in words and as JSON: of two files, or of two versions of one. */
#pragma once

#include <jansson.h>

#include "rules/pin_difference.h"

/* Host by host, to standard output; nothing where there is no change. */
void pins_print_changes(const struct pin_change *changes, size_t count, struct arena *arena);
/* docs/json.md; NULL without memory. */
json_t *pins_change_json(const struct pin_change *change);
