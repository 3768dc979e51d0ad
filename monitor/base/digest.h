/* SHA-256 through one fetched algorithm and one reused context per process. */
#pragma once

#include "base/result.h"
#include "base/span.h"

/* Fetches the algorithm; call once at start, before any sandbox. Failure is fault_library or
 * fault_no_memory; afterwards hashing cannot fail. */
MUST_CHECK result digest_init(void);
void digest_done(void);
/* SHA-256 of the concatenation of `count` spans. Calls digest_init itself when that was forgotten; ends the
 * process when OpenSSL cannot hash, because nothing true could be said after that. */
void digest_of_parts(const struct span *parts, size_t count, struct hash *ret_hash);
void digest_of(struct span bytes, struct hash *ret_hash);
