/* Pin sets as people see them: names, keys by their holders, mode, end. */
#pragma once

#include "cli/table.h"
#include "formats/pin_set.h"

/* NULL without memory. */
struct table *pins_table_new(void);
/* What is in `document` and `set` must stay until the table is printed. */
void pins_table_add(struct table *table, const struct pin_document *document, const struct pin_set *set, struct arena *arena);
