/* What the parts of the pin lint share; see pin_lint.h. */
#pragma once

#include "rules/pin_index.h"
#include "rules/pin_lint.h"

enum pin_lint_rule_number {
    PIN_LINT_CHAIN_REFUSED,
    PIN_LINT_PINS_NONE,
    PIN_LINT_APP_REFUSES,
    PIN_LINT_CERTIFICATE_RENEWED,
    PIN_LINT_NOTHING_PINNED,
    PIN_LINT_PIN_OF_NOTHING,
    PIN_LINT_PLACEHOLDER,
    PIN_LINT_PINS_ONE,
    PIN_LINT_BACKUP_MISSING,
    PIN_LINT_BACKUP_IS_CURRENT,
    PIN_LINT_EXPIRED,
    PIN_LINT_EXPIRES_SOON,
    PIN_LINT_EXPIRES_EARLY,
    PIN_LINT_PIN_DEAD,
    PIN_LINT_INTERMEDIATE,
    PIN_LINT_NOT_IN_STORE,
    PIN_LINT_PUBLIC_SUFFIX,
    PIN_LINT_PLATFORMS_DIFFER,
    PIN_LINT_CERTIFICATE,
    PIN_LINT_EXPIRES_LATE,
    PIN_LINT_SUBDOMAINS_MISSING,
    PIN_LINT_SUBDOMAINS_ONE_LABEL,
    PIN_LINT_APEX_MISSING,
    PIN_LINT_SHADOWED,
    PIN_LINT_WWW_ONLY,
    PIN_LINT_PLATFORM_MISSING,
    PIN_LINT_REPORT_ONLY,
    PIN_LINT_SMTP_USAGE,
    PIN_LINT_NOT_SECURE,
    PIN_LINT_SHA1,
    PIN_LINT_NOT_RECOGNISED,
    PIN_LINT_REPEATED,
    PIN_LINT_UNPINNED,
    PIN_LINT_NOBODY_ENFORCES,
    pin_lint_rule_count
};

struct pin_lint_work {
    struct arena *arena;
    const struct pin_lint_facts *facts;
    const struct pin_document *documents;
    size_t document_count;
    const struct pin_document *document; /* at hand */
    struct pin_index index;              /* of the document at hand */
    const struct pin_set **rooms;        /* for its sets */
    struct pin_lint_remark *remarks;
    size_t remark_count;
    size_t seen[pin_lint_rule_count];
    bool is_short;                       /* memory ran out */
};

/* Adds a remark about the set (NULL: the document) at `line` (0: the set's). */
void pin_lint_say(struct pin_lint_work *work, enum pin_lint_rule_number rule, const struct pin_set *set, unsigned line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same one step milder than the rule. */
void pin_lint_say_milder(struct pin_lint_work *work, enum pin_lint_rule_number rule, const struct pin_set *set, unsigned line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Text that may be NULL without memory, which is then noted. */
const char *pin_lint_text(struct pin_lint_work *work, const char *text);
/* Of a format that clients hold pins for hosts with: no bare key, no DNS record, no list without hosts. */
bool pin_lint_is_for_clients(const struct pin_set *set);
/* "2026-11-21" in a sentence. */
struct lint_date {
    char text[11];
};
struct lint_date pin_lint_date(int64_t unix_seconds);
/* "1 day", "30 days" */
struct lint_days {
    char text[32];
};
struct lint_days pin_lint_days(int64_t seconds);

/* The parts. */
void pin_lint_pins(struct pin_lint_work *work, const struct pin_set *set);
void pin_lint_backups(struct pin_lint_work *work, const struct pin_set *set);
void pin_lint_cas(struct pin_lint_work *work, const struct pin_set *set);
void pin_lint_dates(struct pin_lint_work *work, const struct pin_set *set);
void pin_lint_hosts(struct pin_lint_work *work, const struct pin_set *set);
void pin_lint_mode(struct pin_lint_work *work, const struct pin_set *set);
void pin_lint_chains(struct pin_lint_work *work);    /* the document at hand, chain by chain */
void pin_lint_platforms(struct pin_lint_work *work); /* all documents */

/* Is the chain one that the set is there for: does it hold for a name of the leaf? */
bool pin_lint_is_chain_of(const struct pin_lint_chain *chain, const struct pin_set *set);
/* Does the pin of this set match something on a path of the chain? Its place, else SIZE_MAX. */
size_t pin_lint_place(const struct pin_lint_chain *chain, const struct pin_set *set, const struct pin *pin);
/* Does it on a path of any chain that the set is there for? And is there such a chain? */
bool pin_lint_is_served(const struct pin_lint_work *work, const struct pin_set *set, const struct pin *pin);
bool pin_lint_has_chain(const struct pin_lint_work *work, const struct pin_set *set);
/* Walks all pins of a set: number from 0; NULL past the last. */
const struct pin *pin_lint_pin_at(const struct pin_set *set, size_t number);
/* The digest of no bytes, or one that was never a digest ("AAAA…"). */
bool pin_lint_is_of_nothing(const struct pin *pin);
bool pin_lint_is_placeholder(const struct pin *pin);
