/* Every path from a certificate up to the roots of a platform: through certificates given with it and through the CA certificates disclosed to
 * CCADB when the shipped table was made (so that cross-signed alternatives, which some clients build, are known). */
#pragma once

#include "rules/ca_table.h"
#include "rules/pin_judge.h"

enum trust_store { TRUST_APPLE, TRUST_ANDROID, TRUST_MOZILLA, TRUST_MICROSOFT, TRUST_JAVA, trust_store_count };

/* "apple", "android", …; the date of the shipped list, "2024-05-01"; and the version that it names, "iOS 26, …", or "". */
const char *trust_store_name(enum trust_store store);
const char *trust_store_date(enum trust_store store);
const char *trust_store_version(enum trust_store store);
/* How many of the list's roots are shipped; those that CCADB does not disclose are not (deploy/root-stores says which). */
size_t trust_store_size(enum trust_store store);
/* Whose key is in the store? By key, not by certificate: clients match anchors by name and key. */
bool trust_store_has(enum trust_store store, const struct hash *spki_sha256);
/* Which store clients of the platform of a pin format use (Android for OkHttp and Android, Apple for Apple and TrustKit iOS, Mozilla else). */
enum trust_store trust_store_of(enum pin_format format);

enum { TRUST_PATHS_MAX = 64, TRUST_PATH_LENGTH_MAX = 10, TRUST_OTHERS_MAX = 30, TRUST_STEPS_MAX = 20000 };

struct trust_question {
    struct span leaf;              /* certificate DER; empty for a bare key, request or precertificate */
    struct span leaf_spki;         /* where `leaf` is empty */
    const struct hash *leaf_spki_sha256;        /* where both are: all that is known of its key */
    const struct hash *leaf_certificate_sha256; /* beside that; NULL: not known */
    const struct hash *issuer_spki_sha256; /* who signed it, or will; NULL: by the leaf's signature */
    const struct span *others;     /* certificates given beside it, in any order; those that cannot be read do not count */
    size_t other_count;            /* TRUST_OTHERS_MAX are looked at */
    const struct ca_extra_rows *extra; /* for keys of which the shipped tables know nothing: links that were verified, and the service's own roots; NULL: none */
    enum trust_store store;
    int64_t now;                   /* paths through CA certificates not valid at this time do not count; the leaf's own validity is not asked */
};

struct trust_paths {
    struct pin_path *paths; /* one at least: where nothing is known above the leaf, the leaf alone */
    size_t count;
    bool is_whole; /* false: a limit was reached, or no path was found */
};

/* Signatures of given certificates are verified; those of shipped edges were, when the table was made. A branch that leads to a key of which
 * nothing is known is a path neither complete nor foreign. Foreign ones are listed where no complete one is. Paths that differ only in
 * which certificate of a CA's key they go through are one: the link then has the given one, or, of several shipped ones, no certificate at
 * all. What was cross-signed after the table was made, and not given, is not known. Everything in `arena`, which must outlive the paths as
 * must the question's bytes. Error: fault_no_memory, fault_certificate_form and those of der.h for a leaf that cannot be read. */
MUST_CHECK result trust_paths_find(const struct trust_question *question, struct arena *arena, struct trust_paths *ret_paths);
