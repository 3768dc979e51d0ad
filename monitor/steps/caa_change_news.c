/* A change of a relevant set, told once to everybody whose names it is the relevant set of. */
#include <jansson.h>

#include "base/log.h"
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

static result make_told(const struct caa_poller *poller, struct caa_batch *batch, const struct change *change, const struct caa_concerned *list,
                        size_t count, struct store_caa_told **ret_told) {
    struct store_caa_told *told = arena_take_array(batch->arena, count + 1, sizeof *told);
    bool gains = caa_gains(&change->plain.gained) || caa_gains(&change->wildcard.gained);
    if (told == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        told[i] = (struct store_caa_told){.tenant_id = list[i].tenant_id, .severity = gains ? "warning" : "notice"};
        TRY(caa_words_finish(batch->arena, body_of(poller, change, &list[i], batch->arena), &told[i].body));
    }
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
        .wildcard_gained = &change->wildcard.gained, .told = told, .told_count = count};
    TRY(caa_copy_of_set(batch, change->before, &item.before));
    TRY(caa_copy_of_set(batch, change->heard->set, &item.after));
    store_caa_add_change(batch->commit, &item);
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
    struct store_caa_told *told = NULL;
    TRY(make_told(poller, batch, &change, list, count, &told));
    log_say(LOG_NOTICE, "caa.changed", LOG_TEXT("owner", heard->owner->name), LOG_TEXT("resolver", poller->resolvers[heard->resolver].name),
            LOG_NUMBER("tenants", count));
    return send_change(poller, batch, &change, told, count);
}
