/* What lasts: names that cannot be resolved, resolvers that do not answer or contradict each other. Each is told while it does. */
#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "steps/caa_poller.h"

#define DIRTY_PER_COMMIT 200
#define PROBE_PAUSE_MS 10000

void caa_make_dirty(struct caa_poller *poller, struct caa_owner *owner) {
    if (owner->is_dirty)
        return;
    void *grown = memory_grow(poller->dirty, poller->dirty_count, &poller->dirty_room, sizeof(struct caa_owner *));
    if (grown == NULL)
        return; /* its next answer makes it dirty again */
    poller->dirty = grown;
    poller->dirty[poller->dirty_count++] = owner;
    owner->is_dirty = true;
}

static bool has_failed_long(const struct caa_owner *owner, size_t resolver) {
    return owner->slots[resolver].track.failures >= CAA_TRIES;
}

/* A resolver that may be down says nothing about names; among alternates one that answers is enough. */
static bool is_hard_to_reach(const struct caa_poller *poller, const struct caa_owner *owner) {
    size_t well = 0, failing = 0;
    for (size_t i = 0; i < poller->resolver_count; i++) {
        well += caa_track_is_good(&owner->slots[i].track);
        failing += has_failed_long(owner, i) && !caa_health_is_doubtful(&poller->resolvers[i].health);
    }
    return failing > 0 && !(poller->are_alternates && well > 0);
}

static json_t *said_by(const struct caa_poller *poller, const struct caa_owner *owner, size_t resolver, struct arena *arena) {
    const struct caa_track *track = &owner->slots[resolver].track;
    char since[RFC3339_SIZE], last[RFC3339_SIZE];
    text_of_time_ms(track->first_answered_ms, since);
    text_of_time_ms(track->last_answered_ms, last);
    json_t *item = json_object();
    json_object_set_new(item, "resolver", json_string(poller->resolvers[resolver].name));
    json_object_set_new(item, "outcome", json_string(track->has_run ? caa_outcome_name((enum caa_outcome) track->outcome) : "none"));
    json_object_set_new(item, "records", caa_track_is_good(track) ? caa_words_of_set(track->good, arena) : json_null());
    json_object_set_new(item, "since", json_string(track->has_run ? since : ""));
    json_object_set_new(item, "answered_at", json_string(track->has_run ? last : ""));
    json_object_set_new(item, "failures", json_integer(track->failures));
    json_object_set_new(item, "is_authenticated", json_boolean(track->is_authenticated));
    return item;
}

/* One line for each resolver, for people. */
static json_t *line_of(const struct caa_poller *poller, const struct caa_owner *owner, size_t resolver, struct arena *arena) {
    const struct caa_track *track = &owner->slots[resolver].track;
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(4096);
    buffer_printf(&text, "%s: ", poller->resolvers[resolver].name);
    if (!caa_track_is_good(track)) {
        buffer_printf(&text, "%s, %u tries in a row%s", track->has_run ? caa_outcome_name((enum caa_outcome) track->outcome) : "not asked yet", track->failures,
                      caa_refusals_has(poller, owner->name) ? " (it may answer: the database refuses to record what it says)" : "");
        return json_string(buffer_text(&text));
    }
    caa_words_add_set(&text, track->good, arena);
    return json_string(buffer_text(&text));
}

json_t *caa_body_about(const struct caa_poller *poller, const struct caa_owner *owner, const struct caa_concerned *concerned, struct arena *arena) {
    json_t *body = json_object(), *said = json_array(), *lines = json_array();
    for (size_t i = 0; i < poller->resolver_count; i++) {
        json_array_append_new(said, said_by(poller, owner, i, arena));
        json_array_append_new(lines, line_of(poller, owner, i, arena));
    }
    json_object_set_new(body, "owner", json_string(owner->name));
    json_object_set_new(body, "resolvers", said);
    json_object_set_new(body, "answers", lines);
    caa_words_of_concern(body, concerned);
    return body;
}

struct condition {
    const char *rule, *severity, *note;
    bool holds, passes_unknown;
};

/* *ret_count: how many tenants it concerns. */
static result set_condition(struct caa_poller *poller, struct caa_batch *batch, const struct caa_owner *owner, const struct condition *condition,
                            size_t *ret_count) {
    struct caa_question_of_concern question = {.owners = poller->owners, .watches = &poller->watches, .owner = owner,
                                               .resolver = caa_speaker(poller, owner), .passes_unknown = condition->passes_unknown,
                                               .now_ms = clock_wall_ms()};
    struct caa_concerned *list = NULL;
    *ret_count = 0;
    if (condition->holds)
        TRY(caa_concern_of(&question, batch->arena, &list, ret_count));
    struct store_caa_told *told = arena_take_array(batch->arena, *ret_count + 1, sizeof *told);
    const char *subject = arena_printf(batch->arena, "caa:%s", owner->name);
    if (told == NULL || subject == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < *ret_count; i++) {
        told[i] = (struct store_caa_told){.tenant_id = list[i].tenant_id, .severity = condition->severity};
        TRY(caa_words_finish(batch->arena, caa_body_about(poller, owner, &list[i], batch->arena), &told[i].body));
    }
    struct store_caa_condition_item item = {.rule = condition->rule, .subject = subject, .fingerprint = "", .note = condition->note,
                                            .told = told, .told_count = *ret_count};
    store_caa_add_condition(batch->commit, &item);
    return OK;
}

/* It failed with what is above it, and that is well again: it is asked again within seconds, as if for the first time. */
static result begin_anew(struct caa_poller *poller, struct caa_owner *owner) {
    for (size_t i = 0; i < poller->resolver_count; i++) {
        if (!has_failed_long(owner, i) || owner->parent->slots[i].track.failures > 0)
            continue;
        owner->slots[i].track.failures = 1;
        TRY(caa_owners_schedule(poller->owners, owner, i, clock_monotonic_ms() + (int64_t) (caa_random(poller) % 10000)));
    }
    return OK;
}

/* What is below is told with what is above it, and for itself once that is well again. */
static result look_below(struct caa_poller *poller, const struct caa_owner *owner) {
    for (struct caa_owner *child = owner->first_child; child != NULL; child = child->next) {
        if (!owner->is_unreachable && !child->is_unreachable)
            TRY(begin_anew(poller, child));
        if (child->is_unreachable || is_hard_to_reach(poller, child))
            caa_make_dirty(poller, child);
    }
    return OK;
}

/* Was what is above it asked since it began to fail, and does it neither waver nor is still told? */
static bool is_settled_above(const struct caa_owner *owner, size_t resolver) {
    const struct caa_track *above = owner->parent == NULL ? NULL : &owner->parent->slots[resolver].track;
    if (above == NULL || above->failures >= CAA_TRIES)
        return true;
    return above->failures == 0 && !owner->parent->is_unreachable && above->last_answered_ms >= owner->slots[resolver].track.first_answered_ms;
}

static bool may_be_told_above(const struct caa_poller *poller, const struct caa_owner *owner) {
    for (size_t i = 0; i < poller->resolver_count; i++)
        if (has_failed_long(owner, i) && !is_settled_above(owner, i))
            return true;
    return false;
}

result caa_ask_above(struct caa_poller *poller, struct caa_owner *owner, size_t resolver, int64_t now_ms) {
    if (is_settled_above(owner, resolver) || owner->parent->is_loading || owner->parent->slots[resolver].track.failures > 0)
        return OK;
    return caa_owners_schedule(poller->owners, owner->parent, resolver, now_ms);
}

static result look_at(struct caa_poller *poller, struct caa_batch *batch, struct caa_owner *owner) {
    bool holds = is_hard_to_reach(poller, owner) && !(owner->parent != NULL && is_hard_to_reach(poller, owner->parent));
    if (!owner->is_unreachable && (!holds || may_be_told_above(poller, owner))) /* its next answer makes it dirty again */
        return OK;
    struct condition condition = {.rule = "caa.unreachable", .severity = "warning", .holds = holds, .passes_unknown = true,
                                  .note = "it is answered again, or told with what is above it"};
    size_t count;
    TRY(set_condition(poller, batch, owner, &condition, &count));
    bool was_unreachable = owner->is_unreachable;
    owner->is_unreachable = count > 0;
    return owner->is_unreachable != was_unreachable ? look_below(poller, owner) : OK;
}

result caa_look_at_dirty(struct caa_poller *poller, struct caa_batch *batch) {
    for (size_t i = 0; i < DIRTY_PER_COMMIT && poller->dirty_count > 0; i++) {
        struct caa_owner *owner = poller->dirty[--poller->dirty_count];
        owner->is_dirty = false;
        TRY(look_at(poller, batch, owner));
        if (owner->split != NULL) {
            owner->split->is_dirty = true;
            TRY(caa_make_torn(poller, owner));
        }
    }
    return caa_tell_splits(poller, batch);
}

/* ---- resolvers */

static bool has_failed_at(const struct caa_owner *owner, size_t resolver) {
    return owner->slots[resolver].track.failures > 0;
}

/* Names that failed with a resolver that was down are asked again within seconds, as if for the first time. */
void caa_health_changed(struct caa_poller *poller, size_t resolver, int64_t now_ms) {
    struct caa_resolver *of = &poller->resolvers[resolver];
    log_say(LOG_WARNING, of->health.is_down ? "caa.resolver-down" : "caa.resolver-up", LOG_TEXT("resolver", of->name), LOG_TEXT("why", of->last_error));
    for (struct caa_owner *owner = caa_owners_next(poller->owners, NULL, NULL); owner != NULL; owner = caa_owners_next(poller->owners, owner, NULL)) {
        if (!owner->is_unreachable && !has_failed_at(owner, resolver))
            continue;
        caa_make_dirty(poller, owner);
        if (of->health.is_down || !has_failed_at(owner, resolver))
            continue;
        owner->slots[resolver].track.failures = 1;
        if (caa_owners_schedule(poller->owners, owner, resolver, now_ms + (int64_t) (caa_random(poller) % 10000)) != OK)
            return; /* it comes in its turn */
    }
}

static json_t *body_of_resolver(const struct caa_poller *poller, const struct caa_resolver *resolver) {
    char last[RFC3339_SIZE] = "";
    if (resolver->last_success_ms != 0)
        text_of_time_ms(resolver->last_success_ms, last);
    json_t *body = json_object();
    json_object_set_new(body, "resolver", json_string(resolver->name));
    json_object_set_new(body, "last_error", json_string(resolver->last_error));
    json_object_set_new(body, "last_answer_at", json_string(last));
    json_object_set_new(body, "names_count", json_integer((json_int_t) poller->owners->count));
    return body;
}

static result tell_resolver(struct caa_poller *poller, struct caa_batch *batch, struct caa_resolver *resolver, bool is_down) {
    struct store_caa_told told = {.tenant_id = 0, .severity = "warning"};
    const char *subject = arena_printf(batch->arena, "resolver:%s", resolver->name);
    if (subject == NULL)
        return &fault_no_memory;
    TRY(caa_words_finish(batch->arena, body_of_resolver(poller, resolver), &told.body));
    struct store_caa_condition_item item = {.rule = "caa.unreachable", .subject = subject, .fingerprint = "", .note = "the resolver answers again",
                                            .told = &told, .told_count = is_down};
    store_caa_add_condition(batch->commit, &item);
    resolver->is_told = is_down;
    return OK;
}

/* After three tries: sooner than the usual half minute only where everything is asked more often. */
static int64_t told_after_ms(const struct caa_poller *poller) {
    int64_t tries_ms = (int64_t) poller->bounds.least_s * CAA_TRIES * 1000;
    return tries_ms < CAA_DOWN_TOLD_AFTER_MS ? tries_ms : CAA_DOWN_TOLD_AFTER_MS;
}

static bool are_all_down(const struct caa_poller *poller) {
    for (size_t i = 0; i < poller->resolver_count; i++)
        if (!poller->resolvers[i].health.is_down)
            return false;
    return true;
}

result caa_look_at_resolvers(struct caa_poller *poller, struct caa_batch *batch, int64_t now_ms) {
    for (size_t i = 0; i < poller->resolver_count; i++) {
        struct caa_resolver *resolver = &poller->resolvers[i];
        bool is_down = resolver->health.is_down && now_ms - resolver->health.down_since_ms >= told_after_ms(poller) &&
                       (!poller->are_alternates || are_all_down(poller));
        if (caa_health_is_doubtful(&resolver->health) && !resolver->health.is_down && now_ms - resolver->probed_ms >= PROBE_PAUSE_MS)
            caa_probe(poller, i, now_ms);
        if (is_down != resolver->is_told && (is_down || !resolver->health.is_down || poller->are_alternates))
            TRY(tell_resolver(poller, batch, resolver, is_down));
    }
    return OK;
}
