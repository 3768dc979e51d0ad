/* TLSA records that the DNS gave, as pins. */
#pragma once

#include "formats/pin_set.h"

struct tlsa_answer {
    const char *source;       /* who said so, for people */
    const char *host;         /* A-labels, lower case; borrowed like the other texts and the data */
    uint16_t port;
    const char *protocol;     /* "tcp" */
    const struct span *data;  /* of each record */
    size_t count;
    bool is_secure, has_ttl;  /* DNSSEC-secure; the zone's TTL is known */
    uint32_t ttl_s;
};
/* One set, or none where no record can be used: as if there were none (RFC 6698 4.1). Those that cannot are told as remarks of kind WARNING.
 * The document's lists are in `arena`. Fails only without memory. */
MUST_CHECK result pin_tlsa_of_records(const struct tlsa_answer *answer, struct arena *arena, struct pin_document *ret_document);
