/* The certificates of a question about paths, and which of them signed which. */
#pragma once

#include "formats/certificate.h"
#include "rules/trust_paths.h"

struct given_certificate {
    struct certificate parsed;
    struct hash spki_sha256, certificate_sha256;
    uint32_t signers; /* a bit for each of the others whose key verifies its signature */
};

struct given {
    struct given_certificate *certificates; /* the leaf first, where there is one; each once */
    size_t count;
    bool has_leaf;
};
_Static_assert(TRUST_OTHERS_MAX < 32, "one more fits into the bits of `signers`");

MUST_CHECK result given_read(const struct trust_question *question, struct arena *arena, struct given *ret_given);
bool given_is_self_signed(const struct given *given, size_t number);
/* Is the CA certificate valid at that time (RFC 5280 4.1.2.5)? */
bool given_is_valid(const struct given_certificate *certificate, int64_t now);
