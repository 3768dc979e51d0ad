/* Certificates as `certs --json` and `cert show --json` print them (docs/json.md). */
#pragma once

#include <jansson.h>

#include "formats/entry_report.h"
#include "rules/ca_table.h"
#include "store/caa_verdicts.h"
#include "store/certificates.h"
#include "store/pin_verdicts.h"

/* A hash in hex, or null. */
json_t *known_hash_json(const struct known_hash *known);
/* RFC 3339 text; null for what cannot be written so. */
json_t *time_json_ms(int64_t unix_ms);
/* Who holds this CA key by the shipped table and, where there is `extra`, what was imported; NULL when unknown. */
const char *certificate_owner(const struct known_hash *issuer_spki_sha256, const struct ca_extra_rows *extra);
/* Of one row of the database. */
json_t *certificate_row_json(const struct store_certificate_row *row, const struct ca_extra_rows *extra);
struct certificate_verdicts {
    const struct store_caa_verdict_row *rows; /* one per name */
    size_t count;
    const struct store_pin_verdict_row *pins; /* one per release and name */
    size_t pin_count;
};
json_t *certificate_detail_json(const struct store_certificate_detail *detail, const struct certificate_verdicts *verdicts, const struct ca_extra_rows *extra);
/* Of a certificate that a reader decoded; no database is asked whose its issuer's key is. */
json_t *certificate_report_json(const struct entry_report *report);
