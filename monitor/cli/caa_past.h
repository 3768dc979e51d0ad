/* What `caa history` shows: a name's recorded answers, the sets that were relevant for it, and changes. */
#pragma once

#include <jansson.h>

#include "formats/dns_name.h"
#include "rules/caa_timeline.h"
#include "store/caa_shown.h"

struct caa_past_resolver {
    const struct caa_resolver_history *history; /* owners of the climb */
    const struct caa_period *periods;
    size_t period_count;
};
struct caa_past {
    const char *name;                 /* without "*." */
    bool is_recorded;                 /* something is, about the name itself */
    struct caa_past_resolver *resolvers;
    size_t resolver_count;
    const struct store_caa_change_shown *changes;
    size_t change_count;
    const char *trouble;              /* with the poller, a sentence; NULL: none */
    struct arena *arena;
};

/* NULL without memory. */
json_t *caa_past_json(const struct caa_past *past);
void caa_past_print(const struct caa_past *past);
