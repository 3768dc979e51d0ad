/* With which keys an owner of CAs may sign: what it disclosed, what was imported, and what the database saw it sign with lately. */
#pragma once

#include "cli/pins_rotation.h"

enum { INTERMEDIATES_DAYS = 90, INTERMEDIATES_ENOUGH = 100 };

struct intermediates {
    struct hash *keys;
    size_t count;
    const char *note; /* a sentence: over which keys CA pins are judged, and why; "" where files alone say */
};
/* What the database saw in the INTERMEDIATES_DAYS before the day of the question (or now), for keys like the next one. Fails as the store does. */
MUST_CHECK result intermediates_load(struct rotation *rotation, struct span next_spki, int64_t now);
/* All that any of these name, each once. What was not seen in use is left out only where the record is good enough to say so: it is as old as
 * those days, and holds INTERMEDIATES_ENOUGH certificates of the owner with keys of that kind. For no certificate is recorded that nobody
 * watches, so that a key that is missing among few proves nothing. In the rotation's arena; fails only without memory. */
MUST_CHECK result intermediates_find(const struct rotation *rotation, const struct ca_owner *owner, struct intermediates *ret_found);
