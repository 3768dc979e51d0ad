/* Which CA key signed which: one edge for each CA certificate that was disclosed to CCADB when the shipped tables were made
 * (deploy/root-stores). Signatures were verified then, but those that MD2 or MD5 roots made of themselves. */
#pragma once

#include <stdbool.h>

#include "base/span.h"

struct ca_edge {
    struct hash certificate_sha256;
    struct hash spki_sha256;
    struct hash issuer_spki_sha256; /* the key itself when self-signed */
    bool has_issuer;                /* false: signed by a key that nobody disclosed */
    bool is_self_signed;
    int64_t not_before, not_after;  /* Unix seconds, from 1970 to 2106 */
};

/* The certificates of a key have numbers one after the other. Returns how many; 0: nothing is known of the key. */
size_t ca_edges_of(const struct hash *spki_sha256, size_t *ret_first);
void ca_edge_at(size_t number, struct ca_edge *ret_edge);
/* By the certificate's number in the CA table. */
bool ca_edge_of_place(size_t place, struct ca_edge *ret_edge);
/* The edge of one certificate; false: it was not disclosed. */
bool ca_edge_of_certificate(const struct hash *certificate_sha256, struct ca_edge *ret_edge);

/* Of a key without any certificate here: is it that of a root that CT logs accept, though CCADB does not disclose it? */
bool ca_edges_is_root_elsewhere(const struct hash *spki_sha256);

/* "ISRG Root X1": the common name (else unit or organisation) in the newest certificate of the key, as UTF-8 without control characters;
 * NULL: not known. Names prove nothing: for people who ask whom a pin means. */
const char *ca_key_name(const struct hash *spki_sha256);
