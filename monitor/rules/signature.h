/* Signatures by logs and lists, through EVP. */
#pragma once

#include "base/result.h"
#include "base/span.h"
#include "formats/tree_head.h"

struct signature_key; /* a decoded public key, usable for many checks */

extern const struct fault fault_key_format;         /* not an SPKI of an EC P-256 or RSA (2048 bits or more) key */
extern const struct fault fault_signature_form;     /* not a DigitallySigned with SHA-256 and the key's algorithm */
extern const struct fault fault_signature_wrong;    /* FAULT_LOG: well-formed, but not by this key over these bytes */

MUST_CHECK result signature_key_new(struct span spki_der, struct signature_key **ret_key);
void signature_key_free(struct signature_key *key);
/* TLS DigitallySigned (RFC 5246 4.7) over `message`. */
MUST_CHECK result signature_check(const struct signature_key *key, struct span message, struct span digitally_signed);
MUST_CHECK result signature_check_tree_head(const struct signature_key *key, const struct tree_head *head);
/* RSA PKCS#1 v1.5 with SHA-256 by Google's log list key, which is part of the program. */
MUST_CHECK result signature_check_log_list(struct span json, struct span signature);
/* SPKI DER from a file's or argument's text: PEM, DER, base64 of DER. `ret_der` has room for 1024 bytes. */
MUST_CHECK result signature_key_read(struct span text, uint8_t ret_der[1024], size_t *ret_size);
