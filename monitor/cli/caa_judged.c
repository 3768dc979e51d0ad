#include "cli/caa_judged.h"

#include <strings.h>

FAULT(fault_caa_candidate, FAULT_INPUT, "caa.candidate", "issuer", "", "neither a CAA domain nor an owner in the table of CAs", "one of them");

const char *caa_check_verdict_name(enum caa_check_verdict verdict) {
    static const char *const names[] = {
        [CAA_CHECK_NONE] = "none", [CAA_CHECK_ALLOWED] = "allowed", [CAA_CHECK_FORBIDDEN] = "forbidden", [CAA_CHECK_UNKNOWN] = "unknown"};
    return names[verdict];
}

static const struct ca_owner *find_owner(const char *name) {
    const struct ca_owner *owner;
    for (size_t i = 0; (owner = ca_table_owner_at(i)) != NULL; i++)
        if (strcasecmp(owner->name, name) == 0)
            return owner;
    return NULL;
}

result caa_candidate_of(const char *text, struct arena *arena, struct caa_candidate *ret_candidate, struct reason *reason) {
    struct dns_name name;
    const struct ca_owner *owner = find_owner(text);
    if (owner != NULL) {
        *ret_candidate = (struct caa_candidate){text, owner->caa_domains, owner, true};
        return OK;
    }
    if (strchr(text, '.') == NULL || strchr(text, ' ') != NULL || dns_name_from_text(span_of_text(text), &name, NULL) != OK)
        return reason_set(reason, &fault_caa_candidate, "'%s' is neither a CAA domain, like letsencrypt.org, nor the name of an owner in the table of %s (`pinwatch ca list` shows them)",
                          text, ca_table_date());
    char *lower = arena_take(arena, DNS_NAME_TEXT_SIZE);
    const char **domains = arena_take_array(arena, 2, sizeof *domains);
    if (lower == NULL || domains == NULL)
        return &fault_no_memory;
    dns_name_to_text(&name, lower);
    domains[0] = lower;
    *ret_candidate = (struct caa_candidate){text, domains, NULL, ca_table_knows_domain(lower, NULL)};
    return OK;
}

/* An owner of which no CAA domain is known may be among those that are named. */
static enum caa_check_verdict verdict_of(const struct caa_issuers *issuers, const char *const *domains) {
    if (caa_issuers_allow(issuers, domains))
        return CAA_CHECK_ALLOWED;
    return domains[0] == NULL && issuers->count > 0 ? CAA_CHECK_UNKNOWN : CAA_CHECK_FORBIDDEN;
}

static result judge_one(const struct caa_lookup *lookup, const struct caa_judged *judged, struct arena *arena, struct caa_view *ret_view) {
    struct caa_view view = {.lookup = lookup, .relevant = caa_climb_relevant(&lookup->climb), .has_failed = caa_climb_has_failed(&lookup->climb)};
    const struct caa_record *records = view.relevant == NULL ? NULL : view.relevant->answer.records;
    size_t count = view.relevant == NULL ? 0 : view.relevant->answer.record_count;
    view.dnssec = lookup->is_file ? CAA_DNSSEC_UNKNOWN : caa_climb_dnssec(&lookup->climb);
    if (view.has_failed) {
        view.verdict = CAA_CHECK_UNKNOWN;
        view.host.critical_tag = view.wildcard.critical_tag = "";
        *ret_view = view;
        return OK;
    }
    TRY(caa_issuers_of(records, count, CAA_FOR_HOST, arena, &view.host));
    TRY(caa_issuers_of(records, count, CAA_FOR_WILDCARD, arena, &view.wildcard));
    if (judged->candidate != NULL) {
        view.verdict = verdict_of(judged->is_wildcard ? &view.wildcard : &view.host, judged->candidate->domains);
    }
    *ret_view = view;
    return OK;
}

static bool says_same(const struct caa_view *a, const struct caa_view *b) {
    if (a->has_failed || b->has_failed || a->relevant == NULL || b->relevant == NULL)
        return a->has_failed == b->has_failed && a->relevant == b->relevant;
    return dns_name_equal(&a->relevant->owner, &b->relevant->owner) && caa_answer_says_same(&a->relevant->answer, &b->relevant->answer);
}

/* The gravest; SECURE only where all are. */
static enum caa_dnssec united(enum caa_dnssec a, enum caa_dnssec b) {
    static const int gravity[] = {[CAA_DNSSEC_SECURE] = 0, [CAA_DNSSEC_INSECURE] = 1, [CAA_DNSSEC_UNKNOWN] = 2, [CAA_DNSSEC_BOGUS] = 3};
    return gravity[a] >= gravity[b] ? a : b;
}

static void unite(struct caa_judged *judged) {
    const struct caa_view *first = NULL;
    bool is_same = true;
    for (size_t i = 0; i < judged->count; i++) {
        const struct caa_view *view = &judged->views[i];
        if (view->lookup->is_left_out)
            continue;
        if (first == NULL) {
            first = view;
            judged->verdict = view->verdict;
            judged->dnssec = view->dnssec;
        }
        is_same = is_same && says_same(first, view);
        judged->dnssec = united(judged->dnssec, view->dnssec);
        if (view->verdict != judged->verdict)
            judged->verdict = CAA_CHECK_UNKNOWN;
    }
    if (is_same && first != NULL && !first->has_failed)
        judged->agreed = first;
    else if (judged->candidate == NULL)
        judged->verdict = CAA_CHECK_UNKNOWN;
    judged->is_resolved = judged->agreed != NULL;
}

static result lint(struct caa_judged *judged, struct arena *arena) {
    const struct caa_view *view = judged->agreed;
    if (view == NULL || view->relevant == NULL)
        return OK;
    const struct caa_answer *answer = &view->relevant->answer;
    struct caa_lint_facts facts = {.owner = &view->relevant->owner};
    if (!view->lookup->is_file)
        facts.answer = answer;
    else if (answer->ttl_s > 0)
        facts.ttl_s = &answer->ttl_s;
    return caa_lint(answer->records, answer->record_count, &facts, arena, &judged->remarks, &judged->remark_count);
}

result caa_judge_lookups(const struct caa_lookups *lookups, bool is_wildcard, const struct caa_candidate *candidate,
                         struct arena *arena, struct caa_judged *ret_judged) {
    struct caa_judged judged = {.name = &lookups->items[0].climb.name, .is_wildcard = is_wildcard, .candidate = candidate, .count = lookups->count};
    judged.views = arena_take_array(arena, lookups->count, sizeof *judged.views);
    if (judged.views == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < lookups->count; i++)
        TRY(judge_one(&lookups->items[i], &judged, arena, &judged.views[i]));
    unite(&judged);
    TRY(lint(&judged, arena));
    *ret_judged = judged;
    return OK;
}

const char *caa_judged_failure(const struct caa_judged *judged, struct arena *arena) {
    for (size_t i = 0; i < judged->count; i++) {
        const struct caa_climb *climb = &judged->views[i].lookup->climb;
        char owner[DNS_NAME_TEXT_SIZE];
        if (!judged->views[i].has_failed || judged->views[i].lookup->is_left_out)
            continue;
        const struct caa_step *step = &climb->steps[climb->step_count - 1];
        dns_name_to_text(&step->owner, owner);
        return arena_printf(arena, "%s does not say which CAA records %s has: %s%s%s", judged->views[i].lookup->resolver, owner, step->answer.why,
                            step->answer.detail[0] == '\0' ? "" : ", ", step->answer.detail);
    }
    return "the resolvers do not say the same (`pinwatch caa check` shows what each says)";
}
