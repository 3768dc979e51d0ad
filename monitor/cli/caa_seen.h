/* Certificates that have not expired and whose names a CAA set governs, by who issued them: what the database saw, where one can be reached. */
#pragma once

#include <jansson.h>

#include "cli/database.h"
#include "formats/dns_name.h"
#include "rules/caa_lint.h"
#include "rules/caa_permit.h"

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
struct caa_seen {
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

/* Imported CA keys and all they are needed for, in the database's arena. */
MUST_CHECK result caa_seen_extra(struct database *database, struct ca_extra_rows *ret_extra);
MUST_CHECK result caa_seen_load(struct database *database, const struct caa_seen_wish *wish, const struct ca_extra_rows *extra, struct caa_seen *ret_seen);

/* Is somebody among the issuers of whom nobody knows which CA he is? Then no CA can be called unused. */
bool caa_seen_has_unmapped(const struct caa_seen *seen);
/* For caa_lint: of each mapped issuer, for plain names and for wildcards, a domain that the set permits where there is one; without any certificate
 * nothing is said. In `arena`. */
MUST_CHECK result caa_seen_facts(const struct caa_seen *seen, const struct caa_record *records, size_t count, struct arena *arena,
                                 struct caa_lint_facts *facts);

/* Would the set refuse a certificate like this one? By its governed names; parameters are not looked at. */
enum caa_renewal { CAA_RENEWAL_PERMITTED, CAA_RENEWAL_REFUSED, CAA_RENEWAL_UNKNOWN /* the issuer is not mapped */ };
enum caa_renewal caa_renewal_of(const struct caa_seen_certificate *certificate, const struct caa_issuers *host, const struct caa_issuers *wildcard);

/* Prints certificates, one a line behind `indent`: id, issuer, end, names. */
void caa_seen_print(const char *indent, const struct caa_seen_certificate *certificates, size_t count);
/* {"certificate_id","issuer","not_after","names"} each. */
json_t *caa_seen_json(const struct caa_seen_certificate *certificates, size_t count);
