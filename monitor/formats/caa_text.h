/* CAA records as people write them: a zone file (RFC 1035 5), or one record a line. For `caa lint FILE` and `caa check --records FILE`. */
#pragma once

#include "formats/caa_record.h"
#include "formats/dns_name.h"

#define CAA_TEXT_SIZE_MAX ((size_t) 16 * 1024 * 1024)
#define CAA_TEXT_COMPLAINTS_MAX 100

struct caa_text_record {
    struct dns_name owner; /* the given default where the line names none */
    bool has_owner;
    uint32_t ttl_s;
    bool has_ttl;
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
    size_t complaint_count; /* of at most CAA_TEXT_COMPLAINTS_MAX kept */
    size_t other_records;   /* of other types in a zone file, not looked at */
};

extern const struct fault fault_caa_text;

/* Accepts: `[owner] [ttl] [class] CAA flags tag value` (owner as in a zone file: missing or leading white space repeats the last), `flags tag
 * value` alone, values quoted or bare, TYPE257 \# length hex (RFC 3597), $ORIGIN, $TTL, parentheses, comments. $INCLUDE is a complaint.
 * `origin` may be NULL: then relative names are complaints. Everything in `arena`. Error: fault_caa_text: too large, or no text. */
MUST_CHECK result caa_text_parse(struct span text, const struct dns_name *origin, struct arena *arena, struct caa_text *ret_text,
                                 struct reason *reason);
