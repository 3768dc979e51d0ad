/* The signature of a webhook as Standard Webhooks 1.0 defines it. Pure. */
#pragma once

#include "base/result.h"
#include "base/span.h"

#define WEBHOOK_SIGNATURE_SIZE 48 /* "v1," and 44 characters of base64, and NUL */

extern const struct fault fault_webhook_secret;

/* Signs "<id>.<timestamp>.<body>" with HMAC-SHA256. `secret`: "whsec_" and base64 of 24 to 64 bytes, or, without that prefix, at
 * least 16 bytes that are the key themselves. `timestamp_s`: seconds since 1970. Errors: fault_webhook_secret, no memory. */
MUST_CHECK result webhook_sign(const char *secret, const char *id, int64_t timestamp_s, struct span body,
                               char ret_signature[WEBHOOK_SIGNATURE_SIZE]);
