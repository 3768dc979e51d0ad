/* One commit after the other: what was heard is taken in, and written down with everything that is told of it, in one transaction. A commit
 * that did not get through is sent again as it is. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "rules/caa_change.h"
#include "steps/caa_poller.h"

#define COMMIT_EVERY_MS 1000

struct caa_batch *caa_batch_new(void) {
    struct caa_batch *batch = memory_new(sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->arena = arena_new(CAA_BATCH_ARENA);
    if (batch->arena == NULL || store_caa_commit_new(&batch->commit) != OK) {
        caa_batch_free(batch);
        return NULL;
    }
    return batch;
}

/* References of sets have gone over to the owners, or go with the pool. */
void caa_batch_free(struct caa_batch *batch) {
    if (batch == NULL)
        return;
    store_caa_commit_free(batch->commit);
    memory_free(batch->answers);
    arena_free(batch->arena);
    memory_free(batch);
}

result caa_copy_of_set(struct caa_batch *batch, const struct caa_set *set, struct span *ret_copy) {
    *ret_copy = span_of(NULL, 0);
    if (set == NULL || caa_set_is_empty(set))
        return OK;
    uint8_t *copy = arena_copy(batch->arena, caa_set_span(set));
    *ret_copy = span_of(copy, copy == NULL ? 0 : set->size);
    return copy == NULL ? &fault_no_memory : OK;
}

void caa_batch_end(struct caa_batch *batch, const char *rule, const char *subject) {
    caa_batch_end_noted(batch, &(struct store_caa_condition){.rule = rule, .subject = subject}, "it is not asked about any more");
}

void caa_batch_end_noted(struct caa_batch *batch, const struct store_caa_condition *told, const char *note) {
    struct store_caa_condition_item item = {.rule = told->rule, .subject = told->subject, .fingerprint = "", .note = note};
    store_caa_add_condition(batch->commit, &item);
}

/* ---- one answer */

static result add_answer(struct caa_poller *poller, struct caa_batch *batch, const struct caa_waiting *heard, bool begins) {
    const struct caa_track *track = &heard->owner->slots[heard->resolver].track;
    struct store_caa_answer row = {.owner = heard->owner->name, .resolver = poller->resolvers[heard->resolver].name, .begins = begins,
                                   .answer = &heard->answer, .answered_ms = track->last_answered_ms, .first_true_ms = track->first_true_ms,
                                   .last_true_ms = track->last_true_ms, .interval_s = track->interval_s, .ttl_max_s = track->ttl_max_s};
    if (begins)
        TRY(caa_copy_of_set(batch, heard->set, &row.records));
    if (begins && heard->set == NULL && track->good != NULL) {
        row.has_good = true;
        row.good_outcome = caa_set_is_empty(track->good) ? CAA_EMPTY : CAA_RECORDS;
        row.good_ms = track->good_ms;
        TRY(caa_copy_of_set(batch, track->good, &row.good_records));
    }
    store_caa_add_answer(batch->commit, &row);
    return OK;
}

static result take_for_true(struct caa_poller *poller, struct caa_batch *batch, const struct caa_waiting *heard) {
    struct store_caa_answer row = {.owner = heard->owner->name, .resolver = poller->resolvers[heard->resolver].name, .answer = &heard->answer,
                                   .answered_ms = heard->answer.answered_ms};
    TRY(caa_copy_of_set(batch, heard->set, &row.records));
    store_caa_add_accepted(batch->commit, &row);
    heard->set->references++;
    caa_set_replace(poller->owners->sets, &heard->owner->accepted, heard->set);
    return OK;
}

static bool is_said_by_other(const struct caa_poller *poller, const struct caa_owner *owner, size_t resolver, const struct caa_set *set) {
    for (size_t i = 0; i < poller->resolver_count; i++)
        if (i != resolver && set != NULL && owner->slots[i].track.good == set)
            return true;
    return false;
}

static result take_transition(struct caa_poller *poller, struct caa_batch *batch, const struct caa_waiting *heard, struct caa_set *before) {
    struct caa_owner *owner = heard->owner;
    bool is_news = caa_transition_is_news(before, heard->set, owner->accepted, is_said_by_other(poller, owner, heard->resolver, owner->accepted));
    if (is_news)
        TRY(caa_tell_change(poller, batch, heard, before != NULL ? before : owner->accepted));
    for (struct caa_owner *at = owner; is_news && at != NULL; at = at->parent) /* sets of others may be relevant now, or no longer */
        at->wants_lint = true;
    return is_news || owner->accepted == NULL ? take_for_true(poller, batch, heard) : OK;
}

static enum caa_sample sample_of(const struct caa_waiting *heard, bool was_failing) {
    if (heard->is_refused)
        return CAA_SAMPLE_NONE;
    if (heard->answer.outcome != CAA_FAILED)
        return CAA_SAMPLE_GOOD; /* bogus: the resolver is well, the name is not */
    return was_failing ? CAA_SAMPLE_NONE : CAA_SAMPLE_FAILED;
}

static result take_answer(struct caa_poller *poller, struct caa_batch *batch, struct caa_waiting *heard, int64_t now_ms) {
    struct caa_owner *owner = heard->owner;
    struct caa_slot *slot = &owner->slots[heard->resolver];
    bool was_failing = slot->track.failures > 0;
    uint32_t ttl_max_before_s = slot->track.ttl_max_s;
    struct caa_step_taken taken = caa_track_take(&slot->track, (struct caa_heard){.answer = &heard->answer, .set = heard->set}, &poller->bounds);
    slot->is_asked = slot->is_probe = false;
    bool is_remarkable = taken.begins || owner->wants_lint || (ttl_max_before_s <= CAA_LINT_TTL_S && slot->track.ttl_max_s > CAA_LINT_TTL_S);
    result fault = add_answer(poller, batch, heard, taken.begins);
    if (fault == OK && taken.is_other)
        fault = take_transition(poller, batch, heard, taken.good_before);
    caa_set_unref(poller->owners->sets, taken.good_before);
    TRY(fault);
    if (caa_health_take(&poller->resolvers[heard->resolver].health, sample_of(heard, was_failing), heard->is_probe, now_ms))
        caa_health_changed(poller, heard->resolver, now_ms);
    TRY(caa_look_at_dispute(poller, owner, heard->answer.answered_ms));
    bool is_restless = caa_unrest_holds(owner->unrest, heard->answer.answered_ms);
    owner->wants_lint |= is_remarkable && is_restless; /* remarks about each of its states would be findings without end */
    if (is_remarkable && !is_restless)
        TRY(caa_look_at_lint(poller, batch, heard));
    if (slot->track.failures > 0)
        TRY(caa_ask_above(poller, owner, heard->resolver, now_ms));
    if (slot->track.failures >= CAA_TRIES || owner->is_unreachable)
        caa_make_dirty(poller, owner);
    int64_t since_ms = world_clock_time(&poller->monitor->clock, clock_wall_ms()) - heard->answer.answered_ms; /* in the batch; a clock that was set says nothing */
    int64_t spent_ms = since_ms < 0 || since_ms > 2 * COMMIT_EVERY_MS ? 0 : since_ms;
    return caa_owners_schedule(poller->owners, owner, heard->resolver, now_ms - spent_ms + caa_wait_ms(slot->track.wait_s, caa_random(poller)));
}

/* ---- the commit */

/* What the database refuses is heard as a failure, or not at all. */
static result take_as_it_may(struct caa_poller *poller, struct caa_batch *batch, struct caa_waiting *heard, int64_t now_ms) {
    enum caa_taking taking = caa_refusals_taking(poller, heard, now_ms);
    if (taking == CAA_TAKE)
        return take_answer(poller, batch, heard, now_ms);
    caa_set_unref(poller->owners->sets, heard->set);
    heard->set = NULL;
    if (taking == CAA_TAKE_NOTHING) {
        heard->owner->slots[heard->resolver].is_asked = heard->owner->slots[heard->resolver].is_probe = false;
        return caa_owners_schedule(poller->owners, heard->owner, heard->resolver, now_ms + caa_wait_ms(poller->bounds.most_s, caa_random(poller)));
    }
    int64_t answered_ms = heard->answer.answered_ms;
    heard->answer = caa_answer_failed(CAA_UNRECORDABLE, "the database refuses to record what it says");
    heard->answer.answered_ms = answered_ms;
    heard->is_refused = true;
    return take_answer(poller, batch, heard, now_ms);
}

static result take_all(struct caa_poller *poller, struct caa_batch *batch, int64_t now_ms) {
    uint64_t mark = memory_mark();
    for (size_t i = 0; i < batch->count; i++)
        TRY(take_as_it_may(poller, batch, &batch->answers[i], now_ms));
    TRY(caa_look_at_dirty(poller, batch));
    TRY(caa_look_at_resolvers(poller, batch, now_ms));
    return memory_mark() == mark ? OK : &fault_no_memory; /* a body may lack something */
}

result caa_commit_some(struct caa_poller *poller, int64_t now_ms) {
    if (poller->sending != NULL)
        return caa_send(poller, now_ms);
    bool is_full = poller->gathering->count >= CAA_BATCH_MAX / 2 || poller->gathering->bytes >= CAA_BATCH_BYTES;
    if (now_ms < poller->commit_due_ms && !is_full)
        return OK;
    poller->commit_due_ms = now_ms + COMMIT_EVERY_MS;
    struct caa_batch *next = caa_batch_new();
    if (next == NULL)
        return &fault_no_memory;
    poller->sending = poller->gathering;
    poller->gathering = next;
    result fault = take_all(poller, poller->sending, now_ms);
    if (fault != OK) {
        caa_reset(poller); /* half of it is taken in */
        return fault;
    }
    caa_refusals_filter(poller, poller->sending, now_ms);
    if (!store_caa_commit_is_empty(poller->sending->commit))
        return caa_send(poller, now_ms);
    caa_batch_free(TAKE(poller->sending));
    return OK;
}
