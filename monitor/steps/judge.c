#include "steps/judge.h"

#include <jansson.h>

#include "base/memory.h"
#include "base/text.h"
#include "rules/issuer_policy.h"
#include "steps/matched_names.h"

#define BROAD_WATCHES_MAX 100
#define WATCHES_MAX 1000   /* of one certificate; more matches are recorded up to here */
#define WATCHES_TOLD_MAX 20
#define NAMES_TOLD_MAX 20
#define TENANT_RULES_MAX 64 /* findings of one certificate */
#define RULE_BROAD_NAME "certificate.broad-name"
#define RULE_KEY_REUSED "certificate.key-reused-elsewhere"
#define HISTORY_S 86400
#define OWN_WATCHES_MAX 10000 /* of a tenant, looked at before it is told that a certificate carries no watched name */

/* One finding under way: the same rule for several watches of one tenant is one finding. */
struct raised {
    int32_t tenant_id;
    const char *rule;
    enum finding_severity severity;
    json_t *watches, *reasons;
    const char *policy;
    const struct policy_rules *rules;
    struct judgement judgement;
};

struct judging {
    const struct judge_input *input;
    struct arena *arena;
    struct watch_of_tenant watches[WATCHES_MAX];
    size_t watch_count;
    struct raised raised[TENANT_RULES_MAX];
    size_t raised_count;
};

/* ---- which watches */

static bool has_watch(const struct judging *judging, const struct store_watch *watch) {
    for (size_t i = 0; i < judging->watch_count; i++)
        if (judging->watches[i].watch == watch)
            return true;
    return false;
}

static void add_watch(struct judging *judging, struct watch_of_tenant watch) {
    if (judging->watch_count < WATCHES_MAX && !has_watch(judging, watch.watch))
        judging->watches[judging->watch_count++] = watch;
}

static void collect_watches(struct judging *judging) {
    const struct entry_report *report = judging->input->report;
    const struct watch_set *set = judging->input->watches;
    for (size_t i = 0; i < report->terminal_count; i++)
        for (size_t at = 0; at < watch_set_behind(set, report->terminals[i]); at++)
            add_watch(judging, watch_set_get(set, report->terminals[i], at));
}

/* ---- the body of a finding, docs/alerts.md */

static void set_text(json_t *object, const char *name, const char *value) {
    json_object_set_new(object, name, json_string(value == NULL ? "" : value));
}

static void set_hash(json_t *object, const char *name, const struct known_hash *known) {
    char hex[HASH_HEX_SIZE];
    hash_to_hex(&known->hash, hex);
    json_object_set_new(object, name, known->is_known ? json_string(hex) : json_null());
}

static void set_time(json_t *object, const char *name, const struct entry_report *report, int64_t seconds) {
    char text[RFC3339_SIZE];
    text_of_time(seconds, text);
    json_object_set_new(object, name, report->has_validity ? json_string(text) : json_null());
}

static const char *type_name(enum name_type type) {
    static const char *const names[] = {[NAME_DNS] = "dns", [NAME_IP] = "ip", [NAME_EMAIL] = "email", [NAME_URI] = "uri"};
    return names[type];
}

static void set_names(json_t *body, const struct entry_report *report) {
    json_t *names = json_array();
    for (size_t i = 0; i < report->name_count; i++)
        json_array_append_new(names, json_pack("{s:s, s:s, s:s}", "type", type_name(report->names[i].type), "value",
                                               report->names[i].value, "from",
                                               report->names[i].origin == NAME_FROM_CN ? "cn" : "san"));
    json_object_set_new(body, "names", names);
}

static bool set_matched_names(json_t *body, const struct judging *judging, int32_t tenant_id) {
    json_t *matched;
    result fault = matched_names_list(judging->input->report, judging->watches, judging->watch_count, tenant_id, NAMES_TOLD_MAX, &matched);
    return fault == OK && json_object_set_new(body, "matched_names", matched) == 0;
}

static void set_log(json_t *body, const struct judge_input *input) {
    char log_id[HASH_BASE64_SIZE];
    hash_to_base64(&input->log->log.log_id, log_id);
    json_t *log = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "log_id", log_id, "description", input->log->log.description, "url",
                            input->log->log.url, "index", (json_int_t) input->report->index, "timestamp",
                            (json_int_t) input->report->timestamp_ms, "kind",
                            input->report->kind == ENTRY_PRECERTIFICATE ? "precertificate" : "certificate");
    json_object_set_new(body, "logs", json_pack("[o]", log));
}

static json_t *texts(const char *const *list, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

static json_t *hashes(const struct hash *list, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        char hex[HASH_HEX_SIZE];
        hash_to_hex(&list[i], hex);
        json_array_append_new(array, json_string(hex));
    }
    return array;
}

static void set_issuer(json_t *body, const struct raised *raised) {
    const struct ca_owner *owner = raised->judgement.is_issuer_mapped ? raised->judgement.issuer.owner : NULL;
    set_text(body, "verdict", issuer_verdict_name(raised->judgement.verdict));
    set_text(body, "issuer_owner", owner == NULL ? "" : owner->name);
    set_text(body, "ca_problem_report", owner == NULL ? "" : owner->problem_report);
    json_t *domains = json_array();
    for (size_t i = 0; owner != NULL && owner->caa_domains[i] != NULL; i++)
        json_array_append_new(domains, json_string(owner->caa_domains[i]));
    json_object_set_new(body, "issuer_caa_domains", domains);
    const struct policy_rules *rules = raised->rules;
    if (rules != NULL)
        json_object_set_new(body, "expected",
                            json_pack("{s:o, s:o, s:o, s:b}", "caa_domains", texts(rules->caa_domains, rules->caa_domain_count), "owners",
                                      texts(rules->owners, rules->owner_count), "ca_keys", hashes(rules->ca_keys, rules->ca_key_count), "caa_records", rules->expects_caa_records));
}

static bool is_drill_log(const struct judge_input *input) {
    return (input->log->sources & SOURCE_DRILL) != 0;
}

/* By the drill's own file, never by the name in an import: whoever writes a report could hide certificates behind it. */
static bool is_drill(const struct judge_input *input) {
    struct ca_row row;
    const struct known_hash *issuer = &input->report->issuer_spki_sha256;
    bool is_drill_ca = issuer->is_known && input->extra != NULL && ca_table_find(&issuer->hash, input->extra, &row) &&
                       row.source == CA_FROM_SERVICE && strcmp(row.owner->name, CA_OWNER_DRILL) == 0;
    return is_drill_log(input) || is_drill_ca;
}

CLEANUP_OF_POINTER(json_t, json_decref)

static char *body_of(const struct judging *judging, const struct raised *raised) {
    const struct entry_report *report = judging->input->report;
    uint64_t mark = memory_mark();
    CLEANUP(json_decref_at) json_t *body = json_object();
    if (!set_matched_names(body, judging, raised->tenant_id))
        return NULL;
    json_object_set(body, "watches", raised->watches);
    json_object_set(body, "reasons", raised->reasons);
    set_text(body, "policy", raised->policy);
    set_issuer(body, raised);
    set_names(body, report);
    set_text(body, "subject", report->subject);
    set_text(body, "issuer", report->issuer);
    set_text(body, "serial", report->serial);
    set_text(body, "key_type", report->key_type);
    set_time(body, "not_before", report, report->not_before);
    set_time(body, "not_after", report, report->not_after);
    set_text(body, "entry", report->kind == ENTRY_PRECERTIFICATE ? "precertificate" : "certificate");
    set_hash(body, "cert_sha256", &report->cert_sha256);
    set_hash(body, "tbs_sha256", &report->tbs_sha256);
    set_hash(body, "spki_sha256", &report->spki_sha256);
    set_hash(body, "issuer_spki_sha256", &report->issuer_spki_sha256);
    json_object_set_new(body, "oddities", texts(report->oddities, report->oddity_count));
    json_object_set_new(body, "is_drill", json_boolean(is_drill(judging->input)));
    set_log(body, judging->input);
    char *dumped = json_dumps(body, JSON_COMPACT);
    char *kept = dumped == NULL ? NULL : arena_copy_text(judging->arena, dumped);
    memory_free_foreign(dumped);
    return memory_mark() != mark ? NULL : kept; /* evidence that lacks a name would be wrong */
}

/* ---- verdicts */

static const char *watch_text(const struct store_watch *watch, struct arena *arena) {
    bool is_below = watch->kind == WATCH_SUBTREE;
    bool is_email = watch->kind == WATCH_EMAIL;
    return arena_printf(arena, "%s%s", is_below ? "." : is_email ? "@" : watch->kind == WATCH_KEY ? "sha256:" : "", watch->value);
}

static struct raised *raised_for(struct judging *judging, int32_t tenant_id, const char *rule) {
    for (size_t i = 0; i < judging->raised_count; i++)
        if (judging->raised[i].tenant_id == tenant_id && strcmp(judging->raised[i].rule, rule) == 0)
            return &judging->raised[i];
    if (judging->raised_count == TENANT_RULES_MAX)
        return NULL;
    struct raised *raised = &judging->raised[judging->raised_count++];
    *raised = (struct raised){.tenant_id = tenant_id, .rule = rule, .watches = json_array(), .reasons = json_array(), .policy = ""};
    return raised;
}

static void add_once(json_t *list, const char *text) {
    size_t at;
    json_t *item;
    json_array_foreach(list, at, item) {
        if (strcmp(json_string_value(item), text) == 0)
            return;
    }
    if (json_array_size(list) < WATCHES_TOLD_MAX)
        json_array_append_new(list, json_string(text));
}

static result take_verdict(struct judging *judging, const struct watch_of_tenant *watch, const struct judgement *judgement) {
    for (size_t i = 0; i < judgement->finding_count; i++) {
        const struct judged_finding *found = &judgement->findings[i];
        struct raised *raised = raised_for(judging, watch->watch->tenant_id, found->rule);
        const char *text = watch_text(watch->watch, judging->arena);
        if (raised == NULL)
            return OK;
        if (text == NULL)
            return &fault_no_memory;
        if (raised->policy[0] == '\0') {
            raised->policy = watch->watch->policy;
            raised->rules = watch->policy;
            raised->judgement = *judgement;
        }
        raised->severity = found->severity > raised->severity ? found->severity : raised->severity;
        add_once(raised->watches, text);
        for (size_t at = 0; at < found->reason_count; at++)
            add_once(raised->reasons, found->reasons[at]);
    }
    return OK;
}

static struct issuer_facts facts_of(const struct judge_input *input) {
    const struct entry_report *report = input->report;
    return (struct issuer_facts){
        .issuer_state = report->issuer_spki_sha256.is_known ? ISSUER_VERIFIED
                        : report->is_issuer_pending         ? ISSUER_PENDING
                                                            : ISSUER_UNVERIFIABLE,
        .issuer_spki_sha256 = report->issuer_spki_sha256.hash,
        .unverifiable_reason = "no certificate that the log delivered verifies its signature",
        .spki_sha256 = report->spki_sha256,
        .key_type = report->key_type,
        .has_validity = report->has_validity,
        .not_before = report->not_before,
        .not_after = report->not_after,
        .names = report->names,
        .name_count = report->name_count,
        .names_are_cut = report->name_count == REPORT_NAMES_MAX,
        .now_ms = input->now_ms,
    };
}

struct caa_asker {
    const struct judge_input *input;
    const struct store_watch *watch;
};

static enum caa_allowance ask_caa(void *context, const char *name, const char *const *issuer_domains) {
    const struct caa_asker *asker = context;
    return asker->input->ask_caa(asker->input->caa_context, asker->watch, name, issuer_domains);
}

static result judge_watches(struct judging *judging) {
    struct issuer_facts facts = facts_of(judging->input);
    struct caa_asker asker = {.input = judging->input};
    facts.ask_caa = judging->input->ask_caa == NULL ? NULL : ask_caa;
    facts.caa_context = &asker;
    for (size_t i = 0; i < judging->watch_count; i++) {
        const struct watch_of_tenant *watch = &judging->watches[i];
        struct watch_item item = {.kind = watch->watch->kind, .value = watch->watch->value};
        struct judgement judgement;
        asker.watch = watch->watch;
        TRY(issuer_judge(watch->policy, &item, &facts, judging->input->extra, judging->arena, &judgement));
        TRY(take_verdict(judging, watch, &judgement));
    }
    return OK;
}

/* A name that would match nearly everything: one finding for each tenant that watches something below it. */
static result judge_broad(struct judging *judging) {
    const struct entry_report *report = judging->input->report;
    struct watch_of_tenant *watches = arena_take_array(judging->arena, BROAD_WATCHES_MAX, sizeof *watches);
    if (watches == NULL)
        return &fault_no_memory;
    size_t count = watch_set_under(judging->input->watches, report->broad_suffix, watches, BROAD_WATCHES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct raised *raised = raised_for(judging, watches[i].watch->tenant_id, RULE_BROAD_NAME);
        const char *text = watch_text(watches[i].watch, judging->arena);
        if (raised == NULL || text == NULL)
            return raised == NULL ? OK : &fault_no_memory;
        raised->severity = SEVERITY_WARNING;
        add_once(raised->watches, text);
        add_once(raised->reasons, "a name of this certificate would match nearly everything below its suffix");
        add_watch(judging, watches[i]);
    }
    return OK;
}

/* ---- own keys */

static bool has_collected_name(const struct judging *judging, int32_t tenant_id) {
    for (size_t i = 0; i < judging->watch_count; i++)
        if (judging->watches[i].watch->tenant_id == tenant_id && judging->watches[i].watch->kind != WATCH_KEY)
            return true;
    return false;
}

/* By the watches as they are now: what was collected may be a part, or older than a watch. */
static result has_watched_name(struct judging *judging, int32_t tenant_id, bool *ret_has_name) {
    const struct watch_set *set = judging->input->watches;
    size_t count = 0;
    *ret_has_name = has_collected_name(judging, tenant_id);
    if (*ret_has_name)
        return OK;
    struct watch_of_tenant *own = arena_take_array(judging->arena, OWN_WATCHES_MAX, sizeof *own);
    if (own == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < watch_set_count(set) && count < OWN_WATCHES_MAX; i++)
        if (watch_set_row(set, i)->tenant_id == tenant_id)
            own[count++] = (struct watch_of_tenant){.watch = watch_set_row(set, i)};
    CLEANUP(json_decref_at) json_t *matched = NULL;
    TRY(matched_names_list(judging->input->report, own, count, tenant_id, 1, &matched));
    *ret_has_name = json_array_size(matched) > 0;
    return OK;
}

static result say_reused(struct judging *judging, const struct own_key *key) {
    const struct entry_report *report = judging->input->report;
    struct raised *raised = raised_for(judging, key->tenant_id, RULE_KEY_REUSED);
    char hex[HASH_HEX_SIZE];
    if (raised == NULL)
        return OK;
    hash_to_hex(&key->spki_sha256, hex);
    const char *watch = arena_printf(judging->arena, "sha256:%s", hex);
    const char *reason = arena_printf(judging->arena, "its key is %s, and it carries no name that you watch", key->whose);
    if (watch == NULL || reason == NULL)
        return &fault_no_memory;
    bool is_history = report->has_validity && report->not_after < judging->input->now_ms / 1000 - HISTORY_S;
    raised->severity = is_history ? SEVERITY_NOTICE : SEVERITY_WARNING;
    if (report->issuer_spki_sha256.is_known)
        raised->judgement.is_issuer_mapped = ca_table_find(&report->issuer_spki_sha256.hash, judging->input->extra, &raised->judgement.issuer);
    add_once(raised->watches, watch);
    add_once(raised->reasons, reason);
    return OK;
}

/* Who pins the key of a CA, one of his own perhaps, means what it signs. */
static bool is_of_ca(const struct judge_input *input) {
    struct ca_row row;
    return input->report->is_ca || ca_table_find(&input->report->spki_sha256.hash, input->extra, &row);
}

/* A pending certificate is judged again once its issuer is known, and may turn out to be one that was told already. */
static result judge_own_keys(struct judging *judging) {
    const struct entry_report *report = judging->input->report;
    size_t count = 0;
    bool has_name = false;
    if (!report->spki_sha256.is_known || report->is_issuer_pending)
        return OK;
    const struct own_key *keys = own_keys_find(watch_set_own_keys(judging->input->watches), &report->spki_sha256.hash, &count);
    for (size_t i = 0; i < count; i++) {
        TRY(has_watched_name(judging, keys[i].tenant_id, &has_name));
        if (!has_name && !is_of_ca(judging->input))
            TRY(say_reused(judging, &keys[i]));
    }
    return OK;
}

/* ---- what is recorded */

static result write_out(struct judging *judging, struct store_judgement *ret_judgement) {
    struct store_match *matches = arena_take_array(judging->arena, judging->watch_count + 1, sizeof *matches);
    struct store_finding *findings = arena_take_array(judging->arena, judging->raised_count + 1, sizeof *findings);
    if (matches == NULL || findings == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < judging->watch_count; i++)
        matches[i] = (struct store_match){.tenant_id = judging->watches[i].watch->tenant_id, .watch_id = judging->watches[i].watch->watch_id};
    for (size_t i = 0; i < judging->raised_count; i++) {
        const struct raised *raised = &judging->raised[i];
        findings[i] = (struct store_finding){.tenant_id = raised->tenant_id, .rule = raised->rule,
                                             .severity = finding_severity_name(raised->severity), .body = body_of(judging, raised)};
        if (findings[i].body == NULL)
            return &fault_no_memory;
    }
    *ret_judgement = (struct store_judgement){
        .report = judging->input->report, .matches = matches, .match_count = judging->watch_count, .findings = findings,
        .finding_count = judging->raised_count, .is_drill = is_drill(judging->input),
    };
    return OK;
}

static void judging_free(struct judging *judging) {
    if (judging == NULL)
        return;
    for (size_t i = 0; i < judging->raised_count; i++) {
        json_decref(judging->raised[i].watches);
        json_decref(judging->raised[i].reasons);
    }
    memory_free(judging);
}

CLEANUP_OF_POINTER(struct judging, judging_free)

static struct judging *judging_new(const struct judge_input *input, struct arena *arena) {
    struct judging *judging = memory_new(sizeof *judging);
    if (judging == NULL)
        return NULL;
    judging->input = input;
    judging->arena = arena;
    return judging;
}

result judge_report(const struct judge_input *input, struct arena *arena, struct store_judgement *ret_judgement) {
    if (input->report->is_unreadable) {
        *ret_judgement = (struct store_judgement){.report = input->report, .is_drill = is_drill_log(input)};
        return OK;
    }
    CLEANUP(judging_free_at) struct judging *judging = judging_new(input, arena);
    if (judging == NULL)
        return &fault_no_memory;
    collect_watches(judging);
    TRY(judge_watches(judging));
    TRY(judge_own_keys(judging));
    if (input->report->matches_nearly_all)
        TRY(judge_broad(judging));
    return write_out(judging, ret_judgement);
}

result judge_known(const struct judge_input *input, const struct store_match *matches, size_t match_count, struct arena *arena,
                   struct store_judgement *ret_judgement) {
    CLEANUP(judging_free_at) struct judging *judging = judging_new(input, arena);
    if (judging == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < match_count; i++) {
        struct watch_of_tenant watch;
        if (watch_set_find(input->watches, matches[i].tenant_id, matches[i].watch_id, &watch))
            add_watch(judging, watch);
    }
    TRY(judge_watches(judging));
    TRY(judge_own_keys(judging));
    return write_out(judging, ret_judgement);
}
