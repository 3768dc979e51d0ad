/* What the parts of caa_lint.c share; for nobody else. */
#pragma once

#include <stdarg.h>

#include "base/memory.h"
#include "rules/caa_lint.h"
#include "rules/caa_permit.h"

enum caa_lint_rule_number {
    LINT_CRITICAL_UNKNOWN,
    LINT_PERMITS_NOBODY,
    LINT_PERMITS_UNKNOWN_ONLY,
    LINT_CA_NOT_ALLOWED,
    LINT_TAG_MISSPELT,
    LINT_CRITICAL_FOR_SOME,
    LINT_VALUE_REFUSED,
    LINT_SEMICOLON_REFUSED,
    LINT_VALUE_MISSPELT,
    LINT_VALUE_CASE_REFUSED,
    LINT_PARAMETERS_VOID,
    LINT_PARAMETER_MISSPELT,
    LINT_PARAMETER_HYPHEN,
    LINT_ACCOUNTURI_REPEATED,
    LINT_ACCOUNTURI_INVALID,
    LINT_METHODS_REPEATED,
    LINT_METHODS_INVALID,
    LINT_METHODS_UNKNOWN,
    LINT_IODEF_NOT_URL,
    LINT_CONTACTEMAIL_INVALID,
    LINT_CONTACTPHONE_INVALID,
    LINT_FLAG_RESERVED,
    LINT_TAG_TOO_LONG,
    LINT_VALUE_UNKNOWN,
    LINT_VALUE_NOT_ASCII,
    LINT_NOBODY_IDLE,
    LINT_ISSUE_MISSING,
    LINT_ISSUEWILD_WIDER,
    LINT_SET_ELSEWHERE,
    LINT_TTL_LONG,
    LINT_CA_UNUSED,
    LINT_UNRESTRICTED,
    LINT_TAG_UNKNOWN,
    LINT_TAG_UPPER_CASE,
    LINT_VALUE_EMPTY,
    LINT_VALUE_UPPER_CASE,
    LINT_SEMICOLON_IDLE,
    LINT_PARAMETER_UNKNOWN,
    LINT_PARAMETER_NOT_HONOURED,
    LINT_RECORD_REPEATED,
    LINT_ISSUEWILD_REDUNDANT,
    LINT_IODEF_MISSING,
    LINT_NOT_SECURE,
    lint_rule_count,
};

enum lint_kind { LINT_ISSUE, LINT_ISSUEWILD, LINT_ISSUEMAIL, LINT_ISSUEVMC, lint_kind_count, LINT_OTHER = lint_kind_count };

/* What the checks need to know of one record's value. */
struct lint_value {
    enum lint_kind kind;
    bool is_refused;        /* by the grammar */
    bool is_bound;          /* has an accounturi or validationmethods */
    bool is_unsatisfiable;  /* RFC 8657 3: two accounturi, or one that is no URI */
    size_t parameter_count;
    struct span domain;     /* empty: nobody */
    bool is_repeated;       /* another record before it says the same */
    bool is_void;           /* is_bound, but another record permits the same CA without conditions */
};

struct lint_work {
    const struct caa_record *records;
    size_t count;
    const struct caa_lint_facts *facts;
    struct arena *arena;
    const struct ca_owner **owners; /* of the table and the rows beside it, each once */
    size_t owner_count;
    struct lint_value *values; /* one per record */
    size_t kind_count[lint_kind_count];  /* records */
    size_t named_count[lint_kind_count]; /* of them: name a CA, and can be satisfied */
    size_t nobody_count[lint_kind_count]; /* of them: name nobody, on purpose */
    struct caa_issuers host, wildcard;
    struct caa_lint_remark *remarks;
    size_t remark_count;
    size_t seen[lint_rule_count];
    bool is_short; /* of memory */
};

/* Looks at every value once; `records`, `count`, `facts` and `arena` are set, and `owners` where they are known already. */
MUST_CHECK result lint_prepare(struct lint_work *work);
/* All that is to be said about one record; then lint_improve_corrections makes what is suggested right in every respect. */
void lint_check_record(struct lint_work *work, size_t record);
void lint_improve_corrections(struct lint_work *work);
/* A remark about `record` (its text is put before the sentence), or about the set (SIZE_MAX). `suggest` is "" for none; NULL: want of memory. */
void lint_say(struct lint_work *work, enum caa_lint_rule_number rule, size_t record, const char *suggest, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Were there so many of this rule that the next ones are only counted? */
bool lint_is_full(const struct lint_work *work, enum caa_lint_rule_number rule);
/* Zone file form, with the owner where it is known; NULL without memory. */
const char *lint_record(struct lint_work *work, unsigned flags, const char *tag, struct span value);
/* As `record`, with another value. */
const char *lint_record_with(struct lint_work *work, size_t record, struct span value);
/* NUL-terminated, in lower case; NULL (and is_short) without memory. */
char *lint_lower(struct lint_work *work, struct span text);

/* Finds what repeats, and what makes another record's conditions void. */
MUST_CHECK result lint_compare_records(struct lint_work *work);
void lint_tag_and_flags(struct lint_work *work, size_t record);
void lint_plain_value(struct lint_work *work, size_t record);
void lint_issuer_value(struct lint_work *work, size_t record);
void lint_parameters(struct lint_work *work, size_t record, const struct caa_issuer_value *value);
void lint_set(struct lint_work *work);

/* A refused value as it was probably meant: one record a line; "" where that is not clear. */
const char *lint_repair(struct lint_work *work, size_t record);

/* Words. */
/* Insertions, deletions, replacements, swaps of neighbours between two lower-case words; limit + 1 when there are more than `limit`. */
unsigned word_distance(const char *a, const char *b, unsigned limit);
bool word_is_email(struct span text);       /* RFC 5322 addr-spec without comments, RFC 6532 */
bool word_is_uri(struct span text);         /* RFC 3986: a scheme, and no byte that may not stand in a URI */
bool word_is_report_url(struct span text);  /* RFC 8659 4.4 */
bool word_is_phone(struct span text);       /* RFC 3966 5.1.4, spaces as the Baseline Requirements A.1.2 allow */
struct span word_trim(struct span text);
/* The CAA domain of the table that was probably meant; NULL when none is near. */
const char *word_nearest_domain(const char *domain, const struct ca_owner *const *owners, size_t owner_count);

/* The place (ca_owner_place_of) at which those list the domain whose own it is; SIZE_MAX: nobody recognises it. They may be several: an
 * import may know an owner by another name. */
size_t lint_place_of(const struct lint_work *work, const char *domain);
/* The first owner whose domain it is; NULL. */
const struct ca_owner *lint_owner_of(const struct lint_work *work, const char *domain);
