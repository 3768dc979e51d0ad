/* Lines of a YAML text, for messages: asked only after something was refused. Pure. */
#pragma once

#include "base/span.h"

/* Line (from 1) of the value of `field`: of the file when `list` is "", else of item `item` (from 0) of that list.
 * Where the field is missing, the line of what should hold it; 0 when nothing can be said. */
unsigned yaml_line_of(struct span text, const char *list, unsigned item, const char *field);
/* Line of the first mapping key, at any depth, that is spelled `key` and is the nth (from 1) of that name in its mapping; 0 when
 * there is none. */
unsigned yaml_line_of_key(struct span text, const char *key, unsigned nth);
