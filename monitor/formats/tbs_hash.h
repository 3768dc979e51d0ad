/* What precertificate and certificate of one issuance have in common (RFC 6962 3.2): the TBSCertificate without poison
 * and without SCT list. */
#pragma once

#include "base/buffer.h"
#include "formats/certificate.h"

#define TBS_PIECES_MAX 24 /* lengths, head, and the runs of extensions between removed ones */

extern const struct fault fault_tbs_not_der; /* lengths that DER forbids: how they would be rewritten is anybody's guess */

/* SHA-256 of the TBS without poison and SCT list, lengths adapted, [3] dropped when no extension is left. Errors:
 * fault_tbs_not_der (only when something has to be removed). */
MUST_CHECK result tbs_hash(const struct certificate *certificate, struct hash *ret_hash);
/* Appends these bytes to `out`. */
MUST_CHECK result tbs_without_ct(const struct certificate *certificate, struct buffer *out);
/* Does the precertificate belong to the TBS that the leaf covers? Issuer and authority key identifier may differ, as they
 * do when a precertificate signing certificate issued it (RFC 6962 3.2). */
bool precertificate_fits(const struct certificate *precertificate, const struct certificate *leaf_tbs);
