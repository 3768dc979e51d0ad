/* What is watched, as the monitor holds it: the image for the readers, and which watches stand behind each of its terminals. */
#pragma once

#include "base/arena.h"
#include "formats/policy_rules.h"
#include "rules/watch_image.h"
#include "steps/own_keys.h"
#include "store/watches.h"

struct watch_set;

/* Loads all watches and policies, and the leaf keys that releases pin. An unusable policy refuses the whole set, named in `reason`: judging without it would be false calm.
 * Pins that cannot be read are left out. */
MUST_CHECK result watch_set_load(struct store *store, struct watch_set **ret_set, struct reason *reason);
/* The same from rows that are at hand, in the order that store_watch_set_load gives; borrows them. */
MUST_CHECK result watch_set_of_rows(const struct store_watch_set *rows, struct watch_set **ret_set, struct reason *reason);
void watch_set_free(struct watch_set *set);
const struct store_generation *watch_set_generation(const struct watch_set *set);
size_t watch_set_count(const struct watch_set *set);
const struct store_watch *watch_set_row(const struct watch_set *set, size_t at);
/* Own keys (own_keys.h), beside those that are watched. */
const struct own_keys *watch_set_own_keys(const struct watch_set *set);
/* Grows with every change of what the image is made of. */
uint64_t watch_set_image_generation(const struct watch_set *set);
/* Builds the image for the readers. */
MUST_CHECK result watch_set_build_image(const struct watch_set *set, struct buffer *out);

struct watch_of_tenant {
    const struct store_watch *watch;
    const struct policy_rules *policy; /* NULL: none */
};
/* The watches behind a terminal: how many, and the n-th. A terminal that the image does not have has none. */
size_t watch_set_behind(const struct watch_set *set, uint32_t terminal);
struct watch_of_tenant watch_set_get(const struct watch_set *set, uint32_t terminal, size_t at);
/* Name and subtree watches at or below `suffix`, for names that would match nearly everything; at most `room`. */
size_t watch_set_under(const struct watch_set *set, const char *suffix, struct watch_of_tenant *ret_watches, size_t room);
/* By row, for certificates whose matches are already recorded. False when it is gone. */
bool watch_set_find(const struct watch_set *set, int32_t tenant_id, int64_t watch_id, struct watch_of_tenant *ret_watch);
