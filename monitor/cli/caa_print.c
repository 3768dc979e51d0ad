#include "cli/caa_print.h"

#include <stdio.h>

#include "base/memory.h"
#include "cli/table.h"

#define SHOWN_RECORDS_MAX ((size_t) 30)
#define SHOWN_VALUE_MAX ((size_t) 400)
#define LINE_LIMIT ((size_t) 65536)

static void print_name(const struct dns_name *name) {
    char text[DNS_NAME_TEXT_SIZE];
    dns_name_to_text(name, text);
    print_sentence(text);
}

static void print_record(const struct caa_record *record) {
    CLEANUP(buffer_done) struct buffer line = buffer_with_limit(LINE_LIMIT);
    struct caa_record cut = *record;
    bool is_cut = cut.value.size > SHOWN_VALUE_MAX;
    cut.value.size = is_cut ? SHOWN_VALUE_MAX : cut.value.size;
    caa_record_to_text(&cut, &line);
    print_sentence(buffer_text(&line));
    if (is_cut)
        printf(" … (%zu bytes)", record->value.size);
}

void caa_records_print(const char *indent, const struct caa_record *records, size_t count) {
    size_t shown = count > SHOWN_RECORDS_MAX ? SHOWN_RECORDS_MAX : count;
    for (size_t i = 0; i < shown; i++) {
        fputs(indent, stdout);
        print_record(&records[i]);
        fputs("\n", stdout);
    }
    if (count > shown)
        printf("%sand %zu more (--json shows all)\n", indent, count - shown);
}

void caa_issuers_print(const struct caa_issuers *issuers) {
    if (issuers->is_any)
        fputs("any CA", stdout);
    else if (issuers->count == 0)
        fputs("nobody", stdout);
    for (size_t i = 0; !issuers->is_any && i < issuers->count; i++) {
        const struct ca_owner *owner = ca_table_owner_of(issuers->domains[i]);
        fputs(i == 0 ? "" : ", ", stdout);
        print_sentence(issuers->domains[i]);
        fputs(" (", stdout);
        print_sentence(owner == NULL ? "no CA known to pinwatch" : owner->name);
        fputs(")", stdout);
    }
    if (issuers->critical_tag[0] != '\0') {
        fputs(": the property '", stdout);
        print_sentence(issuers->critical_tag);
        fputs("' is critical, and no CA knows it", stdout);
    }
}

void caa_remarks_print(const struct caa_lint_remark *remarks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        printf("  %-8s %s\n           ", finding_severity_name(remarks[i].severity), remarks[i].rule);
        print_sentence(remarks[i].message);
        if (remarks[i].suggest[0] != '\0') {
            fputs("\n           better: ", stdout);
            print_sentence(remarks[i].suggest);
        }
        fputs("\n", stdout);
    }
}

/* ---- caa check */

static void print_outcome(const struct caa_lookup *lookup, const struct caa_answer *answer) {
    static const char *const words[] = {[CAA_EMPTY] = "no CAA records", [CAA_FAILED] = "not known", [CAA_BOGUS] = "not known, DNSSEC validation failed"};
    if (answer->outcome == CAA_RECORDS)
        printf("%zu CAA record%s", answer->record_count, answer->record_count == 1 ? "" : "s");
    else
        fputs(words[answer->outcome], stdout);
    if (answer->is_nonexistent)
        fputs(", there is no such name", stdout);
    for (size_t i = 0; i < answer->chain_count; i++) {
        fputs(i == 0 ? ", by the alias " : " → ", stdout);
        print_sentence(answer->chain[i]);
    }
    if (answer->detail[0] != '\0') {
        fputs(": ", stdout);
        print_sentence(answer->detail);
    }
    if (!lookup->is_file && (answer->outcome == CAA_RECORDS || answer->outcome == CAA_EMPTY))
        printf(" (%u s%s)", answer->ttl_s, answer->is_authenticated ? ", secure" : "");
    fputs("\n", stdout);
}

static void print_climb(const struct caa_view *view) {
    const struct caa_lookup *lookup = view->lookup;
    print_sentence(lookup->resolver);
    fputs(lookup->is_file ? " says" : lookup->is_validating ? " (validating) says" : " says", stdout);
    fputs(lookup->is_left_out ? " nothing, and another resolver of this system does\n" : "\n", stdout);
    for (size_t i = 0; i < lookup->climb.step_count && !lookup->is_left_out; i++) {
        const struct caa_step *step = &lookup->climb.steps[i];
        fputs("  ", stdout);
        print_name(&step->owner);
        fputs("  ", stdout);
        print_outcome(lookup, &step->answer);
        caa_records_print("      ", step->answer.records, step->answer.record_count);
    }
}

static void print_agreed(const struct caa_judged *judged) {
    const struct caa_view *agreed = judged->agreed;
    fputs("\nRelevant set:           ", stdout);
    if (agreed->relevant == NULL)
        fputs("none: no name up to the top-level domain has CAA records", stdout);
    else {
        fputs("that of ", stdout);
        print_name(&agreed->relevant->owner);
    }
    printf("\nDNSSEC:                 %s\nCertificates from:      ", caa_dnssec_name(judged->dnssec));
    caa_issuers_print(&agreed->host);
    fputs("\nWildcards from:         ", stdout);
    caa_issuers_print(&agreed->wildcard);
    fputs("\n", stdout);
}

static void print_disagreement(const struct caa_judged *judged) {
    fputs("\nWho may issue is not known: ", stdout);
    fputs(judged->count == 1 ? "the lookup failed. A CA whose lookup fails too must not issue, unless the zone is surely not signed (Baseline Requirements 3.2.2.8).\n"
                             : "the resolvers do not all have an answer, or not the same.\n",
          stdout);
    for (size_t i = 0; i < judged->count && judged->count > 1; i++) {
        const struct caa_view *view = &judged->views[i];
        if (view->lookup->is_left_out)
            continue;
        fputs("  by ", stdout);
        print_sentence(view->lookup->resolver);
        fputs(": ", stdout);
        if (view->has_failed)
            fputs("not known", stdout);
        else
            caa_issuers_print(judged->is_wildcard ? &view->wildcard : &view->host);
        fputs("\n", stdout);
    }
}

static void print_verdict(const struct caa_judged *judged) {
    const struct caa_candidate *candidate = judged->candidate;
    if (candidate == NULL)
        return;
    fputs("\n", stdout);
    print_sentence(candidate->text);
    if (candidate->owner != NULL)
        fputs(candidate->domains[0] == NULL ? " (of which no CAA domain is known)" : "", stdout);
    else if (!candidate->is_known)
        fputs(" (a domain of no CA known to pinwatch)", stdout);
    printf(": %s\n", caa_check_verdict_name(judged->verdict));
}

void caa_judged_print(const struct caa_judged *judged) {
    fputs(judged->is_wildcard ? "*." : "", stdout);
    print_name(judged->name);
    fputs("\n\n", stdout);
    for (size_t i = 0; i < judged->count; i++)
        print_climb(&judged->views[i]);
    if (judged->agreed != NULL)
        print_agreed(judged);
    else
        print_disagreement(judged);
    print_verdict(judged);
    if (judged->remark_count > 0)
        fputs("\nRemarks\n", stdout);
    caa_remarks_print(judged->remarks, judged->remark_count);
}
