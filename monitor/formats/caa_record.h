/* CAA records (RFC 8659 4.1), their values (4.2 to 4.4; parameters of RFC 8657) and the one canonical form of a set. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

#define CAA_FLAG_CRITICAL 128
#define CAA_RECORDS_MAX ((size_t) 8192)
#define CAA_PARAMETERS_MAX 64

struct caa_record {
    uint8_t flags;
    struct span tag;   /* 1 to 255 of [A-Za-z0-9]; case as sent, compared without */
    struct span value; /* any bytes, may be empty */
};

extern const struct fault fault_caa_record;
extern const struct fault fault_caa_set;

/* RDATA of type 257. Spans point into it. Error: fault_caa_record: no tag, or one that holds something else. */
MUST_CHECK result caa_record_parse(struct span rdata, struct caa_record *ret_record, struct reason *reason);
/* A record whose tag and value live in `arena`. Error: fault_no_memory. */
MUST_CHECK result caa_record_copy(const struct caa_record *record, struct arena *arena, struct caa_record *ret_copy);
bool caa_tag_is(const struct caa_record *record, const char *tag); /* without case */
static inline bool caa_is_critical(const struct caa_record *record) {
    return (record->flags & CAA_FLAG_CRITICAL) != 0;
}

struct caa_parameter {
    struct span tag, value;
};
/* The value of issue, issuewild, issuemail, issuevmc (RFC 8659 4.2, RFC 9495 3). */
struct caa_issuer_value {
    struct span domain; /* empty: nobody */
    struct caa_parameter parameters[CAA_PARAMETERS_MAX];
    size_t parameter_count;
    bool has_more_parameters; /* than are kept; they were read, too */
};
/* Exactly the grammar. Spans point into `value`. Error: fault_caa_record with the rule that is broken in `reason` (may be NULL); such a
 * value permits nobody. */
MUST_CHECK result caa_issuer_value_parse(struct span value, struct caa_issuer_value *ret_value, struct reason *reason);

/* By tag (without case), value, flags. */
int caa_record_compare(const struct caa_record *a, const struct caa_record *b);
/* Sorts by tag (lower case), value, flags and drops repetitions, in place; returns how many are left. */
size_t caa_set_sort(struct caa_record *records, size_t count);
/* Are two sorted sets the same? */
bool caa_set_equal(const struct caa_record *a, size_t a_count, const struct caa_record *b, size_t b_count);
/* The canonical form of a sorted set, for storing, comparing and hashing: per record flags (1), length of tag (1), tag in lower case,
 * length of value (2), value. Fails only when `out` does. */
MUST_CHECK result caa_set_encode(const struct caa_record *records, size_t count, struct buffer *out);
/* Back; spans point into `bytes`, the list is in `arena`. Error: fault_caa_set. */
MUST_CHECK result caa_set_decode(struct span bytes, struct arena *arena, struct caa_record **ret_records, size_t *ret_count);
/* `0 issue "letsencrypt.org"`: flags, tag, quoted value with RFC 1035 escapes (\" \\ \DDD). */
bool caa_record_to_text(const struct caa_record *record, struct buffer *out);
