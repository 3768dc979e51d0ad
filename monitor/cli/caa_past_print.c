#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/caa_past.h"
#include "cli/caa_print.h"
#include "cli/table.h"

#define SHOWN_MAX 200 /* periods, runs or changes in one list; the newest are shown */

static void print_span(const char *indent, int64_t from_ms, int64_t to_ms) {
    char from[RFC3339_SIZE], to[RFC3339_SIZE];
    text_of_time_ms(from_ms, from);
    text_of_time_ms(to_ms, to);
    printf("%s%s to %s  ", indent, from, to);
}

static size_t first_shown(const char *indent, size_t count) {
    if (count <= SHOWN_MAX)
        return 0;
    printf("%s%zu older ones are left out (--since, --json show them)\n", indent, count - SHOWN_MAX);
    return count - SHOWN_MAX;
}

/* ---- the relevant set */

static void print_issuers_of(const struct caa_past *past, const struct caa_answer *answer, enum caa_purpose purpose, const char *label) {
    struct caa_issuers issuers;
    if (caa_issuers_of(answer->records, answer->record_count, purpose, past->arena, &issuers) != OK)
        return;
    printf("      %s ", label);
    caa_issuers_print(&issuers);
    fputs("\n", stdout);
}

static void print_period(const struct caa_past *past, const struct caa_period *period) {
    print_span("    ", period->begin_ms, period->end_ms);
    if (period->kind == CAA_PERIOD_EMPTY) {
        fputs("no CAA records up to the top-level domain: any CA\n", stdout);
        return;
    }
    if (period->kind == CAA_PERIOD_RECORDS)
        fputs("the records of ", stdout);
    else if (period->kind == CAA_PERIOD_UNRECORDED)
        fputs("not known: nothing is recorded of ", stdout);
    else
        fputs(period->answer->outcome == CAA_BOGUS ? "not known: DNSSEC validation failed at " : "not known: no answer about ", stdout);
    print_sentence(period->owner);
    if (period->kind == CAA_PERIOD_FAILED) {
        fputs(" (", stdout);
        print_sentence(period->answer->detail[0] == '\0' ? period->answer->why : period->answer->detail);
        fputs(")", stdout);
    }
    fputs("\n", stdout);
    if (period->kind != CAA_PERIOD_RECORDS)
        return;
    caa_records_print("      ", period->answer->records, period->answer->record_count);
    print_issuers_of(past, period->answer, CAA_FOR_HOST, "certificates from:");
    print_issuers_of(past, period->answer, CAA_FOR_WILDCARD, "wildcards from:   ");
}

/* ---- answers */

static void print_run(const struct caa_run *run) {
    const struct caa_answer *answer = &run->answer;
    static const char *const words[] = {
        [CAA_RECORDS] = "records", [CAA_EMPTY] = "no CAA records", [CAA_FAILED] = "no answer", [CAA_BOGUS] = "DNSSEC validation failed"};
    print_span("      ", run->first_true_ms, run->last_true_ms);
    fputs(words[answer->outcome], stdout);
    fputs(answer->is_nonexistent ? ", there is no such name" : "", stdout);
    for (size_t i = 0; i < answer->chain_count; i++) {
        fputs(i == 0 ? ", by the alias " : " → ", stdout);
        print_sentence(answer->chain[i]);
    }
    if (answer->outcome == CAA_FAILED || answer->outcome == CAA_BOGUS) {
        fputs(": ", stdout);
        print_sentence(answer->detail[0] == '\0' ? answer->why : answer->detail);
    } else
        printf(" (TTL up to %u s%s)", run->ttl_max_s, answer->is_authenticated ? ", secure" : answer->is_from_validator ? ", not signed" : "");
    fputs("\n", stdout);
    print_span("        heard ", run->first_answered_ms, run->last_answered_ms);
    printf("at least every %u s\n", run->interval_s);
    caa_records_print("        ", answer->records, answer->record_count);
}

static void print_owner(const struct caa_owner_history *owner) {
    fputs("    ", stdout);
    print_sentence(owner->owner);
    fputs(owner->count == 0 ? ": nothing is recorded\n" : "\n", stdout);
    for (size_t i = first_shown("      ", owner->count); i < owner->count; i++)
        print_run(&owner->runs[i]);
}

static void print_resolver(const struct caa_past *past, const struct caa_past_resolver *resolver) {
    fputs("\nAs ", stdout);
    print_sentence(resolver->history->resolver);
    fputs(" told it\n  Which set counted\n", stdout);
    if (resolver->period_count == 0)
        fputs("    not known at any time\n", stdout);
    for (size_t i = first_shown("    ", resolver->period_count); i < resolver->period_count; i++)
        print_period(past, &resolver->periods[i]);
    fputs("  Its answers, and while they were true\n", stdout);
    for (size_t i = 0; i < resolver->history->owner_count; i++)
        print_owner(&resolver->history->owners[i]);
}

/* ---- changes */

static void print_set(const char *label, const char *outcome, const struct caa_record *records, size_t count) {
    printf("    %s\n", label);
    if (count == 0)
        printf("        %s\n", strcmp(outcome, "empty") == 0 ? "no CAA records" : "not known");
    caa_records_print("        ", records, count);
}

static void print_gained(const char *label, const struct caa_issuers *gained) {
    if (!gained->is_any && gained->count == 0)
        return;
    printf("    %s ", label);
    caa_issuers_print(gained);
    fputs("\n", stdout);
}

static void print_change(const struct store_caa_change_shown *change) {
    char when[RFC3339_SIZE], last[RFC3339_SIZE];
    text_of_time_ms(change->changed_ms, when);
    text_of_time_ms(change->last_ms, last);
    printf("  %s  ", when);
    print_sentence(change->owner);
    fputs(", told by ", stdout);
    print_sentence(change->resolver);
    if (change->times > 1)
        printf(", %lld times until %s", (long long) change->times, last);
    for (size_t i = 0; i < change->finding_count; i++) {
        printf("%sfinding %lld (", i == 0 ? ": " : ", ", (long long) change->findings[i].finding_id);
        print_sentence(change->findings[i].state);
        fputs(")", stdout);
    }
    fputs("\n", stdout);
    print_set("before", change->before_outcome, change->before, change->before_count);
    print_set("after", change->after_outcome, change->after, change->after_count);
    print_gained("may issue since:          ", &change->gained);
    print_gained("may issue wildcards since:", &change->wildcard_gained);
}

static void print_unrecorded(const struct caa_past *past) {
    fputs("\nNo answer about ", stdout);
    print_sentence(past->name);
    fputs(" itself is recorded here, so nobody can say which CAA records it had.\n"
          "pinwatch asks about what is watched, the names above it, and the names of unexpired certificates that were seen.\n"
          "From now on: pinwatch watch add ",
          stdout);
    print_sentence(past->name);
    fputs("\nAt this moment: pinwatch caa check ", stdout);
    print_sentence(past->name);
    fputs("\n", stdout);
}

void caa_past_print(const struct caa_past *past) {
    print_sentence(past->name);
    fputs("\n", stdout);
    if (!past->is_recorded)
        print_unrecorded(past);
    if (past->trouble != NULL) {
        fputs("\n", stdout);
        print_sentence(past->trouble);
        fputs("\n", stdout);
    }
    for (size_t i = 0; i < past->resolver_count; i++)
        print_resolver(past, &past->resolvers[i]);
    if (past->change_count > 0)
        fputs("\nChanges\n", stdout);
    else if (past->is_recorded)
        fputs("\nNo change is recorded.\n", stdout);
    for (size_t i = first_shown("  ", past->change_count); i < past->change_count; i++)
        print_change(&past->changes[i]);
}
