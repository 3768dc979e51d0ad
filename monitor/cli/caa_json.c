#include "base/whole_json.h"
#include "cli/caa_print.h"
#include "cli/table.h"

#define TEXT_LIMIT ((size_t) 300000) /* a value of 64 kB, each byte escaped */

static json_t *name_json(const struct dns_name *name) {
    char text[DNS_NAME_TEXT_SIZE];
    dns_name_to_text(name, text);
    return json_string(text);
}

static json_t *or_null(const char *text) {
    return text == NULL || text[0] == '\0' ? json_null() : json_string(text);
}

/* As it is, where that is UTF-8. */
static json_t *bytes_json(struct span bytes) {
    json_t *text = json_stringn((const char *) bytes.bytes, bytes.size);
    CLEANUP(buffer_done) struct buffer escaped = buffer_with_limit(TEXT_LIMIT);
    if (text != NULL)
        return text;
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = bytes.bytes[i];
        if (byte < ' ' || byte > '~')
            buffer_printf(&escaped, "\\%03u", byte);
        else
            buffer_printf(&escaped, "%s%c", byte == '\\' ? "\\" : "", byte);
    }
    return json_string(buffer_text(&escaped));
}

json_t *caa_records_json(const struct caa_record *records, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:i, s:o, s:o}", "flags", records[i].flags, "tag", bytes_json(records[i].tag), "value",
                                              bytes_json(records[i].value)));
    return list;
}

json_t *caa_issuers_json(const struct caa_issuers *issuers) {
    if (issuers->is_any)
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < issuers->count; i++)
        json_array_append_new(list, json_string(issuers->domains[i]));
    return list;
}

json_t *caa_remarks_json(const struct caa_lint_remark *remarks, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct caa_lint_remark *remark = &remarks[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "rule", remark->rule, "severity", finding_severity_name(remark->severity),
                                              "message", remark->message, "suggest", or_null(remark->suggest)));
    }
    return list;
}

static json_t *chain_json(const struct caa_answer *answer) {
    json_t *list = json_array();
    for (size_t i = 0; i < answer->chain_count; i++)
        json_array_append_new(list, json_string(answer->chain[i]));
    return list;
}

static json_t *step_json(const struct caa_lookup *lookup, const struct caa_step *step) {
    const struct caa_answer *answer = &step->answer;
    bool has_answer = answer->outcome == CAA_RECORDS || answer->outcome == CAA_EMPTY;
    json_t *object = json_pack("{s:s, s:o, s:s, s:o, s:o, s:b, s:b, s:o, s:o}", "resolver", lookup->resolver, "owner", name_json(&step->owner), "outcome",
                               caa_outcome_name(answer->outcome), "why", or_null(answer->why), "detail", or_null(answer->detail), "authenticated",
                               answer->is_authenticated, "nonexistent", answer->is_nonexistent, "aliases", chain_json(answer), "records",
                               caa_records_json(answer->records, answer->record_count));
    json_object_set_new(object, "ttl", has_answer && !lookup->is_file ? json_integer(answer->ttl_s) : json_null());
    return object;
}

static json_t *steps_json(const struct caa_judged *judged) {
    json_t *list = json_array();
    for (size_t i = 0; i < judged->count; i++) {
        const struct caa_lookup *lookup = judged->views[i].lookup;
        for (size_t step = 0; step < lookup->climb.step_count; step++)
            json_array_append_new(list, step_json(lookup, &lookup->climb.steps[step]));
    }
    return list;
}

static json_t *verdict_json(enum caa_check_verdict verdict) {
    return verdict == CAA_CHECK_NONE ? json_null() : json_string(caa_check_verdict_name(verdict));
}

/* What each said: nobody may be named where a lookup failed, or "any CA" would be read from a failure. */
static json_t *view_json(const struct caa_view *view) {
    return json_pack("{s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:s}", "resolver", view->lookup->resolver, "validating", view->lookup->is_validating, "resolved",
                     !view->has_failed, "left_out", view->lookup->is_left_out, "relevant", view->relevant == NULL ? json_null() : name_json(&view->relevant->owner),
                     "issuers", caa_issuers_json(&view->host), "wildcard_issuers", caa_issuers_json(&view->wildcard), "verdict",
                     verdict_json(view->verdict), "dnssec", caa_dnssec_name(view->dnssec));
}

static json_t *views_json(const struct caa_judged *judged) {
    json_t *list = json_array();
    for (size_t i = 0; i < judged->count && !judged->views[i].lookup->is_file; i++)
        json_array_append_new(list, view_json(&judged->views[i]));
    return list;
}

static void add_agreed(json_t *object, const struct caa_judged *judged) {
    static const struct caa_issuers nobody = {.critical_tag = ""};
    const struct caa_view *agreed = judged->agreed;
    const struct caa_step *relevant = agreed == NULL ? NULL : agreed->relevant;
    json_object_set_new(object, "relevant", relevant == NULL ? json_null() : name_json(&relevant->owner));
    json_object_set_new(object, "records", relevant == NULL ? json_array() : caa_records_json(relevant->answer.records, relevant->answer.record_count));
    json_object_set_new(object, "issuers", caa_issuers_json(agreed == NULL ? &nobody : &agreed->host));
    json_object_set_new(object, "wildcard_issuers", caa_issuers_json(agreed == NULL ? &nobody : &agreed->wildcard));
}

json_t *caa_judged_json(const struct caa_judged *judged) {
    char name[DNS_NAME_TEXT_SIZE];
    uint64_t mark = memory_mark();
    dns_name_to_text(judged->name, name);
    json_t *object = json_pack("{s:o}", "name", json_sprintf("%s%s", judged->is_wildcard ? "*." : "", name));
    add_agreed(object, judged);
    json_object_set_new(object, "verdict", verdict_json(judged->verdict));
    json_object_set_new(object, "dnssec", json_string(caa_dnssec_name(judged->dnssec)));
    json_object_set_new(object, "steps", steps_json(judged));
    json_object_set_new(object, "lint", caa_remarks_json(judged->remarks, judged->remark_count));
    json_object_set_new(object, "resolvers", views_json(judged));
    return json_if_whole(object, mark);
}
