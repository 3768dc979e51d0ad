/* Imported CA keys, the imports they came from, and verified links between keys. */
#pragma once

#include "rules/ca_table_import.h"
#include "store/connection.h"

/* Grows with every import, reset and new link; cheap to ask for. */
MUST_CHECK result store_ca_generation(struct store *store, uint64_t *ret_generation);

struct store_ca_import {
    int64_t import_id;       /* 0: nobody ever imported anything */
    int64_t imported_ms;
    const char *imported_by;
    bool is_reset;
    const char *table_date;  /* "2026-11-21": of the shipped table that it was made with */
    const char *reports;     /* JSON array, see sql/0010-ca-table.sql */
    int64_t added, changed, gone;
};

struct store_ca_keys {
    uint64_t generation;
    struct store_ca_import import; /* the newest, where it was asked for */
    const char *table_date;        /* of the shipped table that the keys were imported over; "" when there are none */
    struct ca_import_row *rows;    /* by key; owners are shared */
    size_t count;
    struct ca_link *links;         /* sorted */
    size_t link_count;
};
/* Everything as of one instant, in `arena`. Who imported what (`with_import`) is not for the monitor to read. */
MUST_CHECK result store_ca_keys_load(struct store *store, bool with_import, struct arena *arena, struct store_ca_keys *ret_keys);
/* What is to be used of them: rows that are not older than the shipped table, or of keys that it does not know. In `arena`. */
MUST_CHECK result store_ca_keys_use(const struct store_ca_keys *keys, struct arena *arena, struct ca_extra_rows *ret_extra);

/* All imports, newest first. */
MUST_CHECK result store_ca_imports(struct store *store, struct arena *arena, struct store_ca_import **ret_imports, size_t *ret_count);

/* Makes the imported keys equal to `rows` (none: back to the shipped table), in one transaction. `import->import_id` is the newest import
 * that the caller knows; fault_store_value when it is another by now. */
MUST_CHECK result store_ca_import_save(struct store *store, const struct store_ca_import *import, const struct ca_import_row *rows, size_t count);
/* Keeps links; those that are there already are nothing new. */
MUST_CHECK result store_ca_links_save(struct store *store, const struct ca_link *links, size_t count, int64_t now_ms);

/* The first verified issuer key of a recorded certificate above `after`, by key; false when there is none. */
MUST_CHECK result store_issuer_key_after(struct store *store, const struct hash *after, struct hash *ret_key, bool *ret_has_key);
/* A certificate that this key has signed, with the chain that a log delivered for it. */
struct store_issued {
    struct span certificate;  /* DER; empty: none with a chain is kept */
    const struct hash *chain; /* SHA-256, issuer first; nothing but the first one's signature is verified */
    size_t chain_count;
    struct hash log_id;       /* where it was seen */
};
MUST_CHECK result store_issued_by(struct store *store, const struct hash *issuer_spki_sha256, struct arena *arena, struct store_issued *ret_issued);

/* Which keys signed what was logged since then, of certificates that somebody watches. */
struct store_issuer_seen {
    struct hash spki_sha256;
    uint64_t count;       /* certificates */
    uint64_t alike_count; /* of these, with a key of the family that was asked about */
};
struct store_issuers_seen {
    struct store_issuer_seen *rows; /* by key */
    size_t count;
    int64_t recorded_since_ms; /* the first log was known then; INT64_MAX: none is */
};
/* `family`: "rsa", "ec", … (formats/key_type.h, before the first dash). Drills are left out. In `arena`. */
MUST_CHECK result store_issuers_seen(struct store *store, int64_t since_ms, const char *family, struct arena *arena, struct store_issuers_seen *ret_seen);
