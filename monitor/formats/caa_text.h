/* CAA records as people write them: a zone file (RFC 1035 5), or one record a line. For `caa lint FILE` and `caa check --records FILE`. */
#pragma once

#include "formats/caa_record.h"
#include "formats/dns_name.h"

#define CAA_TEXT_SIZE_MAX ((size_t) 16 * 1024 * 1024)
#define CAA_TEXT_COMPLAINTS_MAX 100
#define CAA_TEXT_RECORDS_MAX ((size_t) 65536)
#define CAA_TEXT_ARENA ((size_t) 128 * 1024 * 1024) /* an arena of this limit is enough for any text */

struct caa_text_record {
    struct dns_name owner; /* `origin` where no line names one, and the root where that is NULL */
    bool has_owner;        /* named on this line, or on one before it that this one repeats */
    uint32_t ttl_s;
    bool has_ttl;          /* on this line, by $TTL, or on a line before it */
    unsigned line;
    struct caa_record record;
};
/* A line that is no record: its number and a sentence. */
struct caa_text_complaint {
    unsigned line;
    const char *sentence;
};
struct caa_text {
    struct caa_text_record *records;
    size_t record_count;
    struct caa_text_complaint *complaints;
    size_t complaint_count; /* CAA_TEXT_COMPLAINTS_MAX at most */
    size_t complaints_left_out;
    size_t other_records;   /* of other types in a zone file, not looked at */
};

extern const struct fault fault_caa_text;

/* Accepts: `[owner] [ttl] [class] CAA flags tag value` (owner as in a zone file: missing or leading white space repeats the last), `flags tag
 * value` alone, values quoted or bare, TYPE257 \# length hex (RFC 3597), $ORIGIN, $TTL, parentheses, comments. $INCLUDE is a complaint, and so
 * are a line of which nobody can tell what type of record it is, and a bare value behind which a ';' stands in `flags tag value`: it begins a
 * comment, which the writer may not have meant. `origin` may be NULL: then relative names are complaints. Everything in `arena`. Errors:
 * fault_caa_text: too large, too many records, or no text; fault_no_memory. */
MUST_CHECK result caa_text_parse(struct span text, const struct dns_name *origin, struct arena *arena, struct caa_text *ret_text,
                                 struct reason *reason);
