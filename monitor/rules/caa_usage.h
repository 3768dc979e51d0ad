/* Which CAs were seen to issue for the names that a CAA set governs: unexpired certificates, by who issued them. Pure. */
#pragma once

#include "formats/entry_report.h"
#include "rules/caa_lint.h"
#include "rules/caa_permit.h"

/* A name of a certificate that has not expired, is not of a drill, and matched somebody's watch. */
struct caa_seen_row {
    int64_t certificate_id, not_after_ms;
    const char *issuer;                   /* as the certificate says; proves nothing */
    struct known_hash issuer_spki_sha256; /* of a verified issuer */
    const char *name;                     /* may begin with "*." */
    const char *nearer;                   /* the owner between it and the set's that is known to have records of its own; "" when none */
};

struct caa_seen_issuer {
    const struct ca_owner *owner; /* of the key, or of the first mapped key above it; NULL: not mapped */
    const char *name;             /* for people: the owner's, else what the certificate calls its issuer */
    const char *const *domains;   /* all that count on a verified path, NULL-terminated; NULL: not known */
    struct known_hash key;
    size_t plain_count, wildcard_count; /* certificates with governed names without a wildcard, with one */
};
struct caa_seen_certificate {
    int64_t certificate_id, not_after_ms;
    const struct caa_seen_issuer *issuer;
    const char *const *names; /* governed ones */
    size_t name_count;
};
struct caa_usage {
    struct caa_seen_issuer *issuers; /* one per issuing key */
    size_t issuer_count;
    struct caa_seen_certificate *certificates;
    size_t count;
    bool is_cut;                     /* there are more */
};

/* Beside what the caller knows of other sets: names at or below one of `nearer` are theirs. */
struct caa_seen_wish {
    const struct dns_name *owner;
    const struct dns_name *nearer;
    size_t nearer_count;
};

/* Rows by certificate. Borrows their texts; lists are in `arena`. Whether there are more (is_cut) is for the caller to say. Fails only without memory. */
MUST_CHECK result caa_usage_of_rows(const struct caa_seen_row *rows, size_t count, const struct caa_seen_wish *wish, const struct ca_extra_rows *extra,
                                    struct arena *arena, struct caa_usage *ret_usage);

/* Is somebody among the issuers of whom nobody knows which CA he is? Then no CA can be called unused. */
bool caa_usage_has_unmapped(const struct caa_usage *usage);
/* For caa_lint: of each mapped issuer, for plain names and for wildcards, a domain that the set permits where there is one; without any certificate
 * nothing is said. In `arena`. */
MUST_CHECK result caa_usage_facts(const struct caa_usage *usage, const struct caa_record *records, size_t count, struct arena *arena,
                                 struct caa_lint_facts *facts);

/* Would the set refuse a certificate like this one? By its governed names; parameters are not looked at. */
enum caa_renewal { CAA_RENEWAL_PERMITTED, CAA_RENEWAL_REFUSED, CAA_RENEWAL_UNKNOWN /* the issuer is not mapped */ };
enum caa_renewal caa_renewal_of(const struct caa_seen_certificate *certificate, const struct caa_issuers *host, const struct caa_issuers *wildcard);
/* Leaves out what would be a guess: "ca-unused" where nobody knows who issued some of the certificates, or not all were looked at. Returns how many are left. */
size_t caa_usage_drop_guesses(const struct caa_usage *usage, struct caa_lint_remark *remarks, size_t count);
