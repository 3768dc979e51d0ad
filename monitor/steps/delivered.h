/* Which reports were handed over before a root had confirmed them, so that a second reading tells what it reads otherwise, and
 * nothing twice. */
#pragma once

#include "formats/entry_report.h"

#define DELIVERED_MAX ((size_t) 1 << 20) /* remembered; what lies behind is told again rather than lost */

struct delivered_entry {
    uint64_t index;
    struct hash leaf_hash;
    bool is_unreadable;
};

/* Zeroed: nothing yet. */
struct delivered {
    struct delivered_entry *entries; /* owned; ascending index */
    size_t count, room;
    uint64_t end; /* behind the highest index that was ever noted */
};

enum delivery_news {
    DELIVERY_NEW,   /* to be told */
    DELIVERY_KNOWN, /* told already */
    DELIVERY_AGAIN, /* to be told again: another leaf stood there, or nobody remembers */
    DELIVERY_OTHER, /* to be told again: it can be read now and could not then, or the other way round */
};

/* Notes that a report is handed over. Errors: fault_no_memory. */
MUST_CHECK result delivered_note(struct delivered *delivered, const struct entry_report *report, enum delivery_news *ret_news);
void delivered_done(struct delivered *delivered);
