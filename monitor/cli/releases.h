/* Releases as people and scripts see them. */
#pragma once

#include "store/pins.h"

/* "live", "planned" (not out yet), "ended" (its support), "retired" */
const char *release_state_name(const struct release *release, int64_t now);
/* Returns the exit code. */
int releases_print(const struct store_release *releases, size_t count, bool is_json, int64_t now);
