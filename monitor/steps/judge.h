/* From a report to what is recorded about it: matches, verdicts, findings with the body that people are told. */
#pragma once

#include "rules/issuer_policy.h"
#include "rules/log_choice.h"
#include "steps/watch_set.h"
#include "store/record.h"

struct judge_input {
    const struct watch_set *watches;
    const struct ca_extra_rows *extra;      /* the drill's authorities */
    const struct chosen_log *log;           /* where it was seen */
    const struct entry_report *report;
    int64_t now_ms;
    /* as caa_question of issuer_policy.h, for the watch of a tenant; NULL: nothing is recorded */
    enum caa_allowance (*ask_caa)(void *context, const struct store_watch *watch, const char *name, const char *const *issuer_domains);
    void *caa_context;
};

/* Everything in `arena`; the report is borrowed. Fails only without memory. */
MUST_CHECK result judge_report(const struct judge_input *input, struct arena *arena, struct store_judgement *ret_judgement);

/* The verdict on a certificate whose issuer has become known (or will never be), for watches that matched it before. */
MUST_CHECK result judge_known(const struct judge_input *input, const struct store_match *matches, size_t match_count,
                              struct arena *arena, struct store_judgement *ret_judgement);
