#include "steps/caa_refusals.h"

#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "steps/caa_poller.h"

#define RULE "caa.unrecordable"
#define NAMES_TOLD 20
#define GONE_MS 60000
#define AGAIN_LEAST_MS 10000
#define HASH_BITS 64

/* ---- the list */

static struct caa_refused *find(struct caa_refusals *refusals, const char *name) {
    for (size_t i = 0; i < refusals->count; i++)
        if (strcmp(refusals->list[i].name, name) == 0)
            return &refusals->list[i];
    return NULL;
}

bool caa_refusals_has(const struct caa_poller *poller, const char *name) {
    return find((struct caa_refusals *) &poller->refusals, name) != NULL;
}

static void remove_at(struct caa_refusals *refusals, size_t at) {
    log_say(LOG_NOTICE, "caa.recordable", LOG_TEXT("name", refusals->list[at].name));
    memory_free(refusals->list[at].name);
    refusals->list[at] = refusals->list[--refusals->count];
    refusals->is_news = true;
}

/* Each trial that fails makes all names be read again: however many are refused, that happens about as often. */
static int64_t again_ms(const struct caa_poller *poller, int64_t now_ms) {
    int64_t most_ms = (int64_t) poller->bounds.most_s * 1000;
    return now_ms + (most_ms < AGAIN_LEAST_MS ? AGAIN_LEAST_MS : most_ms) * (int64_t) poller->refusals.count;
}

/* Takes `found` over. */
static void refuse(struct caa_poller *poller, struct caa_refused *found, int64_t now_ms) {
    struct caa_refusals *refusals = &poller->refusals;
    struct caa_refused *known = find(refusals, found->name);
    log_say(LOG_WARNING, RULE, LOG_TEXT("name", found->name), LOG_TEXT("why", found->why.text));
    refusals->is_news = true;
    if (known == NULL && refusals->count == 0)
        refusals->since_wall_ms = clock_wall_ms();
    if (known == NULL) { /* there is room: see give_up_of */
        known = &refusals->list[refusals->count++];
        *known = (struct caa_refused){.name = TAKE(found->name)};
    } else if (!known->is_on_trial) {
        known->is_mute = true;
    }
    memory_free(TAKE(found->name));
    known->why = found->why;
    known->is_on_trial = false;
    known->again_ms = again_ms(poller, now_ms);
}

enum caa_taking caa_refusals_taking(struct caa_poller *poller, const struct caa_waiting *heard, int64_t now_ms) {
    struct caa_refused *known = poller->refusals.count == 0 ? NULL : find(&poller->refusals, heard->owner->name);
    if (known == NULL || now_ms >= known->again_ms)
        return CAA_TAKE;
    return known->is_mute ? CAA_TAKE_NOTHING : CAA_TAKE_AS_FAILED;
}

void caa_refusals_filter(struct caa_poller *poller, struct caa_batch *batch, int64_t now_ms) {
    for (size_t i = 0; i < poller->refusals.count; i++) {
        struct caa_refused *known = &poller->refusals.list[i];
        bool is_due = now_ms >= known->again_ms;
        known->is_on_trial = is_due && store_caa_commit_is_about(batch->commit, known->name);
        if (!is_due && known->is_mute)
            store_caa_commit_drop(batch->commit, known->name);
    }
}

/* Recorded: those on trial are well again. */
static void acquit(struct caa_refusals *refusals) {
    for (size_t i = refusals->count; i-- > 0;)
        if (refusals->list[i].is_on_trial)
            remove_at(refusals, i);
}

/* ---- sending */

static void forget_part(struct caa_refusals *refusals) {
    store_caa_commit_free(TAKE(refusals->part));
    refusals->is_unsure = false;
}

void caa_refusals_forget_parts(struct caa_poller *poller) {
    struct caa_refusals *refusals = &poller->refusals;
    forget_part(refusals);
    for (size_t i = 0; i < refusals->found_count; i++)
        memory_free(TAKE(refusals->found[i].name));
    refusals->found_count = refusals->part_count = 0;
    refusals->is_split = refusals->is_probed = false;
    refusals->quiet_ms = clock_monotonic_ms();
}

void caa_refusals_forget(struct caa_poller *poller) {
    caa_refusals_forget_parts(poller);
    for (size_t i = 0; i < poller->refusals.count; i++)
        memory_free(TAKE(poller->refusals.list[i].name));
    poller->refusals = (struct caa_refusals){.quiet_ms = clock_monotonic_ms()};
}

static bool is_passing(result fault) {
    return fault->family == FAULT_RETRY && fault != &fault_no_memory;
}

/* The database's word that it will never take this. */
static bool is_refusal(result fault) {
    return !is_passing(fault) && fault != &fault_no_memory && fault != &fault_store_lease_lost && fault != &fault_store_position;
}

static result begin_anew(struct caa_poller *poller, result fault) {
    const char *why = store_why(poller->monitor->store)->text;
    log_say(LOG_NOTICE, "caa.begun-anew", LOG_TEXT("why", why), LOG_FAULT(fault));
    if (fault != &fault_store_lease_lost)
        caa_trouble_note(poller->monitor, why[0] != '\0' ? why : fault->wrong);
    caa_reset(poller);
    poller->refusals.awaits_commit = true;
    return fault == &fault_store_position ? OK : fault;
}

/* One commit; the lease counts those that came through. */
static result send_one(struct caa_poller *poller, struct store_caa_commit *commit) {
    result fault = store_caa_commit_send(poller->monitor->store, &poller->lease, commit, clock_wall_ms());
    poller->lease.commits += fault == OK;
    poller->refusals.awaits_commit &= fault != OK;
    poller->refusals.is_unsure = fault != OK && (poller->refusals.is_unsure || fault == &fault_store_unreachable);
    return fault;
}

static void put_halves(struct caa_refusals *refusals, struct store_caa_part whole) {
    for (uint64_t bit = 0; bit < 2; bit++)
        refusals->parts[refusals->part_count++] = (struct store_caa_part){.depth = whole.depth + 1, .bits = whole.bits | bit << whole.depth};
}

/* Where a commit with nothing in it is refused as well, it is not for what the other one holds. */
static result probe(struct caa_poller *poller) {
    struct caa_refusals *refusals = &poller->refusals;
    if (refusals->part == NULL)
        TRY(store_caa_commit_new(&refusals->part));
    bool awaits_commit = refusals->awaits_commit;
    TRY(send_one(poller, refusals->part));
    forget_part(refusals);
    refusals->awaits_commit = awaits_commit;
    refusals->is_probed = true;
    put_halves(refusals, (struct store_caa_part){0});
    return OK;
}

/* False: no memory for it, or so many are refused that it is not the names. */
static bool note_found(struct caa_poller *poller, const char *owner) {
    struct caa_refusals *refusals = &poller->refusals;
    size_t size = strlen(owner) + 1;
    if (refusals->found_count == CAA_REFUSED_PER_COMMIT || refusals->count + refusals->found_count >= CAA_REFUSED_MAX)
        return false;
    struct caa_refused *found = &refusals->found[refusals->found_count];
    *found = (struct caa_refused){.name = memory_new(size), .why = *store_why(poller->monitor->store)};
    if (found->name == NULL)
        return false;
    memcpy(found->name, owner, size);
    refusals->found_count++;
    return true;
}

/* The next part; where it is refused, its halves come next, or the name that it is about is found. */
static result send_part(struct caa_poller *poller) {
    struct caa_refusals *refusals = &poller->refusals;
    struct store_caa_part at = refusals->parts[refusals->part_count - 1];
    const char *owner;
    if (refusals->part == NULL)
        TRY(store_caa_commit_part(poller->sending->commit, at, &refusals->part));
    unsigned owners = store_caa_commit_owners(refusals->part, &owner);
    result fault = owners == 0 ? OK : send_one(poller, refusals->part);
    if (fault != OK && (!is_refusal(fault) || refusals->is_unsure))
        return fault;
    if (fault != OK && (owners == 1 || at.depth == HASH_BITS) && !note_found(poller, owner))
        return fault;
    refusals->part_count--;
    if (fault != OK && owners > 1 && at.depth < HASH_BITS)
        put_halves(refusals, at);
    forget_part(refusals);
    return OK;
}

/* Everything else is recorded; what is in memory of the names found is not: it is read again. */
static void end_parts(struct caa_poller *poller, int64_t now_ms) {
    struct caa_refusals *refusals = &poller->refusals;
    for (size_t i = 0; i < refusals->found_count; i++)
        refuse(poller, &refusals->found[i], now_ms);
    refusals->found_count = 0;
    acquit(refusals);
    caa_reset(poller);
}

static result send_parts(struct caa_poller *poller, int64_t now_ms) {
    struct caa_refusals *refusals = &poller->refusals;
    result fault = refusals->is_probed ? send_part(poller) : probe(poller);
    if (fault != OK)
        return is_passing(fault) ? fault : begin_anew(poller, fault);
    if (refusals->part_count == 0)
        end_parts(poller, now_ms);
    return OK;
}

result caa_send(struct caa_poller *poller, int64_t now_ms) {
    struct caa_refusals *refusals = &poller->refusals;
    if (refusals->is_split)
        return send_parts(poller, now_ms);
    result fault = send_one(poller, poller->sending->commit);
    if (fault == OK) {
        acquit(refusals);
        caa_batch_free(TAKE(poller->sending));
        return OK;
    }
    if (is_passing(fault))
        return fault;
    if (!is_refusal(fault) || refusals->is_unsure)
        return begin_anew(poller, fault);
    log_say(LOG_NOTICE, "caa.commit-refused", LOG_TEXT("why", store_why(poller->monitor->store)->text), LOG_TEXT("effect", "it is sent in parts"),
            LOG_FAULT(fault));
    refusals->is_split = true;
    return OK;
}

/* ---- what is told */

static result tell(struct caa_poller *poller, bool is_over) {
    const struct caa_refusals *refusals = &poller->refusals;
    json_t *names = json_array(), *reasons = json_array();
    char since[RFC3339_SIZE];
    text_of_time_ms(refusals->since_wall_ms, since);
    for (size_t i = 0; i < refusals->count && i < NAMES_TOLD; i++) {
        json_array_append_new(names, json_string(refusals->list[i].name));
        json_array_append_new(reasons, json_string(refusals->list[i].why.text));
    }
    json_t *evidence = json_pack("{s:o, s:I, s:o, s:s}", "names", names, "names_count", (json_int_t) refusals->count, "reasons", reasons, "since", since);
    char *text = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    json_decref(evidence);
    if (text == NULL)
        return &fault_no_memory;
    struct log_event event = {.rule = RULE, .is_over = is_over, .detail = "", .evidence = is_over ? "{}" : text, .now_ms = clock_wall_ms()};
    result fault = monitor_tell(poller->monitor, NULL, &event);
    memory_free_foreign(text);
    return fault;
}

/* Names that nobody asks about any more are not tried again. */
static void drop_gone(struct caa_poller *poller, int64_t now_ms) {
    struct caa_refusals *refusals = &poller->refusals;
    for (size_t i = refusals->count; i-- > 0;)
        if (now_ms - refusals->list[i].again_ms > (int64_t) poller->bounds.most_s * 2000 + GONE_MS &&
            caa_owners_find(poller->owners, refusals->list[i].name) == NULL)
            remove_at(refusals, i);
}

/* What an earlier process told may hold until every name was asked again. */
static bool is_quiet(const struct caa_poller *poller, int64_t now_ms) {
    return poller->refusals.told != TOLD_UNKNOWN || now_ms - poller->refusals.quiet_ms > (int64_t) poller->bounds.most_s * 2000 + GONE_MS;
}

result caa_refusals_look(struct caa_poller *poller, int64_t now_ms) {
    struct caa_refusals *refusals = &poller->refusals;
    if (poller->owners == NULL || !poller->is_ready)
        return OK;
    drop_gone(poller, now_ms);
    bool is_over = refusals->count == 0;
    if (is_over ? refusals->told == TOLD_OVER || !is_quiet(poller, now_ms) : refusals->told == TOLD_OPEN && !refusals->is_news)
        return OK;
    TRY(tell(poller, is_over));
    refusals->told = is_over ? TOLD_OVER : TOLD_OPEN;
    refusals->is_news = false;
    return OK;
}
