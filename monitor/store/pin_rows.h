/* What the files share that apply and load everything that people set. Private to store/. */
#pragma once

#include "store/pins.h"
#include "store/statement.h"

struct change_list {
    struct store_change *items; /* in the arena */
    size_t count;
};
#define CHANGE_SHAPE "tttj?j?" /* what, name, change, before, after */
MUST_CHECK result take_changes(struct store *store, const struct store_rows *rows, struct arena *arena, struct change_list *ret_changes);

/* Documents and releases of a tenant; parameters: tenant, whether only those of `apply`. */
MUST_CHECK result pins_data_load(struct store *store, const struct store_params *params, struct arena *arena, struct store_data *data);
/* Within the transaction under way. */
MUST_CHECK result pins_apply_ask(struct store *store, const struct store_apply *apply, struct arena *arena, struct change_list *ret_changes);
