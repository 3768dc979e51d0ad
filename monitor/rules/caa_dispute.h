/* Resolvers that say different things about one owner, for longer than caches explain. Pure. */
#pragma once

#include "rules/caa_track.h"

#define CAA_RESOLVERS_MAX 16

struct caa_dispute {
    int64_t until_ms; /* wall: what was heard before may come from caches until then; 0: nothing to wait for */
    bool is_open;
    bool awaits_agreement; /* until_ms is about that */
    bool is_other;    /* is_open, and they say other things now than when it was told: set before each look */
};

/* Looks at the resolvers' tracks of one owner after an answer; those that fail now have no say. A disagreement opens when it outlasts
 * the older answers' TTL and all were asked again since; an agreement ends it when it outlasts `settle_s` and the TTL likewise, so that
 * resolvers that waver are told once; other things that they say are news when these outlast the TTL. True when is_open has changed, or what is open is_other for good. */
bool caa_dispute_look(struct caa_dispute *dispute, const struct caa_track *const *tracks, size_t count, uint32_t settle_s);
