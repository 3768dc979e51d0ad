/* JSON as people read it: one member a line, the items of a list below each other, no braces and no quotes. */
#pragma once

#include <jansson.h>

/* Prints "  name   value"; nothing for an empty list. What is foreign in it is made harmless. */
void plain_print(const char *name, const json_t *value);
