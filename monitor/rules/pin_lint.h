/* What is wrong or unwise about pin files, and what to do about it. Pure, no clock: what is known beside the files comes in as facts. */
#pragma once

#include "rules/ca_table.h"
#include "rules/issuer_policy.h"
#include "rules/trust_paths.h"

/* A chain that is served, with every path that clients may build of it. */
struct pin_lint_chain {
    const char *source;             /* for sentences: the file, the server */
    struct trust_paths paths[trust_store_count]; /* to the roots of each platform */
    const char *const *names;       /* of the leaf: A-labels in lower case, "*." kept */
    size_t name_count;
    int64_t not_before, not_after;  /* of the leaf; both 0: not known */
};

/* A released app that carries pins. */
struct pin_lint_release {
    const char *name;                    /* "Bank 4.2 (android)" */
    const struct pin_document *document; /* that it carries; NULL: each of those given */
    bool has_end_of_support;
    int64_t end_of_support;              /* Unix seconds */
};

struct pin_lint_facts {
    int64_t now;                 /* Unix seconds */
    bool is_renewed_automatically; /* certificates are; without it that is concluded from their lifetime */
    const struct pin_lint_chain *chains;
    size_t chain_count;          /* 0: nothing is known of what is served */
    const struct pin_lint_release *releases;
    size_t release_count;
    const struct ca_extra_rows *extra; /* NULL: the shipped table of CA keys alone */
};

struct pin_lint_rule {
    const char *name;
    enum finding_severity severity; /* at most; single remarks may be milder */
    const char *advice;             /* what to do, one sentence */
};
/* Every rule, gravest first; NULL past the last. */
const struct pin_lint_rule *pin_lint_rule_at(size_t number);

struct pin_lint_remark {
    const char *rule;                    /* of the table, or of a reader's remark: docs/pins.md has both */
    enum finding_severity severity;
    const struct pin_document *document; /* NULL: several */
    const struct pin_set *set;           /* NULL: the document as a whole */
    unsigned line;                       /* 0: none */
    const char *message;                 /* what is wrong */
    const char *advice;                  /* what to do; "" in a reader's remark, whose message says it */
};

/* Severity of a reader's remark: error is warning, warning is notice, note is info. */
enum finding_severity pin_lint_severity_of(enum pin_remark_kind kind);

/* Remarks in the order of the documents and their lines, those of the readers among them. Everything in `arena`; fails only without memory. */
MUST_CHECK result pin_lint(const struct pin_document *documents, size_t count, const struct pin_lint_facts *facts, struct arena *arena,
                           struct pin_lint_remark **ret_remarks, size_t *ret_count);
