/* What one resolver says about the CAA records at one owner name, after everything in its message was checked; or about records of another
 * type, which are then for the caller to read. */
#pragma once

#include "formats/caa_record.h"
#include "formats/dns_message.h"

#define CAA_CHAIN_MAX 16

enum caa_outcome {
    CAA_RECORDS, /* there are some */
    CAA_EMPTY,   /* there are none: NODATA or NXDOMAIN */
    CAA_FAILED,  /* nobody knows: no permission and no prohibition */
    CAA_BOGUS,   /* DNSSEC validation failed */
    caa_outcome_count,
};
const char *caa_outcome_name(enum caa_outcome outcome); /* "records", "empty", "failed", "bogus" */

struct caa_answer {
    enum caa_outcome outcome;
    const char *why;    /* FAILED, BOGUS: "formerr", "servfail", "notimp", "refused", "rcode-9", "timeout", "unreachable", "malformed", "truncated",
                           "referral" (the server does not resolve), "chain", "bogus"; else "" */
    const char *detail; /* a clause for people, "" when nothing is to be said */
    bool is_from_validator;  /* the settings call this resolver validating */
    bool is_authenticated;   /* that, and AD was set */
    bool is_nonexistent;     /* NXDOMAIN */
    bool is_ours;            /* FAILED for want of memory or descriptors here: it says nothing about the resolver */
    uint32_t ttl_s;          /* smallest along the chain; negative answers: RFC 2308 5; 0 when failed */
    const struct caa_record *records; /* sorted, each once (caa_set_sort) */
    size_t record_count;
    const struct span *data; /* asked about another type: its records' data, in the order of the message */
    size_t data_count;
    bool has_zone_ttl;       /* of these: their signature came along, and the answer is authenticated */
    uint32_t zone_ttl_s;     /* the TTL that they have in the zone (RFC 4034 3.1.4), of several signatures the largest */
    const char *const *chain; /* alias targets from the name that was asked on, as text; empty: no alias */
    size_t chain_count;
    int64_t answered_ms;      /* wall */
};

/* Judges a message that answers the question (`asked`, CAA). RFC 1034 3.6.2, RFC 6672: the chain of CNAME and DNAME is followed owner by
 * owner from `asked`. A loop, two different targets of one owner, more than CAA_CHAIN_MAX links, CAA records beside an alias, and an alias
 * about whose target a server that does not recurse says nothing make the answer FAILED ("chain"). Records of other owners do not count;
 * where there are no others, as where the message answers another question or a CAA record breaks its grammar, the answer is FAILED
 * ("malformed"): what a CA makes of it is unknown. SERVFAIL with an extended error 6 to 12 is BOGUS (RFC 8914 4.7 to 4.13). Everything is
 * in `arena`, copied. answered_ms is 0. Fails only without memory. */
MUST_CHECK result caa_answer_of_message(const struct dns_message *message, const struct dns_name *asked, bool is_validator,
                                        struct arena *arena, struct caa_answer *ret_answer);
/* The same about records of any type that is no alias (DNS_TYPE_TLSA, …); "malformed" is not said of their data. */
MUST_CHECK result dns_answer_of_message(const struct dns_message *message, const struct dns_name *asked, uint16_t type, bool is_validator,
                                        struct arena *arena, struct caa_answer *ret_answer);
/* A FAILED answer without a message ("timeout", "unreachable"). Texts are borrowed. */
struct caa_answer caa_answer_failed(const char *why, const char *detail);
/* A copy that lives in `arena`. */
MUST_CHECK result caa_answer_copy(const struct caa_answer *answer, struct arena *arena, struct caa_answer *ret_copy);
/* Same outcome and, where there are records, the same set; neither order nor TTL nor chain counts. Two failures are the same. */
bool caa_answer_says_same(const struct caa_answer *a, const struct caa_answer *b);
