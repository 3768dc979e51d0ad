/* What a finding about a certificate says of its CAA verdicts: the first names, those that its tenant watches before all others. */
#include "steps/caa_evidence.h"

#include <jansson.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "formats/entry_report.h"
#include "rules/issuer_policy.h"
#include "steps/caa_poller.h"
#include "steps/matched_names.h"
#include "store/watches.h"

#define NAMES_TOLD_MAX 20
#define REASONS_TOLD_MAX 4
#define ARENA_LIMIT ((size_t) 16 * 1024 * 1024)

static json_t *records_of(const struct caa_answer *answer) {
    return answer == NULL ? json_array() : caa_words_of_records(answer->records, answer->record_count);
}

static json_t *words_of(const struct store_caa_verdict *verdict) {
    const struct caa_judgement *judgement = &verdict->judgement;
    char begin[RFC3339_SIZE], end[RFC3339_SIZE];
    text_of_time_ms(judgement->window_begin_ms, begin);
    text_of_time_ms(judgement->window_end_ms, end);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b}", "name", verdict->name, "verdict", caa_verdict_name(judgement->verdict), "reason",
                     judgement->reason, "resolver", judgement->resolver, "owner", judgement->owner, "window_begin", begin, "window_end", end, "now",
                     caa_now_name(judgement->now), "records", records_of(judgement->answer), "is_authenticated",
                     judgement->answer != NULL && judgement->answer->is_authenticated);
}

/* "caa", "reasons" and "matched_names" of a body. */
struct lists {
    json_t *caa, *reasons, *matched;
};

static void add(struct lists *lists, const struct store_caa_verdict *verdict) {
    if (json_array_size(lists->caa) == NAMES_TOLD_MAX)
        return;
    json_array_append_new(lists->caa, words_of(verdict));
    json_array_append_new(lists->matched, json_string(verdict->name));
    if (json_array_size(lists->reasons) < REASONS_TOLD_MAX)
        json_array_append_new(lists->reasons, json_string(verdict->judgement.reason));
}

static bool is_in(const json_t *list, const char *name) {
    size_t at;
    json_t *item;
    json_array_foreach((json_t *) list, at, item)
        if (strcmp(json_string_value(item), name) == 0)
            return true;
    return false;
}

/* `first`: names that come before the others; NULL: none do. */
static void put_lists(json_t *body, const struct caa_evidence *evidence, const json_t *first) {
    struct lists lists = {.caa = json_array(), .reasons = json_array(), .matched = json_array()};
    for (unsigned round = first == NULL ? 1 : 0; round < 2; round++)
        for (size_t i = 0; i < evidence->about->name_count; i++) {
            const struct store_caa_verdict *verdict = &evidence->verdicts[i];
            if (verdict->judgement.verdict == CAA_INCONSISTENT && is_in(first, verdict->name) == (round == 0))
                add(&lists, verdict);
        }
    json_object_set_new(body, "caa", lists.caa);
    json_object_set_new(body, "reasons", lists.reasons);
    json_object_set_new(body, "matched_names", lists.matched);
}

/* ---- more names than are told */

static result report_of(const struct caa_evidence *evidence, struct arena *arena, size_t count, struct entry_report *ret_report) {
    struct report_name *names = arena_take_array(arena, count + 1, sizeof *names);
    size_t at = 0;
    if (names == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < evidence->about->name_count; i++)
        if (evidence->verdicts[i].judgement.verdict == CAA_INCONSISTENT)
            names[at++] = (struct report_name){.type = NAME_DNS, .value = evidence->verdicts[i].name};
    *ret_report = (struct entry_report){.names = names, .name_count = at};
    return OK;
}

/* A body for each tenant whose watches it matched. */
static result put_tenants(json_t *body, const struct caa_evidence *evidence, size_t count) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    struct entry_report report;
    struct store_watch *rows = NULL;
    size_t watch_count = 0;
    if (arena == NULL)
        return &fault_no_memory;
    TRY(report_of(evidence, arena, count, &report));
    TRY(store_watches_of_certificate(evidence->store, evidence->about->certificate_id, arena, &rows, &watch_count));
    struct watch_of_tenant *watches = arena_take_array(arena, watch_count + 1, sizeof *watches);
    if (watches == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < watch_count; i++)
        watches[i] = (struct watch_of_tenant){.watch = &rows[i]};
    json_t *tenants = json_object();
    json_object_set_new(body, "tenants", tenants);
    for (size_t i = 0; i < watch_count; i++) {
        char tenant[16];
        json_t *own = NULL;
        if (i > 0 && rows[i].tenant_id == rows[i - 1].tenant_id)
            continue;
        TRY(matched_names_list(&report, watches, watch_count, rows[i].tenant_id, NAMES_TOLD_MAX, &own));
        json_t *lists = json_object();
        put_lists(lists, evidence, own);
        json_decref(own);
        snprintf(tenant, sizeof tenant, "%d", rows[i].tenant_id);
        json_object_set_new(tenants, tenant, lists);
    }
    return OK;
}

CLEANUP_OF_POINTER(json_t, json_decref)

result caa_evidence_write(const struct caa_evidence *evidence, char **ret_text) {
    uint64_t mark = memory_mark();
    const struct ca_owner *owner = evidence->path->owner;
    size_t count = 0;
    *ret_text = NULL;
    for (size_t i = 0; i < evidence->about->name_count; i++)
        count += evidence->verdicts[i].judgement.verdict == CAA_INCONSISTENT;
    if (count == 0)
        return OK;
    json_t *domains = json_array();
    for (size_t i = 0; evidence->path->domains != NULL && evidence->path->domains[i] != NULL; i++)
        json_array_append_new(domains, json_string(evidence->path->domains[i]));
    CLEANUP(json_decref_at) json_t *body =
        json_pack("{s:s, s:s, s:o, s:s, s:s, s:I}", "severity", finding_severity_name(SEVERITY_CRITICAL), "verdict", "inconsistent", "issuer_caa_domains", domains,
                  "issuer_owner", owner == NULL ? "" : owner->name, "ca_problem_report", owner == NULL ? "" : owner->problem_report, "names_count", (json_int_t) count);
    put_lists(body, evidence, NULL);
    if (count > NAMES_TOLD_MAX)
        TRY(put_tenants(body, evidence, count));
    *ret_text = json_dumps(body, JSON_COMPACT);
    return memory_mark() != mark || *ret_text == NULL ? &fault_no_memory : OK;
}
