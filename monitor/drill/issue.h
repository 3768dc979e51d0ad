/* Issues the drill's certificates and puts them into its logs; takes chains from others as well. */
#pragma once

#include "drill/authority.h"
#include "drill/http.h"
#include "drill/live.h"

#define DRILL_AUTHORITIES 2
#define DRILL_LIVE_LOGS 2

/* What serve has open. */
struct issue_desk {
    struct authority authorities[DRILL_AUTHORITIES]; /* expected, unexpected */
    struct drill_log logs[DRILL_LIVE_LOGS];          /* rfc6962, static */
    struct live *lives[DRILL_LIVE_LOGS];
    int64_t (*now_ms)(void); /* wall clock */
};

/* One order, a JSON object:
 *   {"issue":NAME, "names":[…], "by":"expected"|"unexpected", "into":"rfc6962"|"static"|"both",
 *    "precertificate":true|false, "final":true|false, "key":"new"|base64 SPKI, "days":90}
 * Only "issue" must be there; the others default to [NAME], expected, both, true, true, new, 90. A precertificate is logged first,
 * then the certificate with the SCTs it got; without one the certificate carries none.
 * Appends one line: {"log_id","index","timestamp","cert_sha256","tbs_sha256","spki_sha256","issuer_spki_sha256","entries":[…]}
 * (the first entry's place, then all) or {"error":sentence,"passes":true|false}: the same order may be taken later. */
bool issue_answer(struct issue_desk *desk, struct span order_json, struct buffer *out);

/* http_submit: add-chain and add-pre-chain (RFC 6962 4.1, 4.2); `context` is the desk. */
result issue_submit(void *context, const struct submission *submission, struct buffer *ret_json, struct reason *reason);
