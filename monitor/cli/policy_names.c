#include "cli/policy_names.h"

#include <strings.h>

#include "formats/policy_rules.h"

/* The drill's names are known at run time only. */
static bool is_of_drill(const char *name) {
    size_t size = strlen(name);
    return strcasecmp(name, CA_OWNER_DRILL) == 0 || (size > 8 && strcasecmp(name + size - 8, ".invalid") == 0);
}

result policy_names_check(const char *rules, const struct ca_extra_rows *extra, struct arena *arena, struct reason *ret_unknown) {
    struct policy_rules decoded;
    struct reason ignored;
    TRY(policy_rules_from_json(span_of_text(rules), arena, &decoded, &ignored));
    for (size_t i = 0; i < decoded.caa_domain_count; i++)
        if (!ca_table_knows_domain(decoded.caa_domains[i], extra) && !is_of_drill(decoded.caa_domains[i]))
            return reason_set(ret_unknown, OK, "no CA in the table of %s recognises the CAA domain %s", ca_table_date(), decoded.caa_domains[i]);
    for (size_t i = 0; i < decoded.owner_count; i++)
        if (!ca_table_knows_owner(decoded.owners[i], extra) && !is_of_drill(decoded.owners[i]))
            return reason_set(ret_unknown, OK, "no CA owner in the table of %s is called %s", ca_table_date(), decoded.owners[i]);
    return OK;
}
