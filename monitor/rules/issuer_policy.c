#include "rules/issuer_policy.h"

#include <strings.h>

#define SECONDS_A_DAY INT64_C(86400)

const char *finding_severity_name(enum finding_severity severity) {
    static const char *const names[finding_severity_count] = {"info", "notice", "warning", "critical"};
    return names[severity];
}

const char *issuer_verdict_name(enum issuer_verdict verdict) {
    static const char *const names[issuer_verdict_count] = {"not-judged", "expected", "unexpected", "unknown", "pending"};
    return names[verdict];
}

/* One judgement under way. `is_short` is set when a sentence found no memory. */
struct work {
    const struct policy_rules *policy;
    const struct watch_item *watch;
    const struct issuer_facts *facts;
    const struct ca_extra_rows *extra;
    struct arena *arena;
    struct judgement *judgement;
    enum caa_allowance caa; /* of the name that is worst off, where the policy asks */
    const char *caa_name;
    bool is_short;
};

static bool list_holds(const struct hash *list, size_t count, const struct hash *wanted) {
    for (size_t i = 0; i < count; i++)
        if (hash_equal(&list[i], wanted))
            return true;
    return false;
}

static void reason_add(struct work *work, struct judged_finding *finding, const char *text) {
    if (text == NULL)
        work->is_short = true;
    else if (finding->reason_count < JUDGED_REASONS_MAX)
        finding->reasons[finding->reason_count++] = text;
}

static struct judged_finding *finding_add(struct work *work, const char *rule, enum finding_severity severity) {
    struct judged_finding *finding = &work->judgement->findings[work->judgement->finding_count++];
    *finding = (struct judged_finding){.rule = rule, .severity = severity};
    return finding;
}

static bool expects_names(const struct policy_rules *policy) {
    return policy->caa_domain_count > 0 || policy->owner_count > 0 || policy->expects_caa_records;
}

static bool expects_issuer(const struct policy_rules *policy) {
    return expects_names(policy) || policy->ca_key_count > 0;
}

static bool owner_is_expected(const struct policy_rules *policy, const struct ca_owner *owner) {
    for (size_t i = 0; i < policy->owner_count; i++)
        if (strcasecmp(policy->owners[i], owner->name) == 0)
            return true;
    for (size_t i = 0; i < policy->caa_domain_count; i++)
        if (ca_owner_recognises(owner, policy->caa_domains[i]))
            return true;
    return false;
}

/* A name in the policy that stands for nobody in the table might be the owner's newest domain; then nobody is accused. */
static const char *unresolved_name(const struct work *work) {
    const struct policy_rules *policy = work->policy;
    for (size_t i = 0; i < policy->caa_domain_count; i++)
        if (!ca_table_knows_domain(policy->caa_domains[i], work->extra))
            return policy->caa_domains[i];
    for (size_t i = 0; i < policy->owner_count; i++)
        if (!ca_table_knows_owner(policy->owners[i], work->extra))
            return policy->owners[i];
    return NULL;
}

static enum issuer_verdict verdict_of(const struct work *work) {
    const struct policy_rules *policy = work->policy;
    const struct issuer_facts *facts = work->facts;
    if (policy == NULL || !expects_issuer(policy))
        return ISSUER_NOT_JUDGED;
    if (facts->issuer_state == ISSUER_PENDING)
        return ISSUER_AWAITED;
    if (facts->issuer_state == ISSUER_UNVERIFIABLE)
        return ISSUER_UNKNOWN;
    if (list_holds(policy->ca_keys, policy->ca_key_count, &facts->issuer_spki_sha256))
        return ISSUER_EXPECTED;
    if (!expects_names(policy))
        return ISSUER_UNEXPECTED;
    if (!work->judgement->is_issuer_mapped)
        return ISSUER_UNKNOWN;
    if (owner_is_expected(policy, work->judgement->issuer.owner))
        return ISSUER_EXPECTED;
    if (policy->expects_caa_records && work->caa == CAA_ALLOWED)
        return ISSUER_EXPECTED;
    if (policy->expects_caa_records && work->caa == CAA_NOT_RECORDED)
        return ISSUER_UNKNOWN;
    return unresolved_name(work) == NULL ? ISSUER_UNEXPECTED : ISSUER_UNKNOWN;
}

/* What has run out harms nobody any more: it is history, found by reading a log from its beginning. */
static bool is_history(const struct issuer_facts *facts) {
    return facts->has_validity && facts->not_after < facts->now_ms / 1000 - SECONDS_A_DAY;
}

static void soften(struct work *work, struct judged_finding *finding) {
    if (!is_history(work->facts) || finding->severity <= SEVERITY_NOTICE)
        return;
    finding->severity = SEVERITY_NOTICE;
    reason_add(work, finding, "the certificate has expired");
}

static const char *why_caa(const struct work *work) {
    const char *owner = work->judgement->issuer.owner->name;
    if (work->caa_name == NULL)
        return "the policy expects whom CAA records allow, and there is no DNS name here that they would be about";
    if (work->caa == CAA_NOT_RECORDED)
        return arena_printf(work->arena, "issued by a key of %s, and no CAA answer about %s is recorded yet", owner, work->caa_name);
    if (work->caa == CAA_ALLOWED_BY_NEWS)
        return arena_printf(work->arena, "only a change of the CAA records of %s that nobody was told of yet allows %s", work->caa_name, owner);
    return arena_printf(work->arena, "the CAA records of %s do not allow %s", work->caa_name, owner);
}

static void say_unexpected(struct work *work) {
    const struct judgement *judgement = work->judgement;
    struct judged_finding *finding =
        finding_add(work, RULE_UNEXPECTED_ISSUER, judgement->is_known_key ? SEVERITY_WARNING : SEVERITY_CRITICAL);
    if (judgement->is_issuer_mapped)
        reason_add(work, finding,
                   arena_printf(work->arena, "issued by a key of %s, which the policy does not expect", judgement->issuer.owner->name));
    else
        reason_add(work, finding, "issued by a CA key that is not among the policy's keys");
    if (work->policy->expects_caa_records && judgement->is_issuer_mapped)
        reason_add(work, finding, why_caa(work));
    if (judgement->is_known_key)
        reason_add(work, finding, "the certificate's key is one of your known keys, so whoever ordered it has not replaced the key");
    soften(work, finding);
}

static void say_unknown(struct work *work) {
    struct judged_finding *finding = finding_add(work, RULE_UNKNOWN_ISSUER, SEVERITY_WARNING);
    const char *because = work->facts->unverifiable_reason;
    if (work->facts->issuer_state == ISSUER_UNVERIFIABLE)
        reason_add(work, finding,
                   arena_printf(work->arena, "who signed it cannot be proven%s%s", because == NULL || because[0] == '\0' ? "" : ": ",
                                because == NULL ? "" : because));
    else if (!work->judgement->is_issuer_mapped)
        reason_add(work, finding, arena_printf(work->arena, "the issuer's key is not in the table of CA keys of %s", ca_table_date()));
    else if (work->policy->expects_caa_records && work->caa == CAA_NOT_RECORDED)
        reason_add(work, finding, why_caa(work));
    else
        reason_add(work, finding,
                   arena_printf(work->arena, "issued by a key of %s; the policy also names %s, which the table of CA keys of %s does not know",
                                work->judgement->issuer.owner->name, unresolved_name(work), ca_table_date()));
    soften(work, finding);
}

/* ---- what else a policy says */

static bool is_at_or_below(const char *name, const char *domain) {
    size_t name_size = strlen(name), domain_size = strlen(domain);
    if (domain_size == 0)
        return true;
    if (name_size < domain_size || strcmp(name + name_size - domain_size, domain) != 0)
        return false;
    return name_size == domain_size || name[name_size - domain_size - 1] == '.';
}

/* Is this wildcard about the watched name? In a certificate shared by many, other people's wildcards are their own affair. */
static bool wildcard_is_ours(const char *base, const struct watch_item *watch) {
    if (watch->kind != WATCH_NAME && watch->kind != WATCH_SUBTREE)
        return true;
    const char *dot = strchr(watch->value, '.');
    bool covers = dot != NULL && strcmp(dot + 1, base) == 0;
    return covers || (watch->kind == WATCH_SUBTREE && is_at_or_below(base, watch->value));
}

static bool is_ours(const char *name, const struct watch_item *watch) {
    bool is_wildcard = strncmp(name, "*.", 2) == 0;
    if (is_wildcard)
        return wildcard_is_ours(name + 2, watch);
    return strcmp(name, watch->value) == 0 || (watch->kind == WATCH_SUBTREE && is_at_or_below(name, watch->value));
}

/* The watched names of the certificate, one after the other: what is worst counts. */
static void ask_caa(struct work *work) {
    static const int weight[caa_allowance_count] = {[CAA_ALLOWED] = 0, [CAA_NOT_RECORDED] = 1, [CAA_ALLOWED_BY_NEWS] = 2, [CAA_NOT_ALLOWED] = 3};
    const struct issuer_facts *facts = work->facts;
    bool has_names = work->watch->kind == WATCH_NAME || work->watch->kind == WATCH_SUBTREE;
    for (size_t i = 0; has_names && i < facts->name_count; i++) {
        const struct report_name *name = &facts->names[i];
        if (name->type != NAME_DNS || !is_ours(name->value, work->watch))
            continue;
        enum caa_allowance allowance = facts->ask_caa == NULL ? CAA_NOT_RECORDED
                                                              : facts->ask_caa(facts->caa_context, name->value, ca_row_domains(&work->judgement->issuer));
        if (work->caa_name != NULL && weight[allowance] <= weight[work->caa])
            continue;
        work->caa = allowance;
        work->caa_name = name->value;
    }
}

static const char *own_wildcard(const struct work *work) {
    for (size_t i = 0; i < work->facts->name_count; i++) {
        const struct report_name *name = &work->facts->names[i];
        if (name->type == NAME_DNS && strncmp(name->value, "*.", 2) == 0 && wildcard_is_ours(name->value + 2, work->watch))
            return name->value;
    }
    return NULL;
}

static bool key_type_is_allowed(const struct policy_rules *policy, const char *key_type) {
    for (size_t i = 0; i < policy->key_type_count; i++)
        if (strcasecmp(policy->key_types[i], key_type) == 0)
            return true;
    return policy->key_type_count == 0;
}

/* Days that the certificate is valid, rounded up; both ends count (RFC 5280 4.1.2.5). */
static int64_t lifetime_days(const struct issuer_facts *facts) {
    if (!facts->has_validity || facts->not_after < facts->not_before)
        return 0;
    return (facts->not_after - facts->not_before + 1 + SECONDS_A_DAY - 1) / SECONDS_A_DAY;
}

static void judge_rest(struct work *work) {
    const struct policy_rules *policy = work->policy;
    struct judged_finding finding = {.rule = RULE_AGAINST_POLICY, .severity = SEVERITY_WARNING};
    const char *key_type = work->facts->key_type == NULL ? "" : work->facts->key_type;
    if (!key_type_is_allowed(policy, key_type))
        reason_add(work, &finding,
                   key_type[0] == '\0' ? "its key cannot be read, and the policy names the key types that it allows"
                                       : arena_printf(work->arena, "its key is %s, which the policy does not allow", key_type));
    if (policy->max_lifetime_days > 0 && lifetime_days(work->facts) > policy->max_lifetime_days)
        reason_add(work, &finding,
                   arena_printf(work->arena, "it is valid for %lld days, the policy allows %u", (long long) lifetime_days(work->facts),
                                policy->max_lifetime_days));
    const char *wildcard = policy->allows_wildcards ? NULL : own_wildcard(work);
    if (wildcard != NULL)
        reason_add(work, &finding, arena_printf(work->arena, "it holds the wildcard %s, and the policy allows none", wildcard));
    if (finding.reason_count == 0)
        return;
    soften(work, &finding);
    work->judgement->findings[work->judgement->finding_count++] = finding;
}

static void judge_new(struct work *work) {
    enum issuer_verdict verdict = work->judgement->verdict;
    bool is_told_already = verdict == ISSUER_UNEXPECTED || verdict == ISSUER_UNKNOWN;
    if (!work->policy->reports_new || is_told_already || work->judgement->is_known_key || is_history(work->facts))
        return;
    struct judged_finding *finding = finding_add(work, RULE_NEW, SEVERITY_INFO);
    if (work->judgement->is_issuer_mapped)
        reason_add(work, finding, arena_printf(work->arena, "issued by a key of %s", work->judgement->issuer.owner->name));
    else
        reason_add(work, finding, verdict == ISSUER_EXPECTED ? "issued by one of the policy's CA keys" : "its issuer is not mapped");
}

result issuer_judge(const struct policy_rules *policy, const struct watch_item *watch, const struct issuer_facts *facts,
                    const struct ca_extra_rows *extra, struct arena *arena, struct judgement *ret_judgement) {
    struct judgement judgement = {.verdict = ISSUER_NOT_JUDGED};
    struct work work = {.policy = policy, .watch = watch, .facts = facts, .extra = extra, .arena = arena, .judgement = &judgement};
    if (facts->issuer_state == ISSUER_VERIFIED)
        judgement.is_issuer_mapped = ca_table_find(&facts->issuer_spki_sha256, extra, &judgement.issuer);
    if (policy != NULL && policy->expects_caa_records && judgement.is_issuer_mapped)
        ask_caa(&work);
    judgement.verdict = verdict_of(&work);
    if (policy != NULL) {
        judgement.is_known_key =
            facts->spki_sha256.is_known && list_holds(policy->known_keys, policy->known_key_count, &facts->spki_sha256.hash);
        if (judgement.verdict == ISSUER_UNEXPECTED)
            say_unexpected(&work);
        if (judgement.verdict == ISSUER_UNKNOWN)
            say_unknown(&work);
        /* A pending certificate may turn out to be one that is recorded already, and it is judged again: told now, it is told twice. */
        if (facts->issuer_state != ISSUER_PENDING) {
            judge_rest(&work);
            judge_new(&work);
        }
    }
    if (work.is_short)
        return &fault_no_memory;
    *ret_judgement = judgement;
    return OK;
}
