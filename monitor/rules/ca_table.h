/* Which organisation holds a CA key, and which CAA domains count for it: the shipped, dated table of deploy/ca-table, extended by rows
 * known at run time.
 *
 * Only keys are looked up. The name in a certificate's issuer field proves nothing and is never asked. */
#pragma once

#include "base/arena.h"
#include "base/result.h"

enum ca_kind { CA_ROOT, CA_INTERMEDIATE };
enum ca_source { CA_FROM_SERVICE /* the drill */, CA_FROM_SHIPPED_TABLE, CA_FROM_IMPORT };

struct ca_owner {
    const char *name;                /* "Let's Encrypt" */
    const char *const *caa_domains;  /* NULL-terminated, lower case; what this owner recognises in CAA issue records */
    const char *problem_report;      /* e-mail address or URL for reporting a mis-issued certificate, "" when not known */
};

struct ca_row {
    struct hash spki_sha256;
    const struct ca_owner *owner;
    enum ca_kind kind;
    const char *const *path_domains; /* NULL-terminated: those of the owner and of everybody on any verified path from the key up to a root;
                                        NULL: the owner's */
    bool is_path_complete;           /* everybody on every path is known, with CAA domains */
    bool is_certain;                 /* mapped explicitly, and the path is complete: only then may a verdict accuse (`inconsistent`) */
    enum ca_source source;
};

/* A certificate of the first key is signed by the second; the signature was verified. */
struct ca_link {
    struct hash spki_sha256, issuer_spki_sha256;
};

/* Rows beside the shipped ones (the drill's CA, imports); they win. May be NULL. Everything is borrowed. */
struct ca_extra_rows {
    const struct ca_row *rows; /* sorted by ca_rows_sort */
    size_t count;
    const struct ca_link *links; /* of keys that no row maps; sorted by ca_links_sort */
    size_t link_count;
};

/* By key; of equal keys the one that stood first comes first, and counts. */
void ca_rows_sort(struct ca_row *rows, size_t count);
void ca_links_sort(struct ca_link *links, size_t count);

/* Owner name of the drill's CAs. */
#define CA_OWNER_DRILL "pinwatch drill"

/* True and *ret_row filled when the key is mapped, certain or not. */
bool ca_table_find(const struct hash *issuer_spki_sha256, const struct ca_extra_rows *extra, struct ca_row *ret_row);
/* Does any owner in the table recognise this CAA domain (lower case)? */
bool ca_table_knows_domain(const char *domain, const struct ca_extra_rows *extra);
/* Is there an owner of this name (case does not count)? */
bool ca_table_knows_owner(const char *name, const struct ca_extra_rows *extra);
/* The shipped owners, one after the other; NULL past the last. */
const struct ca_owner *ca_table_owner_at(size_t number);
bool ca_owner_recognises(const struct ca_owner *owner, const char *domain);
/* Where the domain stands in the owner's list, from 0; SIZE_MAX: nowhere. Several owners may recognise one domain: it is that of the owner
 * that lists it soonest (amazon.com is Amazon's, though DigiCert recognises it, too). */
size_t ca_owner_place_of(const struct ca_owner *owner, const char *domain);
/* The shipped owner whose domain it is; NULL: nobody's. */
const struct ca_owner *ca_table_owner_of(const char *domain);
/* The row's path_domains, or those of its owner; NULL-terminated. */
const char *const *ca_row_domains(const struct ca_row *row);

/* What a verdict about CAA may use. */
struct ca_path {
    const char *const *domains;   /* NULL-terminated; NULL: nobody is known on any path, the verdict is `unknown` */
    bool is_certain;              /* else the domains may permit, but never forbid */
    bool is_derived;              /* the key is in no table; verified signatures lead from it to keys that are */
    const struct ca_owner *owner; /* of the key, or of the first mapped key above it; NULL with `domains` */
};
/* Follows verified links of keys that no row maps, up to CA_PATH_STEPS_MAX of them, and unites what all mapped keys above recognise. Such a
 * path is never certain, and ca_table_find does not know it: whether an issuer is *expected* is never decided by it. Fails only without
 * memory. */
enum { CA_PATH_STEPS_MAX = 16 };
MUST_CHECK result ca_table_path(const struct hash *issuer_spki_sha256, const struct ca_extra_rows *extra, struct arena *arena, struct ca_path *ret_path);

/* "2026-11-21": when the shipped table was made, and how many keys it maps. */
const char *ca_table_date(void);
size_t ca_table_size(void);
/* Row number `place` of the shipped table, in the order of the keys. */
void ca_table_row(size_t place, struct ca_row *ret_row);
/* The key of a CA certificate that was disclosed to CCADB when the shipped table was made, mapped or not; by the certificate's SHA-256. */
bool ca_table_key_of(const struct hash *certificate_sha256, struct hash *ret_spki_sha256);
/* The keys of those certificates and the mapped ones have numbers, the mapped ones first, in their order; so have the certificates, in the
 * order of their SHA-256. What rules/ca_edges.h knows of them goes by these. SIZE_MAX: not among them. */
size_t ca_table_key_count(void);
size_t ca_table_key_place(const struct hash *spki_sha256);
void ca_table_key_at(size_t place, struct hash *ret_spki_sha256);
size_t ca_table_certificate_count(void);
size_t ca_table_certificate_place(const struct hash *certificate_sha256);
/* The certificate's key; the second half of *ret_first_half is zero. */
size_t ca_table_certificate_at(size_t place, struct hash *ret_first_half);
