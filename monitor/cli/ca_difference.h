/* What an import changes, key by key, and told to people in groups. */
#pragma once

#include "rules/ca_table_import.h"

enum ca_change { CA_SAME, CA_ADDED, CA_CHANGED, CA_GONE };

/* One key of the old or the new import, and what counts for it before and after. */
struct ca_key_change {
    enum ca_change change;
    bool is_mapped_before, is_mapped_after;
    struct ca_row before, after;
    const char *name; /* of a certificate */
};

struct ca_difference {
    struct ca_key_change *keys; /* by key, only those that change */
    size_t count;
    size_t same, added, changed, gone;
};

/* A key that was imported and is no more falls back to the shipped table; that is `gone` too. In `arena`; fails only without memory. */
MUST_CHECK result ca_difference_find(const struct ca_extra_rows *before, const struct ca_import_row *old_rows, size_t old_count,
                                     const struct ca_import *after, struct arena *arena, struct ca_difference *ret_difference);
/* Prints it: groups of keys that change alike for people, one key a line as JSON. Returns an exit code. */
int ca_difference_print(const struct ca_difference *difference, bool is_json, bool is_applied);
