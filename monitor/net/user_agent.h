/* How we introduce ourselves to logs: their operators want to know whom to write to, and slow down who does not say. */
#pragma once

#include "base/buffer.h"
#include "base/result.h"

/* Appends "pinwatch/VERSION (CONTACT)"; `contact` is an e-mail address or a URL, "" or NULL for none. Characters that do not belong
 * into a header's comment are left out. */
MUST_CHECK result user_agent_write(const char *contact, struct buffer *out);
