/* TLSA records as the DNS carries them (RFC 6698 2.1), and what a signature over them says of their TTL (RFC 4034 3.1). Pure. */
#pragma once

#include "base/reason.h"
#include "base/span.h"

enum { TLSA_USAGE_MAX = 3, TLSA_SELECTOR_MAX = 1, TLSA_MATCHING_MAX = 2 };

struct tlsa_record {
    uint8_t usage, selector, matching;
    struct span data; /* certificate association data */
};

extern const struct fault fault_tlsa_record;

/* RDATA of type 52; the span points into it. Error: fault_tlsa_record for what no client can use (RFC 6698 4.1: as if it were not there): no
 * data, a usage, selector or matching type that is not assigned, a digest of another size, something that is no DER where all of it stands. */
MUST_CHECK result tlsa_record_parse(struct span rdata, struct tlsa_record *ret_record, struct reason *reason);
/* RDATA of type 46 over records of `type`: the TTL that they have in the zone, whatever is left of it in a cache. False: it is over another
 * type, or no RRSIG. Only where the signature was verified is it worth anything. */
bool rrsig_original_ttl(struct span rdata, uint16_t type, uint32_t *ret_ttl_s);
