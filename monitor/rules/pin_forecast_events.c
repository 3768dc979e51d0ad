/* What happens on the way: the timeline of a host, and the keys that are staged. */
#include <stdlib.h>

#include "rules/pin_forecast_work.h"
#include "rules/pin_holder.h"
#include "rules/trust_store_roots.h"

/* ---- all pins of documents, one after the other */

/* Begins as {documents, count}. */
struct pin_round {
    const struct pin_document *documents;
    size_t document_count, document, set, group, number;
};

/* The set at hand, or the first one behind it; NULL: no more. */
static const struct pin_set *set_at(struct pin_round *round) {
    while (round->document < round->document_count && round->set == round->documents[round->document].set_count) {
        round->document++;
        round->set = 0;
    }
    return round->document == round->document_count ? NULL : &round->documents[round->document].sets[round->set];
}

/* NULL: no more. */
static const struct pin *next_pin(struct pin_round *round, const struct pin_set **ret_set) {
    while ((*ret_set = set_at(round)) != NULL) {
        const struct pin_set *set = *ret_set;
        if (round->group < set->group_count && round->number < set->groups[round->group].count)
            return &set->groups[round->group].pins[round->number++];
        round->number = 0;
        if (++round->group >= set->group_count) {
            round->group = 0;
            round->set++;
        }
    }
    return NULL;
}

/* ---- pins that nothing can match any more */

/* Platforms that do not look at a root's own dates accept it for ever; of our own rules nobody knows whose they are. */
static bool is_pin_over(const struct forecast *forecast, const struct pin_set *set, const struct pin *pin, int64_t time) {
    struct pin_holder holder;
    if (!pin_holder_find(pin, forecast->question->extra, &holder) || !holder.has_end || holder.end >= time)
        return false;
    return holder.kind != CA_ROOT || (set->format != PIN_FORMAT_YAML && trust_store_checks_roots(trust_store_of(set->format)));
}

static bool is_asked(const struct pin_set *set, int64_t time) {
    bool has_ended = set->has_expiry && set->expires <= time;
    return set->is_pinned && set->is_enforced && set->format != PIN_FORMAT_HPKP && !has_ended;
}

static bool is_document_over(const struct forecast *forecast, const struct pin_document *document, int64_t time) {
    struct pin_round round = {document, .document_count = 1};
    const struct pin_set *set;
    const struct pin *pin;
    bool has_pins = false;
    while ((pin = next_pin(&round, &set)) != NULL) {
        if (!is_asked(set, time))
            continue;
        if (set->overrides_pins || !set->trusts_system || !is_pin_over(forecast, set, pin, time))
            return false;
        has_pins = true;
    }
    return has_pins;
}

bool forecast_are_pins_over(const struct forecast *forecast, const struct gate_release *release, int64_t time) {
    for (size_t i = 0; i < release->document_count; i++)
        if (is_document_over(forecast, &release->documents[i], time))
            return true;
    return false;
}

/* ---- staged keys */

static bool may_match(const struct pin *pin, const struct pin_link *link) {
    const struct pin_path path = {.links = link, .count = 1};
    return pin_matches(pin, &path, 0) != PIN_MATCH_NO;
}

/* Is it the pin of a key that is given, or of a CA above one? */
static bool may_be_served(const struct forecast_work *work, const struct pin *pin) {
    for (size_t i = 0; i < work->answer->key_count; i++) {
        const struct forecast_key *key = work->answer->keys[i];
        const struct forecast_ca *ca = forecast_ca_of(work->forecast, key);
        if (may_match(pin, &key->link))
            return true;
        for (size_t k = 0; k < ca->above_count; k++)
            if (pin->kind == PIN_SPKI && may_match(pin, &(struct pin_link){.spki_sha256 = ca->above[k]}))
                return true;
    }
    return false;
}

static bool is_staged(const struct forecast_work *work, const struct pin *pin) {
    struct pin_holder holder;
    bool is_of_leaf = pin->position == PIN_ANY || pin->position == PIN_LEAF;
    return is_of_leaf && !may_be_served(work, pin) && !pin_holder_find(pin, work->forecast->question->extra, &holder);
}

/* What one release adds: each pin once. */
struct staging {
    struct forecast_work *work;
    const struct release *release;
    size_t seen; /* releases that were looked at, this one with them */
    size_t *last_seen; /* by staged key: in which release last */
};

static void add_staged(struct staging *staging, const struct pin *pin) {
    struct forecast_answer *answer = staging->work->answer;
    const struct release *release = staging->release;
    size_t place = 0;
    while (place < answer->staged_count && !pin_is_of_same(answer->staged[place].pin, pin))
        place++;
    struct forecast_staged *staged = &answer->staged[place];
    if (place == answer->staged_count) {
        *staged = (struct forecast_staged){.pin = pin, .has_since = true, .since = INT64_MIN};
        answer->staged_count++;
    }
    if (staging->last_seen[place] == staging->seen)
        return;
    staging->last_seen[place] = staging->seen;
    staged->count++;
    staged->has_since = staged->has_since && release != NULL && release->has_released_on;
    if (staged->has_since && release->released_on > staged->since)
        staged->since = release->released_on;
}

static void stage_release(struct staging *staging, const struct gate_release *release) {
    struct pin_round round = {release->documents, .document_count = release->document_count};
    const struct pin_set *set;
    const struct pin *pin;
    while ((pin = next_pin(&round, &set)) != NULL)
        if (is_asked(set, staging->work->forecast->question->from) && is_staged(staging->work, pin))
            add_staged(staging, pin);
}

static size_t count_pins(const struct forecast_answer *answer) {
    size_t count = 0;
    for (size_t i = 0; i < answer->line_count; i++) {
        struct pin_round round = {answer->lines[i].release->documents, .document_count = answer->lines[i].release->document_count};
        const struct pin_set *set;
        while (next_pin(&round, &set) != NULL)
            count++;
    }
    return count;
}

result forecast_find_staged(struct forecast_work *work) {
    struct forecast_answer *answer = work->answer;
    size_t rooms = count_pins(answer) + 1;
    struct staging staging = {.work = work, .last_seen = arena_take_array(work->scratch, rooms, sizeof *staging.last_seen)};
    answer->staged = arena_take_array(work->arena, rooms, sizeof *answer->staged);
    if (staging.last_seen == NULL || answer->staged == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < answer->line_count; i++) {
        enum forecast_state state = answer->lines[i].periods[0].state;
        if (state == FORECAST_NOT_LIVE || state == FORECAST_NOT_PINNED)
            continue;
        staging.release = answer->lines[i].release->release;
        staging.seen++;
        stage_release(&staging, answer->lines[i].release);
    }
    for (size_t i = 0; i < answer->staged_count; i++) {
        answer->staged[i].live_count = staging.seen;
        answer->staged[i].has_since = answer->staged[i].has_since && answer->staged[i].count == staging.seen;
    }
    return OK;
}

/* ---- events */

struct listing {
    struct forecast_work *work;
    struct forecast_event *items;
    size_t count, rooms;
    bool has_no_memory;
};

static void add_event(struct listing *listing, int64_t at, enum forecast_event_kind kind, const struct gate_release *release, const char *what) {
    listing->has_no_memory = listing->has_no_memory || what == NULL || listing->count == listing->rooms;
    if (!listing->has_no_memory)
        listing->items[listing->count++] = (struct forecast_event){.at = at, .kind = kind, .release = release, .what = what};
}

static bool is_ahead(const struct listing *listing, int64_t time) {
    const struct forecast_question *question = listing->work->forecast->question;
    return time > question->from && time <= question->until;
}

static void add_losses(struct listing *listing) {
    const struct forecast_answer *answer = listing->work->answer;
    for (size_t i = 0; i < answer->loss_count; i++) {
        const struct gate_release *release = answer->losses[i].line->release;
        const char *name = gate_release_name(release, listing->work->arena);
        add_event(listing, answer->losses[i].at, FORECAST_LOSES, release, name == NULL ? NULL : arena_printf(listing->work->arena, "%s: %s", name, answer->losses[i].why));
    }
}

static void add_doubts(struct listing *listing, const struct forecast_line *line, const char *name) {
    for (size_t i = 0; i < line->count && name != NULL; i++)
        if (line->periods[i].state == FORECAST_CANNOT_TELL)
            add_event(listing, line->periods[i].from, FORECAST_UNSURE, line->release, arena_printf(listing->work->arena, "%s: %s", name, line->periods[i].judgement.why));
}

static void add_dates(struct listing *listing, const struct forecast_line *line, const char *name) {
    const struct release *release = line->release->release;
    if (release != NULL && release->has_released_on && is_ahead(listing, release->released_on))
        add_event(listing, release->released_on, FORECAST_COMES_OUT, line->release, name);
    if (release != NULL && release->has_end_of_support && is_ahead(listing, release->end_of_support))
        add_event(listing, release->end_of_support, FORECAST_ENDS, line->release, name);
}

static bool is_told(const struct listing *listing, int64_t at, enum forecast_event_kind kind, const char *what) {
    for (size_t i = listing->count; i-- > 0;)
        if (listing->items[i].at == at && listing->items[i].kind == kind && strcmp(listing->items[i].what, what) == 0)
            return true;
    return false;
}

static void add_set(struct listing *listing, const struct forecast_line *line, const struct pin_set *set, const char *name) {
    struct arena *arena = listing->work->arena;
    if (set->has_expiry && is_ahead(listing, set->expires)) {
        const char *what = arena_printf(arena, "%s%s", name, set->is_expiry_local ? ", at midnight where the device is" : "");
        if (what == NULL || !is_told(listing, set->expires, FORECAST_PINS, what))
            add_event(listing, set->expires, FORECAST_PINS, line->release, what);
    }
}

static void add_pin(struct listing *listing, const struct pin *pin) {
    struct pin_holder holder;
    if (!pin_holder_find(pin, listing->work->forecast->question->extra, &holder) || !holder.has_end || !is_ahead(listing, forecast_after(holder.end)))
        return;
    const char *what = pin_holder_text(&holder, listing->work->arena);
    if (what == NULL || !is_told(listing, forecast_after(holder.end), FORECAST_CA, what))
        add_event(listing, forecast_after(holder.end), FORECAST_CA, NULL, what);
}

static void add_line(struct listing *listing, const struct forecast_line *line) {
    const char *name = gate_release_name(line->release, listing->work->arena);
    listing->has_no_memory = listing->has_no_memory || name == NULL;
    add_doubts(listing, line, name);
    add_dates(listing, line, name);
    for (size_t i = 0; i < line->release->document_count; i++)
        for (size_t k = 0; k < line->release->documents[i].set_count && !listing->has_no_memory; k++)
            add_set(listing, line, &line->release->documents[i].sets[k], name);
    struct pin_round round = {line->release->documents, .document_count = line->release->document_count};
    const struct pin_set *set;
    for (const struct pin *pin = next_pin(&round, &set); pin != NULL && !listing->has_no_memory; pin = next_pin(&round, &set))
        add_pin(listing, pin);
}

static void add_keys(struct listing *listing) {
    const struct forecast_work *work = listing->work;
    for (size_t i = 0; i < work->offer_count; i++) {
        const struct forecast_offer *offer = &work->offers[i];
        const struct forecast_key *key = offer->key;
        if (offer->is_renewal)
            continue;
        if (key->has_validity && offer->end == forecast_after(key->not_after) && is_ahead(listing, offer->end))
            add_event(listing, offer->end, FORECAST_CERTIFICATE, NULL, key->name);
        if (key->is_rotation && is_ahead(listing, key->from))
            add_event(listing, key->from, FORECAST_ROTATES, NULL, key->name);
    }
}

static int compare_events(const void *a, const void *b) {
    const struct forecast_event *one = a, *other = b;
    if (one->at != other->at)
        return one->at > other->at ? 1 : -1;
    return one->kind != other->kind ? (one->kind > other->kind) - (one->kind < other->kind) : strcmp(one->what, other->what);
}

static size_t count_events(const struct forecast_work *work) {
    const struct forecast_answer *answer = work->answer;
    size_t count = answer->loss_count + 2 * work->offer_count + count_pins(answer);
    for (size_t i = 0; i < answer->line_count; i++) {
        count += 2 + answer->lines[i].count;
        for (size_t k = 0; k < answer->lines[i].release->document_count; k++)
            count += answer->lines[i].release->documents[k].set_count;
    }
    return count;
}

result forecast_find_events(struct forecast_work *work) {
    struct listing listing = {.work = work, .rooms = count_events(work)};
    listing.items = arena_take_array(work->arena, listing.rooms + 1, sizeof *listing.items);
    if (listing.items == NULL)
        return &fault_no_memory;
    add_losses(&listing);
    for (size_t i = 0; i < work->answer->line_count; i++)
        add_line(&listing, &work->answer->lines[i]);
    add_keys(&listing);
    if (listing.has_no_memory)
        return &fault_no_memory;
    if (listing.count > 1)
        qsort(listing.items, listing.count, sizeof *listing.items, compare_events);
    work->answer->events = listing.items;
    work->answer->event_count = listing.count;
    return OK;
}
