/* A certificate in words and texts: what a report carries for a match and what `cert show` prints. */
#pragma once

#include "formats/certificate.h"
#include "formats/entry_report.h"

/* Fills of `report`, from the certificate: certificate, tbs, cert_sha256 (both only after certificate_parse), tbs_sha256,
 * spki_sha256, is_ca, validity, serial, issuer, subject, key_type, names, scts (verdict SCT_UNKNOWN) and oddities;
 * adds to certificate->oddities. For a leaf's TBS only report.tbs is set, `certificate` is left alone. Leaves all
 * other fields alone. Arrays and texts are in `arena`, spans point into the certificate's bytes.
 * Errors: fault_no_memory; fault_names_unreadable, after everything but the names was filled. */
MUST_CHECK result certificate_describe(struct certificate *certificate, struct arena *arena,
                                       struct entry_report *report);
/* Fills report->names (and oddities) from bytes that certificate_parse refuses, through OpenSSL. */
MUST_CHECK result certificate_describe_refused(struct span der, bool is_tbs, struct arena *arena,
                                               struct entry_report *report);
/* Adds one more sentence to report->oddities (copied); false without memory or room. */
bool report_add_oddity(struct entry_report *report, struct arena *arena, const char *sentence);
