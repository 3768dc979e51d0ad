#include "rules/caa_dispute.h"

struct view {
    size_t well, newest;     /* resolvers that answer; the one that answered last */
    bool differ;
    int64_t first_ms;        /* the oldest of their last answers */
    int64_t cached_until_ms; /* of all but the newest */
};

static struct view look_at(const struct caa_track *const *tracks, size_t count) {
    struct view view = {.newest = count};
    for (size_t i = 0; i < count; i++) {
        if (!caa_track_is_good(tracks[i]))
            continue;
        view.differ |= view.well > 0 && tracks[i]->good != tracks[view.newest]->good;
        view.first_ms = view.well == 0 || tracks[i]->last_answered_ms < view.first_ms ? tracks[i]->last_answered_ms : view.first_ms;
        if (view.well++ == 0 || tracks[i]->last_answered_ms > tracks[view.newest]->last_answered_ms)
            view.newest = i;
    }
    for (size_t i = 0; i < count; i++) {
        if (i == view.newest || !caa_track_is_good(tracks[i]))
            continue;
        int64_t until_ms = tracks[i]->last_answered_ms + (int64_t) tracks[i]->ttl_last_s * 1000;
        view.cached_until_ms = until_ms > view.cached_until_ms ? until_ms : view.cached_until_ms;
    }
    return view;
}

bool caa_dispute_look(struct caa_dispute *dispute, const struct caa_track *const *tracks, size_t count, uint32_t settle_s) {
    struct view view = look_at(tracks, count);
    if (view.well < 2) /* nobody contradicts, and nobody agrees */
        return false;
    bool is_other = dispute->is_open && view.differ && dispute->is_other;
    if (view.differ == dispute->is_open && !is_other) {
        dispute->until_ms = 0;
        return false;
    }
    if (dispute->until_ms == 0 || dispute->awaits_agreement == view.differ) {
        dispute->awaits_agreement = !view.differ;
        int64_t settled_ms = tracks[view.newest]->last_answered_ms + (int64_t) settle_s * 1000;
        dispute->until_ms = !view.differ && settled_ms > view.cached_until_ms ? settled_ms : view.cached_until_ms;
        return false;
    }
    if (view.first_ms <= dispute->until_ms)
        return false;
    dispute->is_open = view.differ;
    dispute->until_ms = 0;
    return true;
}
