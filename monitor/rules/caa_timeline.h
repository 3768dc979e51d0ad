/* What the relevant CAA set of a name was, one period after the other, as one resolver told it. For people: verdicts go by caa_history.h. Pure. */
#pragma once

#include "rules/caa_history.h"

enum caa_period_kind {
    CAA_PERIOD_RECORDS,    /* they stood at `owner`, and every owner below had none */
    CAA_PERIOD_EMPTY,      /* no owner up to the top-level domain had records */
    CAA_PERIOD_FAILED,     /* `owner` could not be resolved, or the answer was bogus: `answer` says which */
    CAA_PERIOD_UNRECORDED, /* nothing is recorded of `owner` */
};

struct caa_period {
    int64_t begin_ms, end_ms; /* until the next answer told something else; end_ms does not belong to it */
    enum caa_period_kind kind;
    const char *owner;                /* borrowed; "" when EMPTY */
    const struct caa_answer *answer;  /* borrowed; RECORDS and FAILED, else NULL */
};

/* The owners of `resolver` are those of the climb: the name first, its top-level domain last. A gap of up to twice the poll interval belongs to
 * what was heard before it, and what was heard last holds so long, but not beyond now_ms. What was not recorded before the first period and after the
 * last is left out. In `arena`; fails only without memory. */
MUST_CHECK result caa_timeline(const struct caa_resolver_history *resolver, int64_t now_ms, struct arena *arena, struct caa_period **ret_periods,
                               size_t *ret_count);
