/* What the writers of XML, plists and JSON share. */
#pragma once

#include "formats/pin_export.h"

/* The pins of an entry and of those that unite with it, each once, in the arena. */
MUST_CHECK result pin_write_pins(const struct pin_export *entry, struct arena *arena, const struct pin ***ret_pins, size_t *ret_count);
/* YYYY-MM-DD of the day in which the set expires; a remark where the format's midnight is another than the set's. */
MUST_CHECK result pin_write_date(const struct pin_set *set, bool is_local, struct pin_builder *lost, char ret_date[11]);
