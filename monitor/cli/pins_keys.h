/* Certificates, requests and public keys as `pinwatch pins of` shows them. */
#pragma once

#include "base/arena.h"
#include "base/reason.h"

extern const struct fault fault_pins_key; /* FAULT_INPUT: nothing that has a public key, or a private key */

enum pins_key_kind { PINS_KEY_CERTIFICATE, PINS_KEY_REQUEST, PINS_KEY_PUBLIC };
const char *pins_key_kind_name(enum pins_key_kind kind); /* "certificate", "request", "public key" */

struct pins_key {
    enum pins_key_kind kind;
    const char *source;      /* file or server */
    struct span spki;        /* DER */
    struct span certificate; /* DER; empty for the other kinds */
};
enum { PINS_KEYS_MAX = 1000 };
struct pins_keys {
    struct pins_key *items; /* room for PINS_KEYS_MAX */
    size_t count;
};

/* All that PEM blocks of the file hold, or the one thing that its DER is, behind those that are there. Everything in `arena`. Private keys are
 * refused: fault_pins_key. */
MUST_CHECK result pins_keys_read(const char *path, struct arena *arena, struct pins_keys *keys, struct reason *reason);
/* A certificate in the arena. */
MUST_CHECK result pins_keys_add_certificate(struct span der, const char *source, struct pins_keys *keys, struct reason *reason);
