/* Why a release loses its last acceptable key: one sentence for each cause. */
#include "rules/pin_forecast_work.h"

/* The key that begins to be served then. */
static const struct forecast_key *rotation_at(const struct forecast_work *work, int64_t time) {
    const struct forecast_key *found = NULL;
    for (size_t i = 0; i < work->answer->key_count; i++)
        if (work->answer->keys[i]->is_rotation && work->answer->keys[i]->from == time)
            found = work->answer->keys[i];
    return found;
}

static bool has_key_at(const struct forecast_work *work, int64_t time) {
    for (size_t i = 0; i < work->offer_count; i++)
        if (!work->offers[i].is_renewal && work->offers[i].begin <= time && time < work->offers[i].end)
            return true;
    return false;
}

static const char *why_rotation(const struct forecast_work *work, int64_t time, const struct pin_judgement *now) {
    const struct forecast_key *key = rotation_at(work, time);
    if (key == NULL)
        return arena_copy_text(work->arena, now->why);
    if (key->has_validity && (key->not_before > time || key->not_after < time))
        return arena_printf(work->arena, "%s is to be served from then on, and is not valid %s", key->name, key->not_before > time ? "yet" : "any more");
    return arena_printf(work->arena, "%s is served from then on, and it does not accept it: %s", key->name, now->why);
}

static const char *why_certificate(const struct forecast_work *work, const struct forecast_sight *before) {
    const char *name = before->offer != NULL ? before->offer->key->name : "a certificate";
    return arena_printf(work->arena, "%s ends, the last certificate with a key that it %s, and no rotation to another is planned before", name,
                        before->state == FORECAST_ACCEPTED ? "accepts" : "may accept");
}

const char *forecast_why(const struct forecast_work *work, const struct forecast_loss *loss, const struct forecast_sight *before, const struct pin_judgement *now) {
    struct arena *arena = work->arena;
    const char *why = has_key_at(work, loss->at) ? now->why : "every certificate that is known of this host has ended";
    switch (loss->cause) {
    case FORECAST_NOW:
        return arena_printf(arena, "it accepts no key that is served: %s", why);
    case FORECAST_CERTIFICATE_ENDS:
        return why_certificate(work, before);
    case FORECAST_CA_ENDS:
        return arena_copy_text(arena, "the last certificate of a CA that it pins, or of one on the way to it, ends, and it accepts no key that is served after that");
    case FORECAST_ROTATION:
        return why_rotation(work, loss->at, now);
    case FORECAST_RELEASE_BEGINS:
        return arena_printf(arena, "it comes out, and accepts no key that is served then: %s", why);
    case FORECAST_PINS_END:
        break;
    }
    return arena_copy_text(arena, "some of its pins end, and those that are left accept no key that is served then");
}
