/* Pin sets of one format made to fit another: what every writer writes, and the list of what is lost on the way. */
#pragma once

#include "formats/pin_set.h"

enum pin_expiry_ability { PIN_EXPIRES_NEVER, PIN_EXPIRES_LOCAL_DATE, PIN_EXPIRES_UTC_DATE, PIN_EXPIRES_ANY };

#define PIN_BIT(value) (1u << (value))

/* What a format can say. */
struct pin_ability {
    bool is_uniting;      /* every entry that matches a host counts; else the closest alone */
    bool has_hosts;
    bool has_unpinned;    /* an entry that keeps a host out of its parents' pins */
    bool has_report_only;
    bool has_report_uris;
    bool has_comments;
    bool has_roles;
    bool has_names;
    bool has_anchors;     /* overrides_pins, trusts_system */
    enum pin_expiry_ability expiry;
    bool has_max_age;
    unsigned matches;     /* bits of enum pin_host_match */
    unsigned algorithms;  /* bits of enum pin_algorithm, of SPKI pins */
    unsigned certificate_algorithms;
    unsigned positions;   /* bits of enum pin_position */
    size_t group_max;
};

const struct pin_ability *pin_ability_of(enum pin_format format);

/* The document as `format` can say it, in ret_document (from the arena of `lost`): hosts, positions, algorithms and expiry are those that it
 * has, hosts of which a uniting format says several things are one entry where `format` allows no more. Of a document of the same format it is
 * a copy that shares everything. `lost` gets a remark for each difference: ERROR a set or pin is left out, WARNING it holds for fewer hosts, accepts more
 * or refuses more, NOTE what pins do not depend on. */
MUST_CHECK result pin_fit(const struct pin_document *document, enum pin_format format, struct pin_builder *lost,
                          struct pin_document *ret_document);
