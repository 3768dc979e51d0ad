/* DNS messages (RFC 1035 4, EDNS: RFC 6891, extended errors: RFC 8914): a query to send, an answer taken apart. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "formats/dns_name.h"

enum dns_type { DNS_TYPE_NS = 2, DNS_TYPE_CNAME = 5, DNS_TYPE_SOA = 6, DNS_TYPE_DNAME = 39, DNS_TYPE_OPT = 41, DNS_TYPE_RRSIG = 46, DNS_TYPE_TLSA = 52, DNS_TYPE_CAA = 257 };
enum dns_rcode { DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5 };

#define DNS_UDP_SIZE 1232 /* what fits any path without fragments (DNS flag day 2020) */
#define DNS_MESSAGE_MAX ((size_t) 65535)
#define DNS_MESSAGE_ARENA ((size_t) 8 * 1024 * 1024) /* an arena of this limit is enough for any message and for what is judged of it */
#define DNS_EXTENDED_ERRORS_MAX 8

struct dns_query {
    uint16_t id; /* unpredictable: the caller's */
    struct dns_name name;
    uint16_t type;
    bool has_edns;               /* with DNS_UDP_SIZE */
    bool wants_signatures;       /* DO, where there is EDNS; AD is asked for by the AD bit in any case (RFC 6840 5.7) */
    bool is_checking_disabled;   /* CD: also answer what does not validate */
};
/* Appends the query: RD and AD set, class IN. Fails only when `out` does. */
MUST_CHECK result dns_query_write(const struct dns_query *query, struct buffer *out);

struct dns_record {
    struct dns_name owner;
    uint16_t type;
    uint32_t ttl_s;     /* above 2^31 - 1 counts as 0 (RFC 2181 8) */
    struct span rdata;  /* into the message */
    struct dns_name target; /* CNAME, DNAME: rdata's name */
};

struct dns_extended_error {
    uint16_t code;
    const char *text; /* harmless, "" when there is none */
};

struct dns_message {
    uint16_t id;
    bool is_response, is_truncated, is_authenticated, is_checking_disabled, is_recursion_available;
    uint8_t opcode;
    uint16_t rcode;     /* with the upper bits of EDNS */
    bool has_question;
    struct dns_name question;
    uint16_t question_type;
    struct dns_record *answers;     /* class IN alone; others are skipped */
    size_t answer_count;
    bool has_answers_of_other_class;
    bool has_soa;                   /* in the authority section: RFC 2308 5 */
    struct dns_name soa_owner;
    uint32_t soa_ttl_s;             /* min(TTL, MINIMUM) */
    bool is_referral;               /* NS and no SOA in the authority section: "ask those" and no answer (RFC 2308 2.2) */
    bool has_edns;
    struct dns_extended_error extended_errors[DNS_EXTENDED_ERRORS_MAX];
    size_t extended_error_count;
};

extern const struct fault fault_dns_message;

/* Takes a whole message apart. Strict: what does not add up (counts, lengths, names, a second OPT, bytes left over) refuses it with a
 * sentence. A truncated one (TC) is read as far as it goes. Spans point into `bytes`, the rest is in `arena`. Costs at most about 400 steps
 * for each 11 bytes, whatever they are. Errors: fault_dns_message, fault_no_memory. */
MUST_CHECK result dns_message_parse(struct span bytes, struct arena *arena, struct dns_message *ret_message, struct reason *reason);
