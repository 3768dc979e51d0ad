/* Watches between their stored form (kind, normalised value) and the form that people write. */
#pragma once

#include "base/arena.h"
#include "rules/watch_image.h"

/* ".example.com", "sha256:…", "@example.com"; in the arena, NULL without memory. watch_item_parse reads it back. */
const char *watch_text_of(enum watch_kind kind, const char *value, struct arena *arena);
/* "name", "subtree", "address", "key", "email": the database's and the API's words. */
const char *watch_kind_name(enum watch_kind kind);
