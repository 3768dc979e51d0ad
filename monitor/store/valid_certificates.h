/* The certificates seen that can be served now or later, for forecasts. */
#pragma once

#include "base/arena.h"
#include "formats/entry_report.h"
#include "store/connection.h"

struct store_valid_certificate {
    int64_t certificate_id;
    struct known_hash issuer_spki_sha256; /* whose signature was verified */
    struct known_hash spki_sha256, certificate_sha256;
    int64_t not_before_ms, not_after_ms;
    const char *const *names; /* DNS names in lower case, may begin with "*."; each once */
    size_t name_count;
};

/* Of a tenant's matches, without CAs, and without drills unless asked for: those that have not ended by `now_ms`, newest first, `limit` at most. */
struct store_valid_wish {
    int32_t tenant_id;
    int64_t now_ms;
    bool with_drills;
    unsigned limit;
};
MUST_CHECK result store_valid_certificates(struct store *store, const struct store_valid_wish *wish, struct arena *arena,
                                           struct store_valid_certificate **ret_certificates, size_t *ret_count);
