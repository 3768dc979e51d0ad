/* Made-up certificates in the likeness of public ones. Private to generate. */
#pragma once

#include "drill/entry.h"
#include "drill/weak_signer.h"

#define MADE_UP_ISSUERS 8
#define MADE_UP_ROOTS 2

struct made_up_issuer {
    const char *organisation;
    char common_name[32];
    struct buffer name;        /* DER Name */
    struct buffer certificate; /* DER */
    uint8_t spki[P256_SPKI_SIZE];
    struct hash spki_sha256;
    uint8_t key_id[20];
    struct weak_signer *signer;
    size_t root; /* which root signed it */
};

/* Everything that entries are made from; owner of all buffers and signers. */
struct made_up {
    uint64_t random;
    struct made_up_issuer roots[MADE_UP_ROOTS];
    struct made_up_issuer issuers[MADE_UP_ISSUERS];
    struct hash sct_logs[6];
    struct buffer head, extensions, special, tbs, poisoned, certificate, names, scratch; /* reused for each entry */
};

/* What an entry is made for. */
struct made_up_order {
    uint64_t index, timestamp_ms;
    const char *watched; /* a name that it must carry, or NULL */
};

MUST_CHECK result made_up_init(struct made_up *made_up, uint64_t seed);
void made_up_done(struct made_up *made_up);
/* The entry's spans point into made_up and hold until the next call. */
MUST_CHECK result made_up_entry(struct made_up *made_up, const struct made_up_order *order, struct drill_entry *ret_entry);
