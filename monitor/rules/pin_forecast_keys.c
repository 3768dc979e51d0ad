/* The keys that a host can serve at a time, who signs them, and what follows them. */
#include <stdlib.h>

#include "base/digest.h"
#include "base/memory.h"
#include "formats/certificate.h"
#include "rules/ca_edges.h"
#include "rules/pin_forecast_work.h"

#define SCRATCH_LIMIT ((size_t) 64 * 1024 * 1024)

enum { KEYS_ABOVE_MAX = 64 /* CA keys above one leaf; real ones have fewer than twenty */ };

static const char why_ca_is_over[] = "no certificate of the CA that signs is valid any more";
static const char nobody[] = "a key that nobody pins"; /* bytes that stand for one that is not made yet */

/* ---- times */

result forecast_times_make(const struct forecast_question *question, size_t rooms, struct arena *arena, struct forecast_times *ret_times) {
    *ret_times = (struct forecast_times){.rooms = rooms + 1, .from = question->from, .until = question->until};
    ret_times->items = arena_take_array(arena, rooms + 1, sizeof *ret_times->items);
    if (ret_times->items == NULL)
        return &fault_no_memory;
    ret_times->items[ret_times->count++] = question->from;
    return OK;
}

void forecast_times_add(struct forecast_times *times, int64_t time) {
    if (time > times->from && time <= times->until && times->count < times->rooms)
        times->items[times->count++] = time;
}

static int compare_times(const void *a, const void *b) {
    int64_t one = *(const int64_t *) a, other = *(const int64_t *) b;
    return (one > other) - (one < other);
}

void forecast_times_sort(struct forecast_times *times) {
    size_t kept = 1;
    qsort(times->items, times->count, sizeof *times->items, compare_times);
    for (size_t i = 1; i < times->count; i++)
        if (times->items[i] != times->items[kept - 1])
            times->items[kept++] = times->items[i];
    times->count = kept;
}

/* ---- who signs */

static bool is_edge_valid(const struct ca_edge *edge, int64_t time) {
    return edge->not_before <= time && time <= edge->not_after;
}

static bool has_valid_edge(const struct hash *key, int64_t time, bool *is_known) {
    size_t first = 0, count = ca_edges_of(key, &first);
    *is_known = *is_known || count > 0;
    for (size_t i = 0; i < count; i++) {
        struct ca_edge edge;
        ca_edge_at(first + i, &edge);
        if (is_edge_valid(&edge, time))
            return true;
    }
    return false;
}

/* Is some certificate of the key valid then? A key of which no certificate is known may have one. */
static bool is_ca_alive(const struct hash *key, const struct trust_question *way, int64_t time) {
    bool is_known = false;
    if (has_valid_edge(key, time, &is_known))
        return true;
    for (size_t i = 0; i < way->other_count; i++) {
        struct certificate certificate;
        struct hash hash;
        if (certificate_parse(way->others[i], &certificate) != OK)
            continue;
        digest_of(certificate.spki, &hash);
        if (!hash_equal(&hash, key) || !certificate.has_not_before || !certificate.has_not_after)
            continue;
        is_known = true;
        if (certificate.not_before <= time && time <= certificate.not_after)
            return true;
    }
    return !is_known;
}

static bool has_siblings(const struct hash *issuer, const struct ca_extra_rows *extra, int64_t time) {
    struct ca_row own, row;
    bool ignored = false;
    if (!ca_table_find(issuer, extra, &own) || own.kind != CA_INTERMEDIATE)
        return false;
    for (size_t i = 0; i < ca_table_size(); i++) {
        ca_table_row(i, &row);
        if (row.owner == own.owner && row.kind == CA_INTERMEDIATE && !hash_equal(&row.spki_sha256, issuer) && has_valid_edge(&row.spki_sha256, time, &ignored))
            return true;
    }
    return false;
}

static void add_parent(struct forecast_ca *ca, const struct hash *key) {
    for (size_t i = 0; i < ca->parent_count; i++)
        if (hash_equal(&ca->parents[i], key))
            return;
    if (ca->parent_count < FORECAST_PARENTS_MAX)
        ca->parents[ca->parent_count++] = *key;
}

static void look_at_paths(const struct trust_paths *paths, struct forecast_ca *ca) {
    for (size_t i = 0; i < paths->count; i++) {
        const struct pin_path *path = &paths->paths[i];
        if (path->count < 2)
            continue;
        ca->is_known = true;
        ca->issuer = path->links[1].spki_sha256;
        if (path->count > 2)
            add_parent(ca, &path->links[2].spki_sha256);
    }
}

/* CA keys above a leaf, as far as certificates of them are known. */
struct above {
    struct hash keys[KEYS_ABOVE_MAX];
    size_t count;
};

static void add_above(struct above *above, const struct hash *key) {
    for (size_t i = 0; i < above->count; i++)
        if (hash_equal(&above->keys[i], key))
            return;
    if (above->count < KEYS_ABOVE_MAX)
        above->keys[above->count++] = *key;
}

static void add_edges(struct above *above, struct forecast_times *times) {
    for (size_t k = 0; k < above->count; k++) {
        size_t first = 0, count = ca_edges_of(&above->keys[k], &first);
        for (size_t i = 0; i < count; i++) {
            struct ca_edge edge;
            ca_edge_at(first + i, &edge);
            forecast_times_add(times, edge.not_before);
            forecast_times_add(times, forecast_after(edge.not_after));
            if (edge.has_issuer && !edge.is_self_signed)
                add_above(above, &edge.issuer_spki_sha256);
        }
    }
}

static void add_given(const struct trust_question *way, struct above *above, struct forecast_times *times) {
    for (size_t i = 0; i < way->other_count; i++) {
        struct certificate certificate;
        struct hash key;
        if (certificate_parse(way->others[i], &certificate) != OK)
            continue;
        digest_of(certificate.spki, &key);
        add_above(above, &key);
        if (certificate.has_not_before)
            forecast_times_add(times, certificate.not_before);
        if (certificate.has_not_after)
            forecast_times_add(times, forecast_after(certificate.not_after));
    }
}

static result find_times(const struct forecast *forecast, const struct trust_question *way, struct forecast_ca *ca) {
    enum { TIMES_MAX = 1000 };
    struct above above = {.count = 0};
    struct forecast_times times;
    if (ca->is_known)
        add_above(&above, &ca->issuer);
    TRY(forecast_times_make(forecast->question, TIMES_MAX, forecast->arena, &times));
    add_given(way, &above, &times);
    add_edges(&above, &times);
    forecast_times_sort(&times);
    ca->times = times.items;
    ca->time_count = times.count;
    ca->above = arena_take_array(forecast->arena, above.count + 1, sizeof *ca->above);
    if (ca->above == NULL)
        return &fault_no_memory;
    memcpy(ca->above, above.keys, above.count * sizeof *ca->above);
    ca->above_count = above.count;
    return OK;
}

static result find_ca(const struct forecast *forecast, const struct forecast_key *key, struct arena *scratch, struct forecast_ca *ca) {
    const struct forecast_question *question = forecast->question;
    int64_t begin = key->is_rotation && key->from > question->from ? key->from : question->from;
    for (unsigned store = 0; store < trust_store_count; store++) {
        struct trust_question way = *key->way;
        struct trust_paths paths;
        if (!forecast->needs_store[store])
            continue;
        way.store = (enum trust_store) store;
        way.now = begin;
        TRY(trust_paths_find(&way, scratch, &paths));
        look_at_paths(&paths, ca);
    }
    if (ca->is_known)
        ca->has_siblings = has_siblings(&ca->issuer, question->extra, begin);
    return find_times(forecast, key->way, ca);
}

result forecast_find_cas(struct forecast *forecast) {
    const struct forecast_question *question = forecast->question;
    CLEANUP(arena_free_at) struct arena *scratch = arena_new(SCRATCH_LIMIT);
    forecast->cas = arena_take_array(forecast->arena, question->key_count + 1, sizeof *forecast->cas);
    if (scratch == NULL || forecast->cas == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < question->key_count; i++) {
        if (question->keys[i].way != NULL)
            TRY(find_ca(forecast, &question->keys[i], scratch, &forecast->cas[i]));
        arena_reset(scratch);
    }
    return OK;
}

/* ---- what can be served */

bool forecast_key_is_for(const struct forecast_key *key, const char *host) {
    const char *dot = strchr(host, '.');
    for (size_t i = 0; key->hosts != NULL && key->hosts[i] != NULL; i++) {
        const char *name = key->hosts[i];
        bool is_below = strncmp(name, "*.", 2) == 0 && dot != NULL && dot != host && strcmp(name + 1, dot) == 0;
        if (is_below || strcmp(name, host) == 0)
            return true;
    }
    return key->hosts == NULL;
}

/* The first rotation after one; INT64_MAX: none. */
static int64_t next_rotation(const struct forecast_work *work, int64_t after) {
    const struct forecast_answer *answer = work->answer;
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < answer->key_count; i++)
        if (answer->keys[i]->is_rotation && answer->keys[i]->from > after && answer->keys[i]->from < next)
            next = answer->keys[i]->from;
    return next;
}

static void add_offer(struct forecast_work *work, const struct forecast_offer *offer) {
    struct forecast_offer *room = &work->offers[work->offer_count];
    *room = *offer;
    work->offer_count++;
}

static struct pin_link renewed(const struct forecast_key *key, bool reuses_key) {
    struct pin_link link = {.spki = span_of_text(nobody), .certificate = span_of_text(nobody), .has_certificate_sha256 = true};
    if (reuses_key) {
        link.spki = key->link.spki;
        link.spki_sha256 = key->link.spki_sha256;
    }
    return link;
}

static void add_key(struct forecast_work *work, const struct forecast_key *key) {
    int64_t begin = key->is_rotation ? key->from : INT64_MIN, change = next_rotation(work, begin), end = change;
    if (key->has_validity) {
        begin = key->not_before > begin ? key->not_before : begin;
        end = forecast_after(key->not_after) < end ? forecast_after(key->not_after) : end;
    }
    if (!key->is_rotation && (!work->has_served || begin < work->first_served))
        work->first_served = begin;
    work->has_served = work->has_served || !key->is_rotation;
    add_offer(work, &(struct forecast_offer){.key = key, .begin = begin, .end = end, .link = key->link});
    if (key->has_validity)
        add_offer(work, &(struct forecast_offer){.key = key, .is_renewal = true, .begin = begin, .end = change, .link = renewed(key, work->forecast->question->reuses_keys)});
}

const struct forecast_ca *forecast_ca_of(const struct forecast *forecast, const struct forecast_key *key) {
    return &forecast->cas[key - forecast->question->keys];
}

static result find_eras(struct forecast_work *work) {
    size_t rooms = 0;
    for (size_t i = 0; i < work->answer->key_count; i++)
        rooms += forecast_ca_of(work->forecast, work->answer->keys[i])->time_count;
    TRY(forecast_times_make(work->forecast->question, rooms, work->scratch, &work->eras));
    for (size_t i = 0; i < work->answer->key_count; i++) {
        const struct forecast_ca *ca = forecast_ca_of(work->forecast, work->answer->keys[i]);
        for (size_t k = 0; k < ca->time_count; k++)
            forecast_times_add(&work->eras, ca->times[k]);
    }
    forecast_times_sort(&work->eras);
    return OK;
}

static result take_rooms(const struct forecast_work *work, struct forecast_offer *offer) {
    offer->questions = arena_take_array(work->scratch, work->eras.count, sizeof *offer->questions);
    offer->works = arena_take_array(work->scratch, work->eras.count, sizeof *offer->works);
    return offer->questions == NULL || offer->works == NULL ? &fault_no_memory : OK;
}

result forecast_make_offers(struct forecast_work *work) {
    const struct forecast_question *question = work->forecast->question;
    const struct forecast_key **keys = arena_take_array(work->arena, question->key_count + 1, sizeof *keys);
    if (keys == NULL)
        return &fault_no_memory;
    work->answer->keys = keys;
    for (size_t i = 0; i < question->key_count; i++)
        if (forecast_key_is_for(&question->keys[i], work->service->host))
            keys[work->answer->key_count++] = &question->keys[i];
    work->offers = arena_take_array(work->scratch, 2 * work->answer->key_count + 1, sizeof *work->offers);
    if (work->offers == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < work->answer->key_count; i++)
        add_key(work, keys[i]);
    TRY(find_eras(work));
    for (size_t i = 0; i < work->offer_count; i++)
        TRY(take_rooms(work, &work->offers[i]));
    work->nothing = (struct forecast_offer){.begin = INT64_MIN, .end = INT64_MAX, .link = renewed(NULL, false)};
    return take_rooms(work, &work->nothing);
}

/* ---- what is said about it */

/* Who signs what follows a key. `candidates` has room for all. */
static size_t ways_of_renewal(const struct forecast_offer *offer, const struct forecast_ca *ca, int64_t time, struct trust_question *candidates) {
    const struct trust_question model = {.leaf_spki = offer->link.spki, .leaf_spki_sha256 = &offer->link.spki_sha256, .leaf_certificate_sha256 = &offer->link.certificate_sha256,
                                         .others = offer->key->way->others, .other_count = offer->key->way->other_count, .extra = offer->key->way->extra};
    size_t count = 0;
    if (is_ca_alive(&ca->issuer, offer->key->way, time)) {
        candidates[count] = model;
        candidates[count++].issuer_spki_sha256 = &ca->issuer;
    }
    for (size_t i = 0; ca->has_siblings && i < ca->parent_count; i++)
        if (is_ca_alive(&ca->parents[i], offer->key->way, time)) {
            candidates[count] = model;
            candidates[count++].issuer_spki_sha256 = &ca->parents[i];
        }
    return count;
}

static result find_ways(const struct forecast_work *work, const struct forecast_offer *offer, int64_t time, struct gate_question *question) {
    const struct forecast_key *key = offer->key;
    if (key == NULL || key->way == NULL)
        return OK;
    const struct forecast_ca *ca = forecast_ca_of(work->forecast, key);
    struct trust_question *candidates = arena_take_array(work->scratch, ca->parent_count + 2, sizeof *candidates);
    if (candidates == NULL)
        return &fault_no_memory;
    question->candidates = candidates;
    if (offer->is_renewal && ca->is_known) {
        question->candidate_count = ways_of_renewal(offer, ca, time, candidates);
    } else if (!offer->is_renewal && (!ca->is_known || is_ca_alive(&ca->issuer, key->way, time))) {
        candidates[0] = *key->way;
        question->candidate_count = 1;
    }
    return OK;
}

static result begin_era(const struct forecast_work *work, struct forecast_offer *offer, size_t era) {
    const struct forecast_service *service = work->service;
    struct gate_question *question = &offer->questions[era];
    struct gate_work *gate = &offer->works[era];
    *question = (struct gate_question){.host = service->host, .port = service->port, .protocol = service->protocol, .is_smtp = service->port == 25 /* RFC 7672 1 */,
                                       .next = &offer->link, .extra = work->forecast->question->extra, .on = work->eras.items[era], .caa_why = ""};
    TRY(find_ways(work, offer, work->eras.items[era], question));
    size_t rooms = question->candidate_count * trust_store_count + 1;
    *gate = (struct gate_work){.arena = work->scratch, .paths = arena_take_array(work->scratch, rooms, sizeof *gate->paths),
                               .has_paths = arena_take_array(work->scratch, rooms, sizeof *gate->has_paths)};
    if (gate->paths == NULL || gate->has_paths == NULL)
        return &fault_no_memory;
    gate->question = question;
    return OK;
}

result forecast_ask(struct forecast_work *work, struct forecast_offer *offer, const struct gate_release *release, int64_t time, struct pin_judgement *ret_judgement) {
    struct gate_case one = {.release = release};
    size_t era = work->eras.count - 1;
    while (era > 0 && work->eras.items[era] > time)
        era--;
    if (offer->works[era].question == NULL)
        TRY(begin_era(work, offer, era));
    TRY(gate_judge_release(&offer->works[era], &one, time, ret_judgement));
    bool is_over = offer->key != NULL && offer->key->way != NULL && forecast_ca_of(work->forecast, offer->key)->is_known && offer->questions[era].candidate_count == 0;
    if (is_over && gate_acceptance_of(ret_judgement) == GATE_UNKNOWN && ret_judgement->why != gate_why_left_out) {
        ret_judgement->verdict = PIN_VERDICT_REFUSES;
        ret_judgement->why = why_ca_is_over;
    }
    return OK;
}
