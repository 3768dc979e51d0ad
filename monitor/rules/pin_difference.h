/* What changes for clients when one set of pin files takes the place of another: host by host, as the platforms read them. The order of entries, how
 * they are spread over a file, comments and roles make no difference. Pure, no clock. */
#pragma once

#include "rules/pin_judge.h"

enum pin_change_kind {
    PIN_CHANGE_PINNED,       /* was not pinned, is now */
    PIN_CHANGE_UNPINNED,
    PIN_CHANGE_KEY_ADDED,    /* accepted now */
    PIN_CHANGE_KEY_REMOVED,  /* accepted no longer */
    PIN_CHANGE_GROUPS,       /* how many lists of pins must each be matched */
    PIN_CHANGE_EXPIRY,
    PIN_CHANGE_ENFORCEMENT,  /* enforced, only reported, neither */
    PIN_CHANGE_ANCHORS,      /* Android: which anchors are trusted, or exempt from the pins */
    pin_change_kind_count
};
/* "pinned", "unpinned", "key-added", "key-removed", "groups", "expiry", "enforcement", "anchors" */
const char *pin_change_kind_name(enum pin_change_kind kind);

enum { PIN_SCOPE_HOST = 1, PIN_SCOPE_ONE_BELOW = 2 /* x.host */, PIN_SCOPE_DEEPER = 4 /* y.x.host and so on */ };

/* Is a change one after which clients may refuse what they accepted, accept what they refused, or neither? */
enum pin_change_effect { PIN_EFFECT_NONE, PIN_EFFECT_STRICTER, PIN_EFFECT_LOOSER };

struct pin_change {
    const char *host;     /* NULL: a set without host */
    const char *name;     /* of a set without host */
    uint16_t port;        /* TLSA */
    const char *protocol;
    unsigned scopes;      /* PIN_SCOPE_… */
    enum pin_change_kind kind;
    enum pin_change_effect effect;
    const struct pin *pin;  /* of PIN_CHANGE_KEY_…; else NULL */
    const struct pin_set *before, *after; /* the set that held, holds; NULL: none */
    const char *text;     /* "expires 2026-01-01, was 2025-01-01": what the other members do not say; "" else */
};

struct pin_difference_sides {
    const struct pin_document *before, *after;
    size_t before_count, after_count;
    bool ignores_position; /* a key is the same wherever in the chain it must stand */
};

/* Changes by host. With one document on each side these are compared, whatever their formats; else those of one format, in their order. Everything in
 * `arena`; fails only without memory. */
MUST_CHECK result pin_difference(const struct pin_difference_sides *sides, struct arena *arena, struct pin_change **ret_changes, size_t *ret_count);
