/* Judges one certificate against the policy of one watch: who issued it, and what the policy says about it otherwise.
 * The table of outcomes is in docs/findings.md. */
#pragma once

#include "formats/entry_report.h"
#include "formats/policy_rules.h"
#include "rules/ca_table.h"
#include "rules/watch_image.h"

enum finding_severity { SEVERITY_INFO, SEVERITY_NOTICE, SEVERITY_WARNING, SEVERITY_CRITICAL, finding_severity_count };
const char *finding_severity_name(enum finding_severity severity); /* "info", "notice", "warning", "critical" */

#define RULE_UNEXPECTED_ISSUER "certificate.unexpected-issuer"
#define RULE_UNKNOWN_ISSUER "certificate.unknown-issuer"
#define RULE_AGAINST_POLICY "certificate.against-policy"
#define RULE_NEW "certificate.new"

enum issuer_state { ISSUER_VERIFIED, ISSUER_PENDING, ISSUER_UNVERIFIABLE };

/* What the recorded CAA records of a name say about a CA. */
enum caa_allowance {
    CAA_NOT_RECORDED,    /* nothing, or a failure: nobody knows */
    CAA_ALLOWED,
    CAA_ALLOWED_BY_NEWS, /* only by a change that nobody was told of yet */
    CAA_NOT_ALLOWED,
    caa_allowance_count,
};
/* `name` may begin with "*."; `issuer_domains` is NULL-terminated. */
typedef enum caa_allowance caa_question(void *context, const char *name, const char *const *issuer_domains);

/* What is known of the certificate; texts and arrays are borrowed. */
struct issuer_facts {
    enum issuer_state issuer_state;
    struct hash issuer_spki_sha256;  /* when VERIFIED */
    const char *unverifiable_reason; /* when UNVERIFIABLE: a clause without full stop, or "" */
    struct known_hash spki_sha256;
    const char *key_type;            /* "" when unreadable */
    bool has_validity;
    int64_t not_before, not_after;   /* Unix seconds, both inclusive */
    const struct report_name *names;
    size_t name_count;
    bool names_are_cut;              /* there were more than REPORT_NAMES_MAX */
    int64_t now_ms;
    caa_question *ask_caa;           /* for policies that expect whom the CAA records allow; NULL: nothing is recorded */
    void *caa_context;
};

enum issuer_verdict {
    ISSUER_NOT_JUDGED, /* no policy, or one that expects no issuer */
    ISSUER_EXPECTED,
    ISSUER_UNEXPECTED,
    ISSUER_UNKNOWN,    /* the key is not in the table, or its signature cannot be checked: neither fine nor accused */
    ISSUER_AWAITED,    /* pending: judge again once the issuer is verified */
    issuer_verdict_count,
};
const char *issuer_verdict_name(enum issuer_verdict verdict); /* "not-judged", "expected", "unexpected", "unknown", "pending" */

enum { JUDGED_FINDINGS_MAX = 3, JUDGED_REASONS_MAX = 4 };

struct judged_finding {
    const char *rule;                         /* one of RULE_… */
    enum finding_severity severity;
    const char *reasons[JUDGED_REASONS_MAX];  /* sentences without full stop, in the arena */
    size_t reason_count;
};

struct judgement {
    enum issuer_verdict verdict;
    bool is_known_key;                        /* the certificate's key is one of known_keys */
    bool is_issuer_mapped;
    struct ca_row issuer;                     /* when mapped */
    struct judged_finding findings[JUDGED_FINDINGS_MAX];
    size_t finding_count;
};

/* `policy` NULL: nothing is expected and nothing is reported. `watch` decides which wildcards are of this watch's names.
 * Fails only without memory. */
MUST_CHECK result issuer_judge(const struct policy_rules *policy, const struct watch_item *watch,
                               const struct issuer_facts *facts, const struct ca_extra_rows *extra, struct arena *arena,
                               struct judgement *ret_judgement);
