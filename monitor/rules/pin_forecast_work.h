/* What the files of the forecast share. */
#pragma once

#include "rules/pin_forecast.h"
#include "rules/pin_gate_work.h"
#include "rules/pin_index.h"

enum { FORECAST_PARENTS_MAX = 16, FORECAST_ZONE_FIRST_S = 14 * 3600, FORECAST_ZONE_LAST_S = 12 * 3600 };

/* Who signs a key, found once. */
struct forecast_ca {
    bool is_known;
    struct hash issuer;
    struct hash parents[FORECAST_PARENTS_MAX]; /* keys that sign the issuer's */
    size_t parent_count;
    bool has_siblings; /* its owner has other intermediates */
    struct hash *above; /* CA keys that may stand above it, as far as certificates of them are known */
    size_t above_count;
    int64_t *times;    /* at which certificates of those begin or end, within the forecast */
    size_t time_count;
};

/* A document of a release, with its entries by host. */
struct forecast_view {
    const struct pin_document *document;
    struct pin_index index;
    const struct pin_set **room;       /* for as many sets as it has */
    bool has_hosts[pin_format_count];  /* some set of the format names a host */
    bool has_errors;
};

struct forecast {
    const struct forecast_question *question;
    struct arena *arena;
    struct forecast_view *views;
    size_t view_count;
    size_t **views_of;                 /* of each release, as its documents */
    struct forecast_ca *cas;           /* of each key */
    bool needs_store[trust_store_count];
};

/* Times within the forecast, each once, in order; `from` is the first. */
struct forecast_times {
    int64_t *items;
    size_t count, rooms;
    int64_t from, until;
};
MUST_CHECK result forecast_times_make(const struct forecast_question *question, size_t rooms, struct arena *arena, struct forecast_times *ret_times);
void forecast_times_add(struct forecast_times *times, int64_t time);
void forecast_times_sort(struct forecast_times *times);
static inline int64_t forecast_after(int64_t time) {
    return time == INT64_MAX ? time : time + 1;
}

/* A key, or what follows it, while it can be served. */
struct forecast_offer {
    const struct forecast_key *key; /* NULL: nothing at all, to see whether a host is pinned */
    bool is_renewal;
    int64_t begin, end;             /* `end` is not in it */
    struct pin_link link;
    struct gate_question *questions; /* by era */
    struct gate_work *works;
};

/* One host under way. */
struct forecast_work {
    struct forecast *forecast;
    const struct forecast_service *service;
    struct arena *scratch, *arena;
    struct forecast_offer nothing;
    struct forecast_offer *offers;
    size_t offer_count;
    bool has_served;                /* some key is served, not only planned */
    int64_t first_served;
    struct forecast_times eras;     /* between two of them the same certificates of CAs are valid */
    struct forecast_answer *answer;
};

/* What a release makes of a host at one time. */
struct forecast_sight {
    enum forecast_state state;
    const struct forecast_offer *offer; /* that is accepted, or cannot be told */
    struct pin_judgement judgement;
};

/* ---- pin_forecast_hosts.c */

/* Has it ended by then, for good? */
bool forecast_is_over(const struct gate_release *release, int64_t time);
/* Those of its sets that hold for the service, alone: judged by them it says the same. */
MUST_CHECK result forecast_narrow(struct forecast_view *view, const struct forecast_service *service, struct arena *arena, struct pin_document *ret_document);

/* ---- pin_forecast_keys.c */

MUST_CHECK result forecast_find_cas(struct forecast *forecast);
bool forecast_key_is_for(const struct forecast_key *key, const char *host);
const struct forecast_ca *forecast_ca_of(const struct forecast *forecast, const struct forecast_key *key);
MUST_CHECK result forecast_make_offers(struct forecast_work *work);
/* What a release says about an offer at one time. */
MUST_CHECK result forecast_ask(struct forecast_work *work, struct forecast_offer *offer, const struct gate_release *release, int64_t time, struct pin_judgement *ret_judgement);

/* ---- pin_forecast_events.c */

MUST_CHECK result forecast_find_staged(struct forecast_work *work);
MUST_CHECK result forecast_find_events(struct forecast_work *work);
/* Are all pins of some document of the release those of CAs whose certificates have ended by then? */
bool forecast_are_pins_over(const struct forecast *forecast, const struct gate_release *release, int64_t time);

/* ---- pin_forecast_words.c */

/* The sentence of a loss; NULL without memory. */
const char *forecast_why(const struct forecast_work *work, const struct forecast_loss *loss, const struct forecast_sight *before, const struct pin_judgement *now);
