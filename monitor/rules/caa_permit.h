/* Who may issue under a relevant set: RFC 8659 4.2 and 4.3, RFC 9495 (issuemail), BIMI (issuevmc). */
#pragma once

#include "formats/caa_record.h"

enum caa_purpose { CAA_FOR_HOST, CAA_FOR_WILDCARD, CAA_FOR_EMAIL, CAA_FOR_VMC };

struct caa_issuers {
    bool is_any;                /* nothing restricts: every CA may */
    const char *const *domains; /* lower case, sorted, each once; empty and not is_any: nobody may */
    size_t count;
    const char *critical_tag;   /* an unknown tag that is critical: nobody may, whatever the rest says; "" when there is none */
};

/* An empty set permits every CA. Texts are in `arena`; fails only without memory. */
MUST_CHECK result caa_issuers_of(const struct caa_record *records, size_t count, enum caa_purpose purpose, struct arena *arena,
                                 struct caa_issuers *ret_issuers);
/* May a CA that recognises one of `domains` (NULL-terminated, any case)? Parameters (RFC 8657) are not looked at: they cannot be seen in a
 * certificate. */
bool caa_issuers_allow(const struct caa_issuers *issuers, const char *const *domains);
/* The same of a CA of which nobody knows what else it understands: a critical tag that is unknown here may be known to it, and then the other records say
 * whether it may issue (RFC 8659 4.1). Fails only without memory. */
enum caa_permission { CAA_FORBIDS, CAA_MAY_PERMIT, CAA_PERMITS };
MUST_CHECK result caa_permission_of(const struct caa_record *records, size_t count, enum caa_purpose purpose, const char *const *domains,
                                    struct arena *arena, enum caa_permission *ret_permission);
/* Is the tag one that RFC 8659, RFC 9495, the Baseline Requirements or BIMI define (so that "critical" does not block it)? */
bool caa_tag_is_known(struct span tag);
