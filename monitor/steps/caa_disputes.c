/* Resolvers that disagree: one finding for the names of one zone about which they say the same different things, however many these are. */
#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/caa_poller.h"

#define RULE "caa.disagreement"
#define SUBJECT_SIZE (DNS_NAME_TEXT_SIZE + CAA_SPLIT_ID_SIZE + 8)

static void subject_of(const struct caa_split *split, char ret_subject[SUBJECT_SIZE]) {
    snprintf(ret_subject, SUBJECT_SIZE, "caa:%s:%s", split->zone->name, split->id);
}

static void id_of(const struct caa_poller *poller, const struct caa_owner *owner, char ret_id[CAA_SPLIT_ID_SIZE]) {
    const char *names[CAA_RESOLVERS_MAX];
    for (size_t i = 0; i < poller->resolver_count; i++)
        names[i] = poller->resolvers[i].name;
    caa_split_id(owner, names, poller->resolver_count, ret_id);
}

result caa_make_torn(struct caa_poller *poller, struct caa_owner *owner) {
    struct caa_owner *zone = caa_zone_of(owner);
    if (zone->is_torn)
        return OK;
    void *grown = memory_grow(poller->torn, poller->torn_count, &poller->torn_room, sizeof(struct caa_owner *));
    if (grown == NULL)
        return &fault_no_memory;
    poller->torn = grown;
    poller->torn[poller->torn_count++] = zone;
    zone->is_torn = true;
    return OK;
}

static result move(struct caa_poller *poller, struct caa_owner *owner) {
    char id[CAA_SPLIT_ID_SIZE];
    log_say(LOG_NOTICE, owner->dispute.is_open ? RULE : "caa.agreement", LOG_TEXT("owner", owner->name));
    if (owner->dispute.is_open) {
        id_of(poller, owner, id);
        TRY(caa_split_join(poller->owners, owner, id));
    } else {
        caa_split_leave(owner);
    }
    return caa_make_torn(poller, owner);
}

/* Records that do not come to rest are told as that: each state of them would be another disagreement. */
result caa_look_at_dispute(struct caa_poller *poller, struct caa_owner *owner, int64_t wall_ms) {
    const struct caa_track *tracks[CAA_RESOLVERS_MAX];
    bool was_open = owner->dispute.is_open, is_restless = caa_unrest_holds(owner->unrest, wall_ms);
    if (is_restless && !was_open)
        return OK;
    for (size_t i = 0; i < poller->resolver_count; i++)
        tracks[i] = &owner->slots[i].track;
    owner->dispute.is_other = !is_restless && !caa_split_fits(owner, poller->resolver_count);
    return caa_dispute_look(&owner->dispute, tracks, poller->resolver_count, poller->bounds.most_s) ? move(poller, owner) : OK;
}

/* ---- what is told */

static result questions_of(const struct caa_poller *poller, const struct caa_split *split, struct arena *arena, struct caa_question_of_concern **ret_questions,
                           size_t *ret_count) {
    struct caa_question_of_concern *questions = arena_take_array(arena, split->count + 1, sizeof *questions);
    size_t count = 0;
    int64_t now_ms = clock_wall_ms();
    if (questions == NULL)
        return &fault_no_memory;
    for (const struct caa_owner *at = split->zone; at != NULL && count < split->count; at = caa_owners_next(poller->owners, at, split->zone))
        if (at->split == split)
            questions[count++] = (struct caa_question_of_concern){
                .owners = poller->owners, .watches = &poller->watches, .owner = at, .resolver = caa_speaker(poller, at), .now_ms = now_ms};
    *ret_questions = questions;
    *ret_count = count;
    return OK;
}

/* Each tenant hears of the names alone that are its own concern. */
static json_t *body_of(const struct caa_poller *poller, const struct caa_split *split, const struct caa_concerned *concerned, struct arena *arena) {
    json_t *body = caa_body_about(poller, concerned->owners[0], concerned, arena), *owners = json_array();
    for (size_t i = 0; i < concerned->owner_count && i < CAA_NAMES_TOLD; i++)
        json_array_append_new(owners, json_string(concerned->owners[i]->name));
    if (concerned->owner_count > 1)
        json_object_set_new(body, "owner", json_string(split->zone->name));
    json_object_set_new(body, "owners", owners);
    json_object_set_new(body, "owners_count", json_integer((json_int_t) concerned->owner_count));
    json_object_set_new(body, "is_rest", json_boolean(split->is_rest));
    return body;
}

static result tell(struct caa_poller *poller, struct caa_batch *batch, const struct caa_split *split) {
    char subject[SUBJECT_SIZE];
    struct caa_concerned *list = NULL;
    struct caa_question_of_concern *questions;
    size_t count = 0, question_count;
    CLEANUP(arena_free_at) struct arena *scratch = arena_new(CAA_LOAD_ARENA);
    if (scratch == NULL)
        return &fault_no_memory;
    TRY(questions_of(poller, split, scratch, &questions, &question_count));
    if (question_count > 0)
        TRY(caa_concern_of_all(questions, question_count, scratch, &list, &count));
    struct store_caa_told *told = arena_take_array(batch->arena, count + 1, sizeof *told);
    if (told == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        told[i] = (struct store_caa_told){.tenant_id = list[i].tenant_id, .severity = "warning"};
        TRY(caa_words_finish(batch->arena, body_of(poller, split, &list[i], batch->arena), &told[i].body));
    }
    subject_of(split, subject);
    struct store_caa_condition_item item = {.rule = RULE, .subject = subject, .fingerprint = "", .told = told, .told_count = count,
                                            .note = "the resolvers agree, or say other things now"};
    store_caa_add_condition(batch->commit, &item);
    return OK;
}

result caa_tell_splits(struct caa_poller *poller, struct caa_batch *batch) {
    for (; poller->torn_count > 0; poller->torn_count--) {
        struct caa_owner *zone = poller->torn[poller->torn_count - 1];
        zone->is_torn = false;
        for (struct caa_split *split = zone->splits, *next; split != NULL; split = next) {
            next = split->next;
            if (split->is_dirty)
                TRY(tell(poller, batch, split));
            split->is_dirty = false;
            if (split->count == 0)
                caa_split_remove(poller->owners, split);
        }
    }
    return OK;
}

/* ---- coming and going */

static void take_out_of_torn(struct caa_poller *poller, struct caa_owner *owner) {
    size_t place = 0;
    while (place < poller->torn_count && poller->torn[place] != owner)
        place++;
    if (place < poller->torn_count)
        poller->torn[place] = poller->torn[--poller->torn_count];
    owner->is_torn = false;
}

void caa_leave_split(struct caa_poller *poller, struct caa_owner *owner) {
    struct caa_split *split = owner->split;
    char subject[SUBJECT_SIZE];
    caa_split_leave(owner);
    if (split != NULL && split->count > 0 && caa_make_torn(poller, owner) != OK)
        log_say(LOG_WARNING, "caa.not-told", LOG_TEXT("owner", owner->name), LOG_TEXT("effect", "a disagreement counts it for some time more"));
    if (owner->is_torn) /* a zone goes when nobody is left in it */
        take_out_of_torn(poller, owner);
    if (split == NULL || split->count > 0)
        return;
    subject_of(split, subject);
    caa_batch_end(poller->gathering, RULE, subject);
    caa_split_remove(poller->owners, split);
}

/* It disagrees still, as was told: no time has to pass before that is told on. */
static result take_up(struct caa_poller *poller, struct caa_owner *owner, const char *id) {
    TRY(caa_split_join(poller->owners, owner, id));
    owner->dispute.is_open = true;
    return caa_make_torn(poller, owner);
}

/* Told by its own name, as it was before disagreements were told by zone: goes on as one of its zone. */
static result take_single(struct caa_poller *poller, const char *name) {
    struct caa_owner *owner = caa_owners_find(poller->owners, name);
    char id[CAA_SPLIT_ID_SIZE];
    if (owner == NULL || owner->split != NULL || !caa_owner_is_split(owner, poller->resolver_count))
        return OK;
    id_of(poller, owner, id);
    return take_up(poller, owner, id);
}

result caa_take_split(struct caa_poller *poller, const char *subject, bool *ret_holds) {
    const char *name = subject + strlen("caa:"), *id = strrchr(name, ':');
    char zone_name[DNS_NAME_TEXT_SIZE], own[CAA_SPLIT_ID_SIZE];
    *ret_holds = false;
    if (id == NULL)
        return take_single(poller, name);
    if ((size_t) (id - name) >= sizeof zone_name)
        return OK;
    snprintf(zone_name, sizeof zone_name, "%.*s", (int) (id++ - name), name);
    struct caa_owner *zone = caa_owners_find(poller->owners, zone_name);
    bool is_rest = strcmp(id, CAA_SPLIT_REST_ID) == 0;
    for (struct caa_owner *at = zone; at != NULL; at = caa_owners_next(poller->owners, at, zone)) {
        if (at->split != NULL || caa_zone_of(at) != zone || !caa_owner_is_split(at, poller->resolver_count))
            continue;
        id_of(poller, at, own);
        if (!is_rest && strcmp(own, id) != 0)
            continue;
        TRY(take_up(poller, at, id));
        *ret_holds = true;
    }
    return OK;
}
