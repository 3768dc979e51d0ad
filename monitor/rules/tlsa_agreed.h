/* What several resolvers together say of the TLSA records of a name. Pure. */
#pragma once

#include "rules/caa_answer.h"

struct tlsa_voice {
    const char *resolver;
    bool is_validating;
    const struct caa_answer *answer;
};
struct tlsa_agreed {
    const char *trouble;  /* why it is not known what counts: a clause; NULL: it is */
    const struct caa_answer *answer; /* without trouble: records or none */
    bool is_secure;       /* DNSSEC-secure, says each resolver that validates */
    const char *source;   /* the resolver whose answer it is */
};
/* One that fails, two that differ, and records of which no resolver that validates says whether they are secure, are trouble: clients that
 * validate may use what others do not see (RFC 6698 4, RFC 7672 2.1.2). Texts in `arena`; fails only without memory. */
MUST_CHECK result tlsa_agree(const struct tlsa_voice *voices, size_t count, struct arena *arena, struct tlsa_agreed *ret_agreed);
