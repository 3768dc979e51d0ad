/* What only the set as a whole shows. */
#include <libpsl.h>
#include <stdlib.h>
#include <strings.h>

#include "rules/caa_lint_work.h"

#define REUSE_S UINT32_C(28800) /* Baseline Requirements 3.2.2.8: CAs may act on an answer for 8 hours, or its TTL if that is more */
enum { LISTED_MAX = 8 };

/* ---- records beside each other */

struct place {
    const struct caa_record *record;
    struct lint_value *value;
    size_t number;
};

static int compare_sizes(size_t a, size_t b) {
    return (a > b) - (a < b);
}

static int compare_spans(struct span a, struct span b, bool is_case_ignored) {
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0       ? 0
                : is_case_ignored ? strncasecmp((const char *) a.bytes, (const char *) b.bytes, common)
                                  : memcmp(a.bytes, b.bytes, common);
    return order != 0 ? order : compare_sizes(a.size, b.size);
}

/* A value that only names a CA: how it is written does not matter. */
static bool is_plain(const struct lint_value *value) {
    return value->kind != LINT_OTHER && !value->is_refused && value->parameter_count == 0;
}

/* By tag and domain; the records of one CA that say the same stand together. */
static int compare_meanings(const struct place *a, const struct place *b) {
    int order = compare_spans(a->record->tag, b->record->tag, true);
    if (order == 0)
        order = compare_spans(a->value->domain, b->value->domain, true);
    if (order == 0)
        order = (int) is_plain(b->value) - (int) is_plain(a->value);
    if (order == 0 && !is_plain(a->value))
        order = compare_spans(a->record->value, b->record->value, false);
    return order;
}

static int compare_places(const void *a, const void *b) {
    const struct place *left = a, *right = b;
    int order = compare_meanings(left, right);
    return order != 0 ? order : compare_sizes(left->number, right->number);
}

static bool permit_same_ca(const struct place *a, const struct place *b) {
    return a->value->domain.size > 0 && a->value->kind == b->value->kind && compare_spans(a->value->domain, b->value->domain, true) == 0;
}

/* `first` begins a run of records for one CA; is one of them without conditions? */
static bool is_unconditional(const struct place *places, size_t first, size_t count) {
    for (size_t i = first; i < count && permit_same_ca(&places[first], &places[i]); i++)
        if (!places[i].value->is_bound && !places[i].value->is_unsatisfiable)
            return true;
    return false;
}

result lint_compare_records(struct lint_work *work) {
    struct place *places = arena_take_array(work->arena, work->count + 1, sizeof *places);
    bool is_void = false;
    if (places == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < work->count; i++)
        places[i] = (struct place){.record = &work->records[i], .value = &work->values[i], .number = i};
    qsort(places, work->count, sizeof *places, compare_places);
    for (size_t i = 0; i < work->count; i++) {
        if (i == 0 || !permit_same_ca(&places[i - 1], &places[i]))
            is_void = is_unconditional(places, i, work->count);
        places[i].value->is_void = is_void && places[i].value->is_bound;
        places[i].value->is_repeated = i > 0 && compare_meanings(&places[i - 1], &places[i]) == 0 &&
                                       places[i - 1].record->flags == places[i].record->flags;
    }
    return OK;
}

/* ---- who may issue */

static bool has_critical_unknown(const struct lint_work *work) {
    return work->host.critical_tag[0] != '\0';
}

/* Do the owners whose domain this is have one among those that may issue? */
static bool owners_may_issue(const struct lint_work *work, const struct caa_issuers *issuers, const char *domain) {
    const char *const itself[] = {domain, NULL};
    if (caa_issuers_allow(issuers, itself))
        return true;
    size_t place = lint_place_of(work, domain);
    for (size_t i = 0; place != SIZE_MAX && i < work->owner_count; i++)
        if (ca_owner_place_of(work->owners[i], domain) == place && caa_issuers_allow(issuers, work->owners[i]->caa_domains))
            return true;
    return false;
}

static bool knows_one(const struct lint_work *work, const struct caa_issuers *issuers) {
    for (size_t i = 0; i < issuers->count; i++)
        if (lint_owner_of(work, issuers->domains[i]) != NULL)
            return true;
    return false;
}

/* A set that names nobody on purpose (";") is no accident. */
static void check_kind(struct lint_work *work, enum lint_kind kind, const char *tag, const char *names) {
    const struct caa_issuers *issuers = kind == LINT_ISSUE ? &work->host : &work->wildcard;
    if (work->kind_count[kind] == 0 || work->nobody_count[kind] == work->kind_count[kind])
        return;
    if (work->named_count[kind] == 0 && work->nobody_count[kind] == 0)
        lint_say(work, LINT_PERMITS_NOBODY, SIZE_MAX, "",
                 "no %s record names a CA in a way that CAs can read or satisfy, so no CA may issue for %s; mend the records, or write 0 %s \";\" if that is meant",
                 tag, names, tag);
    else if (kind <= LINT_ISSUEWILD && work->named_count[kind] > 0 && !has_critical_unknown(work) && !knows_one(work, issuers))
        lint_say(work, LINT_PERMITS_UNKNOWN_ONLY, SIZE_MAX, "",
                 "none of the CAs that the %s records name is in the table of %s; if no CA recognises these domains, nobody may issue for %s", tag,
                 ca_table_date(), names);
}

/* What issuewild permits, for issue too: one record a line; "" where that is nobody, or many. */
static const char *issue_as_issuewild(struct lint_work *work) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit((size_t) 64 * 1024);
    for (size_t i = 0; i < work->wildcard.count && work->wildcard.count <= LISTED_MAX; i++) {
        const char *record = lint_record(work, 0, "issue", span_of_text(work->wildcard.domains[i]));
        buffer_add_text(&text, i == 0 ? "" : "\n");
        buffer_add_text(&text, record == NULL ? "" : record);
    }
    return buffer_check(&text) == OK ? arena_copy_text(work->arena, buffer_text(&text)) : NULL;
}

static void check_restriction(struct lint_work *work) {
    bool has_issue = work->kind_count[LINT_ISSUE] > 0, has_issuewild = work->kind_count[LINT_ISSUEWILD] > 0;
    if (has_critical_unknown(work))
        return;
    if (!has_issue && !has_issuewild)
        lint_say(work, LINT_UNRESTRICTED, SIZE_MAX, "",
                 "there is neither issue nor issuewild, so every CA may issue here and below, and what records of a parent say does not count; add an issue record for each of your CAs if you want to restrict them");
    else if (!has_issue)
        lint_say(work, LINT_ISSUE_MISSING, SIZE_MAX, issue_as_issuewild(work),
                 "issuewild restricts wildcards alone: without issue every CA may issue for names without a wildcard; add issue records");
}

/* Up to LISTED_MAX texts with commas between them. */
static void list_add(struct buffer *list, size_t *count, const char *text) {
    if ((*count)++ < LISTED_MAX) {
        buffer_add_text(list, list->size == 0 ? "" : ", ");
        buffer_printf(list, "%.100s", text);
    }
}

static void check_wider(struct lint_work *work) {
    CLEANUP(buffer_done) struct buffer list = buffer_with_limit(2000);
    size_t count = 0;
    if (work->kind_count[LINT_ISSUE] == 0 || work->kind_count[LINT_ISSUEWILD] == 0)
        return;
    for (size_t i = 0; i < work->wildcard.count; i++)
        if (!owners_may_issue(work, &work->host, work->wildcard.domains[i]))
            list_add(&list, &count, work->wildcard.domains[i]);
    work->is_short = work->is_short || list.has_no_memory;
    if (count > 0)
        lint_say(work, LINT_ISSUEWILD_WIDER, SIZE_MAX, "",
                 "issuewild permits what issue does not: %s%s; a wildcard covers the other names too, so remove it from issuewild, or add it to issue",
                 buffer_text(&list), count > LISTED_MAX ? " …" : "");
}

static int compare_meaning_spans(const void *a, const void *b) {
    return compare_spans(*(const struct span *) a, *(const struct span *) b, false);
}

/* The values of one kind, as they are compared: sorted, each once. */
static size_t meanings_of(struct lint_work *work, enum lint_kind kind, struct span *ret_values) {
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < work->count; i++) {
        const struct lint_value *value = &work->values[i];
        if (value->kind == kind)
            ret_values[count++] = is_plain(value) ? value->domain : work->records[i].value;
    }
    for (size_t i = 0; i < count; i++) {
        char *lower = lint_lower(work, ret_values[i]);
        ret_values[i] = lower == NULL ? span_of("", 0) : span_of(lower, ret_values[i].size);
    }
    qsort(ret_values, count, sizeof *ret_values, compare_meaning_spans);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !span_equal(ret_values[kept - 1], ret_values[i]))
            ret_values[kept++] = ret_values[i];
    return kept;
}

static void check_redundant(struct lint_work *work) {
    size_t counts[2];
    struct span *values[2];
    for (unsigned kind = LINT_ISSUE; kind <= LINT_ISSUEWILD; kind++) {
        if (work->kind_count[kind] == 0)
            return;
        values[kind] = arena_take_array(work->arena, work->kind_count[kind], sizeof **values);
        if (values[kind] == NULL) {
            work->is_short = true;
            return;
        }
        counts[kind] = meanings_of(work, (enum lint_kind) kind, values[kind]);
    }
    if (counts[0] != counts[1])
        return;
    for (size_t i = 0; i < counts[0]; i++)
        if (!span_equal(values[0][i], values[1][i]))
            return;
    lint_say(work, LINT_ISSUEWILD_REDUNDANT, SIZE_MAX, "",
             "issuewild says what issue says; without issuewild records issue holds for wildcards too (RFC 8659 4.3), so they can be left out");
}

static void check_iodef(struct lint_work *work) {
    for (size_t i = 0; i < work->count; i++)
        if (caa_tag_is(&work->records[i], "iodef"))
            return;
    if (work->kind_count[LINT_ISSUE] + work->kind_count[LINT_ISSUEWILD] > 0)
        lint_say(work, LINT_IODEF_MISSING, SIZE_MAX, "",
                 "there is no iodef record: a CA that refuses a request has nowhere to report it; add 0 iodef \"mailto:…\" (not every CA reports)");
}

/* ---- where it stands, how long it is kept, who vouches for it */

static const char *registered(const char *name) {
    const char *domain = psl_registrable_domain(psl_builtin(), name);
    return domain == NULL ? name : domain;
}

static void check_elsewhere(struct lint_work *work) {
    char owner[DNS_NAME_TEXT_SIZE];
    const struct caa_answer *answer = work->facts->answer;
    if (answer == NULL || work->facts->owner == NULL || answer->chain_count == 0)
        return;
    const char *target = answer->chain[answer->chain_count - 1];
    dns_name_to_text(work->facts->owner, owner);
    if (strcasecmp(registered(owner), registered(target)) != 0)
        lint_say(work, LINT_SET_ELSEWHERE, SIZE_MAX, "",
                 "%s is an alias of %s, and the records stand there: whoever runs %s decides who may issue for %s; if you do not want that, replace the alias by addresses, or let them take your records",
                 owner, target, registered(target), owner);
}

static void check_ttl(struct lint_work *work) {
    const struct caa_answer *answer = work->facts->answer;
    uint32_t ttl_s = work->facts->ttl_s != NULL ? *work->facts->ttl_s : answer != NULL ? answer->ttl_s : 0;
    if (ttl_s > REUSE_S)
        lint_say(work, LINT_TTL_LONG, SIZE_MAX, "",
                 "the TTL of %u s is more than 8 hours: CAs may act on the old records for that long after a change (Baseline Requirements 3.2.2.8); make it 3600 or less",
                 ttl_s);
}

static void check_dnssec(struct lint_work *work) {
    const struct caa_answer *answer = work->facts->answer;
    if (answer != NULL && answer->outcome == CAA_RECORDS && answer->is_from_validator && !answer->is_authenticated)
        lint_say(work, LINT_NOT_SECURE, SIZE_MAX, "",
                 "the answer is not signed (DNSSEC): whoever can forge it on its way to a CA decides who may issue; sign the zone");
}

/* ---- what the certificates say */

/* Are both domains some owner's own? */
static bool are_of_one_owner(const struct lint_work *work, const char *a, const char *b) {
    size_t place_a = lint_place_of(work, a), place_b = lint_place_of(work, b);
    for (size_t i = 0; place_a != SIZE_MAX && place_b != SIZE_MAX && i < work->owner_count; i++)
        if (ca_owner_place_of(work->owners[i], a) == place_a && ca_owner_place_of(work->owners[i], b) == place_b)
            return true;
    return false;
}

static bool was_seen(const struct lint_work *work, const char *domain) {
    const char *const *seen = work->facts->seen_domains;
    for (size_t k = 0; seen[k] != NULL; k++)
        if (strcasecmp(seen[k], domain) == 0 || are_of_one_owner(work, seen[k], domain))
            return true;
    return false;
}

struct unused {
    const char *owners[LISTED_MAX];
    size_t count;
};

static bool was_told(const struct unused *unused, const char *owner) {
    for (size_t i = 0; i < unused->count; i++)
        if (strcmp(unused->owners[i], owner) == 0)
            return true;
    return unused->count == LISTED_MAX;
}

static void check_unused(struct lint_work *work, const struct caa_issuers *issuers, struct unused *unused) {
    for (size_t i = 0; i < issuers->count && unused->count < LISTED_MAX; i++) {
        const struct ca_owner *owner = lint_owner_of(work, issuers->domains[i]);
        if (owner == NULL || was_told(unused, owner->name) || was_seen(work, issuers->domains[i]))
            continue;
        unused->owners[unused->count++] = owner->name;
        lint_say(work, LINT_CA_UNUSED, SIZE_MAX, "",
                 "%s (%s) may issue, but no unexpired certificate of it was seen for these names; remove its records if you do not use it", owner->name,
                 issuers->domains[i]);
    }
}

static void say_not_allowed(struct lint_work *work, const char *tag, const char *domain, const char *kind, const char *owner) {
    lint_say(work, LINT_CA_NOT_ALLOWED, SIZE_MAX, lint_record(work, 0, tag, span_of_text(domain)),
             "unexpired certificates of %s%s were seen, but it may not issue%s: the next renewal will be refused; add the record if the CA is yours", owner, kind,
             kind[0] == '\0' ? "" : " these");
}

/* What was seen of one CA, against what the set permits it for that. */
static void check_not_allowed(struct lint_work *work, const char *domain, const char *owner, const uint8_t *uses) {
    bool may_plain = owners_may_issue(work, &work->host, domain), may_wildcard = owners_may_issue(work, &work->wildcard, domain);
    bool is_plain_refused = uses == NULL ? !may_plain && !may_wildcard : (*uses & CAA_SEEN_PLAIN) != 0 && !may_plain;
    bool is_wildcard_refused = uses != NULL && (*uses & CAA_SEEN_WILDCARD) != 0 && !may_wildcard;
    bool has_own = work->kind_count[LINT_ISSUEWILD] > 0; /* then `issue` permits no wildcard */
    if (is_plain_refused)
        say_not_allowed(work, "issue", domain, is_wildcard_refused || !may_wildcard ? "" : " for names without a wildcard", owner);
    if (is_wildcard_refused && (!is_plain_refused || has_own))
        say_not_allowed(work, has_own ? "issuewild" : "issue", domain, " for wildcards", owner);
}

static void check_seen(struct lint_work *work) {
    const struct caa_lint_facts *facts = work->facts;
    struct unused unused = {.count = 0};
    if (facts->seen_domains == NULL || has_critical_unknown(work))
        return;
    for (size_t i = 0; facts->seen_domains[i] != NULL; i++)
        check_not_allowed(work, facts->seen_domains[i], facts->seen_owners != NULL ? facts->seen_owners[i] : facts->seen_domains[i],
                          facts->seen_uses != NULL ? &facts->seen_uses[i] : NULL);
    check_unused(work, &work->host, &unused);
    check_unused(work, &work->wildcard, &unused);
}

void lint_set(struct lint_work *work) {
    check_kind(work, LINT_ISSUE, "issue", "names without a wildcard");
    check_kind(work, LINT_ISSUEWILD, "issuewild", "wildcards");
    check_kind(work, LINT_ISSUEMAIL, "issuemail", "e-mail addresses");
    check_kind(work, LINT_ISSUEVMC, "issuevmc", "marks");
    check_restriction(work);
    check_wider(work);
    check_redundant(work);
    check_iodef(work);
    check_elsewhere(work);
    check_ttl(work);
    check_dnssec(work);
    check_seen(work);
}
