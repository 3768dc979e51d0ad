/* What is wrong or unwise about a CAA record set, with the record that would be right. */
#pragma once

#include "formats/dns_name.h"
#include "rules/caa_answer.h"
#include "rules/ca_table.h"
#include "rules/issuer_policy.h"

enum { CAA_SEEN_PLAIN = 1, CAA_SEEN_WILDCARD = 2 };

/* What may be known beside the records; zero and NULL where it is not. */
struct caa_lint_facts {
    const struct dns_name *owner;      /* where the set stands */
    const struct caa_answer *answer;   /* as it was resolved: chain, TTL, AD; NULL for a file */
    const char *const *seen_domains;   /* CAA domains of the issuers of observed, unexpired certificates (one per owner is enough), NULL-terminated; NULL: not known */
    const char *const *seen_owners;    /* their names, beside seen_domains */
    const uint8_t *seen_uses;          /* CAA_SEEN_…, beside seen_domains: what kinds of names; NULL: not known which */
    const struct ca_extra_rows *extra;
    const uint32_t *ttl_s;             /* as it stands in a file; NULL: not known (then the answer's counts, if there is one) */
};

struct caa_lint_rule {
    const char *name;
    enum finding_severity severity;
};
/* Every rule, gravest first; NULL past the last. */
const struct caa_lint_rule *caa_lint_rule_at(size_t number);

struct caa_lint_remark {
    const char *rule;       /* stable: "tag-misspelt", … : docs/caa.md has the table */
    enum finding_severity severity;
    const char *message;    /* what is wrong, and what to change */
    const char *suggest;    /* the record, all its mistakes corrected, in zone file form; several lines: several records; "": none can be given */
    size_t record;          /* place in the set; SIZE_MAX: the set as a whole */
};

/* Remarks in the order of the records, then those about the set. Everything in `arena`; fails only without memory. */
MUST_CHECK result caa_lint(const struct caa_record *records, size_t count, const struct caa_lint_facts *facts, struct arena *arena,
                           struct caa_lint_remark **ret_remarks, size_t *ret_count);
