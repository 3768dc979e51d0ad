/* Whose CA key a pin pins, by the table of CA keys and the CA certificates that were disclosed. */
#pragma once

#include "formats/pin_set.h"
#include "rules/ca_table.h"

struct pin_holder {
    const char *owner; /* "Let's Encrypt"; NULL: a CA's key, but not known whose */
    const char *name;  /* "ISRG Root X1", of its newest certificate; NULL: not known */
    enum ca_kind kind;
    struct hash spki_sha256;
    bool has_end;
    int64_t end;       /* of the last of its certificates, Unix seconds */
};

/* Digests of other algorithms than SHA-256 cannot be looked up: false. `extra` may be NULL. */
bool pin_holder_find(const struct pin *pin, const struct ca_extra_rows *extra, struct pin_holder *ret_holder);
/* "ISRG Root X1 (Let's Encrypt)", "ISRG Root X1", "Let's Encrypt", "a CA without a name". In `arena`; NULL without memory. */
const char *pin_holder_text(const struct pin_holder *holder, struct arena *arena);
/* The SHA-256 of the pinned key, where the pin says it or the key's certificate is a disclosed CA's. */
bool pin_key_hash(const struct pin *pin, struct hash *ret_spki_sha256);
/* "sha256/C5+lpZ7t…", short: to tell pins apart in a sentence. In `arena`; NULL without memory. */
const char *pin_short_text(const struct pin *pin, struct arena *arena);
/* The pin as OkHttp writes it, "sha256/BASE64" ("certificate sha256/…" where the whole certificate is pinned). */
const char *pin_long_text(const struct pin *pin, struct arena *arena);
