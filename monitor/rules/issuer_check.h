/* Who issued it: the name proves nothing, the key does. */
#pragma once

#include "formats/certificate.h"

extern const struct fault fault_issuer_key;       /* the issuer's key cannot be read or used */
extern const struct fault fault_issuer_signature; /* the certificate is not signed by that key */

/* Does the issuer's key verify the certificate's signature? Then *ret_issuer_spki is the SHA-256 of the issuer's SPKI.
 * OpenSSL's libcrypto alone; no file, no clock. Errors: the two above, fault_no_memory. */
MUST_CHECK result issuer_check(const struct certificate *certificate, const struct certificate *issuer,
                               struct hash *ret_issuer_spki);
/* Makes OpenSSL load everything that issuer_check and sct_check will need, before a sandbox closes. */
MUST_CHECK result issuer_check_warm_up(void);
