/* What a change of a relevant CAA set means: who may issue that could not before, and who may no longer. Pure. */
#pragma once

#include "rules/caa_permit.h"
#include "rules/caa_set.h"

struct caa_difference {
    struct caa_issuers gained, lost; /* is_any: from named ones (or nobody) to any CA, and back; then no domains are listed */
};

/* Sets in canonical form; NULL: not known, then nobody is gained or lost. Error: fault_caa_set, fault_no_memory. */
MUST_CHECK result caa_difference_of(const struct caa_set *before, const struct caa_set *after, enum caa_purpose purpose, struct arena *arena,
                                    struct caa_difference *ret_difference);
static inline bool caa_gains(const struct caa_issuers *gained) {
    return gained->is_any || gained->count > 0;
}

/* May this transition of one resolver be news? It said `before` itself (NULL: nothing yet), now it says `after`; `accepted` is what is taken
 * for true, and whether another resolver still says that. A first answer is none unless nobody stands for the accepted set any more: then
 * resolvers were exchanged, and the set changed meanwhile. What is accepted already was told. */
bool caa_transition_is_news(const struct caa_set *before, const struct caa_set *after, const struct caa_set *accepted, bool is_accepted_said_by_other);
