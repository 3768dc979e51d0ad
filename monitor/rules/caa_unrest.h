/* An owner whose CAA records do not come to rest: which of its changes are told each, and which together. Pure. */
#pragma once

#include "rules/ca_table.h"
#include "rules/caa_change.h"

#define CAA_RESTLESS_FROM 6                         /* changes within a day: this one and those that follow are told together */
#define CAA_CALM_MS ((int64_t) 24 * 3600 * 1000)    /* so long without a change, and it is over */
#define CAA_STRANGERS_TOLD 8                        /* domains of no known CA, for which a restless zone may claim attention */
#define CAA_SEEN_MAX 10                             /* sets that are remembered: those seen last */

/* Somebody may issue, and a tenant was told so. */
struct caa_right {
    int32_t tenant_id;
    bool is_for_wildcard, is_stranger; /* stranger: no CA that is known recognises the domain */
    char *domain;                      /* owned; "": any CA */
};

struct caa_seen {
    struct caa_set *set; /* a reference */
    int64_t times, last_ms;
};

/* Changes of one owner without a calm day between two of them. */
struct caa_unrest {
    int64_t since_ms, last_ms; /* the first and the last */
    int64_t changes;           /* how many */
    int64_t recent_ms[CAA_RESTLESS_FROM - 1]; /* when the last ones were, oldest first; 0: there were not so many */
    bool is_restless;
    struct caa_right *rights;  /* told one by one */
    size_t right_count, right_room;
    struct caa_seen seen[CAA_SEEN_MAX];
    size_t seen_count;
};

struct caa_unrest *caa_unrest_new(void); /* NULL without memory */
void caa_unrest_free(struct caa_unrest *unrest, struct caa_sets *sets); /* NULL is allowed */

/* One change more, at a wall time; a calm day before it forgets what was. Times that go back count as the last one. */
void caa_unrest_take(struct caa_unrest *unrest, struct caa_sets *sets, int64_t at_ms);
/* The owner says this set, seen so many times more. Takes the reference over. */
void caa_unrest_see(struct caa_unrest *unrest, struct caa_sets *sets, struct caa_seen seen);
/* Is it restless? NULL: no. */
bool caa_unrest_holds(const struct caa_unrest *unrest, int64_t now_ms);

enum caa_telling {
    CAA_TOLD_ALONE,    /* as a finding of its own */
    CAA_TOLD_TOGETHER, /* nobody gains what was not told, one by one, before */
    CAA_TOLD_UNHEARD,  /* the same, but for domains of no known CA, too many to be told each: nobody may count them as heard of */
};
/* What somebody gained by the change that was just taken. */
struct caa_gain {
    int32_t tenant_id;
    const struct caa_issuers *plain, *wildcard;
    const struct ca_extra_rows *extra; /* by which CAs are known, beside the shipped table; may be NULL */
};
/* How to tell a tenant. What is told alone is remembered. A right of a known CA, or of any CA, that was not told is always told alone. Fails only
 * without memory. */
MUST_CHECK result caa_unrest_tell(struct caa_unrest *unrest, const struct caa_gain *gain, enum caa_telling *ret_telling);
/* Remembers what was told alone, as it is recorded. */
MUST_CHECK result caa_unrest_remember(struct caa_unrest *unrest, const struct caa_gain *gain);
