/* What a format cannot say of another's pin sets, decided once for all writers.
 *
 * Nothing is ever pinned for more hosts, or refuses more keys, without a remark: a set of which a part cannot be said is left out, and sets
 * that would then hold for its hosts are narrowed. */
#pragma once

#include "formats/pin_builder.h"

#define PIN_BIT(value) (1u << (value))

struct pin_abilities {
    const char *name;        /* "an OkHttp pinner", for remarks */
    bool names_hosts;        /* each entry has a host */
    bool unites;             /* all sets that hold for a host unite; else the most exact one holds alone */
    bool has_twins;          /* several entries of one host */
    bool has_unpinning;      /* an entry that says "not pinned" */
    bool has_report_only, has_unenforced;
    bool has_expiry, has_max_age;
    bool has_ports;          /* of its own; else pins hold for every port */
    bool has_groups;         /* two groups that must both match */
    bool has_anchors;        /* overridePins, and whether the system's anchors are trusted */
    bool has_names, has_comments, has_roles, has_reports;
    bool has_empty;          /* a set without pins that accepts nothing */
    unsigned matches, kinds, algorithms, positions; /* PIN_BIT of each value that can be said */
};

/* One entry to write. */
struct pin_export {
    const struct pin_set *set;
    size_t host_size;          /* characters of its host */
    enum pin_host_match match; /* no wider than the set's */
    bool is_left_out;
    const struct pin_set *const *united; /* further sets whose pins belong in: they unite with it where it comes from. NULL-terminated */
};

/* One for each set of the document, in its order; everything in the arena of `lost`, which gets the remarks: ERROR for a set that is left out,
 * WARNING for what changes which hosts or keys are accepted, NOTE for the rest. */
MUST_CHECK result pin_export_plan(const struct pin_document *document, const struct pin_abilities *abilities, struct pin_builder *lost,
                                  struct pin_export **ret_plan);
