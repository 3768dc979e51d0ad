/* Are the SCTs in a certificate signed by logs that we know (RFC 6962 3.2)? */
#pragma once

#include "formats/certificate.h"
#include "formats/entry_report.h"
#include "formats/sct.h"

/* What a log signs: a certificate, or a TBS (without poison and SCT list) with the hash of its issuer's key. */
struct signed_entry {
    enum entry_kind kind;
    struct span bytes;                  /* certificate or TBS */
    const struct hash *issuer_key_hash; /* precertificates only */
};

/* Unknown when the log is not in the shipped table, or when the issuer's key hash is NULL. */
enum sct_verdict sct_check(const struct sct *sct, const struct signed_entry *entry);
/* The same with a given key (DER SPKI): no table is asked. */
enum sct_verdict sct_check_with_key(const struct sct *sct, const struct signed_entry *entry, struct span key);
/* Sets the verdict of every report->scts, which certificate_describe took from `certificate` in the same order. Without
 * a known report->issuer_spki_sha256 they stay SCT_UNKNOWN. Error: fault_no_memory; then some verdicts are still to be found. */
MUST_CHECK result sct_check_report(const struct certificate *certificate, struct entry_report *report);
