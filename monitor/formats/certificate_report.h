/* A certificate in words and texts: what a report carries for a match and what `cert show` prints. */
#pragma once

#include "formats/certificate.h"
#include "formats/entry_report.h"

/* Fills of `report`, from the certificate: certificate and cert_sha256 (after certificate_parse) or tbs (after tbs_parse), tbs_sha256,
 * spki_sha256, is_ca, validity, serial, issuer, subject, key_type, names, scts (verdict SCT_UNKNOWN) and oddities;
 * adds to certificate->oddities. Leaves all
 * other fields alone and keeps oddities that are there already. Arrays and texts are in `arena`, spans point into the certificate's bytes.
 * Errors: fault_no_memory; fault_names_unreadable, after everything was filled as far as it can be. */
MUST_CHECK result certificate_describe(struct certificate *certificate, struct arena *arena,
                                       struct entry_report *report);
/* Fills report->names (and oddities) from bytes that certificate_parse refuses, through OpenSSL. */
MUST_CHECK result certificate_describe_refused(struct span der, bool is_tbs, struct arena *arena,
                                               struct entry_report *report);
/* Adds one more sentence to report->oddities (copied); false without memory or room. */
bool report_add_oddity(struct entry_report *report, struct arena *arena, const char *sentence);
