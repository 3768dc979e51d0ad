#include "base/whole_json.h"
#include "cli/caa_past.h"
#include "cli/caa_print.h"
#include "cli/certificate_json.h"

static json_t *run_json(const struct caa_run *run) {
    const struct caa_answer *answer = &run->answer;
    json_t *aliases = json_array();
    for (size_t i = 0; i < answer->chain_count; i++)
        json_array_append_new(aliases, json_string(answer->chain[i]));
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:b, s:b, s:b, s:o}", "outcome", caa_outcome_name(answer->outcome), "why", answer->why,
                     "detail", answer->detail, "records", caa_records_json(answer->records, answer->record_count), "first_true_at",
                     time_json_ms(run->first_true_ms), "last_true_at", time_json_ms(run->last_true_ms), "first_answered_at",
                     time_json_ms(run->first_answered_ms), "last_answered_at", time_json_ms(run->last_answered_ms), "interval_seconds",
                     (json_int_t) run->interval_s, "ttl_max", (json_int_t) run->ttl_max_s, "validating", answer->is_from_validator, "authenticated",
                     answer->is_authenticated, "nonexistent", answer->is_nonexistent, "aliases", aliases);
}

static json_t *owners_json(const struct caa_resolver_history *history) {
    json_t *list = json_array();
    for (size_t i = 0; i < history->owner_count; i++) {
        json_t *runs = json_array();
        for (size_t k = 0; k < history->owners[i].count; k++)
            json_array_append_new(runs, run_json(&history->owners[i].runs[k]));
        json_array_append_new(list, json_pack("{s:s, s:o}", "owner", history->owners[i].owner, "runs", runs));
    }
    return list;
}

/* Who may issue; [] where nothing is known, or "any CA" would be read from a failure. */
static json_t *who_json(const struct caa_past *past, const struct caa_period *period, enum caa_purpose purpose) {
    struct caa_issuers issuers;
    bool is_known = period->kind == CAA_PERIOD_RECORDS || period->kind == CAA_PERIOD_EMPTY;
    const struct caa_record *records = period->answer == NULL ? NULL : period->answer->records;
    if (!is_known)
        return json_array();
    if (caa_issuers_of(records, period->answer == NULL ? 0 : period->answer->record_count, purpose, past->arena, &issuers) != OK)
        return NULL;
    return caa_issuers_json(&issuers);
}

static json_t *period_json(const struct caa_past *past, const struct caa_period *period) {
    static const char *const outcomes[] = {[CAA_PERIOD_RECORDS] = "records", [CAA_PERIOD_EMPTY] = "empty", [CAA_PERIOD_UNRECORDED] = "unrecorded"};
    const char *outcome = period->kind == CAA_PERIOD_FAILED ? caa_outcome_name(period->answer->outcome) : outcomes[period->kind];
    const struct caa_answer *answer = period->answer;
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "from", time_json_ms(period->begin_ms), "to", time_json_ms(period->end_ms), "outcome", outcome,
                     "owner", period->owner[0] == '\0' ? json_null() : json_string(period->owner), "records",
                     answer == NULL ? json_array() : caa_records_json(answer->records, answer->record_count), "issuers", who_json(past, period, CAA_FOR_HOST),
                     "wildcard_issuers", who_json(past, period, CAA_FOR_WILDCARD));
}

static json_t *resolver_json(const struct caa_past *past, const struct caa_past_resolver *resolver) {
    json_t *relevant = json_array();
    for (size_t i = 0; i < resolver->period_count; i++)
        if (json_array_append_new(relevant, period_json(past, &resolver->periods[i])) != 0) {
            json_decref(relevant);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:o}", "resolver", resolver->history->resolver, "relevant", relevant, "owners", owners_json(resolver->history));
}

static json_t *change_json(const struct store_caa_change_shown *change) {
    json_t *findings = json_array();
    for (size_t i = 0; i < change->finding_count; i++)
        json_array_append_new(findings, json_pack("{s:I, s:s}", "finding_id", (json_int_t) change->findings[i].finding_id, "state", change->findings[i].state));
    return json_pack("{s:I, s:s, s:s, s:o, s:o, s:I, s:{s:s, s:o}, s:{s:s, s:o}, s:o, s:o, s:o}", "change_id", (json_int_t) change->change_id, "owner",
                     change->owner, "resolver", change->resolver, "changed_at", time_json_ms(change->changed_ms), "last_at", time_json_ms(change->last_ms),
                     "times", (json_int_t) change->times, "before", "outcome", change->before_outcome, "records",
                     caa_records_json(change->before, change->before_count), "after", "outcome", change->after_outcome, "records",
                     caa_records_json(change->after, change->after_count), "gained", caa_issuers_json(&change->gained), "wildcard_gained",
                     caa_issuers_json(&change->wildcard_gained), "findings", findings);
}

json_t *caa_past_json(const struct caa_past *past) {
    uint64_t mark = memory_mark();
    json_t *resolvers = json_array(), *changes = json_array();
    bool is_whole = true;
    for (size_t i = 0; i < past->resolver_count; i++)
        is_whole = is_whole && json_array_append_new(resolvers, resolver_json(past, &past->resolvers[i])) == 0;
    for (size_t i = 0; i < past->change_count; i++)
        json_array_append_new(changes, change_json(&past->changes[i]));
    json_t *object = json_pack("{s:s, s:b, s:o, s:o, s:o}", "name", past->name, "recorded", past->is_recorded, "trouble",
                               past->trouble == NULL ? json_null() : json_string(past->trouble), "resolvers", resolvers, "changes", changes);
    object = json_if_whole(object, mark);
    if (is_whole)
        return object;
    json_decref(object);
    return NULL;
}
