/* What is made of one report in the process that may do nothing else: bytes in, the text that the database takes out. Pure. */
#pragma once

#include "base/buffer.h"
#include "base/reason.h"
#include "formats/client_report.h"

enum { EXAMINE_TEXT_MAX = 192 * 1024, EXAMINE_CHAIN_MAX = 16 * 1024 /* bytes of certificates that are kept */ };

/* A report as client_reports_take wants it (docs/schema.md), a JSON object. `now`: when it came; a report without a date is taken to be of then. Errors:
 * fault_client_report with a reason, fault_no_memory. */
MUST_CHECK result examine_report(struct span body, int64_t now, struct buffer *ret_text, struct reason *reason);
