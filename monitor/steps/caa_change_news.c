/* A change of a relevant set, told once to everybody whose names it is the relevant set of. */
#include <inttypes.h>
#include <jansson.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "rules/caa_change.h"
#include "steps/caa_poller.h"

struct change {
    const struct caa_waiting *heard;
    struct caa_set *before, *relevant_before, *relevant_after;
    const struct caa_owner *before_at, *after_at;
    struct caa_difference plain, wildcard;
};

static const char *dnssec_of(const struct caa_answer *answer) {
    return !answer->is_from_validator ? "unknown" : answer->is_authenticated ? "secure" : "insecure";
}

static json_t *body_of(const struct caa_poller *poller, const struct change *change, const struct caa_concerned *concerned, struct arena *arena) {
    char at[RFC3339_SIZE];
    text_of_time_ms(change->heard->answer.answered_ms, at);
    json_t *body = json_object();
    json_object_set_new(body, "owner", json_string(change->heard->owner->name));
    json_object_set_new(body, "resolver", json_string(poller->resolvers[change->heard->resolver].name));
    json_object_set_new(body, "dnssec", json_string(dnssec_of(&change->heard->answer)));
    json_object_set_new(body, "changed_at", json_string(at));
    json_object_set_new(body, "before", caa_words_of_set(change->relevant_before, arena));
    json_object_set_new(body, "after", caa_words_of_set(change->relevant_after, arena));
    json_object_set_new(body, "before_at", change->before_at == NULL ? json_null() : json_string(change->before_at->name));
    json_object_set_new(body, "after_at", change->after_at == NULL ? json_null() : json_string(change->after_at->name));
    json_object_set_new(body, "gained", caa_words_of_issuers(&change->plain.gained));
    json_object_set_new(body, "lost", caa_words_of_issuers(&change->plain.lost));
    json_object_set_new(body, "wildcard_gained", caa_words_of_issuers(&change->wildcard.gained));
    json_object_set_new(body, "wildcard_lost", caa_words_of_issuers(&change->wildcard.lost));
    caa_words_of_concern(body, concerned);
    return body;
}

/* ---- where changes do not end */

/* One line for each, for people. */
static json_t *sets_of(const struct caa_unrest *unrest, struct arena *arena) {
    json_t *list = json_array();
    for (size_t i = 0; i < unrest->seen_count; i++) {
        CLEANUP(buffer_done) struct buffer text = buffer_with_limit(4096);
        char last[RFC3339_SIZE];
        caa_words_add_set(&text, unrest->seen[i].set, arena);
        text_of_time_ms(unrest->seen[i].last_ms, last);
        json_array_append_new(list, json_sprintf("%s (%" PRId64 " times, last from %s)", buffer_text(&text), unrest->seen[i].times, last));
    }
    return list;
}

static json_t *body_of_unrest(const struct change *change, const struct caa_unrest *unrest, const struct caa_concerned *concerned, struct arena *arena) {
    char since[RFC3339_SIZE], last[RFC3339_SIZE];
    text_of_time_ms(unrest->since_ms, since);
    text_of_time_ms(unrest->last_ms, last);
    json_t *body = json_object(), *issuers = json_array();
    for (size_t i = 0; i < unrest->right_count; i++)
        if (unrest->rights[i].tenant_id == concerned->tenant_id && !unrest->rights[i].is_for_wildcard)
            json_array_append_new(issuers, json_string(unrest->rights[i].domain[0] == '\0' ? "any CA" : unrest->rights[i].domain));
    json_object_set_new(body, "owner", json_string(change->heard->owner->name));
    json_object_set_new(body, "since", json_string(since));
    json_object_set_new(body, "last_change_at", json_string(last));
    json_object_set_new(body, "changes_count", json_integer((json_int_t) unrest->changes));
    json_object_set_new(body, "records", sets_of(unrest, arena));
    json_object_set_new(body, "permitted", issuers);
    caa_words_of_concern(body, concerned);
    return body;
}

/* ---- who is told */

static const char *const tellings[] = {[CAA_TOLD_ALONE] = "alone", [CAA_TOLD_TOGETHER] = "together", [CAA_TOLD_UNHEARD] = "unheard"};

static result tell_one(const struct caa_poller *poller, struct arena *arena, const struct change *change, const struct caa_concerned *concerned,
                       struct store_caa_told *ret_told) {
    struct caa_unrest *unrest = change->heard->owner->unrest;
    bool gains = caa_gains(&change->plain.gained) || caa_gains(&change->wildcard.gained);
    struct caa_gain gain = {.tenant_id = concerned->tenant_id, .plain = &change->plain.gained, .wildcard = &change->wildcard.gained, .extra = &poller->monitor->extra};
    enum caa_telling telling;
    TRY(caa_unrest_tell(unrest, &gain, &telling));
    *ret_told = (struct store_caa_told){.tenant_id = concerned->tenant_id, .severity = gains ? "warning" : "notice", .telling = tellings[telling]};
    TRY(caa_words_finish(arena, body_of(poller, change, concerned, arena), &ret_told->body));
    return unrest->is_restless ? caa_words_finish(arena, body_of_unrest(change, unrest, concerned, arena), &ret_told->restless) : OK;
}

static result make_told(const struct caa_poller *poller, struct caa_batch *batch, const struct change *change, const struct caa_concerned *list,
                        size_t count, struct store_caa_told **ret_told) {
    struct store_caa_told *told = arena_take_array(batch->arena, count + 1, sizeof *told);
    if (told == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        TRY(tell_one(poller, batch->arena, change, &list[i], &told[i]));
    *ret_told = told;
    return OK;
}

static enum caa_outcome outcome_of(const struct caa_set *set) {
    return caa_set_is_empty(set) ? CAA_EMPTY : CAA_RECORDS;
}

static result send_change(struct caa_poller *poller, struct caa_batch *batch, const struct change *change, const struct store_caa_told *told, size_t count) {
    struct store_caa_change_item item = {
        .owner = change->heard->owner->name, .resolver = poller->resolvers[change->heard->resolver].name, .at_ms = change->heard->answer.answered_ms,
        .before_outcome = outcome_of(change->before), .after_outcome = outcome_of(change->heard->set), .gained = &change->plain.gained,
        .wildcard_gained = &change->wildcard.gained, .unrest = change->heard->owner->unrest, .told = told, .told_count = count};
    TRY(caa_copy_of_set(batch, change->before, &item.before));
    TRY(caa_copy_of_set(batch, change->heard->set, &item.after));
    store_caa_add_change(batch->commit, &item);
    return OK;
}

result caa_know_unrest(struct caa_poller *poller, struct caa_owner *owner) {
    struct caa_sets *sets = poller->owners->sets;
    if (owner->unrest != NULL)
        return OK;
    struct caa_unrest *unrest = caa_unrest_new();
    result fault = unrest == NULL ? &fault_no_memory : store_caa_unrest_load(poller->monitor->store, owner->name, sets, &poller->monitor->extra, unrest);
    if (fault != OK)
        caa_unrest_free(unrest, sets);
    TRY(fault);
    owner->unrest = unrest;
    return OK;
}

/* It counts from the first change on that somebody is told of. */
static result count_change(struct caa_poller *poller, const struct caa_waiting *heard) {
    struct caa_sets *sets = poller->owners->sets;
    struct caa_owner *owner = heard->owner;
    int64_t now_ms = heard->answer.answered_ms;
    TRY(caa_know_unrest(poller, owner));
    bool was_restless = caa_unrest_holds(owner->unrest, now_ms);
    caa_unrest_take(owner->unrest, sets, now_ms);
    heard->set->references++;
    caa_unrest_see(owner->unrest, sets, (struct caa_seen){.set = heard->set, .times = 1, .last_ms = now_ms});
    if (!was_restless && owner->unrest->is_restless)
        log_say(LOG_WARNING, "caa.restless", LOG_TEXT("owner", owner->name), LOG_NUMBER("changes", owner->unrest->changes));
    return OK;
}

result caa_tell_change(struct caa_poller *poller, struct caa_batch *batch, const struct caa_waiting *heard, struct caa_set *before) {
    struct change change = {.heard = heard, .before = before};
    change.relevant_before = caa_relevant_from(heard->owner, before, heard->resolver, poller->none, &change.before_at);
    change.relevant_after = caa_relevant_from(heard->owner, heard->set, heard->resolver, poller->none, &change.after_at);
    if (change.relevant_before != NULL && change.relevant_before == change.relevant_after)
        return OK; /* who may issue, and how, is as before: the parent's set is the same */
    struct caa_question_of_concern question = {.owners = poller->owners, .watches = &poller->watches, .owner = heard->owner,
                                               .resolver = heard->resolver, .now_ms = heard->answer.answered_ms};
    struct caa_concerned *list = NULL;
    size_t count = 0;
    TRY(caa_concern_of(&question, batch->arena, &list, &count));
    if (count == 0)
        return OK;
    TRY(caa_difference_of(change.relevant_before, change.relevant_after, CAA_FOR_HOST, batch->arena, &change.plain));
    TRY(caa_difference_of(change.relevant_before, change.relevant_after, CAA_FOR_WILDCARD, batch->arena, &change.wildcard));
    TRY(count_change(poller, heard));
    struct store_caa_told *told = NULL;
    TRY(make_told(poller, batch, &change, list, count, &told));
    log_say(LOG_NOTICE, "caa.changed", LOG_TEXT("owner", heard->owner->name), LOG_TEXT("resolver", poller->resolvers[heard->resolver].name),
            LOG_NUMBER("tenants", count));
    return send_change(poller, batch, &change, told, count);
}
