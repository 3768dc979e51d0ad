/* Every path from a certificate up to the roots of a platform: through certificates given with it and through the CA certificates disclosed to
 * CCADB when the shipped table was made (so that cross-signed alternatives, which some clients build, are known). */
#pragma once

#include "rules/pin_judge.h"

enum trust_store { TRUST_APPLE, TRUST_ANDROID, TRUST_MOZILLA, TRUST_MICROSOFT, TRUST_JAVA, trust_store_count };

/* "apple", "android", …; and the date of the shipped list, "2024-05-01". */
const char *trust_store_name(enum trust_store store);
const char *trust_store_date(enum trust_store store);
/* Whose key is in the store? By key, not by certificate: clients match anchors by name and key. */
bool trust_store_has(enum trust_store store, const struct hash *spki_sha256);
/* Which store clients of the platform of a pin format use (Android for OkHttp and Android, Apple for Apple and TrustKit iOS, Mozilla else). */
enum trust_store trust_store_of(enum pin_format format);

enum { TRUST_PATHS_MAX = 64, TRUST_PATH_LENGTH_MAX = 10 };

struct trust_question {
    struct span leaf;              /* certificate DER; empty for a bare key or request: then `issuer_spki` says who will sign */
    struct span leaf_spki;
    const struct hash *issuer_spki_sha256; /* NULL: by the leaf's signature */
    const struct span *others;     /* certificates given beside it, in any order */
    size_t other_count;
    enum trust_store store;
    int64_t now;                   /* paths through certificates not valid at this time do not count */
};

struct trust_paths {
    struct pin_path *paths;
    size_t count;
    bool is_whole; /* false: some branch led to a key of which nothing is known, or TRUST_PATHS_MAX was reached */
};

/* Signatures of given certificates are verified; those of shipped edges were, when the table was made. Everything in `arena`. */
MUST_CHECK result trust_paths_find(const struct trust_question *question, struct arena *arena, struct trust_paths *ret_paths);
